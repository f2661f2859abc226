//! Tells people of what was deleted, and keeps it from sockets that have not
//! been told yet what their person missed.

use std::time::Instant;

use super::messages::MAX_WAITING;
use super::{Effect, Hub, close_code};
use crate::chat::{Deletion, Destination, Place};
use crate::ids::UserId;
use crate::wire::ServerFrame;

impl Hub {
    /// Something was deleted through REST.
    pub(super) fn deleted(&mut self, deletion: &Deletion, now: Instant) {
        match deletion {
            Deletion::Erased(place) => {
                let people = self.readers(place);
                self.take_from_waiting(&people, deletion, now);
                self.tell(&people, message_deleted(place, false));
            }
            Deletion::Hidden(user, place) => {
                self.take_from_waiting(&[*user], deletion, now);
                self.tell(&[*user], message_deleted(place, true));
            }
            Deletion::Conversation { conversation, pair } => {
                let (one, other) = *pair;
                self.take_from_waiting(&[one, other], deletion, now);
                self.conversation_gone(*conversation, now);
                for (me, user_id) in [(one, other), (other, one)] {
                    let frame = ServerFrame::ConversationDeleted {
                        conversation_id: *conversation,
                        user_id,
                        seq: None,
                        for_me: false,
                    };
                    self.tell(&[me], frame);
                }
            }
            Deletion::Cleared {
                conversation,
                user,
                other,
                seq,
            } => {
                self.take_from_waiting(&[*user], deletion, now);
                let frame = ServerFrame::ConversationDeleted {
                    conversation_id: *conversation,
                    user_id: *other,
                    seq: Some(*seq),
                    for_me: true,
                };
                self.tell(&[*user], frame);
            }
            Deletion::Account { user, name, others } => {
                self.take_from_waiting(others, deletion, now);
                self.member_gone(*user, now);
                let frame = ServerFrame::AccountDeleted {
                    user_id: *user,
                    username: name.clone(),
                };
                self.tell(others, frame);
            }
        }
    }

    /// Who may have been told of a message.
    fn readers(&self, place: &Place) -> Vec<UserId> {
        match place.to {
            Destination::Person(receiver) => vec![place.sender, receiver],
            Destination::Group(group) => self.people.in_group(group),
        }
    }

    pub(super) fn tell(&mut self, people: &[UserId], frame: ServerFrame) {
        let to = people.iter().flat_map(|&user| self.sockets.of(user));
        self.send(to.collect(), frame, None);
    }

    /// What a socket is still to be told of was read before, or waits: it must
    /// not bring back what is gone.
    fn take_from_waiting(&mut self, people: &[UserId], deletion: &Deletion, now: Instant) {
        for &user in people {
            for conn in self.sockets.of(user) {
                match self.sockets.get_mut(conn) {
                    Some(socket) if socket.caught_up => {}
                    Some(socket) if socket.deletions.len() < MAX_WAITING => {
                        socket.deletions.push(deletion.clone());
                    }
                    Some(_) | None => {
                        let code = close_code::TRY_AGAIN_LATER;
                        self.effects.push_back(Effect::Close { conn, code });
                        self.disconnected(conn, now);
                    }
                }
            }
        }
    }
}

/// Says that a message is gone, for everyone or for who is told.
pub(super) fn message_deleted(place: &Place, for_me: bool) -> ServerFrame {
    ServerFrame::MessageDeleted {
        message_id: place.message,
        client_message_id: place.client_message_id.clone(),
        conversation_id: place.conversation,
        seq: place.seq,
        sender_id: place.sender,
        receiver_id: place.to.person(),
        for_me,
    }
}
