//! What sleeping devices are told.

use payambar_signaling::chat::Body;
use payambar_signaling::hub::Notice;
use payambar_signaling::ids::UserId;

use super::World;
use super::steps::owner;

impl World {
    pub(crate) fn notified(&mut self, user: UserId, notice: Notice) {
        match notice {
            Notice::Message(message) => {
                assert_eq!(message.to, user.into());
                assert!(matches!(message.body, Body::Text(_) | Body::Sealed(_)));
                assert!(!self.alive.iter().any(|&conn| owner(conn) == user));
            }
            Notice::Ringing { call, caller, .. } => {
                assert!(!self.people.are_apart(caller, user), "{user} is rung");
                self.began(call, caller, user);
                self.ringing.push(call);
            }
            Notice::Invited { .. } | Notice::InvitedNoMore { .. } => {
                unreachable!("nobody wants a room")
            }
            Notice::RingingOver { call, caller, .. } => {
                let seen = &self.calls[&call];
                assert_eq!((seen.caller, seen.callee), (caller, user));
                assert!(self.rang.insert(call), "it stopped ringing twice");
            }
        }
    }
}
