//! One call between two people as a state machine: who may say what when, who
//! is to be told, and when it ends. It knows no tables and no other call.

mod end;
mod say;

use std::time::{Duration, Instant};

use end::End;
pub(crate) use end::{Seat, Side};
use say::over;
pub(crate) use say::{Audience, Step};

use crate::chat::CallOutcome;
use crate::ids::{CallId, ConnId, ConversationId, SessionId, UserId};
use crate::wire::{CallState, Candidate, Code, HangupReason, RejectReason, Sdp, ServerFrame};

/// How long a call rings.
pub(crate) const RINGING: Duration = Duration::from_secs(45);

/// How long the caller may be away while it rings.
pub(crate) const CALLER_AWAY: Duration = Duration::from_secs(20);

/// How long either may be away while they talk.
pub(crate) const ACTIVE_AWAY: Duration = Duration::from_secs(45);

/// Candidates of one side in one negotiation.
pub(crate) const MAX_CANDIDATES: usize = 64;

/// The socket a signal came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker {
    pub(crate) side: Side,
    pub(crate) conn: ConnId,
    pub(crate) session: SessionId,
}

/// What a client says in a call.
#[derive(Debug, Clone)]
pub(crate) enum Signal {
    /// A renegotiation; the first offer made the call.
    Offer(Sdp),
    Ringing,
    Answer(Sdp),
    Candidate(Candidate),
    Reject {
        busy: bool,
    },
    Hangup {
        lost: bool,
    },
    Resume,
}

#[derive(Debug)]
enum State {
    Ringing {
        since: Instant,
        offer: Sdp,
        held: Vec<Candidate>,
    },
    Active {
        since: Instant,
    },
}

/// A call from its offer to its end.
#[derive(Debug)]
pub(crate) struct Call {
    id: CallId,
    caller: End,
    callee: End,
    state: State,
}

impl Call {
    /// The call that begins with this offer.
    pub(crate) fn new(
        id: CallId,
        (caller, conn, session): (UserId, ConnId, SessionId),
        callee: UserId,
        offer: Sdp,
        now: Instant,
    ) -> Self {
        Self {
            id,
            caller: End::new(caller, Seat::Taken { conn, session }),
            callee: End::new(callee, Seat::Open),
            state: State::Ringing {
                since: now,
                offer,
                held: Vec::new(),
            },
        }
    }

    pub(crate) fn id(&self) -> CallId {
        self.id
    }

    pub(crate) fn user(&self, side: Side) -> UserId {
        self.end(side).user
    }

    pub(crate) fn seat(&self, side: Side) -> Seat {
        self.end(side).seat
    }

    /// This person's side, if they are in the call.
    pub(crate) fn side_of(&self, user: UserId) -> Option<Side> {
        [Side::Caller, Side::Callee]
            .into_iter()
            .find(|&side| self.user(side) == user)
    }

    /// The person this one talks with.
    pub(crate) fn peer_of(&self, user: UserId) -> Option<UserId> {
        self.side_of(user).map(|side| self.user(side.other()))
    }

    pub(crate) fn phase(&self) -> CallState {
        match self.state {
            State::Ringing { .. } => CallState::Ringing,
            State::Active { .. } => CallState::Active,
        }
    }

    /// The offer the callee's sockets get while it rings.
    pub(crate) fn pending_offer(&self) -> Option<ServerFrame> {
        match &self.state {
            State::Ringing { offer, .. } => Some(self.offer_frame(Side::Callee, offer.clone())),
            State::Active { .. } => None,
        }
    }

    /// Carries out what a member's socket says.
    pub(crate) fn signal(
        &mut self,
        who: Speaker,
        signal: Signal,
        now: Instant,
    ) -> Result<Vec<Step>, Code> {
        match (self.phase(), who.side, signal) {
            (CallState::Ringing, Side::Caller | Side::Callee, Signal::Offer(_)) => {
                Err(Code::CallNotActive)
            }
            (CallState::Ringing, Side::Caller, Signal::Ringing | Signal::Answer(_)) => {
                Err(Code::CallNotRinging)
            }
            (CallState::Ringing, Side::Caller, Signal::Candidate(candidate)) => {
                self.hold(who, candidate)
            }
            (CallState::Ringing, Side::Caller, Signal::Reject { .. } | Signal::Hangup { .. }) => {
                self.cancel(who)
            }
            (CallState::Ringing, Side::Caller, Signal::Resume) => Ok(self.resume(who)),

            (CallState::Ringing, Side::Callee, Signal::Ringing) => {
                Ok(vec![self.say_end(Side::Caller, |call_id, sender_id| {
                    ServerFrame::CallRinging { call_id, sender_id }
                })])
            }
            (CallState::Ringing, Side::Callee, Signal::Answer(sdp)) => self.answer(who, sdp, now),
            (CallState::Ringing, Side::Callee, Signal::Candidate(_)) => Err(Code::CallNotActive),
            (CallState::Ringing, Side::Callee, Signal::Reject { busy: true }) => {
                Ok(self.decline(who, RejectReason::Busy, CallOutcome::Busy))
            }
            (
                CallState::Ringing,
                Side::Callee,
                Signal::Reject { busy: false } | Signal::Hangup { .. },
            ) => Ok(self.decline(who, RejectReason::Declined, CallOutcome::Declined)),
            (CallState::Ringing, Side::Callee, Signal::Resume) => Ok(vec![self.resumed(who.conn)]),

            (CallState::Active, Side::Caller | Side::Callee, Signal::Offer(sdp)) => {
                self.renegotiate(who, sdp)
            }
            (CallState::Active, Side::Caller | Side::Callee, Signal::Answer(sdp)) => {
                self.answer_again(who, sdp)
            }
            (CallState::Active, Side::Caller | Side::Callee, Signal::Candidate(candidate)) => {
                self.pass(who, candidate)
            }
            (
                CallState::Active,
                Side::Caller | Side::Callee,
                Signal::Ringing | Signal::Reject { .. },
            ) => Err(Code::CallNotRinging),
            (CallState::Active, Side::Caller | Side::Callee, Signal::Hangup { lost }) => {
                self.hang_up(who, lost, now)
            }
            (CallState::Active, Side::Caller | Side::Callee, Signal::Resume) => {
                Ok(self.resume(who))
            }
        }
    }

    /// A socket is gone, and an end with it if it had one.
    pub(crate) fn gone(&mut self, gone: ConnId, now: Instant) {
        for end in [&mut self.caller, &mut self.callee] {
            match end.seat {
                Seat::Taken { conn, session } if conn == gone => {
                    end.seat = Seat::Away {
                        since: now,
                        session,
                    };
                }
                Seat::Open | Seat::Taken { .. } | Seat::Away { .. } => {}
            }
        }
    }

    /// Whether an end belongs to this session.
    pub(crate) fn is_of(&self, ended: SessionId) -> bool {
        [&self.caller, &self.callee]
            .into_iter()
            .any(|end| match end.seat {
                Seat::Taken { session, .. } | Seat::Away { session, .. } => session == ended,
                Seat::Open => false,
            })
    }

    /// The session of an end was ended, and with it the call.
    pub(crate) fn session_ended(&self, now: Instant) -> Vec<Step> {
        let outcome = match self.phase() {
            CallState::Ringing => CallOutcome::Cancelled,
            CallState::Active => CallOutcome::Answered,
        };
        self.end_for_both(HangupReason::SessionEnded, outcome, now)
    }

    /// One of the two wants nothing more to do with the other. Who is rung has
    /// declined then, and need not be told of a call that was missed.
    pub(crate) fn cut(&self, by: Side, now: Instant) -> Vec<Step> {
        let (reason, outcome) = match (self.phase(), by) {
            (CallState::Ringing, Side::Caller) => (HangupReason::Cancelled, CallOutcome::Cancelled),
            (CallState::Ringing, Side::Callee) => (HangupReason::Ended, CallOutcome::Declined),
            (CallState::Active, Side::Caller | Side::Callee) => {
                (HangupReason::Ended, CallOutcome::Answered)
            }
        };
        self.end_for_both(reason, outcome, now)
    }

    /// The talk goes on in a room, which one side has entered; a call that is
    /// not answered stays what it is.
    pub(crate) fn moved(&self, by: Side, room: ConversationId, now: Instant) -> Option<Vec<Step>> {
        if self.phase() != CallState::Active {
            return None;
        }
        let frame = ServerFrame::CallMoved {
            call_id: self.id,
            conversation_id: room,
        };
        let to = Audience::End(by.other());
        let answered = over(CallOutcome::Answered, self.duration(now));
        Some(vec![Step::Say { to, frame }, answered])
    }

    /// When [`Self::expire`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let no_answer = self.no_answer_at();
        no_answer.into_iter().chain(self.lost_at()).min()
    }

    /// Ends the call if its time is over.
    pub(crate) fn expire(&self, now: Instant) -> Option<Vec<Step>> {
        let due = self.deadline().filter(|&due| due <= now)?;
        Some(if self.no_answer_at() == Some(due) {
            self.end_for_both(HangupReason::NoAnswer, CallOutcome::NoAnswer, now)
        } else {
            self.end_for_both(HangupReason::ConnectionLost, CallOutcome::Lost, now)
        })
    }

    /// Keeps a frame for an end that is away; says which of the person's
    /// sockets get it at once: those that saw all that was kept before, so
    /// that no socket hears things out of order.
    pub(crate) fn keep(
        &mut self,
        side: Side,
        frame: &ServerFrame,
        mut sockets: Vec<ConnId>,
    ) -> Vec<ConnId> {
        let of_negotiation = matches!(
            frame,
            ServerFrame::CallOffer { .. }
                | ServerFrame::CallAnswer { .. }
                | ServerFrame::IceCandidate { .. }
        );
        if of_negotiation {
            let kept = &mut self.end_mut(side).kept;
            if let Some((_, seen)) = kept.last() {
                sockets.retain(|conn| seen.contains(conn));
            }
            kept.push((frame.clone(), sockets.clone()));
        }
        sockets
    }

    fn end(&self, side: Side) -> &End {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }

    fn no_answer_at(&self) -> Option<Instant> {
        match self.state {
            State::Ringing { since, .. } => Some(since + RINGING),
            State::Active { .. } => None,
        }
    }

    fn lost_at(&self) -> Option<Instant> {
        match self.state {
            State::Ringing { .. } => self.caller.away_since().map(|since| since + CALLER_AWAY),
            State::Active { .. } => [&self.caller, &self.callee]
                .into_iter()
                .filter_map(End::away_since)
                .min()
                .map(|since| since + ACTIVE_AWAY),
        }
    }

    fn hold(&mut self, who: Speaker, candidate: Candidate) -> Result<Vec<Step>, Code> {
        self.may_sit(who)?;
        self.count_candidate(who.side)?;
        let steps = self.sit(who);
        if let State::Ringing { held, .. } = &mut self.state {
            held.push(candidate);
        }
        Ok(steps)
    }

    fn pass(&mut self, who: Speaker, candidate: Candidate) -> Result<Vec<Step>, Code> {
        self.may_sit(who)?;
        let to = who.side.other();
        if !self.end(to).can_keep(false) {
            return Err(Code::SlowDown);
        }
        self.count_candidate(who.side)?;
        let mut steps = self.sit(who);
        steps.push(Step::Say {
            to: Audience::End(to),
            frame: self.candidate_frame(to, candidate),
        });
        Ok(steps)
    }

    fn count_candidate(&mut self, side: Side) -> Result<(), Code> {
        let end = self.end_mut(side);
        if end.candidates >= MAX_CANDIDATES {
            return Err(Code::TooManyCandidates);
        }
        end.candidates += 1;
        Ok(())
    }

    /// The callee picks up on this socket.
    fn answer(&mut self, who: Speaker, sdp: Sdp, now: Instant) -> Result<Vec<Step>, Code> {
        if !self.caller.can_keep(true) {
            return Err(Code::SlowDown);
        }
        let active = State::Active { since: now };
        let held = match std::mem::replace(&mut self.state, active) {
            State::Ringing { held, .. } => held,
            State::Active { .. } => Vec::new(),
        };
        let mut steps = vec![
            self.say_answer(Side::Caller, sdp),
            self.say_hangup(
                Audience::Others(Side::Callee, who.conn),
                Side::Callee,
                HangupReason::AnsweredElsewhere,
            ),
        ];
        steps.extend(self.take(who));
        steps.extend(held.into_iter().map(|candidate| Step::Say {
            to: Audience::Conn(who.conn),
            frame: self.candidate_frame(Side::Callee, candidate),
        }));
        Ok(steps)
    }

    fn renegotiate(&mut self, who: Speaker, sdp: Sdp) -> Result<Vec<Step>, Code> {
        self.may_sit(who)?;
        let to = who.side.other();
        if !self.end(to).can_keep(true) {
            return Err(Code::SlowDown);
        }
        let mut steps = self.sit(who);
        self.caller.candidates = 0;
        self.callee.candidates = 0;
        self.end_mut(who.side).offered = true;
        steps.push(Step::Say {
            to: Audience::End(to),
            frame: self.offer_frame(to, sdp),
        });
        Ok(steps)
    }

    /// The answer to a renegotiation; any other comes too late.
    fn answer_again(&mut self, who: Speaker, sdp: Sdp) -> Result<Vec<Step>, Code> {
        let to = who.side.other();
        if !self.end(to).offered {
            return Err(Code::CallNotRinging);
        }
        self.may_sit(who).map_err(|_| Code::CallNotRinging)?;
        if !self.end(to).can_keep(true) {
            return Err(Code::SlowDown);
        }
        let mut steps = self.sit(who);
        self.end_mut(to).offered = false;
        steps.push(self.say_answer(to, sdp));
        Ok(steps)
    }

    fn cancel(&self, who: Speaker) -> Result<Vec<Step>, Code> {
        self.may_sit(who)?;
        Ok(vec![
            self.say_hangup(
                Audience::End(Side::Callee),
                Side::Callee,
                HangupReason::Cancelled,
            ),
            over(CallOutcome::Cancelled, None),
        ])
    }

    fn decline(&self, who: Speaker, reason: RejectReason, outcome: CallOutcome) -> Vec<Step> {
        vec![
            self.say_end(Side::Caller, |call_id, sender_id| ServerFrame::CallReject {
                call_id: Some(call_id),
                sender_id,
                payload: reason,
            }),
            self.say_hangup(
                Audience::Others(Side::Callee, who.conn),
                Side::Callee,
                HangupReason::DeclinedElsewhere,
            ),
            over(outcome, None),
        ]
    }

    /// One side ends the call: its person wants to, or it heard nothing any
    /// more.
    fn hang_up(&self, who: Speaker, lost: bool, now: Instant) -> Result<Vec<Step>, Code> {
        self.may_sit(who)?;
        let to = who.side.other();
        let (reason, outcome) = if lost {
            (HangupReason::ConnectionLost, CallOutcome::Lost)
        } else {
            (HangupReason::Ended, CallOutcome::Answered)
        };
        Ok(vec![
            self.say_hangup(Audience::End(to), to, reason),
            over(outcome, self.duration(now)),
        ])
    }

    fn end_for_both(&self, reason: HangupReason, outcome: CallOutcome, now: Instant) -> Vec<Step> {
        vec![
            self.say_hangup(Audience::End(Side::Caller), Side::Caller, reason),
            self.say_hangup(Audience::End(Side::Callee), Side::Callee, reason),
            over(outcome, self.duration(now)),
        ]
    }

    /// Whole seconds since the answer, if there was one.
    fn duration(&self, now: Instant) -> Option<u32> {
        match self.state {
            State::Ringing { .. } => None,
            State::Active { since } => {
                let talked = now.saturating_duration_since(since).as_secs();
                Some(u32::try_from(talked).unwrap_or(u32::MAX))
            }
        }
    }
}
