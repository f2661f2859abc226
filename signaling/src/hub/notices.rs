//! What people are told who have no socket that is awake: the shell wakes
//! their devices. How a device is woken, and in which words, is its business.

use super::Hub;
use super::io::Effect;
use crate::call::Side;
use crate::chat::{Body, CallOutcome, Destination, StoredMessage};
use crate::ids::{CallId, ConnId, SessionId, UserId};
use crate::wire::{CallState, RejectReason, ServerFrame};

/// Something a person should know of who may not be looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A message arrived, and no socket of its receiver is awake.
    Message(StoredMessage),
    /// A call rings. Answered with [`super::Input::Woken`].
    Ringing {
        /// The call.
        call: CallId,
        /// Who calls.
        caller: UserId,
        /// Sessions that ring by their own socket.
        awake: Vec<SessionId>,
    },
    /// It rings no longer; follows each [`Notice::Ringing`] once.
    RingingOver {
        /// The call.
        call: CallId,
        /// Who called.
        caller: UserId,
        /// Why.
        end: RingingEnd,
        /// The callee's session that decided it.
        by: Option<SessionId>,
    },
    /// Somebody is asked to come into a voice room; to their devices that is a
    /// call.
    Invited {
        /// What rings.
        ring: CallId,
        /// Who asks.
        inviter: UserId,
        /// Sessions that ring by their own socket.
        awake: Vec<SessionId>,
    },
    /// They are asked no longer; follows each [`Notice::Invited`] once.
    InvitedNoMore {
        /// What rang.
        ring: CallId,
        /// Who asked.
        inviter: UserId,
        /// Why.
        end: RingingEnd,
        /// The session that decided it.
        by: Option<SessionId>,
    },
}

/// Why a call rings no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingingEnd {
    /// Answered on one device.
    Answered,
    /// Declined on one device.
    Declined,
    /// Nobody took it.
    Missed,
}

impl Hub {
    /// A tab may sleep or wake up: while it sleeps, nobody looks at it.
    pub(super) fn sleep(&mut self, conn: ConnId, asleep: bool) {
        if let Some(socket) = self.sockets.get_mut(conn) {
            socket.asleep = asleep;
        }
    }

    /// Calls in words that somebody may not see are no message of their own:
    /// the ringing has told of them.
    pub(super) fn notify_of_message(&mut self, message: &StoredMessage) {
        if matches!(message.body, Body::Call(_) | Body::Event(_)) {
            return;
        }
        match message.to {
            Destination::Person(receiver) => {
                if self.sockets.awake_sessions(receiver).is_empty() {
                    self.effects.push_back(Effect::Notify {
                        user: receiver,
                        notice: Notice::Message(message.clone()),
                    });
                }
            }
            Destination::Group(group) => {
                let is_awake = |user: &UserId| !self.sockets.awake_sessions(*user).is_empty();
                let here = self.people.in_group(group);
                let awake = here.into_iter().filter(is_awake).collect();
                let message = Box::new(message.clone());
                let notify = Effect::NotifyGroup { message, awake };
                self.effects.push_back(notify);
            }
        }
    }

    pub(super) fn notify_of_ringing(&mut self, call: CallId, caller: UserId, callee: UserId) {
        self.effects.push_back(Effect::Notify {
            user: callee,
            notice: Notice::Ringing {
                call,
                caller,
                awake: self.sockets.awake_sessions(callee),
            },
        });
    }

    pub(super) fn notify_of_end(
        &mut self,
        call: CallId,
        (caller, callee): (UserId, UserId),
        end: RingingEnd,
        by: Option<SessionId>,
    ) {
        let notice = Notice::RingingOver {
            call,
            caller,
            end,
            by,
        };
        self.effects.push_back(Effect::Notify {
            user: callee,
            notice,
        });
    }

    /// The shell has woken a device of somebody without a socket, or cannot.
    pub(super) fn woken(&mut self, id: CallId, reached: bool) {
        let Some(callee) = self.calls.waking_callee(id) else {
            return;
        };
        if reached {
            self.begun(id);
        } else if !self.sockets.is_online(callee) {
            self.unreachable(id, callee);
        }
    }

    /// A call to somebody without a socket: from here on it rings there.
    pub(super) fn begun(&mut self, id: CallId) {
        let Some(callee) = self.calls.waking_callee(id) else {
            return;
        };
        self.calls.wakes_no_more(id);
        let started = ServerFrame::CallStarted {
            call_id: id,
            receiver_id: callee,
        };
        self.say_to_caller(id, started);
    }

    /// No device of the callee could be woken: for the caller no call began.
    fn unreachable(&mut self, id: CallId, callee: UserId) {
        let reject = ServerFrame::CallReject {
            call_id: None,
            sender_id: callee,
            payload: RejectReason::Offline,
        };
        self.say_to_caller(id, reject);
        self.call_over(id, CallOutcome::Offline);
    }
}

/// What the callee's other devices are told of a call that ended ringing.
pub(super) fn end_of(outcome: CallOutcome) -> RingingEnd {
    match outcome {
        CallOutcome::Answered => RingingEnd::Answered,
        CallOutcome::Declined => RingingEnd::Declined,
        CallOutcome::Busy
        | CallOutcome::Cancelled
        | CallOutcome::NoAnswer
        | CallOutcome::Offline
        | CallOutcome::Lost => RingingEnd::Missed,
    }
}

/// The session that took the call, if that is what just happened.
pub(super) fn taken_by(
    (before, after): (CallState, CallState),
    side: Side,
    session: SessionId,
) -> Option<SessionId> {
    match (before, after, side) {
        (CallState::Ringing, CallState::Active, Side::Callee) => Some(session),
        (CallState::Ringing | CallState::Active, _, Side::Caller | Side::Callee) => None,
    }
}
