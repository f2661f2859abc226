//! A message as it lies in a row: what is written of it, and how it is read
//! back with the file it may have.

use std::borrow::Cow;
use std::sync::LazyLock;

use payambar_signaling::chat::{
    Body, CallEntry, CallOutcome, Destination, Envelope, StoredMessage,
};
use payambar_signaling::file::WORDS;
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Timestamp, UserId};
use rusqlite::Row;
use rusqlite::types::Type;
use serde_json::json;

use crate::store::files;

const COLUMNS: &str = "m.id, m.seq, m.sender_id, m.client_message_id, m.kind, m.content, m.call_outcome, m.call_duration_s, m.created_at_ms, m.envelope";

/// The kind of what the server wrote about a group.
const EVENT: &str = "event";

/// Where [`files::COLUMNS`] begin.
const FILE: usize = 10;

/// The beginning of every statement that reads messages for [`message`]; they
/// are `m` in it.
pub(super) static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS}, {}, m.conversation_id, m.deleted_at_ms IS NOT NULL AS erased FROM messages m LEFT JOIN files f ON f.id = m.file_id",
        files::COLUMNS
    )
});

/// Who reads the messages of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Readers {
    /// Two people, each what the other writes.
    Pair(UserId, UserId),
    /// The members of a group.
    Group,
}

impl Readers {
    /// Those of a conversation of `me`.
    pub(super) const fn of(me: UserId, with: Destination) -> Self {
        match with {
            Destination::Person(other) => Self::Pair(me, other),
            Destination::Group(_) => Self::Group,
        }
    }

    fn to(self, conversation: ConversationId, sender: UserId) -> Destination {
        match self {
            Self::Pair(one, other) if sender == one => Destination::Person(other),
            Self::Pair(one, _) => Destination::Person(one),
            Self::Group => Destination::Group(conversation),
        }
    }
}

/// Reads a message in the conversation of these people.
pub(super) fn message(
    row: &Row<'_>,
    conversation: ConversationId,
    readers: Readers,
) -> rusqlite::Result<StoredMessage> {
    let sender = UserId(row.get(2)?);
    Ok(StoredMessage {
        id: MessageId(row.get(0)?),
        conversation,
        seq: Seq(row.get(1)?),
        sender,
        to: readers.to(conversation, sender),
        client_message_id: row.get(3)?,
        body: body(row)?,
        created_at: Timestamp(row.get(8)?),
    })
}

fn body(row: &Row<'_>) -> rusqlite::Result<Body> {
    if let Some(envelope) = row.get_ref(9)?.as_str_or_null()? {
        return Ok(Body::Sealed(Box::new(opened(envelope)?)));
    }
    let outcome = row.get_ref(6)?.as_str_or_null()?;
    if let Some(outcome) = outcome.and_then(CallOutcome::parse) {
        let duration_s = row.get(7)?;
        return Ok(Body::Call(CallEntry {
            outcome,
            duration_s,
        }));
    }
    if row.get_ref(4)?.as_str()? == EVENT {
        let event = serde_json::from_str(row.get_ref(5)?.as_str()?).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(5, Type::Text, error.into())
        })?;
        return Ok(Body::Event(Box::new(event)));
    }
    Ok(match files::entry(row, FILE)? {
        Some(file) => Body::File(Box::new(file)),
        None => Body::Text(row.get(5)?),
    })
}

/// An envelope from the JSON it is kept as.
fn opened(json: &str) -> rusqlite::Result<Envelope> {
    serde_json::from_str(json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(9, Type::Text, error.into()))
}

/// A body in columns.
pub(super) struct Kept<'a> {
    pub(super) kind: &'static str,
    pub(super) content: Cow<'a, str>,
    pub(super) call: Option<&'a CallEntry>,
    pub(super) envelope: Option<String>,
}

impl<'a> From<&'a Body> for Kept<'a> {
    fn from(body: &'a Body) -> Self {
        let (kind, content, call, envelope) = match body {
            Body::Text(text) => ("text", text.into(), None, None),
            Body::Sealed(envelope) => ("sealed", "".into(), None, Some(json!(envelope))),
            Body::Call(entry) => ("call", entry.persian().into(), Some(entry), None),
            Body::File(_) => ("file", WORDS.into(), None, None),
            Body::Event(event) => (EVENT, json!(event).to_string().into(), None, None),
        };
        Self {
            kind,
            content,
            call,
            envelope: envelope.map(|json| json.to_string()),
        }
    }
}
