//! The hub driven as the shell drives it: inputs in, effects read as lines.

mod away;
mod calls;
mod deletions;
mod groups;
mod messages;
mod notices;
mod people;
mod rooms;
mod seen;
mod sockets;
mod typing;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::chat::{BlockChange, Body, Mark, MarkTarget, Marked, Status, StoredMessage};
use crate::ids::{CallId, MessageId, SessionId, Ticket, Timestamp};
use crate::room::MediaCommand;

/// A hub, its clock, and the answers of a store that keeps nothing.
pub(super) struct Bench {
    pub(super) hub: Hub,
    pub(super) now: Instant,
    /// The ticket of the last effect for the store.
    pub(super) ticket: Ticket,
    /// What sleeping devices were to be told, with its person.
    pub(super) notices: Vec<(UserId, Notice)>,
    /// Of whom it was asked when they were last there, and for which socket.
    pub(super) asked: Vec<(ConnId, Vec<UserId>)>,
    /// What is to be read for rooms.
    pub(super) facts: Vec<(Ticket, ConversationId, UserId)>,
    /// What the media side was told.
    pub(super) media: Vec<MediaCommand>,
}

impl Bench {
    /// Sockets named 11, 12 … of person 1, 21, 22 … of person 2, each with a
    /// session of its own number.
    pub(super) fn with(conns: &[u64]) -> Self {
        Self::limited(Limits::default(), conns)
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some first instant")]
    pub(super) fn limited(limits: Limits, conns: &[u64]) -> Self {
        let mut next = 0;
        let entropy = Box::new(move || {
            next += 1;
            [next; 16]
        });
        let mut bench = Self {
            hub: Hub::new("1.2.3".to_owned(), limits, entropy),
            now: Instant::now(),
            ticket: Ticket(0),
            notices: Vec::new(),
            asked: Vec::new(),
            facts: Vec::new(),
            media: Vec::new(),
        };
        for &conn in conns {
            bench.join(conn);
        }
        bench
    }

    pub(super) fn connect(&mut self, conn: u64) -> Vec<String> {
        self.give(Input::Connected {
            conn: ConnId(conn),
            user: owner(conn),
            session: SessionId(conn.cast_signed()),
        })
    }

    pub(super) fn join(&mut self, conn: u64) -> Vec<String> {
        self.connect(conn);
        self.caught_up(conn)
    }

    pub(super) fn caught_up(&mut self, conn: u64) -> Vec<String> {
        self.give(Input::CatchUp {
            conn: ConnId(conn),
            result: Ok(Vec::new()),
        })
    }

    pub(super) fn leave(&mut self, conn: u64) -> Vec<String> {
        self.give(Input::Disconnected { conn: ConnId(conn) })
    }

    pub(super) fn log_out(&mut self, session: i64) -> Vec<String> {
        self.give(Input::SessionEnded {
            session: SessionId(session),
        })
    }

    pub(super) fn say(&mut self, conn: u64, frame: &Value) -> Vec<String> {
        self.give(Input::Text {
            conn: ConnId(conn),
            text: frame.to_string(),
        })
    }

    /// The answer to the ringing of the bench's n-th call.
    pub(super) fn woken(&mut self, n: u8, reached: bool) -> Vec<String> {
        self.give(Input::Woken {
            call: CallId::from_bytes([n; 16]),
            reached,
        })
    }

    /// Person `by` blocks `whom`, or takes it back.
    pub(super) fn block(&mut self, by: i64, whom: i64, blocked: bool) -> Vec<String> {
        self.give(Input::BlockChanged(BlockChange {
            by: UserId(by),
            whom: UserId(whom),
            blocked,
        }))
    }

    /// What is read of a person before a socket joins.
    pub(super) fn know(&mut self, user: i64, known: Known) -> Vec<String> {
        self.give(Input::Known {
            user: UserId(user),
            known: Box::new(known),
        })
    }

    pub(super) fn wait(&mut self, seconds: u64) -> Vec<String> {
        self.now += Duration::from_secs(seconds);
        self.hub.handle_timeout(self.now);
        self.drain()
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<String> {
        self.hub.handle_input(input, self.now);
        self.drain()
    }

    pub(super) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(effect) = self.hub.poll_effect() {
            if let Effect::Notify { user, notice } = effect {
                self.notices.push((user, notice));
                continue;
            }
            if let Effect::LastSeen { conn, users, .. } = effect {
                self.asked.push((conn, users));
                continue;
            }
            if let Effect::RoomFacts {
                ticket,
                conversation,
                about,
            } = effect
            {
                self.facts.push((ticket, conversation, about));
                continue;
            }
            match &effect {
                Effect::Media(command) => self.media.push(command.clone()),
                Effect::Store(new) => self.ticket = new.ticket,
                Effect::Mark(new) => self.ticket = new.ticket,
                Effect::Send { .. }
                | Effect::Close { .. }
                | Effect::CatchUp { .. }
                | Effect::LastSeen { .. }
                | Effect::Online { .. }
                | Effect::RoomFacts { .. }
                | Effect::Notify { .. }
                | Effect::NotifyGroup { .. } => {}
            }
            lines.push(line(&effect));
        }
        lines
    }
}

/// The person whose socket this is.
pub(super) fn owner(conn: u64) -> UserId {
    UserId((conn / 10).cast_signed())
}

/// An effect as a line: sockets, then what.
fn line(effect: &Effect) -> String {
    match effect {
        Effect::Send { to, frame, receipt } => {
            let to: Vec<String> = to.iter().map(ToString::to_string).collect();
            let receipt = receipt.map(|(c, s)| format!(" receipt {c}/{s}"));
            format!(
                "{} {}{}",
                to.join(","),
                said(frame),
                receipt.unwrap_or_default()
            )
        }
        Effect::Close { conn, code } => format!("close {conn} {code}"),
        Effect::Store(new) => match &new.body {
            Body::Text(text) => format!("store {}>{} {text}", new.sender, new.to),
            Body::Sealed(envelope) => {
                format!(
                    "store {}>{} sealed {}",
                    new.sender, new.to, envelope.ciphertext
                )
            }
            Body::Call(entry) => format!(
                "entry {}>{} {}{}",
                new.sender,
                new.to,
                entry.outcome.as_str(),
                entry
                    .duration_s
                    .map(|s| format!(" {s}"))
                    .unwrap_or_default()
            ),
            Body::File(entry) => format!("file {}>{} {}", new.sender, new.to, entry.name),
            Body::Event(event) => format!("event {}>{} {event:?}", new.sender, new.to),
        },
        Effect::Mark(new) => {
            let target = match new.target {
                MarkTarget::Message(id) => format!("message {id}"),
                MarkTarget::UpTo { conversation, seq } => format!("{conversation}/{seq}"),
            };
            let mark = match new.mark {
                Mark::Delivered => "delivered",
                Mark::Read => "read",
            };
            format!("mark {} {target} {mark}", new.reader)
        }
        Effect::CatchUp { conn, user } => format!("catch_up {conn} of {user}"),
        Effect::Online { user, online } => format!("online {user} {online}"),
        Effect::NotifyGroup { message, awake } => {
            let awake: Vec<String> = awake.iter().map(ToString::to_string).collect();
            format!("notify {} but {}", message.to, awake.join(","))
        }
        Effect::Media(command) => rooms::command(command),
        Effect::LastSeen { .. } | Effect::Notify { .. } | Effect::RoomFacts { .. } => {
            unreachable!("kept apart")
        }
    }
}

/// A frame as words: its type and what tells it from others of that type.
fn said(frame: &ServerFrame) -> String {
    let json: Value = serde_json::from_str(&frame.to_json()).expect("json");
    if let Some(words) = rooms::words(&json) {
        return words;
    }
    let mut words = vec![json["type"].clone()];
    if matches!(frame, ServerFrame::Typing { .. }) {
        words.push(json["sender_id"].clone());
    }
    for path in [
        "/payload/reason",
        "/payload/offer/sdp",
        "/payload/answer/sdp",
        "/payload/candidate/candidate",
        "/code",
        "/state",
        "/content",
        "/status",
        "/user_id",
        "/username",
        "/online",
        "/last_seen",
        "/name",
        "/role",
        "/change",
        "/recv_seq",
        "/read_seq",
        "/for_me",
        "/active",
    ] {
        words.extend(json.pointer(path).cloned());
    }
    let words = words.iter().map(|word| {
        let text = word.as_str().map(str::to_owned);
        text.unwrap_or_else(|| word.to_string())
    });
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn text(receiver: i64, content: &str) -> Value {
    json!({"type": "message", "receiver_id": receiver, "content": content})
}

pub(super) fn stored(id: i64, sender: i64, receiver: i64, content: &str) -> StoredMessage {
    StoredMessage {
        id: MessageId(id),
        conversation: ConversationId(7),
        seq: Seq(id),
        sender: UserId(sender),
        to: UserId(receiver).into(),
        client_message_id: None,
        body: Body::Text(content.to_owned()),
        created_at: Timestamp(0),
    }
}

pub(super) fn marked(seq: i64, status: Status, advanced: bool) -> Marked {
    Marked {
        conversation: ConversationId(7),
        seq: Seq(seq),
        message: MessageId(seq),
        sender: UserId(1),
        receiver: UserId(2),
        status,
        at: Timestamp(0),
        advanced,
    }
}

pub(super) fn offer(receiver: i64, sdp: &str) -> Value {
    json!({
        "type": "call_offer", "receiver_id": receiver,
        "payload": {"offer": {"type": "offer", "sdp": sdp}}
    })
}

pub(super) fn answer(receiver: i64, sdp: &str) -> Value {
    json!({
        "type": "call_answer", "receiver_id": receiver,
        "payload": {"answer": {"type": "answer", "sdp": sdp}}
    })
}

pub(super) fn candidate(receiver: i64, way: &str) -> Value {
    json!({
        "type": "ice_candidate", "receiver_id": receiver,
        "payload": {"candidate": {"candidate": way, "sdpMid": "0", "sdpMLineIndex": 0}}
    })
}

pub(super) fn reject(receiver: i64) -> Value {
    json!({"type": "call_reject", "receiver_id": receiver})
}

pub(super) fn busy(receiver: i64) -> Value {
    json!({"type": "call_reject", "receiver_id": receiver, "payload": {"reason": "busy"}})
}

pub(super) fn hangup(receiver: i64) -> Value {
    json!({"type": "call_hangup", "receiver_id": receiver})
}

pub(super) fn ringing(receiver: i64) -> Value {
    json!({"type": "call_ringing", "receiver_id": receiver})
}

/// The id of the bench's n-th call.
pub(super) fn id(n: u8) -> String {
    format!("{n:02x}").repeat(16)
}

pub(super) fn resume() -> Value {
    json!({"type": "call_resume", "call_id": id(1)})
}

pub(super) fn of_call(mut frame: Value, call_id: String) -> Value {
    frame["call_id"] = Value::String(call_id);
    frame
}

/// Person 1 calls person 2 from socket 11.
pub(super) fn ringing_bench(conns: &[u64]) -> Bench {
    let mut bench = Bench::with(conns);
    bench.say(11, &offer(2, "o"));
    bench
}

/// The same, answered on socket 21.
pub(super) fn active_bench(conns: &[u64]) -> Bench {
    let mut bench = ringing_bench(conns);
    bench.say(21, &answer(1, "a"));
    bench
}
