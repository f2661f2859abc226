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
}

impl Kept {
    pub(crate) fn new() -> Self {
        let mut kept = Self {
            messages: BTreeMap::new(),
            gone: BTreeSet::new(),
            reads: BTreeMap::new(),
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
            conversation: ConversationId(sender.min(receiver).0 * 10 + sender.max(receiver).0),
            seq: Seq(id),
            sender,
            receiver,
            client_message_id: None,
            body,
            created_at: Timestamp(0),
        };
        self.messages.insert(message.id, message.clone());
        message
    }

    /// Takes something away; says what the hub is told of.
    pub(crate) fn delete(&mut self, delete: Delete) -> Deletion {
        let Delete {
            pick,
            by_sender,
            for_all,
        } = delete;
        let messages: Vec<&StoredMessage> = self.messages.values().collect();
        let message = messages[pick % messages.len()];
        let place = Place::from(message);
        let (sender, receiver) = (message.sender, message.receiver);
        let me = if by_sender { sender } else { receiver };
        let deletion = if for_all {
            Deletion::Erased(place)
        } else {
            Deletion::Hidden(me, place)
        };
        self.remember(&deletion, &[sender, receiver]);
        deletion
    }

    /// The message was erased long ago; only who sends it again meets it.
    pub(crate) fn erased(&mut self, message: &StoredMessage) {
        let people = [message.sender, message.receiver];
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
            .filter(|message| message.receiver == me && !self.gone.contains(&(me, message.id)));
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
            let (sender, receiver) = (message.sender, message.receiver);
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
                (message.sender, message.receiver),
                (*sender_id, *receiver_id)
            );
            assert!(
                me == *sender_id || me == *receiver_id,
                "{conn} is a stranger"
            );
            assert!(
                self.gone.contains(&(me, *message_id)),
                "{frame:?} is not so"
            );
        }
    }
}
