//! What a call says to whom.

use super::{Call, Side};
use crate::chat::{CallEntry, CallOutcome};
use crate::ids::{CallId, ConnId, UserId};
use crate::wire::{Candidate, HangupReason, Sdp, ServerFrame};

/// What a signal leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Say { to: Audience, frame: ServerFrame },
    Over(CallEntry),
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Whoever has this end: its socket, or all of the person's while there is
    /// none.
    End(Side),
    /// One socket.
    Conn(ConnId),
    /// All sockets of this person but one.
    Others(Side, ConnId),
}

impl Call {
    /// A frame for this end; the other person is its sender.
    pub(super) fn say_end(
        &self,
        to: Side,
        frame: impl FnOnce(CallId, UserId) -> ServerFrame,
    ) -> Step {
        Step::Say {
            to: Audience::End(to),
            frame: frame(self.id, self.user(to.other())),
        }
    }

    pub(super) fn say_answer(&self, to: Side, payload: Sdp) -> Step {
        self.say_end(to, |call_id, sender_id| ServerFrame::CallAnswer {
            call_id,
            sender_id,
            payload,
        })
    }

    pub(super) fn say_hangup(&self, to: Audience, side: Side, payload: HangupReason) -> Step {
        Step::Say {
            to,
            frame: ServerFrame::CallHangup {
                call_id: self.id,
                sender_id: self.user(side.other()),
                payload,
            },
        }
    }

    pub(super) fn offer_frame(&self, to: Side, payload: Sdp) -> ServerFrame {
        ServerFrame::CallOffer {
            call_id: self.id,
            sender_id: self.user(to.other()),
            payload,
        }
    }

    pub(super) fn candidate_frame(&self, to: Side, payload: Candidate) -> ServerFrame {
        ServerFrame::IceCandidate {
            call_id: self.id,
            sender_id: self.user(to.other()),
            payload,
        }
    }
}

pub(super) fn over(outcome: CallOutcome, duration_s: Option<u32>) -> Step {
    Step::Over(CallEntry {
        outcome,
        duration_s,
    })
}
