//! One end of a call: whose it is, which socket has it, and what waits for it
//! while none has.

use std::time::Instant;

use super::MAX_CANDIDATES;
use crate::ids::{ConnId, SessionId, UserId};
use crate::wire::ServerFrame;

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
