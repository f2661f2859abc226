//! The messages a store would keep, who may read each, and what was deleted.

use std::collections::{BTreeMap, BTreeSet};

use payambar_signaling::chat::{Body, Deletion, Place, StoredMessage};
use payambar_signaling::ids::{ConnId, ConversationId, MessageId, Seq, Timestamp, UserId};
use payambar_signaling::wire::ServerFrame;

use super::steps::{Delete, owner};

/// The message that waits for person 1 from the beginning.
const OLD: i64 = 1_000_000;

pub(crate) struct Kept {
    messages: BTreeMap<MessageId, StoredMessage>,
    /// Who may not be shown which message any more.
    gone: BTreeSet<(UserId, MessageId)>,
    /// What was read for a socket that still waits for it.
    reads: BTreeMap<ConnId, Vec<StoredMessage>>,
    /// Conversations that were deleted.
    ended: BTreeSet<ConversationId>,
}

impl Kept {
    pub(crate) fn new() -> Self {
        let mut kept = Self {
            messages: BTreeMap::new(),
            gone: BTreeSet::new(),
            reads: BTreeMap::new(),
            ended: BTreeSet::new(),
        };
        let old = Body::Text("old".to_owned());
        kept.keep(OLD, UserId(4), UserId(1), old);
        kept
    }

    pub(crate) fn keep(
        &mut self,
        id: i64,
        sender: UserId,
        receiver: UserId,
        body: Body,
    ) -> StoredMessage {
        let message = StoredMessage {
            id: MessageId(id),
            conversation: self.conversation(sender, receiver),
            seq: Seq(id),
            sender,
            to: receiver.into(),
            client_message_id: None,
            body,
            created_at: Timestamp(0),
        };
        self.messages.insert(message.id, message.clone());
        message
    }

    /// The conversation of two people; after its end a new one.
    fn conversation(&self, one: UserId, other: UserId) -> ConversationId {
        let mut id = ConversationId(one.min(other).0 * 10 + one.max(other).0);
        while self.ended.contains(&id) {
            id.0 += 100;
        }
        id
    }

    /// Takes something away; says what the hub is told of.
    pub(crate) fn delete(&mut self, delete: Delete) -> Deletion {
        let Delete {
            pick,
            by_sender,
            for_all,
            conversation,
        } = delete;
        let messages: Vec<&StoredMessage> = self.messages.values().collect();
        let message = messages[pick % messages.len()];
        let place = Place::from(message);
        let (sender, receiver) = (message.sender, reader(message));
        let me = if by_sender { sender } else { receiver };
        let other = if by_sender { receiver } else { sender };
        let (here, seq) = (place.conversation, place.seq);
        let deletion = match (conversation, for_all) {
            (false, true) => Deletion::Erased(place),
            (false, false) => Deletion::Hidden(me, place),
            (true, true) => Deletion::Conversation {
                conversation: here,
                pair: (me, other),
            },
            (true, false) => Deletion::Cleared {
                conversation: here,
                user: me,
                other,
                seq,
            },
        };
        if conversation && for_all {
            self.ended.insert(here);
        }
        self.remember(&deletion, &[sender, receiver]);
        deletion
    }

    /// The message was erased long ago; only who sends it again meets it.
    pub(crate) fn erased(&mut self, message: &StoredMessage) {
        let people = [message.sender, reader(message)];
        self.remember(&Deletion::Erased(Place::from(message)), &people);
    }

    fn remember(&mut self, deletion: &Deletion, people: &[UserId]) {
        for message in self.messages.values() {
            for &user in people {
                if deletion.covers(user, message) {
                    self.gone.insert((user, message.id));
                }
            }
        }
    }

    /// What this person's new socket will be told they missed.
    pub(crate) fn read(&mut self, conn: ConnId) {
        let me = owner(conn);
        let mine = self
            .messages
            .values()
            .filter(|message| reader(message) == me && !self.gone.contains(&(me, message.id)));
        self.reads.insert(conn, mine.cloned().collect());
    }

    /// The answer to that.
    pub(crate) fn answer(&mut self, conn: ConnId) -> Vec<StoredMessage> {
        self.reads.remove(&conn).unwrap_or_default()
    }

    /// A message or its end is told to this socket.
    pub(crate) fn heard(&self, conn: ConnId, frame: &ServerFrame, receipt: bool) {
        let me = owner(conn);
        if let ServerFrame::Message(frame) = frame {
            let message = &self.messages[&frame.message_id];
            let (sender, receiver) = (message.sender, reader(message));
            assert!(me == sender || me == receiver, "{conn} reads {frame:?}");
            assert_eq!(receipt, me == receiver);
            let gone = self.gone.contains(&(me, frame.message_id));
            assert!(!gone, "{conn} is shown what is gone: {frame:?}");
        }
        if let ServerFrame::MessageDeleted {
            message_id,
            sender_id,
            receiver_id,
            ..
        } = frame
        {
            let message = &self.messages[message_id];
            assert_eq!(
                (message.sender, reader(message)),
                (*sender_id, receiver_id.unwrap())
            );
            assert!(
                me == *sender_id || Some(me) == *receiver_id,
                "{conn} is a stranger"
            );
            assert!(
                self.gone.contains(&(me, *message_id)),
                "{frame:?} is not so"
            );
        }
        if let ServerFrame::ConversationDeleted {
            conversation_id,
            user_id,
            seq,
            for_me,
        } = frame
        {
            assert_eq!(*for_me, seq.is_some());
            let is_here = |message: &&StoredMessage| {
                message.conversation == *conversation_id && seq.is_none_or(|seq| message.seq <= seq)
            };
            for message in self.messages.values().filter(is_here) {
                let pair = [message.sender, reader(message)];
                assert!(
                    pair.contains(&me) && pair.contains(user_id),
                    "{conn} hears {frame:?}"
                );
                assert!(me != *user_id && self.gone.contains(&(me, message.id)));
            }
        }
    }
}

/// Who reads a message: nobody has a group here.
pub(crate) fn reader(message: &StoredMessage) -> UserId {
    message.to.person().unwrap()
}
