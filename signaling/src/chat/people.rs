//! Who may reach whom: blocks, and whose calls somebody takes.

use super::{CallEntry, CallOutcome};
use crate::ids::UserId;
use crate::wire::Code;

/// Whether one of two people has blocked the other, seen from who acts. Where
/// both have, one's own counts: it is what one can undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Block {
    /// Nobody has.
    #[default]
    None,
    /// Who acts has blocked the other.
    Own,
    /// The other has blocked who acts.
    Theirs,
}

impl Block {
    /// What stands between two people.
    #[must_use]
    pub const fn of(own: bool, theirs: bool) -> Self {
        match (own, theirs) {
            (true, _) => Self::Own,
            (false, true) => Self::Theirs,
            (false, false) => Self::None,
        }
    }

    /// Decides whether one may reach the other. Who is blocked is told that it
    /// did not go through, since a message must not vanish, but not why.
    ///
    /// # Errors
    ///
    /// [`Code::BlockedByYou`], [`Code::NotAllowed`].
    pub const fn pass(self) -> Result<(), Code> {
        match self {
            Self::None => Ok(()),
            Self::Own => Err(Code::BlockedByYou),
            Self::Theirs => Err(Code::NotAllowed),
        }
    }
}

/// Somebody blocked somebody, or took it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockChange {
    /// Who.
    pub by: UserId,
    /// Whom.
    pub whom: UserId,
    /// Whether it is a block, or the end of one.
    pub blocked: bool,
}

/// Whose calls a person takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CallsFrom {
    /// Everybody's.
    #[default]
    Everyone,
    /// Of people to whom the person has written.
    Contacts,
    /// Nobody's.
    Nobody,
}

impl CallsFrom {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Everyone, Self::Contacts, Self::Nobody];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
        }
    }

    /// The choice of this word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What decides about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallFacts {
    /// Between the two, seen from the caller.
    pub block: Block,
    /// Whose calls the callee takes.
    pub calls_from: CallsFrom,
    /// Whether the callee has ever written to the caller.
    pub contact: bool,
}

/// Decides whether somebody may call. Refused calls are like calls to somebody
/// who is away.
///
/// # Errors
///
/// [`Code::BlockedByYou`], [`Code::NotAllowed`].
pub const fn may_call(facts: &CallFacts) -> Result<(), Code> {
    if let Err(code) = facts.block.pass() {
        return Err(code);
    }
    match (facts.calls_from, facts.contact) {
        (CallsFrom::Everyone, _) | (CallsFrom::Contacts, true) => Ok(()),
        (CallsFrom::Contacts, false) | (CallsFrom::Nobody, _) => Err(Code::NotAllowed),
    }
}

/// Decides whether the log entry of a call that did not come about is kept: one
/// that its callee does not want leaves no trace there either.
///
/// # Errors
///
/// What [`may_call`] refuses.
pub const fn may_record_attempt(entry: &CallEntry, facts: &CallFacts) -> Result<(), Code> {
    match entry.outcome {
        CallOutcome::Offline | CallOutcome::Busy => may_call(facts),
        CallOutcome::Answered
        | CallOutcome::Declined
        | CallOutcome::Cancelled
        | CallOutcome::NoAnswer
        | CallOutcome::Lost => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_block_counts_first_and_is_named() {
        assert_eq!(Block::of(true, true).pass(), Err(Code::BlockedByYou));
        assert_eq!(Block::of(true, false).pass(), Err(Code::BlockedByYou));
        assert_eq!(Block::of(false, true).pass(), Err(Code::NotAllowed));
        assert_eq!(Block::of(false, false).pass(), Ok(()));
    }

    #[test]
    fn a_call_passes_as_the_callee_wants_and_never_past_a_block() {
        for (calls_from, contact, due) in [
            (CallsFrom::Everyone, false, Ok(())),
            (CallsFrom::Everyone, true, Ok(())),
            (CallsFrom::Contacts, false, Err(Code::NotAllowed)),
            (CallsFrom::Contacts, true, Ok(())),
            (CallsFrom::Nobody, false, Err(Code::NotAllowed)),
            (CallsFrom::Nobody, true, Err(Code::NotAllowed)),
        ] {
            let facts = |block| CallFacts {
                block,
                calls_from,
                contact,
            };
            assert_eq!(may_call(&facts(Block::None)), due, "{calls_from:?}");
            assert_eq!(may_call(&facts(Block::Own)), Err(Code::BlockedByYou));
            assert_eq!(may_call(&facts(Block::Theirs)), Err(Code::NotAllowed));
        }
    }

    #[test]
    fn a_call_that_its_callee_does_not_want_leaves_no_trace_unless_it_rang() {
        let entry = |outcome| CallEntry {
            outcome,
            duration_s: None,
        };
        let facts = |block| CallFacts {
            block,
            calls_from: CallsFrom::Everyone,
            contact: false,
        };
        for (outcome, due) in [
            (CallOutcome::Offline, Err(Code::NotAllowed)),
            (CallOutcome::Busy, Err(Code::NotAllowed)),
            (CallOutcome::Answered, Ok(())),
            (CallOutcome::Declined, Ok(())),
            (CallOutcome::Cancelled, Ok(())),
            (CallOutcome::NoAnswer, Ok(())),
            (CallOutcome::Lost, Ok(())),
        ] {
            let (entry, blocked) = (entry(outcome), facts(Block::Theirs));
            assert_eq!(may_record_attempt(&entry, &blocked), due, "{outcome:?}");
            let free = facts(Block::None);
            assert_eq!(may_record_attempt(&entry, &free), Ok(()), "{outcome:?}");
        }
    }

    #[test]
    fn choices_read_back_from_their_words() {
        for choice in CallsFrom::ALL {
            assert_eq!(CallsFrom::parse(choice.as_str()), Some(choice));
        }
        assert_eq!(CallsFrom::parse("friends"), None);
    }
}
