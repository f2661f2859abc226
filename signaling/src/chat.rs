//! Messages and marks: the values the hub and the store exchange, and the pure
//! rules both apply. The writer's transaction judges; the hub checks first
//! with the part it knows.

mod deletion;
mod destination;
mod envelope;
mod people;

use std::fmt;

pub use deletion::{Deletion, MessageFacts, Place, Scope, may_delete, may_delete_conversation};
pub use destination::Destination;
pub use envelope::{Envelope, MAX_CIPHERTEXT_BYTES, MAX_ENVELOPE_FIELD_BYTES};
pub use people::{Block, BlockChange, CallFacts, CallsFrom, may_call, may_record_attempt};

use crate::file::FileEntry;
use crate::group::Event;
use crate::ids::{ConversationId, MessageId, Seq, Ticket, Timestamp, UserId};
use crate::wire::Code;

/// A text has at most so many characters (Unicode scalar values).
pub const MAX_CONTENT_CHARS: usize = 8_000;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Words of a person.
    Text(String),
    /// Words of a person that the server cannot read.
    Sealed(Box<Envelope>),
    /// The log entry of a call, written by the server.
    Call(CallEntry),
    /// A file of a person.
    File(Box<FileEntry>),
    /// What happened in a group, written by the server.
    Event(Box<Event>),
}

/// What is kept of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallEntry {
    /// How it went.
    pub outcome: CallOutcome,
    /// From the answer to the end in whole seconds; none if nobody answered.
    pub duration_s: Option<u32>,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallOutcome {
    /// They talked, and one hung up.
    Answered,
    /// The callee declined.
    Declined,
    /// The callee was in another call.
    Busy,
    /// The caller gave up before the answer.
    Cancelled,
    /// It rang to the end.
    NoAnswer,
    /// The callee had no socket.
    Offline,
    /// A connection was lost and did not come back.
    Lost,
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Declined,
        Self::Busy,
        Self::Cancelled,
        Self::NoAnswer,
        Self::Offline,
        Self::Lost,
    ];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::NoAnswer => "no_answer",
            Self::Offline => "offline",
            Self::Lost => "lost",
        }
    }

    /// The outcome of this word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl CallEntry {
    /// The entry in Persian, for clients that know no kinds of messages.
    #[must_use]
    pub fn persian(&self) -> String {
        let said = match self.outcome {
            CallOutcome::Answered => "تماس صوتی",
            CallOutcome::Declined => "تماس رد شد",
            CallOutcome::Busy => "تماس ناموفق: مشغول بود",
            CallOutcome::Cancelled => "تماس لغو شد",
            CallOutcome::NoAnswer => "تماس بی‌پاسخ",
            CallOutcome::Offline => "تماس ناموفق: آفلاین بود",
            CallOutcome::Lost => "تماس قطع شد",
        };
        match self.duration_s {
            Some(seconds) => format!("{said} ({})", PersianClock(seconds)),
            None => said.to_owned(),
        }
    }

    /// Whether the entry tells the callee nothing new, so that it does not
    /// count as unread.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        matches!(self.outcome, CallOutcome::Answered | CallOutcome::Declined)
    }
}

/// Seconds as minutes and seconds in Persian digits.
struct PersianClock(u32);

impl fmt::Display for PersianClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |c: char| match c.to_digit(10) {
            Some(value) => char::from_u32(u32::from('۰') + value).unwrap_or(c),
            None => c,
        };
        format!("{:02}:{:02}", self.0 / 60, self.0 % 60)
            .chars()
            .map(digit)
            .try_for_each(|c| write!(f, "{c}"))
    }
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Comes back with the answer.
    pub ticket: Ticket,
    /// Who writes; of a log entry the caller.
    pub sender: UserId,
    /// Who reads; of a log entry the callee.
    pub to: Destination,
    /// The sender's own name for the message: the same one again is answered
    /// with the first message.
    pub client_message_id: Option<String>,
    /// What it says.
    pub body: Body,
}

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// Who wrote it.
    pub sender: UserId,
    /// Who reads it.
    pub to: Destination,
    /// The sender's own name for it.
    pub client_message_id: Option<String>,
    /// What it says.
    pub body: Body,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// The store's answer to a [`NewMessage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The message; if `repeated`, the first one of that name.
    pub message: StoredMessage,
    /// It was there already: only the asking socket is answered.
    pub repeated: bool,
    /// It was erased since: only its place is left to answer with.
    pub erased: bool,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Stored.
    Sent,
    /// Written to one of the receiver's sockets, or acknowledged.
    Delivered,
    /// Read.
    Read,
}

impl Status {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// What the writer's transaction knows about the two people when it judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendFacts {
    /// The account of the sender.
    pub sender: Party,
    /// The account of the receiver.
    pub receiver: Party,
    /// Between the two, seen from the sender.
    pub block: Block,
}

/// The state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// It may write and be written to.
    Active,
    /// It may not write; what is written to it waits.
    Suspended,
    /// There is none.
    Missing,
}

/// Decides whether `sender` may write to `receiver`.
///
/// A suspended receiver is no reason to refuse: suspension can be lifted, and
/// a refusal would tell others of it.
///
/// # Errors
///
/// [`Code::SelfMessage`], [`Code::UserNotFound`], [`Code::AccountSuspended`],
/// and what [`Block::pass`] refuses.
pub fn may_send(sender: UserId, receiver: UserId, facts: &SendFacts) -> Result<(), Code> {
    if sender == receiver {
        return Err(Code::SelfMessage);
    }
    match (facts.sender, facts.receiver) {
        (Party::Missing, _) | (_, Party::Missing) => Err(Code::UserNotFound),
        (Party::Suspended, Party::Active | Party::Suspended) => Err(Code::AccountSuspended),
        (Party::Active, Party::Active | Party::Suspended) => facts.block.pass(),
    }
}

/// Decides whether the log entry of a call is kept. What happened is written
/// down, also when an account was suspended in mid-call.
///
/// # Errors
///
/// [`Code::UserNotFound`].
pub fn may_record(facts: &SendFacts) -> Result<(), Code> {
    match (facts.sender, facts.receiver) {
        (Party::Missing, _) | (_, Party::Missing) => Err(Code::UserNotFound),
        (Party::Active | Party::Suspended, Party::Active | Party::Suspended) => Ok(()),
    }
}

/// Decides whether what a person says has a permitted size.
///
/// # Errors
///
/// Those of [`check_content`] and [`Envelope::check`].
pub fn check_body(body: &Body) -> Result<(), Code> {
    match body {
        Body::Text(content) => check_content(content),
        Body::Sealed(envelope) => envelope.check(),
        Body::Call(_) | Body::File(_) | Body::Event(_) => Ok(()),
    }
}

/// Decides whether a text has a permitted length.
///
/// # Errors
///
/// [`Code::ContentEmpty`], [`Code::ContentTooLong`].
pub fn check_content(content: &str) -> Result<(), Code> {
    if content.is_empty() {
        return Err(Code::ContentEmpty);
    }
    // A character has at most four bytes, so a longer text need not be counted.
    let too_long =
        content.len() > 4 * MAX_CONTENT_CHARS || content.chars().nth(MAX_CONTENT_CHARS).is_some();
    if too_long {
        return Err(Code::ContentTooLong);
    }
    Ok(())
}

/// What a receiver acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// It has arrived.
    Delivered,
    /// It was read, which includes that it has arrived.
    Read,
}

/// A mark to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMark {
    /// Comes back with the answer.
    pub ticket: Ticket,
    /// Who acknowledges.
    pub reader: UserId,
    /// Up to where.
    pub target: MarkTarget,
    /// What.
    pub mark: Mark,
}

/// Up to where a mark reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkTarget {
    /// Up to this message of a conversation of the reader.
    Message(MessageId),
    /// Up to this place.
    UpTo {
        /// The conversation.
        conversation: ConversationId,
        /// The place, included.
        seq: Seq,
    },
}

/// The store's answer to a [`NewMark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// The conversation.
    pub conversation: ConversationId,
    /// Up to where it is marked now.
    pub seq: Seq,
    /// The newest message covered.
    pub message: MessageId,
    /// Who wrote that message.
    pub sender: UserId,
    /// Who received and marked it.
    pub receiver: UserId,
    /// What it is now.
    pub status: Status,
    /// When it was marked.
    pub at: Timestamp,
    /// Whether anything changed; if not, nobody is told.
    pub advanced: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: UserId = UserId(1);
    const B: UserId = UserId(2);

    fn facts(sender: Party, receiver: Party) -> SendFacts {
        SendFacts {
            sender,
            receiver,
            block: Block::None,
        }
    }

    #[test]
    fn an_active_person_may_write_to_anyone_who_exists() {
        assert_eq!(may_send(A, B, &facts(Party::Active, Party::Active)), Ok(()));
        assert_eq!(
            may_send(A, B, &facts(Party::Active, Party::Suspended)),
            Ok(())
        );
        assert_eq!(
            may_send(A, B, &facts(Party::Active, Party::Missing)),
            Err(Code::UserNotFound)
        );
    }

    #[test]
    fn nobody_writes_to_oneself() {
        assert_eq!(
            may_send(A, A, &facts(Party::Active, Party::Active)),
            Err(Code::SelfMessage)
        );
    }

    #[test]
    fn nobody_writes_past_a_block_and_its_owner_least_of_all() {
        let with = |block| SendFacts {
            block,
            ..facts(Party::Active, Party::Active)
        };
        assert_eq!(may_send(A, B, &with(Block::Theirs)), Err(Code::NotAllowed));
        assert_eq!(may_send(A, B, &with(Block::Own)), Err(Code::BlockedByYou));
    }

    #[test]
    fn an_unwanted_attempt_to_call_is_not_written_down_a_call_is() {
        let facts = CallFacts {
            block: Block::Theirs,
            calls_from: CallsFrom::Everyone,
            contact: true,
        };
        for outcome in CallOutcome::ALL {
            let entry = CallEntry {
                outcome,
                duration_s: None,
            };
            let attempt = matches!(outcome, CallOutcome::Offline | CallOutcome::Busy);
            let due = if attempt {
                Err(Code::NotAllowed)
            } else {
                Ok(())
            };
            assert_eq!(may_record_attempt(&entry, &facts), due, "{outcome:?}");
        }
    }

    #[test]
    fn a_suspended_person_writes_to_nobody() {
        assert_eq!(
            may_send(A, B, &facts(Party::Suspended, Party::Active)),
            Err(Code::AccountSuspended)
        );
        assert_eq!(
            may_send(A, B, &facts(Party::Missing, Party::Active)),
            Err(Code::UserNotFound)
        );
    }

    #[test]
    fn a_call_is_recorded_also_for_somebody_suspended_meanwhile() {
        assert_eq!(may_record(&facts(Party::Suspended, Party::Active)), Ok(()));
        assert_eq!(
            may_record(&facts(Party::Active, Party::Missing)),
            Err(Code::UserNotFound)
        );
    }

    #[test]
    fn a_text_has_1_to_8000_characters_whatever_their_bytes() {
        assert_eq!(check_content(""), Err(Code::ContentEmpty));
        assert_eq!(check_content(&"س".repeat(8_000)), Ok(()));
        assert_eq!(check_content(&"😀".repeat(8_000)), Ok(()));
        assert_eq!(check_content(&"a".repeat(8_001)), Err(Code::ContentTooLong));
        assert_eq!(
            check_content(&"😀".repeat(8_001)),
            Err(Code::ContentTooLong)
        );
    }

    #[test]
    fn an_entry_says_in_persian_how_the_call_went_and_how_long() {
        let entry = |outcome, duration_s| CallEntry {
            outcome,
            duration_s,
        };
        assert_eq!(
            entry(CallOutcome::Answered, Some(3_725)).persian(),
            "تماس صوتی (۶۲:۰۵)"
        );
        assert_eq!(entry(CallOutcome::NoAnswer, None).persian(), "تماس بی‌پاسخ");
    }

    #[test]
    fn outcomes_read_back_from_their_words() {
        for outcome in CallOutcome::ALL {
            assert_eq!(CallOutcome::parse(outcome.as_str()), Some(outcome));
        }
        assert_eq!(CallOutcome::parse("Answered"), None);
    }

    #[test]
    fn only_answered_and_declined_entries_are_silent() {
        let silent = CallOutcome::ALL.into_iter().filter(|&outcome| {
            CallEntry {
                outcome,
                duration_s: None,
            }
            .is_silent()
        });
        assert!(silent.eq([CallOutcome::Answered, CallOutcome::Declined]));
    }
}
