//! What is heard of calls, held against what is known of them.

use std::collections::BTreeMap;

use payambar_signaling::ids::{CallId, ConnId, UserId};
use payambar_signaling::wire::{CallState, ServerFrame};

use super::World;
use super::steps::owner;

/// What is known of a call from the frames alone.
pub(crate) struct Seen {
    pub(crate) caller: UserId,
    pub(crate) callee: UserId,
    answers: BTreeMap<ConnId, usize>,
    answered: bool,
    offers_of_callee: usize,
    offers_of_caller: usize,
}

impl World {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "there are many frames, and the caller has picked those of calls"
    )]
    pub(crate) fn heard_of_call(&mut self, conn: ConnId, frame: &ServerFrame) {
        let me = owner(conn);
        if let ServerFrame::CallOffer { sender_id, .. }
        | ServerFrame::CallRinging { sender_id, .. }
        | ServerFrame::CallAnswer { sender_id, .. }
        | ServerFrame::IceCandidate { sender_id, .. } = frame
        {
            self.people.passes(conn, *sender_id, "a call");
        }
        match frame {
            ServerFrame::CallStarted {
                call_id,
                receiver_id,
            } => {
                let call = &self.calls[call_id];
                assert_eq!((me, *receiver_id), (call.caller, call.callee));
                self.latest = Some(*call_id);
            }
            ServerFrame::CallOffer {
                call_id, sender_id, ..
            } => self.offered(conn, call_id, *sender_id),
            ServerFrame::CallRinging { call_id, sender_id } => {
                let call = self.member(conn, call_id, *sender_id);
                assert!(me == call.caller && !call.answered);
            }
            ServerFrame::CallAnswer {
                call_id, sender_id, ..
            } => self.answered(conn, call_id, *sender_id),
            ServerFrame::IceCandidate {
                call_id, sender_id, ..
            } => {
                let answered = self.was_answered(call_id);
                self.member(conn, call_id, *sender_id);
                assert!(answered, "a candidate before the answer");
            }
            ServerFrame::CallReject {
                call_id: Some(call_id),
                sender_id,
                ..
            } => {
                let call = self.member(conn, call_id, *sender_id);
                assert_eq!(me, call.caller);
            }
            ServerFrame::CallReject {
                call_id: None,
                payload,
                ..
            } => {
                let word = serde_json::to_value(payload).expect("a word");
                // An offline callee's call had begun to wake devices.
                self.attempts_failed += usize::from(word == "busy");
            }
            ServerFrame::CallHangup {
                call_id, sender_id, ..
            } => {
                self.member(conn, call_id, *sender_id);
            }
            ServerFrame::CallResumed { call_id, state } => {
                let call = &self.calls[call_id];
                assert!(me == call.caller || me == call.callee);
                assert!(*state == CallState::Active || !call.answered);
            }
            _ => unreachable!("not of a call"),
        }
    }

    fn offered(&mut self, conn: ConnId, call_id: &CallId, sender: UserId) {
        let me = owner(conn);
        let call = self.member(conn, call_id, sender);
        if call.answered {
            if me == call.caller {
                call.offers_of_callee += 1;
            } else {
                call.offers_of_caller += 1;
            }
        } else {
            assert_eq!(me, call.callee, "it rings for the callee alone");
        }
    }

    fn answered(&mut self, conn: ConnId, call_id: &CallId, sender: UserId) {
        let me = owner(conn);
        let call = self.member(conn, call_id, sender);
        call.answered = true;
        let answers = call.answers.entry(conn).or_default();
        *answers += 1;
        let due = if me == call.caller {
            1 + call.offers_of_caller
        } else {
            call.offers_of_callee
        };
        assert!(*answers <= due, "{answers} answers to {due} offers");
    }

    pub(crate) fn began(&mut self, call_id: CallId, caller: UserId, callee: UserId) {
        let seen = Seen {
            caller,
            callee,
            answers: BTreeMap::new(),
            answered: false,
            offers_of_callee: 0,
            offers_of_caller: 0,
        };
        assert!(self.calls.insert(call_id, seen).is_none());
    }

    /// An answer that waits because the caller has no socket counts as well:
    /// then the hub says the call, the only one of three people, is active.
    fn was_answered(&self, call_id: &CallId) -> bool {
        let call = &self.calls[call_id];
        let caller_here = self.alive.iter().any(|&conn| owner(conn) == call.caller);
        call.answered || (!caller_here && self.hub.counts().calls_active == 1)
    }

    /// The call, once it is sure that this socket may hear of it from `sender`.
    fn member(&mut self, conn: ConnId, call_id: &CallId, sender: UserId) -> &mut Seen {
        let call = self.calls.get_mut(call_id).expect("a call that began");
        let peer = if owner(conn) == call.caller {
            call.callee
        } else {
            assert_eq!(owner(conn), call.callee, "{conn} is a stranger");
            call.caller
        };
        assert_eq!(sender, peer);
        call
    }
}
