//! What sockets are told of rooms, held against what may be told.

use std::collections::BTreeSet;

use payambar_signaling::ids::{ConnId, ConversationId, ParticipantId, UserId};
use payambar_signaling::wire::{RoomState, ServerFrame};

use super::World;
use super::steps::owner;

impl World {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "there are many frames, and only those about rooms are looked at"
    )]
    pub(crate) fn heard(&mut self, conn: ConnId, frame: &ServerFrame) {
        match frame {
            ServerFrame::Error { .. } => self.refused = true,
            ServerFrame::RoomJoined {
                participant_id,
                payload,
                state,
            } => {
                let medium = self.media.get_mut(participant_id).expect("a medium");
                assert!(medium.offered, "{participant_id} has no offer");
                assert_eq!(medium.room, state.conversation_id);
                assert_eq!(medium.user.is_none(), payload.is_some());
                medium.user = Some(owner(conn));
                self.seats.insert(conn, *participant_id);
                self.state(conn, state);
                let mut own = state.participants.iter();
                assert!(own.any(|p| p.participant_id == *participant_id));
            }
            ServerFrame::RoomState(state) => self.state(conn, state),
            ServerFrame::RoomOffer { participant_id, .. } => {
                assert_eq!(self.seats.get(&conn), Some(participant_id));
            }
            ServerFrame::RoomSlots {
                conversation_id, ..
            } => {
                let seat = self.seats.get(&conn).and_then(|seat| self.media.get(seat));
                assert_eq!(seat.map(|medium| medium.room), Some(*conversation_id));
            }
            ServerFrame::RoomSpeaking {
                conversation_id,
                participant_id,
                ..
            } => {
                let room = |seat: &ParticipantId| self.media.get(seat).map(|medium| medium.room);
                let own = self.seats.get(&conn).and_then(room);
                assert_eq!(own, Some(*conversation_id), "{conn} sits elsewhere");
                assert_eq!(room(participant_id), Some(*conversation_id));
            }
            ServerFrame::RoomLeft { participant_id, .. } => {
                if self.seats.get(&conn) == Some(participant_id) {
                    self.seats.remove(&conn);
                }
                let mut others = self.seats.values();
                assert!(!others.any(|seat| seat == participant_id));
            }
            ServerFrame::RoomInvited {
                conversation_id,
                sender_id,
                ..
            } => {
                let me = owner(conn);
                assert!(
                    self.sits(*sender_id, *conversation_id),
                    "{sender_id} is not there"
                );
                assert!(self.is_member(*conversation_id, *sender_id));
                assert!(!self.are_apart(me, *sender_id), "{me} is asked");
                self.invited.insert((*conversation_id, me));
            }
            ServerFrame::RoomInviteOver {
                conversation_id,
                user_id,
                ..
            } => {
                let me = owner(conn);
                let asked = me == *user_id;
                assert!(
                    asked || self.is_member(*conversation_id, me),
                    "{me} never asked"
                );
            }
            ServerFrame::CallMoved {
                call_id,
                conversation_id,
            } => {
                let (one, other) = self.calls[call_id];
                let me = owner(conn);
                assert!(me == one || me == other);
                for user in [one, other] {
                    assert!(self.is_member(*conversation_id, user));
                }
            }
            _ => {}
        }
    }

    /// A socket is told how a room stands.
    fn state(&mut self, conn: ConnId, state: &RoomState) {
        let room = state.conversation_id;
        let me = owner(conn);
        let own = self.seats.get(&conn).and_then(|seat| self.media.get(seat));
        let is_inside = own.is_some_and(|medium| medium.room == room);
        assert!(self.is_member(room, me) || is_inside, "{me} is a stranger");
        let mut people = BTreeSet::new();
        for participant in &state.participants {
            let user = participant.user_id;
            assert!(people.insert(user), "{user} sits twice");
            let medium = self
                .media
                .get_mut(&participant.participant_id)
                .expect("a medium");
            assert!(medium.offered && medium.room == room);
            assert!(medium.user.is_none_or(|known| known == user));
            medium.user = Some(user);
            let asked = self.invited.contains(&(room, user));
            assert!(
                self.is_member(room, user) || asked,
                "{user} was never asked"
            );
            // A guest who was taken in meanwhile is shown as one until that is read.
            assert!(participant.guest || self.is_member(room, user));
        }
        let mut raised: Vec<_> = state.participants.iter().collect();
        raised.retain(|participant| participant.hand.is_some());
        raised.sort_by_key(|participant| participant.hand);
        let raised: Vec<UserId> = raised
            .iter()
            .map(|participant| participant.user_id)
            .collect();
        let mut hands = self.hands.get(&room).cloned().unwrap_or_default();
        hands.retain(|user| people.contains(user));
        assert_eq!(raised, hands, "the order of hands");
    }

    fn sits(&self, user: UserId, room: ConversationId) -> bool {
        let mut media = self.media.values();
        media.any(|medium| medium.room == room && medium.user == Some(user))
    }

    pub(crate) fn are_apart(&self, a: UserId, b: UserId) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }
}
