//! Three people with two sockets each do thousands of random things; whatever
//! they do, nothing reaches a stranger, nothing comes too early or twice, and
//! every call leaves exactly one entry.

#![cfg(test)]

mod calls;
mod kept;
mod notices;
mod people;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use calls::Seen;
use kept::Kept;
use payambar_signaling::chat::{BlockChange, Body, Marked, Status};
use payambar_signaling::hub::{Effect, Hub, Input, Limits, Stored};
use payambar_signaling::ids::{
    CallId, ConnId, ConversationId, MessageId, Seq, SessionId, Ticket, Timestamp, UserId,
};
use payambar_signaling::wire::{Code, ServerFrame};
use people::People;
use proptest::collection::vec;
use proptest::prelude::*;
use steps::{CONNS, NAMED, Step, owner, step};

struct World {
    hub: Hub,
    now: Instant,
    alive: BTreeSet<ConnId>,
    online: BTreeSet<UserId>,
    open: Vec<Effect>,
    calls: BTreeMap<CallId, Seen>,
    latest: Option<CallId>,
    /// Calls whose devices were to be told that they ring, and no longer ring.
    ringing: Vec<CallId>,
    rang: BTreeSet<CallId>,
    attempts_failed: usize,
    entries: usize,
    next_message: i64,
    kept: Kept,
    people: People,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "tests need some first instant")]
    fn new() -> Self {
        let mut next = 0_u128;
        let entropy = Box::new(move || {
            next += 1;
            next.to_be_bytes()
        });
        let limits = Limits {
            call_frames: None,
            other_frames: None,
            typing_frames: None,
            ..Limits::default()
        };
        Self {
            hub: Hub::new("test".to_owned(), limits, entropy),
            now: Instant::now(),
            alive: BTreeSet::new(),
            online: BTreeSet::new(),
            open: Vec::new(),
            calls: BTreeMap::new(),
            latest: None,
            ringing: Vec::new(),
            rang: BTreeSet::new(),
            attempts_failed: 0,
            entries: 0,
            next_message: 1,
            kept: Kept::new(),
            people: People::default(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Connect(conn) => {
                self.give(Input::Known {
                    user: owner(conn),
                    known: Box::new(self.people.known(owner(conn))),
                });
                self.alive.insert(conn);
                self.give(Input::Connected {
                    conn,
                    user: owner(conn),
                    session: SessionId(conn.0.cast_signed()),
                });
            }
            Step::Disconnect(conn) => {
                // From here on no effect may name it.
                self.alive.remove(&conn);
                self.give(Input::Disconnected { conn });
            }
            Step::Say(conn, text) => {
                let latest = self.latest.unwrap_or(CallId::from_bytes([0; 16]));
                let text = text.replace(NAMED, &format!("\"call_id\":\"{latest}\""));
                self.people.said(owner(conn), &text, self.now);
                self.give(Input::Text { conn, text });
            }
            Step::Answer(n, ok) if !self.open.is_empty() => {
                let asked = self.open.remove(n % self.open.len());
                let answer = self.answer(asked, ok);
                self.give(answer);
            }
            Step::Answer(n, all) => {
                let seen = self.people.answer(n, all);
                seen.into_iter().for_each(|seen| self.give(seen));
            }
            Step::Woken(n, reached) if !self.ringing.is_empty() => {
                let call = self.ringing.remove(n % self.ringing.len());
                self.give(Input::Woken { call, reached });
            }
            Step::Woken(..) => {}
            Step::Stray(ticket) => self.stray(Ticket(ticket)),
            Step::CatchUp(conn, ok) => self.catch_up(conn, ok),
            Step::Delete(delete) => {
                let deletion = self.kept.delete(delete);
                self.give(Input::Deleted(deletion));
            }
            Step::Written(conn, seq) => self.give(Input::Written {
                conn,
                conversation: ConversationId(1),
                seq: Seq(seq),
            }),
            Step::LogOut(conn) => self.give(Input::SessionEnded {
                session: SessionId(conn.0.cast_signed()),
            }),
            Step::Block(by, whom, blocked) => {
                let (by, whom) = (UserId(by), UserId(whom));
                // What a block ends may still be told of; what comes back is
                // told when it is over.
                if !blocked {
                    self.people.block(by, whom, false);
                }
                self.give(Input::BlockChanged(BlockChange { by, whom, blocked }));
                self.people.block(by, whom, blocked);
            }
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.hub.handle_timeout(self.now);
                self.look();
            }
        }
    }

    /// An answer nobody waits for.
    fn stray(&mut self, ticket: Ticket) {
        let is_open = self.open.iter().any(|effect| match effect {
            Effect::Store(new) => new.ticket == ticket,
            Effect::Mark(new) => new.ticket == ticket,
            Effect::Send { .. }
            | Effect::Close { .. }
            | Effect::CatchUp { .. }
            | Effect::LastSeen { .. }
            | Effect::Online { .. }
            | Effect::RoomFacts { .. }
            | Effect::Media(_)
            | Effect::Notify { .. }
            | Effect::NotifyGroup { .. } => false,
        });
        if !is_open {
            let result = Err(Code::Internal);
            self.give(Input::Stored { ticket, result });
        }
    }

    fn catch_up(&mut self, conn: ConnId, ok: bool) {
        let missed = self.kept.answer(conn);
        let result = ok.then_some(missed).ok_or(Code::Internal);
        self.give(Input::CatchUp { conn, result });
    }

    fn give(&mut self, input: Input) {
        self.hub.handle_input(input, self.now);
        self.look();
    }

    fn answer(&mut self, asked: Effect, ok: bool) -> Input {
        let id = self.next_message;
        self.next_message += 1;
        match asked {
            Effect::Store(new) => {
                let message = self
                    .kept
                    .keep(id, new.sender, new.to.person().unwrap(), new.body);
                // A log entry has no name, so it is never sent again.
                let repeated = id % 5 == 0 && !matches!(message.body, Body::Call(_));
                let erased = repeated && id % 2 == 0;
                if erased {
                    self.kept.erased(&message);
                }
                // The writer judges by the block as it is now.
                let apart = self
                    .people
                    .are_apart(message.sender, kept::reader(&message));
                let ok = ok && (!apart || matches!(message.body, Body::Call(_)));
                let result = ok.then_some(Stored {
                    message,
                    repeated,
                    erased,
                });
                Input::Stored {
                    ticket: new.ticket,
                    result: result.ok_or(Code::StorageFailed),
                }
            }
            Effect::Mark(new) => {
                let sender = UserId(new.reader.0 % 3 + 1);
                let marked = Marked {
                    conversation: ConversationId(1),
                    seq: Seq(id),
                    message: MessageId(id),
                    sender,
                    receiver: new.reader,
                    status: Status::Read,
                    at: Timestamp(0),
                    advanced: id % 2 == 0,
                };
                Input::Marked {
                    ticket: new.ticket,
                    result: ok.then_some(marked).ok_or(Code::StorageFailed),
                }
            }
            Effect::Send { .. }
            | Effect::Close { .. }
            | Effect::CatchUp { .. }
            | Effect::LastSeen { .. }
            | Effect::Online { .. }
            | Effect::RoomFacts { .. }
            | Effect::Media(_)
            | Effect::Notify { .. }
            | Effect::NotifyGroup { .. } => unreachable!("not a question"),
        }
    }

    /// Drains the effects and holds each against what may be.
    fn look(&mut self) {
        while let Some(effect) = self.hub.poll_effect() {
            match effect {
                Effect::Send { to, frame, receipt } => {
                    assert!(!to.is_empty());
                    assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), to.len());
                    for conn in to {
                        assert!(self.alive.contains(&conn), "{conn} is gone: {frame:?}");
                        self.heard(conn, &frame, receipt.is_some());
                    }
                }
                Effect::Close { conn, .. } => {
                    assert!(self.alive.remove(&conn), "{conn} is gone");
                }
                Effect::Store(new) => {
                    if matches!(new.body, Body::Call(_)) {
                        self.entries += 1;
                    } else {
                        let receiver = new.to.person().unwrap();
                        assert!(!self.people.are_apart(new.sender, receiver));
                    }
                    self.open.push(Effect::Store(new));
                }
                Effect::Mark(new) => self.open.push(Effect::Mark(new)),
                Effect::LastSeen { conn, users, .. } => self.people.asked(conn, users),
                Effect::CatchUp { conn, user } => {
                    assert!(self.alive.contains(&conn));
                    assert_eq!(owner(conn), user);
                    self.kept.read(conn);
                }
                Effect::Online { user, online } => {
                    let changed = if online {
                        self.online.insert(user)
                    } else {
                        self.online.remove(&user)
                    };
                    assert!(changed, "{user} is told of twice");
                }
                Effect::Notify { user, notice } => self.notified(user, notice),
                Effect::NotifyGroup { .. } => unreachable!("nobody has a group here"),
                Effect::RoomFacts { .. } | Effect::Media(_) => unreachable!("nobody wants a room"),
            }
        }
        self.people.look(self.now, &self.alive);
        let here: BTreeSet<UserId> = self.alive.iter().copied().map(owner).collect();
        assert_eq!(self.online, here);
        let counts = self.hub.counts();
        assert_eq!(counts.connections, self.alive.len());
        let over = self.entries - self.attempts_failed;
        assert_eq!(
            counts.calls_ringing + counts.calls_active,
            self.calls.len() - over
        );
        assert_eq!(counts.in_flight, self.open.len());
    }

    fn heard(&mut self, conn: ConnId, frame: &ServerFrame, receipt: bool) {
        let me = owner(conn);
        match frame {
            ServerFrame::Message(_)
            | ServerFrame::MessageDeleted { .. }
            | ServerFrame::ConversationDeleted { .. } => {
                self.kept.heard(conn, frame, receipt);
            }
            ServerFrame::StatusUpdate(status) => {
                assert!(me == status.sender_id || me == status.receiver_id);
            }
            ServerFrame::Hello { user_id, .. } => assert_eq!(*user_id, me),
            ServerFrame::Presence { .. } => self.people.presence(conn, frame, &self.online),
            ServerFrame::Error { .. } => {}
            ServerFrame::AccountDeleted { .. } => unreachable!("nobody deletes an account here"),
            ServerFrame::GroupMessage(_)
            | ServerFrame::GroupReceipt { .. }
            | ServerFrame::GroupChanged { .. }
            | ServerFrame::GroupMember { .. }
            | ServerFrame::GroupDeleted { .. } => unreachable!("nobody has a group here"),
            ServerFrame::Typing {
                sender_id, active, ..
            } => {
                self.people.typing(conn, *sender_id, *active, self.now);
            }
            ServerFrame::CallStarted { .. }
            | ServerFrame::CallOffer { .. }
            | ServerFrame::CallRinging { .. }
            | ServerFrame::CallAnswer { .. }
            | ServerFrame::IceCandidate { .. }
            | ServerFrame::CallReject { .. }
            | ServerFrame::CallHangup { .. }
            | ServerFrame::CallResumed { .. } => self.heard_of_call(conn, frame),
            ServerFrame::CallMoved { .. }
            | ServerFrame::RoomJoined { .. }
            | ServerFrame::RoomOffer { .. }
            | ServerFrame::RoomState(_)
            | ServerFrame::RoomSpeaking { .. }
            | ServerFrame::RoomSlots { .. }
            | ServerFrame::RoomLeft { .. }
            | ServerFrame::RoomInvited { .. }
            | ServerFrame::RoomInviteOver { .. } => unreachable!("nobody wants a room"),
        }
    }

    /// Lets every clock run out; then every call has left its one entry.
    fn end(mut self) {
        for conn in CONNS {
            self.take(Step::Disconnect(conn));
        }
        while let Some(due) = self.hub.poll_timeout() {
            assert!(due > self.now, "a deadline passed unnoticed");
            self.now = due;
            self.hub.handle_timeout(self.now);
            self.look();
        }
        let counts = self.hub.counts();
        assert_eq!(counts.calls_ringing + counts.calls_active, 0);
        assert_eq!(self.entries, self.calls.len() + self.attempts_failed);
        assert_eq!(self.rang.len(), self.calls.len(), "it rings on");
        while !self.open.is_empty() {
            self.take(Step::Answer(0, true));
        }
        assert_eq!(self.hub.counts().in_flight, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_do_the_hub_keeps_its_word(steps in vec(step(), 0..1_500)) {
        let mut world = World::new();
        for conn in CONNS {
            world.take(Step::Connect(conn));
            world.take(Step::CatchUp(conn, true));
        }
        for step in steps {
            world.take(step);
        }
        world.end();
    }
}
