//! All calls: which one a frame belongs to, who is told, and when the next
//! one runs out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::notices::{end_of, taken_by};
use super::{Hub, RingingEnd};
use crate::call::{Audience, Call, Seat, Side, Signal, Speaker, Step};
use crate::chat::{CallEntry, CallOutcome};
use crate::ids::{CallId, ConnId, ConversationId, SessionId, UserId};
use crate::wire::{CallState, ClientFrame, Code, RejectReason, Sdp, ServerFrame};

/// Ids drawn before giving up: one is enough unless the entropy is broken.
const ID_DRAWS: usize = 4;

/// All calls, by id, person and deadline. A person is in at most one.
#[derive(Debug, Default)]
pub(super) struct Calls {
    all: BTreeMap<CallId, Call>,
    by_user: BTreeMap<UserId, CallId>,
    due: BTreeSet<(Instant, CallId)>,
    due_of: BTreeMap<CallId, Instant>,
    /// Calls to somebody without a socket, whose devices are being woken: the
    /// caller does not know yet whether it rings.
    waking: BTreeSet<CallId>,
}

impl Calls {
    /// How many ring, and how many are answered.
    pub(super) fn counts(&self) -> (usize, usize) {
        let ringing = |call: &&Call| call.phase() == CallState::Ringing;
        let ringing = self.all.values().filter(ringing).count();
        (ringing, self.all.len() - ringing)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// The offer that rings for this person.
    pub(super) fn ringing_for(&self, user: UserId) -> Option<(CallId, ServerFrame)> {
        let call = self.of(user)?;
        let is_callee = call.side_of(user) == Some(Side::Callee);
        let offer = call.pending_offer().filter(|_| is_callee)?;
        Some((call.id(), offer))
    }

    /// Whom a call would wake, as long as it is not known whether it can.
    pub(super) fn waking_callee(&self, id: CallId) -> Option<UserId> {
        let waking = self.waking.get(&id)?;
        Some(self.all.get(waking)?.user(Side::Callee))
    }

    pub(super) fn wakes_no_more(&mut self, id: CallId) {
        self.waking.remove(&id);
    }

    /// A call whose time is over; it has no deadline until it is scheduled
    /// again.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<CallId> {
        let &(at, id) = self.due.first().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, id));
        self.due_of.remove(&id);
        Some(id)
    }

    fn of(&self, user: UserId) -> Option<&Call> {
        self.all.get(self.by_user.get(&user)?)
    }

    fn add(&mut self, call: Call) {
        let id = call.id();
        for side in [Side::Caller, Side::Callee] {
            self.by_user.insert(call.user(side), id);
        }
        self.all.insert(id, call);
    }

    fn remove(&mut self, id: CallId) -> Option<Call> {
        let call = self.all.remove(&id)?;
        self.waking.remove(&id);
        for side in [Side::Caller, Side::Callee] {
            self.by_user.remove(&call.user(side));
        }
        Some(call)
    }

    /// Brings the call's place among the deadlines up to date.
    fn schedule(&mut self, id: CallId) {
        if let Some(at) = self.due_of.remove(&id) {
            self.due.remove(&(at, id));
        }
        if let Some(at) = self.all.get(&id).and_then(Call::deadline) {
            self.due.insert((at, id));
            self.due_of.insert(id, at);
        }
    }
}

impl Hub {
    pub(super) fn call_frame(
        &mut self,
        conn: ConnId,
        frame: ClientFrame,
        now: Instant,
    ) -> Result<(), Code> {
        let (peer, call_id, signal) = match frame {
            ClientFrame::CallOffer {
                peer,
                sdp,
                call_id: None,
            } => return self.offer(conn, peer, sdp, now),
            ClientFrame::CallOffer { peer, sdp, call_id } => {
                (Some(peer), call_id, Signal::Offer(sdp))
            }
            ClientFrame::CallRinging { peer, call_id } => (Some(peer), call_id, Signal::Ringing),
            ClientFrame::CallAnswer { peer, sdp, call_id } => {
                (Some(peer), call_id, Signal::Answer(sdp))
            }
            ClientFrame::IceCandidate {
                peer,
                candidate,
                call_id,
            } => (Some(peer), call_id, Signal::Candidate(candidate)),
            ClientFrame::CallReject {
                peer,
                busy,
                call_id,
            } => (Some(peer), call_id, Signal::Reject { busy }),
            ClientFrame::CallHangup {
                peer,
                lost,
                call_id,
            } => (Some(peer), call_id, Signal::Hangup { lost }),
            ClientFrame::CallResume { call_id } => (None, Some(call_id), Signal::Resume),
            ClientFrame::Message { .. }
            | ClientFrame::Sealed { .. }
            | ClientFrame::GroupMessage { .. }
            | ClientFrame::MarkDelivered { .. }
            | ClientFrame::MarkRead { .. }
            | ClientFrame::PresenceSubscribe { .. }
            | ClientFrame::Sleep { .. }
            | ClientFrame::Room(_)
            | ClientFrame::Typing { .. } => return Err(Code::Internal),
        };
        self.signal(conn, peer, call_id, signal, now)
    }

    /// Hands a signal to the one call between the two people.
    fn signal(
        &mut self,
        conn: ConnId,
        peer: Option<UserId>,
        call_id: Option<CallId>,
        signal: Signal,
        now: Instant,
    ) -> Result<(), Code> {
        let socket = self.sockets.get(conn).ok_or(Code::Internal)?;
        let call = self.calls.of(socket.user).ok_or(Code::CallUnknown)?;
        let id = call.id();
        let meant = call_id.is_none_or(|named| named == id)
            && peer.is_none_or(|peer| call.peer_of(socket.user) == Some(peer));
        let side = call.side_of(socket.user).filter(|_| meant);
        let who = Speaker {
            side: side.ok_or(Code::CallUnknown)?,
            conn,
            session: socket.session,
        };
        if who.side == Side::Callee {
            self.begun(id);
        }
        let call = self.calls.all.get_mut(&id).ok_or(Code::CallUnknown)?;
        let before = call.phase();
        let steps = call.signal(who, signal, now)?;
        let taken = taken_by((before, call.phase()), who.side, who.session);
        let people = (call.user(Side::Caller), call.user(Side::Callee));
        if taken.is_some() {
            self.notify_of_end(id, people, RingingEnd::Answered, taken);
        }
        self.carry_out(id, steps, Some(who));
        Ok(())
    }

    /// An offer without a call: begins one, unless the two are in one already.
    fn offer(&mut self, conn: ConnId, peer: UserId, sdp: Sdp, now: Instant) -> Result<(), Code> {
        let user = self.sockets.get(conn).ok_or(Code::Internal)?.user;
        if peer == user {
            return Err(Code::SelfCall);
        }
        if let Some(call) = self.calls.of(user) {
            if call.peer_of(user) != Some(peer) {
                return Err(Code::AlreadyInCall);
            }
            return match (call.phase(), call.side_of(user)) {
                (CallState::Active, _) => {
                    let seat = call.side_of(user).map(|side| call.seat(side));
                    if matches!(seat, Some(Seat::Taken { conn: other, .. }) if other != conn) {
                        return Err(Code::AlreadyInCall);
                    }
                    self.signal(conn, Some(peer), None, Signal::Offer(sdp), now)
                }
                (CallState::Ringing, Some(Side::Callee)) => {
                    self.reject(conn, peer, RejectReason::Glare);
                    Ok(())
                }
                (CallState::Ringing, Some(Side::Caller) | None) => Err(Code::AlreadyInCall),
            };
        }
        if self.rooms.has_seat(user) {
            return Err(Code::AlreadyInCall);
        }
        match self.people.may_call(user, peer) {
            Ok(()) => {}
            // As if nobody were there.
            Err(Code::NotAllowed) => {
                self.reject(conn, peer, RejectReason::Offline);
                return Ok(());
            }
            Err(code) => return Err(code),
        }
        if self.calls.of(peer).is_some() || self.rooms.has_seat(peer) {
            return self.busy(conn, peer);
        }
        self.begin(conn, peer, sdp, now)
    }

    /// A call that comes to nothing leaves an entry all the same.
    fn busy(&mut self, conn: ConnId, peer: UserId) -> Result<(), Code> {
        let user = self.take_share(conn)?;
        self.reject(conn, peer, RejectReason::Busy);
        let entry = CallEntry {
            outcome: CallOutcome::Busy,
            duration_s: None,
        };
        self.store_entry(Some(conn), user, peer, entry);
        Ok(())
    }

    fn reject(&mut self, conn: ConnId, sender_id: UserId, payload: RejectReason) {
        let frame = ServerFrame::CallReject {
            call_id: None,
            sender_id,
            payload,
        };
        self.send(vec![conn], frame, None);
    }

    fn begin(&mut self, conn: ConnId, peer: UserId, sdp: Sdp, now: Instant) -> Result<(), Code> {
        if self.tickets.len() >= self.limits.in_flight {
            return Err(Code::SlowDown);
        }
        let id = self.fresh_call_id().ok_or(Code::Internal)?;
        let socket = self.sockets.get(conn).ok_or(Code::Internal)?;
        let caller = (socket.user, conn, socket.session);
        let call = Call::new(id, caller, peer, sdp, now);
        let offer = call.pending_offer();
        self.calls.add(call);
        self.calls.schedule(id);
        self.calls.waking.insert(id);
        self.notify_of_ringing(id, caller.0, peer);
        if self.sockets.is_online(peer) {
            self.begun(id);
        }
        // A socket that catches up gets the offer at the end of that.
        let caught_up = |conn: &ConnId| self.sockets.get(*conn).is_some_and(|s| s.caught_up);
        let to = self
            .sockets
            .of(peer)
            .into_iter()
            .filter(caught_up)
            .collect();
        if let Some(offer) = offer {
            self.send(to, offer, None);
        }
        Ok(())
    }

    pub(super) fn fresh_call_id(&mut self) -> Option<CallId> {
        (0..ID_DRAWS)
            .map(|_| CallId::from_bytes((self.entropy)()))
            .find(|id| !self.calls.all.contains_key(id))
    }

    /// A socket is gone; its end of a call is away.
    pub(super) fn call_left(&mut self, user: UserId, conn: ConnId, now: Instant) {
        let id = self.calls.of(user).map(Call::id);
        let call = id.and_then(|id| self.calls.all.get_mut(&id));
        if let Some(call) = call {
            call.gone(conn, now);
            let id = call.id();
            self.calls.schedule(id);
        }
    }

    pub(super) fn end_calls_of(&mut self, session: SessionId, now: Instant) {
        let is_of = |call: &&Call| call.is_of(session);
        let ended: Vec<CallId> = self
            .calls
            .all
            .values()
            .filter(is_of)
            .map(Call::id)
            .collect();
        for id in ended {
            let call = self.calls.all.get(&id);
            if let Some(steps) = call.map(|call| call.session_ended(now)) {
                self.carry_out(id, steps, None);
            }
        }
    }

    /// Ends the call of two people, of whom the first wants no more of it.
    pub(super) fn call_cut(&mut self, by: UserId, other: UserId, now: Instant) {
        let call = self.calls.of(by);
        let Some(id) = call
            .filter(|call| call.peer_of(by) == Some(other))
            .map(Call::id)
        else {
            return;
        };
        self.begun(id);
        let call = self.calls.all.get(&id);
        let steps = call.and_then(|call| Some(call.cut(call.side_of(by)?, now)));
        self.carry_out(id, steps.unwrap_or_default(), None);
    }

    /// The call that this person may take along into a room, from this socket.
    /// `with` is the other of the room's pair, once that is known.
    ///
    /// # Errors
    ///
    /// [`Code::AlreadyInCall`]: they are in a call that is not that one.
    pub(super) fn call_to_move(
        &self,
        (user, conn): (UserId, ConnId),
        named: Option<CallId>,
        with: Option<UserId>,
    ) -> Result<Option<CallId>, Code> {
        let Some(call) = self.calls.of(user) else {
            return Ok(None);
        };
        let seat = call.side_of(user).map(|side| call.seat(side));
        let is_own = matches!(seat, Some(Seat::Taken { conn: own, .. }) if own == conn);
        let is_meant = named == Some(call.id())
            && call.phase() == CallState::Active
            && with.is_none_or(|other| call.peer_of(user) == Some(other));
        if !is_own || !is_meant {
            return Err(Code::AlreadyInCall);
        }
        Ok(named)
    }

    /// The call of this person goes on in a room: the other is told where.
    pub(super) fn call_moves(
        &mut self,
        id: CallId,
        user: UserId,
        room: ConversationId,
        now: Instant,
    ) {
        let call = self.calls.all.get(&id);
        let steps = call.and_then(|call| call.moved(call.side_of(user)?, room, now));
        self.carry_out(id, steps.unwrap_or_default(), None);
    }

    pub(super) fn call_due(&mut self, id: CallId, now: Instant) {
        let call = self.calls.all.get(&id);
        let steps = call.and_then(|call| call.expire(now)).unwrap_or_default();
        self.carry_out(id, steps, None);
    }

    /// Tells whom a call wants told, and clears it away when it is over.
    fn carry_out(&mut self, id: CallId, steps: Vec<Step>, who: Option<Speaker>) {
        for step in steps {
            match step {
                Step::Say { to, frame } => self.say(id, to, frame),
                Step::Over(entry) => self.clear_away(id, entry, who),
            }
        }
        self.calls.schedule(id);
    }

    fn clear_away(&mut self, id: CallId, entry: CallEntry, who: Option<Speaker>) {
        let Some(call) = self.calls.remove(id) else {
            return;
        };
        let people = (call.user(Side::Caller), call.user(Side::Callee));
        if call.phase() == CallState::Ringing {
            let by = who
                .filter(|who| who.side == Side::Callee)
                .map(|who| who.session);
            self.notify_of_end(id, people, end_of(entry.outcome), by);
        }
        self.store_entry(None, people.0, people.1, entry);
    }

    /// Ends a call that nobody answered.
    pub(super) fn call_over(&mut self, id: CallId, outcome: CallOutcome) {
        let entry = CallEntry {
            outcome,
            duration_s: None,
        };
        self.carry_out(id, vec![Step::Over(entry)], None);
    }

    pub(super) fn say_to_caller(&mut self, id: CallId, frame: ServerFrame) {
        self.say(id, Audience::End(Side::Caller), frame);
    }

    fn say(&mut self, id: CallId, to: Audience, frame: ServerFrame) {
        let Some(call) = self.calls.all.get_mut(&id) else {
            return;
        };
        let conns = match to {
            Audience::Conn(conn) => vec![conn],
            Audience::Others(side, but) => {
                let mut conns = self.sockets.of(call.user(side));
                conns.retain(|conn| *conn != but);
                conns
            }
            Audience::End(side) => match call.seat(side) {
                Seat::Taken { conn, .. } => vec![conn],
                Seat::Open => self.sockets.of(call.user(side)),
                Seat::Away { .. } => call.keep(side, &frame, self.sockets.of(call.user(side))),
            },
        };
        self.send(conns, frame, None);
    }
}
