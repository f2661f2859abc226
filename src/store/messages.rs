//! Messages and watermarks. Inserting and marking run inside the writer's
//! transaction, which is the judge of who may do what. How a message lies in a
//! row is in [`row`], which marks it has in [`marks`].

mod marks;
mod row;

use payambar_signaling::chat::{
    Body, CallEntry, Destination, Mark, MarkTarget, Marked, NewMark, NewMessage, Status, Stored,
    StoredMessage, may_record, may_record_attempt, may_send,
};
use payambar_signaling::group;
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::erase::VISIBLE;
use super::{Error, conversations, groups, people};
use marks::Marks;
use row::{Kept, Readers, SELECT, message};

/// Messages sent again to a person who comes back, per conversation.
const CATCH_UP: u32 = 50;

/// The same in all conversations together: well below what an outbox holds, or
/// somebody long away would be closed as too slow before reading a word.
const CATCH_UP_TOTAL: usize = 500;

/// Conversations looked at when a person comes back.
const CATCH_UP_CONVERSATIONS: u32 = 200;

/// A message with the marks of the other person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryItem {
    /// The message.
    pub message: StoredMessage,
    /// What it is now.
    pub status: Status,
    /// When the receiver's watermark that covers it was last moved.
    pub delivered_at: Option<Timestamp>,
    /// The same for reading.
    pub read_at: Option<Timestamp>,
}

/// Which part of a history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Counted from the newest message.
    Offset(u32),
    /// Messages before this one.
    Before(Seq),
    /// Messages after this one, the oldest of them first.
    After(Seq),
}

/// Stores a message, making the conversation with its first one.
///
/// # Errors
///
/// What [`may_send`] refuses.
pub(super) fn insert(
    connection: &Connection,
    new: &NewMessage,
    at: Timestamp,
) -> Result<Stored, Error> {
    if let Some(first) = admit(connection, new)? {
        return Ok(first);
    }
    let message = write(connection, new, None, at)?;
    Ok(Stored {
        message,
        repeated: false,
        erased: false,
    })
}

/// Judges a message without writing anything: the first one of its name, if
/// there is one, or nothing when it may be written.
///
/// # Errors
///
/// What [`may_send`] refuses.
pub(super) fn admit(connection: &Connection, new: &NewMessage) -> Result<Option<Stored>, Error> {
    if let Some(first) = repeated(connection, new)? {
        return Ok(Some(first));
    }
    match (&new.body, new.to) {
        (Body::Call(entry), Destination::Person(callee)) => {
            let facts = people::send_facts(connection, new.sender, callee)?;
            let calls = people::call_facts(connection, new.sender, callee)?;
            let judged = may_record(&facts).and_then(|()| may_record_attempt(entry, &calls));
            judged.map_err(Error::Refused)?;
        }
        (Body::Sealed(_), Destination::Group(_)) => {
            return Err(Error::Refused(Code::EnvelopeInvalid));
        }
        (
            Body::Text(_) | Body::Sealed(_) | Body::File(_) | Body::Event(_),
            Destination::Person(_),
        )
        | (Body::Text(_) | Body::Call(_) | Body::File(_) | Body::Event(_), Destination::Group(_)) => {
            may_write(connection, new.sender, new.to)?
        }
    }
    Ok(None)
}

/// Judges whether somebody may write to another, or in a group, now.
///
/// # Errors
///
/// What [`may_send`] and [`group::may_write`] refuse.
pub fn may_write(connection: &Connection, sender: UserId, to: Destination) -> Result<(), Error> {
    let judged = match to {
        Destination::Person(receiver) => {
            let facts = people::send_facts(connection, sender, receiver)?;
            may_send(sender, receiver, &facts)
        }
        Destination::Group(group) => {
            let (role, party) = groups::write_facts(connection, sender, group)?;
            group::may_write(role, party)
        }
    };
    judged.map_err(Error::Refused)
}

/// Writes a message that was admitted; `file` is the row of its file.
pub(super) fn write(
    connection: &Connection,
    new: &NewMessage,
    file: Option<i64>,
    at: Timestamp,
) -> Result<StoredMessage, Error> {
    let (conversation, seq) = next_seq(connection, new, at)?;
    let kept = Kept::from(&new.body);
    // SQLite gathers what RETURNING says in a table made for it, which costs
    // more than the insert.
    connection
        .prepare_cached(
            "INSERT INTO messages (uuid, conversation_id, seq, sender_id, client_message_id, kind, content,
                                   call_outcome, call_duration_s, silent, created_at_ms, envelope, file_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(
            params![
                Uuid::now_v7().as_bytes(),
                conversation.0,
                seq.0,
                new.sender.0,
                new.client_message_id,
                kept.kind,
                kept.content,
                kept.call.map(|entry| entry.outcome.as_str()),
                kept.call.and_then(|entry| entry.duration_s),
                kept.call.is_some_and(CallEntry::is_silent) || matches!(new.body, Body::Event(_)),
                at.0,
                kept.envelope,
                file,
            ],
        )?;
    Ok(StoredMessage {
        id: MessageId(connection.last_insert_rowid()),
        conversation,
        seq,
        sender: new.sender,
        to: new.to,
        client_message_id: new.client_message_id.clone(),
        body: new.body.clone(),
        created_at: at,
    })
}

/// Takes the next place in the conversation of two people, making it with its
/// first message, or in that of a group.
fn next_seq(
    connection: &Connection,
    new: &NewMessage,
    at: Timestamp,
) -> Result<(ConversationId, Seq), Error> {
    let receiver = match new.to {
        Destination::Person(receiver) => receiver,
        Destination::Group(group) => {
            let next = Seq(groups::last_seq(connection, group)?.0 + 1);
            conversations::set_last_seq(connection, group, next, (false, false), at)?;
            return Ok((group, next));
        }
    };
    let (low, high) = conversations::pair(new.sender, receiver);
    // A call alone makes nobody a contact.
    let wrote = !matches!(new.body, Body::Call(_));
    let wrote = (wrote && new.sender == low, wrote && new.sender == high);
    let Some((conversation, last)) = conversations::last_seq(connection, (low, high))? else {
        let id = conversations::insert_pair(connection, (low, high), Seq(1), wrote, at)?;
        return Ok((id, Seq(1)));
    };
    let next = Seq(last.0 + 1);
    conversations::set_last_seq(connection, conversation, next, wrote, at)?;
    Ok((conversation, next))
}

/// Asked for every message, and mostly in vain: the rest of a message is read
/// only once it is found. With the file beside it, SQLite would also plan this
/// anew for each name, which took more time than everything else.
const KNOWN: &str =
    "SELECT id, conversation_id FROM messages WHERE client_message_id = ?1 AND sender_id = ?2";

/// The message this person sent under this client id before.
fn repeated(connection: &Connection, new: &NewMessage) -> Result<Option<Stored>, Error> {
    let Some(client_id) = &new.client_message_id else {
        return Ok(None);
    };
    let found = connection
        .prepare_cached(KNOWN)?
        .query_row(params![client_id, new.sender.0], |row| {
            Ok((MessageId(row.get(0)?), ConversationId(row.get(1)?)))
        })
        .optional()?;
    let Some((id, conversation)) = found else {
        return Ok(None);
    };
    // The first message may have gone elsewhere.
    let readers = connection
        .prepare_cached(
            "SELECT kind = 'group', CASE pair_low WHEN ?2 THEN pair_high ELSE pair_low END FROM conversations WHERE id = ?1",
        )?
        .query_row([conversation.0, new.sender.0], |row| {
            let other = row.get::<_, Option<i64>>(1)?.map(UserId);
            let group = row.get(0)?;
            let pair = other.map(|other| Readers::Pair(new.sender, other));
            Ok(if group { Some(Readers::Group) } else { pair })
        })?;
    let (message, erased) = connection
        .prepare_cached(&format!("{} WHERE m.id = ?1", *SELECT))?
        .query_row([id.0], |row| {
            let readers = readers.unwrap_or(Readers::of(new.sender, new.to));
            let message = message(row, conversation, readers)?;
            Ok((message, row.get::<_, bool>("erased")?))
        })?;
    // Of a conversation that is being erased no message is left to anybody.
    let erased = erased || readers.is_none();
    Ok(Some(Stored {
        message,
        repeated: true,
        erased,
    }))
}

/// Moves a watermark forward, never back.
///
/// # Errors
///
/// [`Code::NotReceiver`] unless the reader is the receiver of the message;
/// also when there is no such message, so that ids cannot be probed.
pub fn mark(connection: &Connection, new: &NewMark, at: Timestamp) -> Result<Marked, Error> {
    let reader = new.reader;
    let found = match new.target {
        MarkTarget::Message(id) => connection
            .prepare_cached("SELECT id, conversation_id, seq, sender_id FROM messages WHERE id = ?1 AND sender_id <> ?2")?
            .query_row([id.0, reader.0], target)
            .optional()?,
        MarkTarget::UpTo { conversation, seq } => connection
            .prepare_cached(
                "SELECT id, conversation_id, seq, sender_id FROM messages
                 WHERE conversation_id = ?1 AND seq <= ?2 AND sender_id <> ?3 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([conversation.0, seq.0, reader.0], target)
            .optional()?,
    };
    let (message, conversation, seq, sender) = found.ok_or(Error::Refused(Code::NotReceiver))?;
    let (status, sql) = match new.mark {
        Mark::Delivered => (
            Status::Delivered,
            "UPDATE members SET recv_seq = ?3, recv_at_ms = ?4 WHERE user_id = ?1 AND conversation_id = ?2 AND recv_seq < ?3",
        ),
        Mark::Read => (
            Status::Read,
            "UPDATE members SET read_seq = ?3, read_at_ms = ?4,
                    recv_at_ms = CASE WHEN recv_seq < ?3 THEN ?4 ELSE recv_at_ms END, recv_seq = max(recv_seq, ?3)
             WHERE user_id = ?1 AND conversation_id = ?2 AND read_seq < ?3",
        ),
    };
    let changed =
        connection
            .prepare_cached(sql)?
            .execute([reader.0, conversation.0, seq.0, at.0])?;
    if changed == 0 && !is_member(connection, reader, conversation)? {
        return Err(Error::Refused(Code::NotReceiver));
    }
    Ok(Marked {
        conversation,
        seq,
        message,
        sender,
        receiver: reader,
        status,
        at,
        advanced: changed > 0,
    })
}

fn target(row: &Row<'_>) -> rusqlite::Result<(MessageId, ConversationId, Seq, UserId)> {
    Ok((
        MessageId(row.get(0)?),
        ConversationId(row.get(1)?),
        Seq(row.get(2)?),
        UserId(row.get(3)?),
    ))
}

fn is_member(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> Result<bool, Error> {
    let found = connection
        .prepare_cached("SELECT 1 FROM members WHERE user_id = ?1 AND conversation_id = ?2")?
        .exists([user.0, conversation.0])?;
    Ok(found)
}

/// A page of the history of two people or of a group, oldest first.
///
/// # Errors
///
/// [`Code::ConversationNotFound`]; of a group [`Code::NotMember`].
pub fn history(
    connection: &Connection,
    me: UserId,
    with: Destination,
    page: Page,
    limit: u32,
) -> Result<Vec<HistoryItem>, Error> {
    let conversation = match with {
        Destination::Person(other) => conversations::find_pair(connection, me, other)?
            .ok_or(Error::Refused(Code::ConversationNotFound))?,
        Destination::Group(group) => groups::role_in(connection, me, group)?
            .map(|_| group)
            .ok_or(Error::Refused(Code::NotMember))?,
    };
    let (filter, order, anchor, offset) = match page {
        Page::Offset(offset) => ("m.seq > ?3", "DESC", 0, offset),
        Page::Before(seq) => ("m.seq < ?3", "DESC", seq.0, 0),
        Page::After(seq) => ("m.seq > ?3", "ASC", seq.0, 0),
    };
    let marks = Marks::load(connection, conversation, me, with)?;
    let mut statement = connection.prepare_cached(&format!(
        "{} WHERE {VISIBLE} AND {filter} ORDER BY m.seq {order} LIMIT ?4 OFFSET ?5",
        *SELECT
    ))?;
    let mut items = statement
        .query_map(
            params![conversation.0, me.0, anchor, limit, offset],
            |row| message(row, conversation, Readers::of(me, with)),
        )?
        .map(|row| row.map(|message| marks.apply(message)))
        .collect::<Result<Vec<_>, _>>()?;
    items.sort_by_key(|item| item.message.seq);
    Ok(items)
}

/// The newest message of a conversation that this person may see.
pub(super) fn newest(
    connection: &Connection,
    conversation: ConversationId,
    me: UserId,
    with: Destination,
) -> Result<Option<HistoryItem>, Error> {
    let newest = connection
        .prepare_cached(&format!(
            "{} WHERE {VISIBLE} ORDER BY m.seq DESC LIMIT 1",
            *SELECT
        ))?
        .query_row([conversation.0, me.0], |row| {
            message(row, conversation, Readers::of(me, with))
        })
        .optional()?;
    let Some(message) = newest else {
        return Ok(None);
    };
    Ok(Some(
        Marks::load(connection, conversation, me, with)?.apply(message),
    ))
}

/// What was written to this person and has reached none of their devices: the
/// newest of each conversation, oldest first.
pub fn catch_up(connection: &Connection, me: UserId) -> Result<Vec<StoredMessage>, Error> {
    let mut waiting = connection.prepare_cached(
        "SELECT c.id, m.recv_seq, CASE c.pair_low WHEN ?1 THEN c.pair_high ELSE c.pair_low END
         FROM members m JOIN conversations c ON c.id = m.conversation_id
         WHERE m.user_id = ?1 AND c.last_seq > m.recv_seq ORDER BY c.last_message_at_ms DESC LIMIT ?2",
    )?;
    let waiting = waiting
        .query_map(params![me.0, CATCH_UP_CONVERSATIONS], |row| {
            Ok((
                ConversationId(row.get(0)?),
                row.get::<_, i64>(1)?,
                match row.get::<_, Option<i64>>(2)? {
                    Some(other) => Readers::Pair(me, UserId(other)),
                    None => Readers::Group,
                },
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut missed = connection.prepare_cached(&format!(
        "{} WHERE {VISIBLE} AND m.seq > ?3 AND m.sender_id <> ?2 ORDER BY m.seq DESC LIMIT ?4",
        *SELECT
    ))?;
    let mut messages = Vec::new();
    for (conversation, received, readers) in waiting {
        if messages.len() >= CATCH_UP_TOTAL {
            break;
        }
        let rows = missed.query_map(params![conversation.0, me.0, received, CATCH_UP], |row| {
            message(row, conversation, readers)
        })?;
        for row in rows {
            messages.push(row?);
        }
    }
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::migrate::{MIGRATIONS, migrate};

    #[test]
    fn what_is_asked_for_every_message_is_planned_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        let mut connection = Connection::open(&path).unwrap();
        migrate(&mut connection, &path, MIGRATIONS).unwrap();
        let plans = |sql: &str| {
            let mut statement = connection.prepare(sql).unwrap();
            for (name, sender) in [("a", 1), ("b", 2), ("c", 3)] {
                assert!(!statement.exists(params![name, sender]).unwrap());
            }
            statement.get_status(StatementStatus::RePrepare)
        };
        assert_eq!(plans(KNOWN), 0);
    }
}
