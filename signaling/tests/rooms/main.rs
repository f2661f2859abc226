//! Five people with two sockets each come and go in the room of a pair and in
//! that of a group, call each other, block each other and are put out; whatever
//! they do, nobody outside hears of a room, a person sits in one place, and what
//! the media side is told agrees with what people are told (row C6).

#![cfg(test)]

mod heard;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use payambar_signaling::chat::{BlockChange, Body, Destination};
use payambar_signaling::group::{Change, Happening, MemberChange, Role, What};
use payambar_signaling::hub::{Effect, Hub, Input, Known, Limits, Notice};
use payambar_signaling::ids::{
    CallId, ConnId, ConversationId, ParticipantId, SessionId, Ticket, Timestamp, UserId,
};
use payambar_signaling::room::{
    GoneReason, MediaCommand, MediaEvent, Member, Person, Rank, RoomFacts,
};
use payambar_signaling::wire::{Code, SLOTS};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use steps::{CONNS, GROUP, PAIR, Said, Step, Told, owner, step};

/// A medium, as the media side knows it.
struct Medium {
    room: ConversationId,
    offered: bool,
    /// Who sits there, once that was told.
    user: Option<UserId>,
    /// Who gave up a seat for it, most likely the same person.
    heir_of: Option<UserId>,
}

struct World {
    hub: Hub,
    now: Instant,
    alive: BTreeSet<ConnId>,
    /// Questions of the hub, and how things were when each was asked.
    asked: Vec<(Ticket, ConversationId, UserId, Option<RoomFacts>)>,
    /// Who belongs to the group.
    group: BTreeSet<UserId>,
    blocks: BTreeSet<(UserId, UserId)>,
    media: BTreeMap<ParticipantId, Medium>,
    /// Seats the media side was ever told of.
    seen: BTreeSet<ParticipantId>,
    /// Which socket was told that it has which seat.
    seats: BTreeMap<ConnId, ParticipantId>,
    /// Who was asked into which room.
    invited: BTreeSet<(ConversationId, UserId)>,
    hands: BTreeMap<ConversationId, Vec<UserId>>,
    /// Calls that began and left no entry yet.
    calls: BTreeMap<CallId, (UserId, UserId)>,
    refused: bool,
    /// Who left which room in this step.
    left: Option<(ConversationId, UserId)>,
    /// What rings because somebody is asked.
    rings: BTreeMap<CallId, UserId>,
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
            room_participants: 3,
            ..Limits::default()
        };
        Self {
            hub: Hub::new("test".to_owned(), limits, entropy),
            now: Instant::now(),
            alive: BTreeSet::new(),
            asked: Vec::new(),
            group: (1..5).map(UserId).collect(),
            blocks: BTreeSet::new(),
            media: BTreeMap::new(),
            seen: BTreeSet::new(),
            seats: BTreeMap::new(),
            invited: BTreeSet::new(),
            hands: BTreeMap::new(),
            calls: BTreeMap::new(),
            refused: false,
            left: None,
            rings: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Connect(conn) => self.connect(conn),
            Step::Disconnect(conn) => {
                self.alive.remove(&conn);
                self.give(Input::Disconnected { conn });
                self.seats.remove(&conn);
            }
            Step::Say(conn, said) => self.say(conn, said),
            Step::Read(n, then, ok) if !self.asked.is_empty() => {
                let (ticket, room, about, before) = self.asked.remove(n % self.asked.len());
                let facts = if then {
                    before
                } else {
                    self.facts(room, about)
                };
                let result = ok.then_some(facts).ok_or(Code::StorageFailed);
                self.give(Input::RoomFacts { ticket, result });
            }
            Step::Read(..) => {}
            Step::Media(n, heard) => self.media(n, heard),
            Step::Member(user, is) => {
                let user = UserId(user);
                let (role, how) = if is {
                    self.group.insert(user);
                    (Some(Role::Member), Happening::Joined)
                } else {
                    self.group.remove(&user);
                    (None, Happening::Left)
                };
                let member = MemberChange {
                    user,
                    username: format!("p{user}"),
                    display_name: None,
                    role,
                    how,
                    by: user,
                };
                self.give(Input::GroupChanged(Box::new(Change {
                    conversation: ConversationId(GROUP),
                    name: "home".to_owned(),
                    what: What::Member(Box::new(member)),
                    entry: None,
                })));
            }
            Step::Block(by, whom, blocked) => {
                let (by, whom) = (UserId(by), UserId(whom));
                if blocked {
                    self.blocks.insert((by, whom));
                } else {
                    self.blocks.remove(&(by, whom));
                }
                self.give(Input::BlockChanged(BlockChange { by, whom, blocked }));
            }
            Step::LogOut(conn) => {
                self.give(Input::SessionEnded {
                    session: SessionId(conn.0.cast_signed()),
                });
            }
            Step::Close(room) => self.give(Input::CloseRoom(ConversationId(room))),
            Step::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.hub.handle_timeout(self.now);
                self.look();
            }
        }
    }

    fn connect(&mut self, conn: ConnId) {
        let user = owner(conn);
        // The same socket again: the first one is gone.
        self.seats.remove(&conn);
        let known = Known {
            blocks: self
                .blocks
                .iter()
                .filter(|b| b.0 == user)
                .map(|b| b.1)
                .collect(),
            blocked_by: self
                .blocks
                .iter()
                .filter(|b| b.1 == user)
                .map(|b| b.0)
                .collect(),
            ..Known::default()
        };
        let known = Box::new(known);
        self.give(Input::Known { user, known });
        self.alive.insert(conn);
        let session = SessionId(conn.0.cast_signed());
        self.give(Input::Connected {
            conn,
            user,
            session,
        });
        let result = Ok(Vec::new());
        self.give(Input::CatchUp { conn, result });
    }

    fn say(&mut self, conn: ConnId, said: Said) {
        let own = self.seats.get(&conn).copied();
        let any = |n: usize| {
            self.seen
                .iter()
                .nth(n.checked_rem(self.seen.len()).unwrap_or(0))
        };
        let mut hand = None;
        let frame = match said {
            Said::Join(room, call) => {
                let me = owner(conn);
                let mut calls = self.calls.iter();
                let call = call.then(|| calls.find(|(_, (a, b))| *a == me || *b == me));
                let call = call.flatten().map(|(id, _)| id.to_string());
                json!({"type": "room_join", "conversation_id": room, "call_id": call})
            }
            Said::Seat(kind, room, n, on) => {
                let seat = own.filter(|_| n % 3 > 0).or_else(|| any(n).copied());
                let room = seat
                    .and_then(|seat| self.media.get(&seat))
                    .map_or(room, |m| m.room.0);
                if kind == "room_hand" {
                    hand = Some((ConversationId(room), owner(conn), on));
                }
                json!({"type": kind, "conversation_id": room, "participant_id": seat,
                    "raised": on, "muted": on,
                    "payload": {"answer": {"type": "answer", "sdp": "s"}}})
            }
            Said::Moderate(action, n) => {
                let seat = any(n).copied();
                let medium = seat.and_then(|seat| self.media.get(&seat));
                let room = medium.map_or(GROUP, |medium| medium.room.0);
                if let (Some(user), "lower_hand") = (medium.and_then(|m| m.user), action) {
                    hand = Some((ConversationId(room), user, false));
                }
                json!({"type": "room_moderate", "conversation_id": room,
                    "participant_id": seat, "action": action})
            }
            Said::Lock(room, locked) => {
                json!({"type": "room_lock", "conversation_id": room, "locked": locked})
            }
            Said::Invite(room, user) => {
                json!({"type": "room_invite", "conversation_id": room, "user_id": user})
            }
            Said::Decline(room) => json!({"type": "room_decline", "conversation_id": room}),
            Said::Call(text) => return self.give(Input::Text { conn, text }),
        };
        let before = self.hands.clone();
        if let Some((room, user, raised)) = hand {
            let hands = self.hands.entry(room).or_default();
            match (raised, hands.contains(&user)) {
                (true, false) => hands.push(user),
                (false, _) => hands.retain(|up| *up != user),
                (true, true) => {}
            }
        }
        let text = frame.to_string();
        self.refused = !self.alive.contains(&conn);
        self.hub.handle_input(Input::Text { conn, text }, self.now);
        self.look_with(before);
    }

    fn media(&mut self, n: usize, heard: Told) {
        let Some(n) = n.checked_rem(self.media.len()) else {
            return;
        };
        let Some((&participant, medium)) = self.media.iter_mut().nth(n) else {
            return;
        };
        let gone = |reason| MediaEvent::Gone {
            participant,
            reason,
        };
        let event = match heard {
            Told::Offer => {
                medium.offered = true;
                let sdp = "v=0".to_owned();
                MediaEvent::Offer { participant, sdp }
            }
            Told::Connected => MediaEvent::Connected { participant },
            Told::Silent => MediaEvent::Silent { participant },
            Told::Heard => MediaEvent::Heard { participant },
            Told::Speaking(speaking) => MediaEvent::Speaking {
                participant,
                speaking,
            },
            Told::Slots => MediaEvent::Slots {
                participant,
                slots: [None; SLOTS],
            },
            Told::Gone => gone(GoneReason::Silent),
            Told::Full => gone(GoneReason::Full),
        };
        self.give(Input::Media(event));
    }

    fn facts(&self, room: ConversationId, about: UserId) -> Option<RoomFacts> {
        let pair = room.0 == PAIR;
        let people: Vec<UserId> = match room.0 {
            PAIR => vec![UserId(1), UserId(2)],
            GROUP => self.group.iter().copied().collect(),
            _ => return None,
        };
        let member = |user: UserId| Member {
            person: person(user),
            rank: match (pair, user.0) {
                (false, 1) => Rank::Owner,
                (false, 2) => Rank::Admin,
                _ => Rank::Member,
            },
        };
        Some(RoomFacts {
            pair,
            name: None,
            members: people.into_iter().map(member).collect(),
            about: Some(person(about)),
            at: Timestamp(0),
        })
    }

    fn is_member(&self, room: ConversationId, user: UserId) -> bool {
        match room.0 {
            PAIR => user.0 <= 2,
            _ => self.group.contains(&user),
        }
    }

    fn give(&mut self, input: Input) {
        self.hub.handle_input(input, self.now);
        self.look();
    }

    fn look(&mut self) {
        let before = self.hands.clone();
        self.refused = false;
        self.look_with(before);
    }

    /// Drains the effects and holds each against what may be; `hands` is how
    /// they were before a frame that may turn out to be refused.
    fn look_with(&mut self, hands: BTreeMap<ConversationId, Vec<UserId>>) {
        while let Some(effect) = self.hub.poll_effect() {
            match effect {
                Effect::Send { to, frame, .. } => {
                    assert!(!to.is_empty());
                    assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), to.len());
                    for conn in to {
                        assert!(self.alive.contains(&conn), "{conn} is gone: {frame:?}");
                        self.heard(conn, &frame);
                    }
                }
                Effect::Close { conn, .. } => {
                    self.alive.remove(&conn);
                    self.seats.remove(&conn);
                }
                Effect::RoomFacts {
                    ticket,
                    conversation,
                    about,
                } => {
                    let facts = self.facts(conversation, about);
                    self.asked.push((ticket, conversation, about, facts));
                }
                Effect::Media(command) => self.command(command),
                Effect::Notify { user, notice } => match notice {
                    Notice::Ringing { call, caller, .. } => {
                        self.calls.insert(call, (caller, user));
                    }
                    Notice::Invited { ring, inviter, .. } => {
                        assert!(!self.are_apart(user, inviter), "{user} is rung");
                        assert!(self.rings.insert(ring, user).is_none());
                    }
                    Notice::InvitedNoMore { ring, .. } => {
                        assert_eq!(self.rings.remove(&ring), Some(user));
                    }
                    Notice::RingingOver { .. } | Notice::Message(_) => {}
                },
                Effect::Store(new) => {
                    assert!(matches!(new.body, Body::Call(_)));
                    let Destination::Person(receiver) = new.to else {
                        unreachable!("nobody calls a group")
                    };
                    let people = (new.sender, receiver);
                    self.calls.retain(|_, of| *of != people);
                    let result = Err(Code::NotAllowed);
                    let ticket = new.ticket;
                    self.hub
                        .handle_input(Input::Stored { ticket, result }, self.now);
                }
                Effect::NotifyGroup { .. } => unreachable!("nobody writes here"),
                Effect::Mark(_) | Effect::CatchUp { .. } => {}
                Effect::LastSeen { .. } | Effect::Online { .. } => {}
            }
        }
        if self.refused {
            self.hands = hands;
        }
        self.agree();
    }

    fn command(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Join { room, participant } => {
                assert!(self.seen.insert(participant), "{participant} a second time");
                let left = self.left.take().filter(|left| left.0 == room);
                let medium = Medium {
                    room,
                    offered: false,
                    user: None,
                    heir_of: left.map(|left| left.1),
                };
                self.media.insert(participant, medium);
            }
            MediaCommand::Leave { participant } => {
                let medium = self.media.remove(&participant).expect("a medium");
                let user = medium.user.or(medium.heir_of);
                self.left = user.map(|user| (medium.room, user));
            }
            MediaCommand::Close(room) => {
                assert!(self.media.values().all(|medium| medium.room != room));
                self.hands.remove(&room);
                self.invited.retain(|(of, _)| *of != room);
            }
            MediaCommand::Answer { participant, .. }
            | MediaCommand::Restart { participant }
            | MediaCommand::Mute { participant, .. } => {
                assert!(self.media.contains_key(&participant));
            }
        }
    }

    /// What holds after every step.
    fn agree(&mut self) {
        self.left = None;
        let mut people = BTreeSet::new();
        for user in self.media.values().filter_map(|medium| medium.user) {
            assert!(people.insert(user), "{user} sits twice");
            let mut calls = self.calls.values();
            assert!(
                !calls.any(|(a, b)| *a == user || *b == user),
                "{user} calls"
            );
        }
        let media = &self.media;
        let rooms: BTreeSet<_> = media.values().map(|medium| medium.room).collect();
        let counts = self.hub.counts();
        assert_eq!(
            (counts.rooms, counts.room_participants),
            (rooms.len(), media.len())
        );
        for room in rooms {
            let inside = media.values().filter(|medium| medium.room == room);
            assert!(inside.count() <= 3, "{room} is too full");
        }
        let apart = |a, b| self.blocks.contains(&(UserId(a), UserId(b)));
        if apart(1, 2) || apart(2, 1) {
            assert!(media.values().all(|medium| medium.room.0 != PAIR));
        }
        let holds = |medium: &Medium| medium.user.or(medium.heir_of);
        let sits = |user| media.values().any(|medium| holds(medium) == Some(user));
        for hands in self.hands.values_mut() {
            hands.retain(|user| sits(*user));
        }
    }

    /// Everybody goes, and nothing is left of any room.
    fn end(mut self) {
        for conn in CONNS {
            self.take(Step::Disconnect(conn));
        }
        while !self.asked.is_empty() {
            self.take(Step::Read(0, true, true));
        }
        while !self.media.is_empty() {
            self.media(0, Told::Gone);
        }
        while let Some(due) = self.hub.poll_timeout() {
            assert!(due > self.now, "a deadline passed unnoticed");
            self.now = due;
            self.hub.handle_timeout(self.now);
            self.look();
        }
        assert_eq!(self.hub.counts().in_flight, 0);
        assert!(self.rings.is_empty(), "it rings on");
    }
}

fn person(user: UserId) -> Person {
    Person {
        user,
        username: format!("p{user}"),
        display_name: None,
        avatar_url: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_people_do_a_room_is_for_those_in_it(steps in vec(step(), 0..500)) {
        let mut world = World::new();
        for conn in CONNS {
            world.take(Step::Connect(conn));
        }
        for step in steps {
            world.take(step);
        }
        world.end();
    }
}
