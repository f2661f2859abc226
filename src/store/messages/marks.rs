//! Which marks a message has: they follow from the watermarks of its readers.

use payambar_signaling::chat::{Destination, Status, StoredMessage};
use payambar_signaling::ids::{ConversationId, Seq, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _};

use super::HistoryItem;
use crate::store::Error;

/// The watermarks of both people, from which each message's marks follow; in a
/// group, those of the member who is furthest behind.
pub(super) struct Marks {
    me: UserId,
    mine: Watermarks,
    theirs: Watermarks,
}

struct Watermarks {
    recv: (Seq, Timestamp),
    read: (Seq, Timestamp),
}

impl Watermarks {
    const fn zero() -> Self {
        Self {
            recv: (Seq(0), Timestamp(0)),
            read: (Seq(0), Timestamp(0)),
        }
    }

    /// Those that every other member of a group has reached.
    fn behind(connection: &Connection, group: ConversationId, me: UserId) -> Result<Self, Error> {
        let marks = connection
            .prepare_cached(
                "SELECT ifnull(min(recv_seq), 0), ifnull(max(recv_at_ms), 0), ifnull(min(read_seq), 0), ifnull(max(read_at_ms), 0)
                 FROM members WHERE conversation_id = ?1 AND user_id <> ?2",
            )?
            .query_row([group.0, me.0], |row| {
                Ok(Self {
                    recv: (Seq(row.get(0)?), Timestamp(row.get(1)?)),
                    read: (Seq(row.get(2)?), Timestamp(row.get(3)?)),
                })
            })?;
        Ok(marks)
    }
}

impl Marks {
    pub(super) fn load(
        connection: &Connection,
        conversation: ConversationId,
        me: UserId,
        with: Destination,
    ) -> Result<Self, Error> {
        let mut statement = connection.prepare_cached(
            "SELECT recv_seq, recv_at_ms, read_seq, read_at_ms FROM members WHERE user_id = ?1 AND conversation_id = ?2",
        )?;
        let mut of = |user: UserId| {
            statement
                .query_row([user.0, conversation.0], |row| {
                    Ok(Watermarks {
                        recv: (Seq(row.get(0)?), Timestamp(row.get(1)?)),
                        read: (Seq(row.get(2)?), Timestamp(row.get(3)?)),
                    })
                })
                .optional()
                .map(|found| found.unwrap_or_else(Watermarks::zero))
        };
        Ok(Self {
            me,
            mine: of(me)?,
            theirs: match with {
                Destination::Person(other) => of(other)?,
                Destination::Group(_) => Watermarks::behind(connection, conversation, me)?,
            },
        })
    }

    pub(super) fn apply(&self, message: StoredMessage) -> HistoryItem {
        let receiver = if message.sender == self.me {
            &self.theirs
        } else {
            &self.mine
        };
        let at = |(seq, at): (Seq, Timestamp)| (message.seq <= seq).then_some(at);
        let (delivered_at, read_at) = (at(receiver.recv), at(receiver.read));
        let status = match (delivered_at, read_at) {
            (_, Some(_)) => Status::Read,
            (Some(_), None) => Status::Delivered,
            (None, None) => Status::Sent,
        };
        HistoryItem {
            message,
            status,
            delivered_at,
            read_at,
        }
    }
}
