//! One end of a call: whose it is, which socket has it, and what waits for it
//! while none has.

use std::time::Instant;

use super::{Audience, Call, MAX_CANDIDATES, Speaker, Step};
use crate::ids::{ConnId, SessionId, UserId};
use crate::wire::{Code, HangupReason, ServerFrame};

/// Frames kept for an end that is away: a negotiation's candidates and a few
/// descriptions.
const MAX_KEPT: usize = MAX_CANDIDATES + 8;

/// Descriptions among them.
const MAX_KEPT_DESCRIPTIONS: usize = 4;

/// One of the two people of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Caller,
    Callee,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// Which socket has an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    /// None yet: the callee before the answer.
    Open,
    Taken {
        conn: ConnId,
        session: SessionId,
    },
    /// None since then; this session had it last.
    Away {
        since: Instant,
        session: SessionId,
    },
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) user: UserId,
    pub(super) seat: Seat,
    /// Candidates this side sent in this negotiation.
    pub(super) candidates: usize,
    /// This side's offer of a renegotiation is not answered yet.
    pub(super) offered: bool,
    /// What came while the end was away, and who saw it nevertheless.
    pub(super) kept: Vec<(ServerFrame, Vec<ConnId>)>,
}

impl End {
    pub(super) fn new(user: UserId, seat: Seat) -> Self {
        Self {
            user,
            seat,
            candidates: 0,
            offered: false,
            kept: Vec::new(),
        }
    }

    pub(super) fn away_since(&self) -> Option<Instant> {
        match self.seat {
            Seat::Away { since, .. } => Some(since),
            Seat::Open | Seat::Taken { .. } => None,
        }
    }

    /// Whether a frame for this end can be kept, should that be needed.
    pub(super) fn can_keep(&self, description: bool) -> bool {
        let descriptions = || {
            let is_candidate = |f: &ServerFrame| matches!(f, ServerFrame::IceCandidate { .. });
            self.kept.iter().filter(|(f, _)| !is_candidate(f)).count()
        };
        self.away_since().is_none()
            || (self.kept.len() < MAX_KEPT
                && !(description && descriptions() >= MAX_KEPT_DESCRIPTIONS))
    }
}

impl Call {
    /// Whether this socket has its end, or may take it back because none has.
    pub(super) fn may_sit(&self, who: Speaker) -> Result<(), Code> {
        match self.end(who.side).seat {
            Seat::Taken { conn, .. } if conn == who.conn => Ok(()),
            Seat::Away { .. } => Ok(()),
            Seat::Open | Seat::Taken { .. } => Err(Code::CallUnknown),
        }
    }

    /// Takes the end back if none has it.
    pub(super) fn sit(&mut self, who: Speaker) -> Vec<Step> {
        match self.end(who.side).seat {
            Seat::Away { .. } => self.take(who),
            Seat::Open | Seat::Taken { .. } => Vec::new(),
        }
    }

    /// Gives the end to this socket, and what was kept for it.
    pub(super) fn take(&mut self, who: Speaker) -> Vec<Step> {
        let end = self.end_mut(who.side);
        end.seat = Seat::Taken {
            conn: who.conn,
            session: who.session,
        };
        std::mem::take(&mut end.kept)
            .into_iter()
            .filter(|(_, seen)| !seen.contains(&who.conn))
            .map(|(frame, _)| Step::Say {
                to: Audience::Conn(who.conn),
                frame,
            })
            .collect()
    }

    /// Takes the end back, also from a socket that may only seem to be there.
    pub(super) fn resume(&mut self, who: Speaker) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Seat::Taken { conn, .. } = self.end(who.side).seat
            && conn != who.conn
        {
            steps.push(self.say_hangup(
                Audience::Conn(conn),
                who.side,
                HangupReason::AnsweredElsewhere,
            ));
        }
        steps.push(self.resumed(who.conn));
        steps.extend(self.take(who));
        steps
    }

    pub(super) fn resumed(&self, conn: ConnId) -> Step {
        Step::Say {
            to: Audience::Conn(conn),
            frame: ServerFrame::CallResumed {
                call_id: self.id,
                state: self.phase(),
            },
        }
    }
}
