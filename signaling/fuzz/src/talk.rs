//! Texts that several sockets send one after the other, with a store that keeps
//! everything and a clock that the bytes move.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use payambar_signaling::chat::{Stored, StoredMessage};
use payambar_signaling::hub::{Effect, Hub, Input, Limits, Notice};
use payambar_signaling::ids::{
    ConnId, ConversationId, MessageId, Seq, SessionId, Timestamp, UserId,
};
use payambar_signaling::room::{MediaCommand, MediaEvent, Member, Person, Rank, RoomFacts};
use payambar_signaling::wire::{Code, ServerFrame};
use serde_json::Value;

/// Sockets 1 to 4: two of person 1, one of each of the others.
const SOCKETS: [(u64, i64); 4] = [(1, 1), (2, 1), (3, 2), (4, 3)];

/// Bytes are lines. The first sign of each says what happens: `1` to `4` that
/// socket says the rest; `-` and a number, it goes; `+` and a number, so many
/// seconds pass.
pub fn talk(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut stage = Stage::new();
    for line in text.lines() {
        stage.line(line);
    }
    // Whoever is left goes, and nothing is left of anybody.
    for (conn, _) in SOCKETS {
        stage.give(Input::Disconnected { conn: ConnId(conn) });
    }
    stage.pass(Duration::from_secs(3600));
    let counts = stage.hub.counts();
    assert_eq!(
        (counts.connections, counts.users_online, counts.in_flight),
        (0, 0, 0)
    );
    assert_eq!(counts.calls_ringing + counts.calls_active, 0, "{counts:?}");
    assert_eq!((counts.rooms, counts.room_participants), (0, 0));
}

struct Stage {
    hub: Hub,
    now: Instant,
    alive: BTreeSet<u64>,
    stored: i64,
}

impl Stage {
    #[expect(clippy::disallowed_methods, reason = "some first instant is needed")]
    fn new() -> Self {
        let mut next = 0_u8;
        let entropy = Box::new(move || {
            next = next.wrapping_add(1);
            [next; 16]
        });
        let mut stage = Self {
            hub: Hub::new("fuzz".to_owned(), Limits::default(), entropy),
            now: Instant::now(),
            alive: BTreeSet::new(),
            stored: 0,
        };
        for (conn, user) in SOCKETS {
            stage.alive.insert(conn);
            stage.give(Input::Connected {
                conn: ConnId(conn),
                user: UserId(user),
                session: SessionId(conn.cast_signed()),
            });
        }
        stage
    }

    fn line(&mut self, line: &str) {
        let Some(first) = line.chars().next() else {
            return;
        };
        let rest = &line[first.len_utf8()..];
        match first {
            '1'..='4' => {
                let conn = ConnId(u64::from(first.to_digit(10).unwrap()));
                let text = rest.to_owned();
                self.give(Input::Text { conn, text });
            }
            '-' => {
                let conn = rest.parse().unwrap_or_default();
                self.give(Input::Disconnected { conn: ConnId(conn) });
            }
            '+' => self.pass(Duration::from_secs(rest.parse::<u16>().unwrap_or(1).into())),
            _ => {}
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.hub.handle_timeout(self.now);
        self.obey();
        assert!(self.hub.poll_timeout().is_none_or(|due| due > self.now));
    }

    fn give(&mut self, input: Input) {
        if let Input::Disconnected { conn } = &input {
            self.alive.remove(&conn.0);
        }
        self.hub.handle_input(input, self.now);
        self.obey();
    }

    /// Does what the hub wants, answers included, until it wants nothing more.
    fn obey(&mut self) {
        let mut answers = Vec::new();
        loop {
            while let Some(effect) = self.hub.poll_effect() {
                answers.extend(self.effect(effect));
            }
            let Some(answer) = answers.pop() else {
                return;
            };
            self.hub.handle_input(answer, self.now);
        }
    }

    fn effect(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Send { to, frame, .. } => {
                assert!(!to.is_empty());
                for conn in to {
                    assert!(self.alive.contains(&conn.0), "{conn:?} hears after its end");
                }
                said(&frame);
                None
            }
            Effect::Close { conn, .. } => {
                self.alive.remove(&conn.0);
                None
            }
            Effect::Store(new) => {
                assert!(new.to != new.sender.into());
                self.stored += 1;
                let message = StoredMessage {
                    id: MessageId(self.stored),
                    conversation: ConversationId(1),
                    seq: Seq(self.stored),
                    sender: new.sender,
                    to: new.to,
                    client_message_id: new.client_message_id,
                    body: new.body,
                    created_at: Timestamp(0),
                };
                let result = Ok(Stored {
                    message,
                    repeated: false,
                    erased: false,
                });
                let ticket = new.ticket;
                Some(Input::Stored { ticket, result })
            }
            Effect::Mark(mark) => Some(Input::Marked {
                ticket: mark.ticket,
                result: Err(Code::NotReceiver),
            }),
            Effect::CatchUp { conn, .. } => Some(Input::CatchUp {
                conn,
                result: Ok(Vec::new()),
            }),
            Effect::Notify {
                notice: Notice::Ringing { call, caller, .. },
                ..
            } => Some(Input::Woken {
                call,
                reached: caller == UserId(1),
            }),
            Effect::RoomFacts { ticket, about, .. } => Some(Input::RoomFacts {
                ticket,
                result: Ok(Some(facts(about))),
            }),
            Effect::Media(command) => media(&command).map(Input::Media),
            Effect::Notify { .. }
            | Effect::NotifyGroup { .. }
            | Effect::LastSeen { .. }
            | Effect::Online { .. } => None,
        }
    }
}

/// The conversation of persons 1 and 2, whichever is asked for.
fn facts(about: UserId) -> RoomFacts {
    let person = |user: UserId| Person {
        user,
        username: format!("p{user}"),
        display_name: None,
        avatar_url: None,
    };
    let member = |user| Member {
        person: person(UserId(user)),
        rank: Rank::Member,
    };
    RoomFacts {
        pair: true,
        name: None,
        members: vec![member(1), member(2)],
        about: Some(person(about)),
        at: Timestamp(0),
    }
}

/// Media that comes about at once.
fn media(command: &MediaCommand) -> Option<MediaEvent> {
    let MediaCommand::Join { participant, .. } = command else {
        return None;
    };
    Some(MediaEvent::Offer {
        participant: *participant,
        sdp: "v=0".to_owned(),
    })
}

/// A frame is one JSON object with a type, and no longer than a client reads.
fn said(frame: &ServerFrame) {
    let json: Value = serde_json::from_str(&frame.to_json()).unwrap();
    assert!(json["type"].is_string(), "{json}");
}
