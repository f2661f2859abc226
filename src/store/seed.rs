//! What fills a database to try things on: messages at times of their own,
//! through the same insert and the same rules as everybody's.

use payambar_signaling::chat::{Body, Mark, MarkTarget, NewMark, NewMessage};
use payambar_signaling::ids::{ConversationId, Seq, Ticket, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::Connection;

use super::{Error, messages};

/// The answer goes back by return; nobody waits for a ticket.
const NOBODY: Ticket = Ticket(0);

/// A message that was written in the past.
#[derive(Debug, Clone)]
pub struct Line {
    /// Who wrote it.
    pub sender: UserId,
    /// To whom.
    pub receiver: UserId,
    /// The sender's own name for it.
    pub client_message_id: String,
    /// When.
    pub at: Timestamp,
    /// The words.
    pub text: String,
}

/// How many accounts there are.
pub fn people(connection: &Connection) -> Result<u32, Error> {
    let count = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
    Ok(count)
}

/// The first people who may sign in, by id.
pub fn first_people(connection: &Connection, limit: u32) -> Result<Vec<UserId>, Error> {
    let people = connection
        .prepare("SELECT id FROM users WHERE status = 'active' ORDER BY id LIMIT ?1")?
        .query_map([limit], |row| row.get(0).map(UserId))?
        .collect::<Result<_, _>>()?;
    Ok(people)
}

/// Writes a message down; says where.
pub fn write(connection: &Connection, line: Line) -> Result<(ConversationId, Seq), Error> {
    let new = NewMessage {
        ticket: NOBODY,
        sender: line.sender,
        to: line.receiver.into(),
        client_message_id: Some(line.client_message_id),
        body: Body::Text(line.text),
    };
    let stored = messages::insert(connection, &new, line.at)?;
    Ok((stored.message.conversation, stored.message.seq))
}

/// Moves a person's watermark, if there is anything of the other's to mark.
pub fn mark(
    connection: &Connection,
    reader: UserId,
    (conversation, seq): (ConversationId, Seq),
    mark: Mark,
    at: Timestamp,
) -> Result<(), Error> {
    let target = MarkTarget::UpTo { conversation, seq };
    let new = NewMark {
        ticket: NOBODY,
        reader,
        target,
        mark,
    };
    match messages::mark(connection, &new, at) {
        Ok(_) | Err(Error::Refused(Code::NotReceiver)) => Ok(()),
        Err(error) => Err(error),
    }
}
