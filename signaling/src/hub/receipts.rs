//! How far each person's messages are marked as delivered, so that a person's
//! several sockets and a busy conversation make few marks. A cache: whatever
//! is forgotten costs one mark that changes nothing.

use std::collections::BTreeMap;

use crate::ids::{ConversationId, Seq, UserId};

/// Conversations remembered for one person who is online.
const MAX_CONVERSATIONS: usize = 128;

#[derive(Debug, Clone, Copy)]
struct Watermark {
    /// Marked, or being marked.
    marked: Seq,
    /// Written to a socket meanwhile.
    wanted: Seq,
    /// The store has not answered yet.
    waiting: bool,
}

/// What is to be done about a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Todo {
    /// It is marked, or will be with the next answer.
    Nothing,
    /// Mark it; `known` comes back with the answer.
    Mark { known: bool },
}

/// The watermarks of all people who are online.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    people: BTreeMap<UserId, BTreeMap<ConversationId, Watermark>>,
}

impl Receipts {
    /// A message was written to one of this person's sockets.
    pub(super) fn written(&mut self, user: UserId, conversation: ConversationId, seq: Seq) -> Todo {
        let marks = self.people.entry(user).or_default();
        if let Some(mark) = marks.get_mut(&conversation) {
            mark.wanted = mark.wanted.max(seq);
            if seq <= mark.marked || mark.waiting {
                return Todo::Nothing;
            }
            mark.marked = seq;
            mark.waiting = true;
            return Todo::Mark { known: true };
        }
        if marks.len() >= MAX_CONVERSATIONS {
            let idle = marks.iter().find(|(_, mark)| !mark.waiting);
            let Some(&idle) = idle.map(|(conversation, _)| conversation) else {
                return Todo::Mark { known: false };
            };
            marks.remove(&idle);
        }
        let mark = Watermark {
            marked: seq,
            wanted: seq,
            waiting: true,
        };
        marks.insert(conversation, mark);
        Todo::Mark { known: true }
    }

    /// The store answered; says up to where to mark next.
    pub(super) fn answered(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        stored: bool,
    ) -> Option<Seq> {
        let marks = self.people.get_mut(&user)?;
        let mark = marks.get_mut(&conversation)?;
        mark.waiting = false;
        if !stored {
            marks.remove(&conversation);
            return None;
        }
        if mark.wanted <= mark.marked {
            return None;
        }
        mark.marked = mark.wanted;
        mark.waiting = true;
        Some(mark.wanted)
    }

    /// The person marked so far by other means.
    pub(super) fn moved(&mut self, user: UserId, conversation: ConversationId, seq: Seq) {
        let marks = self.people.get_mut(&user);
        if let Some(mark) = marks.and_then(|marks| marks.get_mut(&conversation)) {
            mark.marked = mark.marked.max(seq);
        }
    }

    /// The person is offline.
    pub(super) fn forget(&mut self, user: UserId) {
        self.people.remove(&user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: UserId = UserId(1);
    const HERE: ConversationId = ConversationId(7);
    const KNOWN: Todo = Todo::Mark { known: true };

    #[test]
    fn a_second_socket_of_the_same_person_makes_no_second_mark() {
        let mut receipts = Receipts::default();
        assert_eq!(receipts.written(USER, HERE, Seq(3)), KNOWN);
        assert_eq!(receipts.written(USER, HERE, Seq(3)), Todo::Nothing);
        assert_eq!(receipts.answered(USER, HERE, true), None);
        assert_eq!(receipts.written(USER, HERE, Seq(2)), Todo::Nothing);
        assert_eq!(receipts.written(USER, HERE, Seq(4)), KNOWN);
    }

    #[test]
    fn what_arrives_while_a_mark_is_stored_makes_one_mark_together() {
        let mut receipts = Receipts::default();
        receipts.written(USER, HERE, Seq(1));
        for seq in 2..50 {
            assert_eq!(receipts.written(USER, HERE, Seq(seq)), Todo::Nothing);
        }
        assert_eq!(receipts.answered(USER, HERE, true), Some(Seq(49)));
        assert_eq!(receipts.answered(USER, HERE, true), None);
    }

    #[test]
    fn a_mark_the_store_refused_is_tried_again_with_the_next_receipt() {
        let mut receipts = Receipts::default();
        receipts.written(USER, HERE, Seq(5));
        assert_eq!(receipts.answered(USER, HERE, false), None);
        assert_eq!(receipts.written(USER, HERE, Seq(5)), KNOWN);
    }

    #[test]
    fn what_was_read_needs_no_delivery_mark() {
        let mut receipts = Receipts::default();
        receipts.written(USER, HERE, Seq(1));
        receipts.answered(USER, HERE, true);
        receipts.moved(USER, HERE, Seq(9));
        assert_eq!(receipts.written(USER, HERE, Seq(9)), Todo::Nothing);
    }

    #[test]
    fn the_cache_stays_small_and_loses_no_mark() {
        let mut receipts = Receipts::default();
        for n in 0..1_000 {
            let todo = receipts.written(USER, ConversationId(n), Seq(1));
            assert!(matches!(todo, Todo::Mark { .. }));
            assert!(receipts.people[&USER].len() <= MAX_CONVERSATIONS);
        }
        for n in 0..1_000 {
            receipts.answered(USER, ConversationId(n), true);
        }
        assert_eq!(receipts.written(USER, HERE, Seq(1)), Todo::Nothing);
        assert_eq!(receipts.written(USER, ConversationId(999), Seq(1)), KNOWN);
        assert!(receipts.people[&USER].len() <= MAX_CONVERSATIONS);
    }
}
