//! All voice rooms: which one a frame belongs to, who is told, and when the
//! next one has something to do. What is read for them is in `entry`.

mod entry;
mod index;

use std::time::Instant;

pub(super) use entry::Asked;
use entry::Why;
pub(super) use index::Rooms;

use super::{Effect, Hub, Notice};
use crate::ids::{ConnId, ConversationId, ParticipantId, SessionId, UserId};
use crate::room::{Audience, MediaEvent, Room, Step};
use crate::wire::{Code, Reference, RoomFrame, RoomLeftReason, RoomSaid, RoomState, ServerFrame};

impl Hub {
    /// Every room that people were told of.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomState> {
        let shown = self.rooms.all().filter(|room| room.is_shown());
        shown.map(Room::state).collect()
    }

    pub(super) fn room_frame(
        &mut self,
        conn: ConnId,
        frame: RoomFrame,
        reference: &Reference,
        now: Instant,
    ) -> Result<(), Code> {
        if self.limits.room_participants == 0 {
            return Err(Code::RoomsOff);
        }
        let socket = self.sockets.get(conn).ok_or(Code::Internal)?;
        let (user, session) = (socket.user, socket.session);
        let id = frame.conversation;
        let room = self.rooms.get_mut(id).ok_or(Code::RoomUnknown);
        match frame.said {
            RoomSaid::Join { call_id } => {
                self.call_to_move((user, conn), call_id, None)?;
                let why = Why::Join { conn, call_id };
                return self.ask(id, user, why, reference);
            }
            RoomSaid::Invite { user: whom } => {
                room?.may_invite(user, conn)?;
                self.may_ask(user, whom)?;
                let why = Why::Invite { conn };
                return self.ask(id, whom, why, reference);
            }
            RoomSaid::Answer { participant, sdp } => room?.answer(participant, conn, sdp),
            RoomSaid::Restart { participant } => room?.restart(participant, conn),
            RoomSaid::Resume { participant } => room?.resume(participant, (conn, session)),
            RoomSaid::Leave { participant } => room?.leave(participant, conn, now),
            RoomSaid::Mute { participant, muted } => room?.mute(participant, conn, muted, now),
            RoomSaid::Hand {
                participant,
                raised,
            } => room?.hand(participant, conn, raised, now),
            RoomSaid::Moderate {
                participant,
                action,
            } => room?.moderate(user, participant, action, now),
            RoomSaid::Lock { locked } => room?.lock(user, locked, now),
            RoomSaid::Decline => room?.decline(user, session),
        }?;
        self.settle(id, now);
        Ok(())
    }

    /// The media side has said something of a seat.
    pub(super) fn room_media(&mut self, event: MediaEvent, now: Instant) {
        if let Some(id) = self.rooms.room_of(event.participant()) {
            self.in_room(id, now, |room| room.media(event, now));
        }
    }

    /// A socket is gone, and a seat without one if it had any.
    pub(super) fn room_socket_gone(&mut self, user: UserId, conn: ConnId, now: Instant) {
        if let Some(id) = self.rooms.where_is(user) {
            self.in_room(id, now, |room| room.gone(conn, now));
        }
    }

    pub(super) fn end_seats_of(&mut self, session: SessionId, now: Instant) {
        for (id, participant) in self.rooms.seats_of_session(session) {
            self.in_room(id, now, |room| {
                room.unseat(participant, RoomLeftReason::SessionEnded, now);
            });
        }
    }

    pub(super) fn room_due(&mut self, id: ConversationId, now: Instant) {
        self.in_room(id, now, |room| room.expire(now));
    }

    /// One of two people has blocked the other: they sit together in no room of
    /// their own, and neither is the other's guest.
    pub(super) fn rooms_parted(&mut self, one: UserId, other: UserId, now: Instant) {
        for id in self.rooms.of_either(one, other) {
            self.in_room(id, now, |room| {
                if room.is_pair_of(one, other) {
                    room.close(now);
                } else {
                    room.parted(one, other, now);
                }
            });
        }
    }

    pub(super) fn conversation_gone(&mut self, id: ConversationId, now: Instant) {
        self.tickets.outdate(id);
        self.close_room(id, now);
    }

    /// Somebody's account is gone, and their places with it.
    pub(super) fn member_gone(&mut self, user: UserId, now: Instant) {
        for id in self.rooms.of_member(user) {
            self.members_changed(id, Some(user), now);
        }
    }

    /// The members of a conversation, its name, or what somebody may do there,
    /// is not what it was.
    pub(super) fn members_changed(
        &mut self,
        id: ConversationId,
        removed: Option<UserId>,
        now: Instant,
    ) {
        self.tickets.outdate(id);
        if let Some(user) = removed {
            self.in_room(id, now, |room| room.removed(user, now));
        }
        self.read_again(id);
    }

    pub(super) fn close_room(&mut self, id: ConversationId, now: Instant) {
        self.in_room(id, now, |room| room.close(now));
    }

    pub(super) fn take_seat(&mut self, participant: ParticipantId, now: Instant) {
        if let Some(id) = self.rooms.room_of(participant) {
            self.in_room(id, now, |room| {
                room.unseat(participant, RoomLeftReason::Kicked, now);
            });
        }
    }

    /// A new socket is told of every room its person may come into.
    pub(super) fn show_rooms(&mut self, conn: ConnId, user: UserId) {
        for id in self.rooms.of_member(user) {
            let shown = self.rooms.get(id).filter(|room| room.is_shown());
            if let Some(state) = shown.map(Room::state) {
                self.send(vec![conn], ServerFrame::RoomState(state), None);
            }
        }
    }

    /// A socket has caught up: from here on it is asked as well.
    pub(super) fn show_invitations(&mut self, conn: ConnId, user: UserId) {
        for id in self.rooms.asking(user) {
            let room = self.rooms.get(id);
            if let Some(frame) = room.and_then(|room| room.invitation_for(user)) {
                self.send(vec![conn], frame, None);
            }
        }
    }

    /// Does something in a room, if it is there, and what follows from it.
    pub(super) fn in_room(
        &mut self,
        id: ConversationId,
        now: Instant,
        act: impl FnOnce(&mut Room),
    ) {
        if let Some(room) = self.rooms.get_mut(id) {
            act(room);
            self.settle(id, now);
        }
    }

    /// Carries out what a room wants done, and clears it away when it is empty.
    pub(super) fn settle(&mut self, id: ConversationId, now: Instant) {
        self.carry_out_of_room(id, now);
        if let Some(room) = self.rooms.get_mut(id)
            && room.is_empty()
        {
            room.finish();
            self.carry_out_of_room(id, now);
        }
        self.rooms.settle(id);
    }

    fn carry_out_of_room(&mut self, id: ConversationId, now: Instant) {
        let steps = self.rooms.get_mut(id).map(Room::take_steps);
        for step in steps.unwrap_or_default() {
            match step {
                Step::Say { to, frame } => {
                    let conns = self.audience(id, to, &frame);
                    self.send(conns, frame, None);
                }
                Step::Media(command) => self.effects.push_back(Effect::Media(command)),
                Step::Refuse {
                    conn,
                    code,
                    reference,
                } => self.refuse_if_there(conn, code, reference),
                Step::Unseated { user, participant } => self.rooms.unseated(user, participant),
                Step::Moved { user, call } => self.call_moves(call, user, id, now),
                Step::Rings { user, inviter } => self.rings(id, user, inviter),
                Step::RingsNoMore {
                    user,
                    inviter,
                    end,
                    by,
                } => {
                    if let Some(ring) = self.rooms.asks_no_more(id, user) {
                        let notice = Notice::InvitedNoMore {
                            ring,
                            inviter,
                            end,
                            by,
                        };
                        self.effects.push_back(Effect::Notify { user, notice });
                    }
                }
            }
        }
    }

    /// Wakes the devices of who is asked into a room. Without chance for an id
    /// only their sockets are.
    fn rings(&mut self, room: ConversationId, user: UserId, inviter: UserId) {
        let ring = self.fresh_call_id();
        self.rooms.asks(room, user, ring);
        if let Some(ring) = ring {
            let awake = self.sockets.awake_sessions(user);
            let notice = Notice::Invited {
                ring,
                inviter,
                awake,
            };
            self.effects.push_back(Effect::Notify { user, notice });
        }
    }

    fn audience(&self, id: ConversationId, to: Audience, frame: &ServerFrame) -> Vec<ConnId> {
        let Some(room) = self.rooms.get(id) else {
            return Vec::new();
        };
        match to {
            Audience::Conn(conn) => vec![conn],
            Audience::Person(user) => {
                let mut conns = self.sockets.of(user);
                if matches!(frame, ServerFrame::RoomInvited { .. }) {
                    // A socket that catches up is asked at the end of that.
                    conns.retain(|conn| self.sockets.get(*conn).is_some_and(|s| s.caught_up));
                }
                conns
            }
            Audience::Seated => room.seated_conns(),
            Audience::Everybody => {
                let members = room.members().flat_map(|user| self.sockets.of(user));
                members.chain(room.guest_conns()).collect()
            }
        }
    }
}
