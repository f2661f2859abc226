//! Seats: how one is taken, kept without a socket, taken back and lost.

use std::time::Instant;

use super::{Audience, GoneReason, MediaCommand, MediaEvent, Person, Rank, Room, Step};
use crate::ids::{CallId, ConnId, ParticipantId, SessionId, UserId};
use crate::wire::{Code, InviteEnd, Reference, RoomLeftReason, SLOTS, Sdp, ServerFrame};

/// Somebody's place in a room.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(super) person: Person,
    /// None while the socket is lost; the media lives on.
    pub(super) conn: Option<ConnId>,
    pub(super) session: SessionId,
    pub(super) since: Instant,
    /// Until the media side has made an offer nobody sees the seat.
    pub(super) arriving: Option<Arriving>,
    /// The offer that is not answered yet.
    pub(super) offer: Option<Sdp>,
    pub(super) connected: bool,
    /// Nothing comes from it.
    pub(super) silent: bool,
    pub(super) muted: bool,
    pub(super) speaking: bool,
    slots: Option<[Option<ParticipantId>; SLOTS]>,
}

/// What is remembered of a frame that took a seat.
#[derive(Debug)]
pub(super) struct Arriving {
    reference: Reference,
    call: Option<CallId>,
}

/// Who takes a seat.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) participant: ParticipantId,
    pub(crate) person: Person,
    pub(crate) conn: ConnId,
    pub(crate) session: SessionId,
    /// The frame it came with, for a refusal.
    pub(crate) reference: Reference,
    /// The call that goes on here.
    pub(crate) call: Option<CallId>,
}

impl Room {
    /// Gives somebody a seat, and takes the one they had.
    pub(crate) fn sit(&mut self, newcomer: Newcomer, now: Instant) {
        let Newcomer {
            participant,
            person,
            conn,
            session,
            reference,
            call,
        } = newcomer;
        let user = person.user;
        if let Some(before) = self.seat_of(user) {
            self.replace(before, conn);
        }
        if let (None, Some(invitation)) = (self.rank(user), self.invited.get(&user)) {
            self.guests.insert(user, invitation.inviter);
        }
        let seat = Seat {
            person,
            conn: Some(conn),
            session,
            since: now,
            arriving: Some(Arriving { reference, call }),
            offer: None,
            connected: false,
            silent: false,
            muted: false,
            speaking: false,
            slots: None,
        };
        self.seats.insert(participant, seat);
        self.steps.push(Step::Media(MediaCommand::Join {
            room: self.id,
            participant,
        }));
        if self.silenced.contains(&user) {
            self.steps.push(Step::Media(MediaCommand::Mute {
                participant,
                muted: true,
            }));
        }
    }

    /// The same person sits down elsewhere: hand and invitations stay theirs.
    fn replace(&mut self, participant: ParticipantId, by: ConnId) {
        let Some(seat) = self.seats.remove(&participant) else {
            return;
        };
        if let Some(conn) = seat.conn.filter(|conn| *conn != by) {
            self.say_left(conn, participant, RoomLeftReason::Elsewhere);
        }
        self.leave_media(&seat.person, participant);
    }

    /// Takes a seat away, tells its socket why and everybody that it is free.
    pub(crate) fn unseat(
        &mut self,
        participant: ParticipantId,
        reason: RoomLeftReason,
        now: Instant,
    ) {
        let Some(seat) = self.seats.remove(&participant) else {
            return;
        };
        let user = seat.person.user;
        match (seat.conn, seat.arriving) {
            (Some(conn), None) => self.say_left(conn, participant, reason),
            (Some(conn), Some(arriving)) => self.steps.push(Step::Refuse {
                conn,
                code: code_of(reason),
                reference: arriving.reference,
            }),
            (None, _) => {}
        }
        self.leave_media(&seat.person, participant);
        self.hands.retain(|raised| *raised != user);
        self.cancel_of(user);
        self.tell(now);
    }

    fn leave_media(&mut self, person: &Person, participant: ParticipantId) {
        self.steps
            .push(Step::Media(MediaCommand::Leave { participant }));
        self.steps.push(Step::Unseated {
            user: person.user,
            participant,
        });
    }

    fn say_left(&mut self, conn: ConnId, participant_id: ParticipantId, reason: RoomLeftReason) {
        let frame = ServerFrame::RoomLeft {
            conversation_id: self.id,
            participant_id,
            reason,
        };
        self.say(Audience::Conn(conn), frame);
    }

    /// The seat, if this socket has it.
    pub(super) fn own_seat(
        &mut self,
        participant: ParticipantId,
        conn: ConnId,
    ) -> Result<&mut Seat, Code> {
        let seat = self.seats.get_mut(&participant);
        let seat = seat.filter(|seat| seat.conn == Some(conn) && seat.arriving.is_none());
        seat.ok_or(Code::RoomUnknown)
    }

    /// The answer to the offer this socket was given.
    pub(crate) fn answer(
        &mut self,
        participant: ParticipantId,
        conn: ConnId,
        sdp: Sdp,
    ) -> Result<(), Code> {
        let seat = self.own_seat(participant, conn)?;
        seat.offer.take().ok_or(Code::RoomUnknown)?;
        self.steps
            .push(Step::Media(MediaCommand::Answer { participant, sdp }));
        Ok(())
    }

    pub(crate) fn restart(&mut self, participant: ParticipantId, conn: ConnId) -> Result<(), Code> {
        self.own_seat(participant, conn)?;
        self.steps
            .push(Step::Media(MediaCommand::Restart { participant }));
        Ok(())
    }

    pub(crate) fn leave(
        &mut self,
        participant: ParticipantId,
        conn: ConnId,
        now: Instant,
    ) -> Result<(), Code> {
        self.own_seat(participant, conn)?;
        self.unseat(participant, RoomLeftReason::Left, now);
        Ok(())
    }

    /// A socket of the session that has the seat takes it back, also from one
    /// that only seems to be there.
    pub(crate) fn resume(
        &mut self,
        participant: ParticipantId,
        (conn, session): (ConnId, SessionId),
    ) -> Result<(), Code> {
        let seat = self.seats.get_mut(&participant);
        let seat = seat.filter(|seat| seat.session == session && seat.arriving.is_none());
        let seat = seat.ok_or(Code::RoomUnknown)?;
        let before = seat.conn.replace(conn).filter(|before| *before != conn);
        let (offer, slots) = (seat.offer.clone(), seat.slots);
        if let Some(before) = before {
            self.say_left(before, participant, RoomLeftReason::Elsewhere);
        }
        let joined = ServerFrame::RoomJoined {
            participant_id: participant,
            payload: None,
            state: self.state(),
        };
        self.say(Audience::Conn(conn), joined);
        if let Some(payload) = offer {
            let frame = ServerFrame::RoomOffer {
                conversation_id: self.id,
                participant_id: participant,
                payload,
            };
            self.say(Audience::Conn(conn), frame);
        }
        if let Some(slots) = slots {
            self.say_slots(conn, slots);
        }
        Ok(())
    }

    /// A socket is gone; its seat waits for the next one, if others saw it.
    pub(crate) fn gone(&mut self, gone: ConnId, now: Instant) {
        let of = |seat: &&mut Seat| seat.conn == Some(gone);
        let mut lost = None;
        for (participant, seat) in &mut self.seats {
            if of(&seat) {
                seat.conn = None;
                lost = seat.arriving.is_some().then_some(*participant);
            }
        }
        if let Some(participant) = lost {
            self.unseat(participant, RoomLeftReason::ConnectionLost, now);
        }
    }

    /// Takes in what the media side says.
    pub(crate) fn media(&mut self, event: MediaEvent, now: Instant) {
        match event {
            MediaEvent::Offer { participant, sdp } => self.offered(participant, &sdp, now),
            MediaEvent::Connected { participant } => self.heard(participant, true, now),
            MediaEvent::Heard { participant } => self.heard(participant, false, now),
            MediaEvent::Silent { participant } => {
                if let Some(seat) = self.seats.get_mut(&participant) {
                    let changed = !std::mem::replace(&mut seat.silent, true);
                    seat.speaking = false;
                    if changed {
                        self.tell(now);
                    }
                }
            }
            MediaEvent::Speaking {
                participant,
                speaking,
            } => self.speaking(participant, speaking),
            MediaEvent::Slots { participant, slots } => {
                let seat = self.seats.get_mut(&participant);
                let conn = seat.and_then(|seat| {
                    seat.slots = Some(slots);
                    seat.conn.filter(|_| seat.arriving.is_none())
                });
                if let Some(conn) = conn {
                    self.say_slots(conn, slots);
                }
            }
            MediaEvent::Gone {
                participant,
                reason,
            } => self.media_gone(participant, reason, now),
        }
    }

    fn offered(&mut self, participant: ParticipantId, sdp: &str, now: Instant) {
        let Some(seat) = self.seats.get_mut(&participant) else {
            return;
        };
        let Ok(sdp) = Sdp::new(sdp) else {
            return self.unseat(participant, RoomLeftReason::Failed, now);
        };
        seat.offer = Some(sdp.clone());
        let (conn, user) = (seat.conn, seat.person.user);
        let Some(arriving) = seat.arriving.take() else {
            if let Some(conn) = conn {
                let frame = ServerFrame::RoomOffer {
                    conversation_id: self.id,
                    participant_id: participant,
                    payload: sdp,
                };
                self.say(Audience::Conn(conn), frame);
            }
            return;
        };
        if let Some(conn) = conn {
            let joined = ServerFrame::RoomJoined {
                participant_id: participant,
                payload: Some(sdp),
                state: self.state(),
            };
            self.say(Audience::Conn(conn), joined);
        }
        if let Some(call) = arriving.call {
            self.steps.push(Step::Moved { user, call });
        }
        let session = self.seats.get(&participant).map(|seat| seat.session);
        self.over_for(user, InviteEnd::Joined, session);
        self.shown = true;
        self.tell(now);
    }

    fn heard(&mut self, participant: ParticipantId, connected: bool, now: Instant) {
        if let Some(seat) = self.seats.get_mut(&participant) {
            seat.connected |= connected;
            if std::mem::replace(&mut seat.silent, false) {
                self.tell(now);
            }
        }
    }

    fn speaking(&mut self, participant: ParticipantId, speaking: bool) {
        let seat = self.seats.get_mut(&participant);
        let Some(seat) = seat.filter(|seat| seat.arriving.is_none()) else {
            return;
        };
        if std::mem::replace(&mut seat.speaking, speaking) != speaking {
            let frame = ServerFrame::RoomSpeaking {
                conversation_id: self.id,
                participant_id: participant,
                speaking,
            };
            self.say(Audience::Seated, frame);
        }
    }

    fn say_slots(&mut self, conn: ConnId, slots: [Option<ParticipantId>; SLOTS]) {
        let frame = ServerFrame::RoomSlots {
            conversation_id: self.id,
            slots: slots.map(|slot| slot.unwrap_or(ParticipantId(0))),
        };
        self.say(Audience::Conn(conn), frame);
    }

    fn media_gone(&mut self, participant: ParticipantId, reason: GoneReason, now: Instant) {
        let arriving = self.seats.get_mut(&participant);
        let arriving =
            arriving.and_then(|seat| seat.arriving.take_if(|_| reason == GoneReason::Full));
        let reason = match reason {
            GoneReason::Left => RoomLeftReason::Left,
            GoneReason::Closed => RoomLeftReason::Closed,
            GoneReason::Silent => RoomLeftReason::ConnectionLost,
            GoneReason::Refused
            | GoneReason::NeverConnected
            | GoneReason::Full
            | GoneReason::Failed => RoomLeftReason::Failed,
        };
        if let Some(Arriving { reference, .. }) = arriving
            && let Some(conn) = self
                .seats
                .get_mut(&participant)
                .and_then(|seat| seat.conn.take())
        {
            let code = Code::RoomFull;
            self.steps.push(Step::Refuse {
                conn,
                code,
                reference,
            });
        }
        self.unseat(participant, reason, now);
    }

    /// The rank of somebody who sits here.
    pub(super) fn rank_of_seat(&self, participant: ParticipantId) -> Option<(UserId, Rank)> {
        let user = self.seats.get(&participant)?.person.user;
        Some((user, self.rank(user).unwrap_or(Rank::Guest)))
    }
}

/// What somebody is told whose seat nobody has seen yet.
const fn code_of(reason: RoomLeftReason) -> Code {
    match reason {
        RoomLeftReason::Kicked => Code::NotMember,
        RoomLeftReason::Closed | RoomLeftReason::Left | RoomLeftReason::Elsewhere => {
            Code::RoomUnknown
        }
        RoomLeftReason::ConnectionLost | RoomLeftReason::SessionEnded | RoomLeftReason::Failed => {
            Code::Internal
        }
    }
}
