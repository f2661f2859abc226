//! What is taken back: for everyone it is erased, for one person alone it is
//! hidden. The store finds the facts, the rules are here.

use crate::chat::{Destination, StoredMessage};
use crate::ids::{ConversationId, MessageId, Seq, UserId};
use crate::wire::Code;

/// For whom something is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// For both people.
    Everyone,
    /// For who asks.
    Me,
}

/// A message without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The message.
    pub message: MessageId,
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
}

impl From<&StoredMessage> for Place {
    fn from(message: &StoredMessage) -> Self {
        Self {
            message: message.id,
            conversation: message.conversation,
            seq: message.seq,
            sender: message.sender,
            to: message.to,
            client_message_id: message.client_message_id.clone(),
        }
    }
}

/// Something that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// The message is erased; only its place is left.
    Erased(Place),
    /// This person does not see the message any more.
    Hidden(UserId, Place),
    /// The conversation is gone with all that was said in it. Its people may
    /// begin a new one.
    Conversation {
        /// Which.
        conversation: ConversationId,
        /// Whose it was.
        pair: (UserId, UserId),
    },
    /// This person does not see what was said so far any more.
    Cleared {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// With whom.
        other: UserId,
        /// Up to here.
        seq: Seq,
    },
    /// A person's account is gone, with every word of theirs.
    Account {
        /// Whose.
        user: UserId,
        /// Under which name others find what is left.
        name: String,
        /// Who shares a conversation with them.
        others: Vec<UserId>,
    },
}

impl Deletion {
    /// Whether this person may not be shown that message any more.
    #[must_use]
    pub fn covers(&self, user: UserId, message: &StoredMessage) -> bool {
        match self {
            Self::Erased(place) => place.message == message.id,
            Self::Hidden(who, place) => *who == user && place.message == message.id,
            Self::Conversation { conversation, .. } => *conversation == message.conversation,
            Self::Cleared {
                conversation,
                user: who,
                seq,
                ..
            } => *who == user && *conversation == message.conversation && message.seq <= *seq,
            Self::Account { user: gone, .. } => *gone == message.sender,
        }
    }
}

/// What the writer's transaction knows of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageFacts {
    /// Who wrote it.
    pub sender: UserId,
    /// Whether who asks may read it.
    pub read: bool,
    /// The server wrote it, about a group.
    pub event: bool,
    /// It was erased before.
    pub erased: bool,
}

/// Decides whether a message may be deleted by this person. Who wrote it may
/// erase it at any time; for oneself one may hide what others wrote, too.
///
/// # Errors
///
/// [`Code::MessageNotFound`], [`Code::NotSender`].
pub fn may_delete(me: UserId, facts: Option<MessageFacts>, scope: Scope) -> Result<(), Code> {
    let facts = facts
        .filter(|facts| !facts.erased)
        .ok_or(Code::MessageNotFound)?;
    match scope {
        Scope::Everyone if me == facts.sender && !facts.event => Ok(()),
        Scope::Everyone => Err(Code::NotSender),
        Scope::Me if facts.read => Ok(()),
        Scope::Me => Err(Code::MessageNotFound),
    }
}

/// Decides whether this person may delete a conversation, for both or for
/// oneself: one of its two people may, `pair`; says who the other is.
///
/// # Errors
///
/// [`Code::ConversationNotFound`], [`Code::NotParticipant`].
pub fn may_delete_conversation(me: UserId, pair: Option<(UserId, UserId)>) -> Result<UserId, Code> {
    match pair {
        None => Err(Code::ConversationNotFound),
        Some((one, other)) if one == me => Ok(other),
        Some((other, one)) if one == me => Ok(other),
        Some(_) => Err(Code::NotParticipant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Body;
    use crate::ids::Timestamp;

    const SENDER: UserId = UserId(1);
    const RECEIVER: UserId = UserId(2);
    const STRANGER: UserId = UserId(3);

    #[test]
    fn who_wrote_it_erases_a_message_and_who_may_read_it_hides_it() {
        let facts = |read| {
            Some(MessageFacts {
                sender: SENDER,
                read,
                event: false,
                erased: false,
            })
        };
        for (me, read, everyone, mine) in [
            (SENDER, true, Ok(()), Ok(())),
            (RECEIVER, true, Err(Code::NotSender), Ok(())),
            (
                STRANGER,
                false,
                Err(Code::NotSender),
                Err(Code::MessageNotFound),
            ),
        ] {
            let facts = facts(read);
            assert_eq!(may_delete(me, facts, Scope::Everyone), everyone, "{me}");
            assert_eq!(may_delete(me, facts, Scope::Me), mine, "{me}");
        }
    }

    #[test]
    fn what_the_server_wrote_about_a_group_is_hidden_and_never_erased() {
        let facts = Some(MessageFacts {
            sender: SENDER,
            read: true,
            event: true,
            erased: false,
        });
        let erased = may_delete(SENDER, facts, Scope::Everyone);
        assert_eq!(erased, Err(Code::NotSender));
        assert_eq!(may_delete(SENDER, facts, Scope::Me), Ok(()));
    }

    #[test]
    fn a_hidden_message_may_still_be_shown_to_the_other() {
        let message = |id| StoredMessage {
            id: MessageId(id),
            conversation: ConversationId(7),
            seq: Seq(id),
            sender: SENDER,
            to: RECEIVER.into(),
            client_message_id: None,
            body: Body::Text("x".to_owned()),
            created_at: Timestamp(0),
        };
        let hidden = Deletion::Hidden(RECEIVER, Place::from(&message(1)));
        assert!(hidden.covers(RECEIVER, &message(1)));
        assert!(!hidden.covers(SENDER, &message(1)));
        assert!(!hidden.covers(RECEIVER, &message(2)));
    }

    #[test]
    fn a_conversation_is_deleted_by_its_two_people() {
        let pair = Some((SENDER, RECEIVER));
        assert_eq!(may_delete_conversation(SENDER, pair), Ok(RECEIVER));
        assert_eq!(may_delete_conversation(RECEIVER, pair), Ok(SENDER));
        assert_eq!(
            may_delete_conversation(STRANGER, pair),
            Err(Code::NotParticipant)
        );
        assert_eq!(
            may_delete_conversation(SENDER, None),
            Err(Code::ConversationNotFound)
        );
    }

    #[test]
    fn a_history_is_cleared_up_to_a_place_and_for_one_person() {
        let message = |conversation, seq| StoredMessage {
            id: MessageId(seq),
            conversation: ConversationId(conversation),
            seq: Seq(seq),
            sender: SENDER,
            to: RECEIVER.into(),
            client_message_id: None,
            body: Body::Text("x".to_owned()),
            created_at: Timestamp(0),
        };
        let cleared = Deletion::Cleared {
            conversation: ConversationId(7),
            user: RECEIVER,
            other: SENDER,
            seq: Seq(3),
        };
        assert!(cleared.covers(RECEIVER, &message(7, 3)));
        assert!(!cleared.covers(RECEIVER, &message(7, 4)));
        assert!(!cleared.covers(RECEIVER, &message(8, 3)));
        assert!(!cleared.covers(SENDER, &message(7, 3)));
        let gone = Deletion::Conversation {
            conversation: ConversationId(7),
            pair: (SENDER, RECEIVER),
        };
        assert!(gone.covers(SENDER, &message(7, 9)) && gone.covers(RECEIVER, &message(7, 9)));
        assert!(!gone.covers(SENDER, &message(8, 9)));
    }

    #[test]
    fn what_is_erased_or_never_was_cannot_be_deleted() {
        let erased = MessageFacts {
            sender: SENDER,
            read: true,
            event: false,
            erased: true,
        };
        for facts in [None, Some(erased)] {
            for scope in [Scope::Everyone, Scope::Me] {
                assert_eq!(may_delete(SENDER, facts, scope), Err(Code::MessageNotFound));
            }
        }
    }
}
