//! Conversations of two people and the list a person sees of them.

use payambar_signaling::chat::Block;
use payambar_signaling::ids::{ConversationId, FileId, Seq, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::erase::VISIBLE;
use super::messages::{self, HistoryItem};
use super::seen::LAST_SEEN;
use super::{Error, now, people, users};

/// Conversations in one list; older ones are found by search.
const LISTED: u32 = 500;

/// Unread messages are counted up to here; the client shows "999+".
const COUNTED: u32 = 1000;

/// The other person of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub username: String,
    /// Their name to show.
    pub display_name: Option<String>,
    /// Their picture.
    pub avatar: Option<FileId>,
    /// The account is gone; what was said to it stays.
    pub deleted: bool,
}

/// A conversation that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Integer key.
    pub id: ConversationId,
    /// The other person.
    pub peer: Peer,
    /// Time of the newest message, or of its making.
    pub last_message_at: Timestamp,
    /// Messages of the other person that were not read, up to a bound.
    pub unread: u32,
    /// Made just now.
    pub new: bool,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The conversation.
    pub conversation: Conversation,
    /// Its newest message.
    pub last_message: Option<HistoryItem>,
    /// Seq of the newest message.
    pub last_seq: Seq,
    /// How far this person has read.
    pub my_read_seq: Seq,
    /// How far messages have reached the other person.
    pub peer_recv_seq: Seq,
    /// How far the other person has read.
    pub peer_read_seq: Seq,
    /// Between the two, seen from this person.
    pub block: Block,
    /// When the other person was last there, if this one may know.
    pub last_seen: Option<Timestamp>,
}

/// Opens the conversation of two people, making it the first time.
///
/// # Errors
///
/// [`Code::SelfConversation`], [`Code::UserNotFound`]; a new one between people
/// of whom one has blocked the other, as for a message.
pub fn open_pair(
    connection: &Connection,
    me: UserId,
    other: UserId,
) -> Result<Conversation, Error> {
    if me == other {
        return Err(Error::Refused(Code::SelfConversation));
    }
    let peer = users::by_id(connection, other)?.ok_or(Error::Refused(Code::UserNotFound))?;
    let peer = Peer {
        id: peer.id,
        username: peer.username,
        display_name: peer.display_name,
        avatar: peer.avatar,
        deleted: false,
    };
    let (low, high) = pair(me, other);
    let at = now();
    let Some(id) = find_pair(connection, me, other)? else {
        let block = people::block_between(connection, me, other)?;
        block.pass().map_err(Error::Refused)?;
        let id = insert_pair(connection, (low, high), Seq(0), (false, false), at)?;
        return Ok(Conversation {
            id,
            peer,
            last_message_at: at,
            unread: 0,
            new: true,
        });
    };
    let (last_message_at, read) = connection
        .prepare_cached(
            "SELECT c.last_message_at_ms, m.read_seq FROM conversations c
             JOIN members m ON m.conversation_id = c.id AND m.user_id = ?2 WHERE c.id = ?1",
        )?
        .query_row([id.0, me.0], |row| {
            Ok((Timestamp(row.get(0)?), Seq(row.get(1)?)))
        })?;
    let unread = unread(connection, id, me, read)?;
    Ok(Conversation {
        id,
        peer,
        last_message_at,
        unread,
        new: false,
    })
}

/// Makes the conversation of a pair that has none, with its two members. The
/// writer alone calls it, so that nobody can come between look and insert.
pub(super) fn insert_pair(
    connection: &Connection,
    (low, high): (UserId, UserId),
    last_seq: Seq,
    (low_wrote, high_wrote): (bool, bool),
    at: Timestamp,
) -> Result<ConversationId, Error> {
    let id = connection
        .prepare_cached(
            "INSERT INTO conversations (uuid, kind, pair_low, pair_high, last_seq, last_message_at_ms, created_at_ms,
                                        low_wrote, high_wrote)
             VALUES (?1, 'pair', ?2, ?3, ?4, ?5, ?5, ?6, ?7) RETURNING id",
        )?
        .query_row(
            params![Uuid::now_v7().as_bytes(), low.0, high.0, last_seq.0, at.0, low_wrote, high_wrote],
            |row| row.get(0).map(ConversationId),
        )?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO members (user_id, conversation_id, role, joined_at_ms) VALUES (?1, ?2, 'member', ?3)",
    )?;
    for user in [low, high] {
        insert.execute(params![user.0, id.0, at.0])?;
    }
    Ok(id)
}

/// The conversation of a pair and its newest place, if there is one.
pub(super) fn last_seq(
    connection: &Connection,
    (low, high): (UserId, UserId),
) -> Result<Option<(ConversationId, Seq)>, Error> {
    let found = connection
        .prepare_cached(
            "SELECT id, last_seq FROM conversations WHERE pair_low = ?1 AND pair_high = ?2",
        )?
        .query_row([low.0, high.0], |row| {
            Ok((ConversationId(row.get(0)?), Seq(row.get(1)?)))
        })
        .optional()?;
    Ok(found)
}

/// Writes down that a message was written at this place, and which of the pair
/// has now written.
pub(super) fn set_last_seq(
    connection: &Connection,
    conversation: ConversationId,
    seq: Seq,
    (low_wrote, high_wrote): (bool, bool),
    at: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE conversations SET last_seq = ?2, last_message_at_ms = ?3,
                    low_wrote = low_wrote OR ?4, high_wrote = high_wrote OR ?5 WHERE id = ?1",
        )?
        .execute(params![conversation.0, seq.0, at.0, low_wrote, high_wrote])?;
    Ok(())
}

/// The person's conversations, newest first.
pub fn list(connection: &Connection, me: UserId) -> Result<Vec<Preview>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT c.id, c.last_message_at_ms, c.last_seq, mine.read_seq, u.id, u.username, u.display_name,
                theirs.recv_seq, theirs.read_seq, (SELECT public_id FROM files WHERE files.id = u.avatar_id),
                EXISTS (SELECT 1 FROM blocks WHERE blocker_id = ?1 AND blocked_id = u.id),
                EXISTS (SELECT 1 FROM blocks WHERE blocker_id = u.id AND blocked_id = ?1),
                u.status = 'deleted',
                {LAST_SEEN}
         FROM members mine
         JOIN conversations c ON c.id = mine.conversation_id
         JOIN users u ON u.id = CASE c.pair_low WHEN ?1 THEN c.pair_high ELSE c.pair_low END
         JOIN members theirs ON theirs.user_id = u.id AND theirs.conversation_id = c.id
         WHERE mine.user_id = ?1 AND c.last_seq > mine.cleared_seq ORDER BY c.last_message_at_ms DESC, c.id DESC LIMIT ?2",
    ))?;
    let mut previews = statement
        .query_map(params![me.0, LISTED], |row| {
            Ok(Preview {
                conversation: Conversation {
                    id: ConversationId(row.get(0)?),
                    last_message_at: Timestamp(row.get(1)?),
                    peer: Peer {
                        id: UserId(row.get(4)?),
                        username: row.get(5)?,
                        display_name: row.get(6)?,
                        avatar: row.get::<_, Option<[u8; 16]>>(9)?.map(FileId::from_bytes),
                        deleted: row.get(12)?,
                    },
                    unread: 0,
                    new: false,
                },
                last_message: None,
                last_seq: Seq(row.get(2)?),
                my_read_seq: Seq(row.get(3)?),
                peer_recv_seq: Seq(row.get(7)?),
                peer_read_seq: Seq(row.get(8)?),
                block: Block::of(row.get(10)?, row.get(11)?),
                last_seen: row.get::<_, Option<i64>>(13)?.map(Timestamp),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for preview in &mut previews {
        let id = preview.conversation.id;
        preview.last_message =
            messages::newest(connection, id, me, preview.conversation.peer.id.into())?;
        preview.conversation.unread = unread(connection, id, me, preview.my_read_seq)?;
    }
    Ok(previews)
}

/// The conversation of two people, if there is one.
pub fn find_pair(
    connection: &Connection,
    a: UserId,
    b: UserId,
) -> Result<Option<ConversationId>, Error> {
    let (low, high) = pair(a, b);
    let id = connection
        .prepare_cached("SELECT id FROM conversations WHERE pair_low = ?1 AND pair_high = ?2")?
        .query_row([low.0, high.0], |row| row.get(0).map(ConversationId))
        .optional()?;
    Ok(id)
}

/// Messages of others that a person has not read, up to a bound.
pub(super) fn unread(
    connection: &Connection,
    id: ConversationId,
    me: UserId,
    read: Seq,
) -> Result<u32, Error> {
    let count = connection
        .prepare_cached(&format!(
            "SELECT count(*) FROM (SELECT 1 FROM messages m
             WHERE {VISIBLE} AND m.seq > ?3 AND m.sender_id <> ?2 AND m.silent = 0 LIMIT ?4)",
        ))?
        .query_row(params![id.0, me.0, read.0, COUNTED], |row| row.get(0))?;
    Ok(count)
}

/// A pair is kept with the smaller id first.
pub(super) fn pair(a: UserId, b: UserId) -> (UserId, UserId) {
    (a.min(b), a.max(b))
}
