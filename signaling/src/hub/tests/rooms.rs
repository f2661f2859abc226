//! Voice rooms: persons 1 and 2 are a pair; of the group 8 person 1 is the owner,
//! 2 and 4 are admins, 3 is a member. Person 5 is a stranger to both.

mod entry;
mod invitations;
mod moves;
mod order;
mod seats;

use super::*;
use crate::group::{Change, Happening, MemberChange, What};
use crate::ids::ParticipantId;
use crate::room::{GoneReason, MediaEvent, Member, Person, Rank, RoomFacts};
use crate::wire::SLOTS;

pub(super) const PAIR: i64 = 7;
pub(super) const GROUP: i64 = 8;

/// A bench whose store and media side answer at once, unless they are held.
pub(super) struct Rooms {
    pub(super) bench: Bench,
    pub(super) removed: Vec<i64>,
    pub(super) hold_facts: bool,
    pub(super) hold_media: bool,
}

impl Rooms {
    pub(super) fn with(conns: &[u64]) -> Self {
        Self::limited(Limits::default(), conns)
    }

    pub(super) fn limited(limits: Limits, conns: &[u64]) -> Self {
        Self {
            bench: Bench::limited(limits, conns),
            removed: Vec::new(),
            hold_facts: false,
            hold_media: false,
        }
    }

    /// Those who came in one after the other; seat 1 is the first one's.
    pub(super) fn seated(room: i64, conns: &[u64]) -> Self {
        let mut rooms = Self::with(conns);
        for &conn in conns {
            rooms.say(conn, &join(room));
            // What everybody is told is told at once in the tests that follow.
            rooms.later();
        }
        rooms.bench.media.clear();
        rooms
    }

    pub(super) fn say(&mut self, conn: u64, frame: &Value) -> Vec<String> {
        let lines = self.bench.say(conn, frame);
        self.answered(lines)
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<String> {
        let lines = self.bench.give(input);
        self.answered(lines)
    }

    pub(super) fn media(&mut self, event: MediaEvent) -> Vec<String> {
        self.give(Input::Media(event))
    }

    pub(super) fn connected(&mut self, participant: u64) -> Vec<String> {
        let participant = ParticipantId(participant);
        self.media(MediaEvent::Connected { participant })
    }

    pub(super) fn wait(&mut self, seconds: u64) -> Vec<String> {
        let lines = self.bench.wait(seconds);
        self.answered(lines)
    }

    /// So much later that the next news is told at once.
    pub(super) fn later(&mut self) -> Vec<String> {
        self.bench.now += Duration::from_millis(200);
        self.bench.hub.handle_timeout(self.bench.now);
        let lines = self.bench.drain();
        self.answered(lines)
    }

    /// Lets the store answer what was held.
    pub(super) fn read(&mut self) -> Vec<String> {
        self.hold_facts = false;
        self.answered(Vec::new())
    }

    /// What the store and the media side say to what came out, and what follows.
    fn answered(&mut self, mut lines: Vec<String>) -> Vec<String> {
        loop {
            let next = if !self.hold_facts && !self.bench.facts.is_empty() {
                let (ticket, conversation, about) = self.bench.facts.remove(0);
                let result = Ok(self.facts(conversation, about));
                Some(Input::RoomFacts { ticket, result })
            } else if !self.hold_media && !self.bench.media.is_empty() {
                let command = self.bench.media.remove(0);
                answer_of(&command).map(Input::Media)
            } else {
                return lines;
            };
            if let Some(input) = next {
                lines.extend(self.bench.give(input));
            }
        }
    }

    fn facts(&self, conversation: ConversationId, about: UserId) -> Option<RoomFacts> {
        let ranks: &[(i64, Rank)] = match conversation.0 {
            PAIR => &[(1, Rank::Member), (2, Rank::Member)],
            GROUP => &[
                (1, Rank::Owner),
                (2, Rank::Admin),
                (3, Rank::Member),
                (4, Rank::Admin),
            ],
            _ => return None,
        };
        let there = |(user, _): &&(i64, Rank)| !self.removed.contains(user);
        let members = ranks.iter().filter(there);
        Some(RoomFacts {
            pair: conversation.0 == PAIR,
            name: (conversation.0 == GROUP).then(|| "home".to_owned()),
            members: members
                .map(|&(user, rank)| Member {
                    person: person(user),
                    rank,
                })
                .collect(),
            about: (about.0 < 90).then(|| person(about.0)),
            at: Timestamp(1000),
        })
    }
}

fn answer_of(command: &MediaCommand) -> Option<MediaEvent> {
    if let MediaCommand::Join { participant, .. } | MediaCommand::Restart { participant } = command
    {
        return Some(MediaEvent::Offer {
            participant: *participant,
            sdp: format!("offer-{participant}"),
        });
    }
    None
}

fn person(user: i64) -> Person {
    Person {
        user: UserId(user),
        username: format!("p{user}"),
        display_name: None,
        avatar_url: None,
    }
}

pub(super) fn join(room: i64) -> Value {
    json!({"type": "room_join", "conversation_id": room})
}

/// A frame about a seat.
pub(super) fn about(kind: &str, room: i64, participant: u64) -> Value {
    json!({"type": kind, "conversation_id": room, "participant_id": participant})
}

pub(super) fn moderate(room: i64, participant: u64, action: &str) -> Value {
    json!({
        "type": "room_moderate", "conversation_id": room,
        "participant_id": participant, "action": action
    })
}

pub(super) fn hand(room: i64, participant: u64, raised: bool) -> Value {
    json!({
        "type": "room_hand", "conversation_id": room,
        "participant_id": participant, "raised": raised
    })
}

/// The group has changed: who it was about, if they are no member any more.
pub(super) fn changed(removed: Option<i64>) -> Input {
    let what = match removed {
        None => What::Name,
        Some(user) => What::Member(Box::new(MemberChange {
            user: UserId(user),
            username: format!("p{user}"),
            display_name: None,
            role: None,
            how: Happening::Kicked,
            by: UserId(1),
        })),
    };
    group(what)
}

pub(super) fn group(what: What) -> Input {
    Input::GroupChanged(Box::new(Change {
        conversation: ConversationId(GROUP),
        name: "home".to_owned(),
        what,
        entry: None,
    }))
}

pub(super) fn lock(room: i64, locked: bool) -> Value {
    json!({"type": "room_lock", "conversation_id": room, "locked": locked})
}

pub(super) fn invite(room: i64, user: i64) -> Value {
    json!({"type": "room_invite", "conversation_id": room, "user_id": user})
}

pub(super) fn decline(room: i64) -> Value {
    json!({"type": "room_decline", "conversation_id": room})
}

/// A command for the media side, as a line.
pub(super) fn command(command: &MediaCommand) -> String {
    match command {
        MediaCommand::Join { room, participant } => format!("media join {room} {participant}"),
        MediaCommand::Answer { participant, sdp } => {
            format!("media answer {participant} {}", sdp.as_str())
        }
        MediaCommand::Restart { participant } => format!("media restart {participant}"),
        MediaCommand::Leave { participant } => format!("media leave {participant}"),
        MediaCommand::Mute { participant, muted } => format!("media mute {participant} {muted}"),
        MediaCommand::Close(room) => format!("media close {room}"),
    }
}

/// A frame about a room as words: who is there as `seat=person` and marks.
pub(super) fn words(json: &Value) -> Option<String> {
    let kind = json["type"].as_str()?;
    if !kind.starts_with("room_") && kind != "call_moved" {
        return None;
    }
    let mut words = vec![kind.to_owned()];
    if kind == "call_moved" || kind == "room_invited" {
        words.push(json["conversation_id"].to_string());
    }
    for path in [
        "/participant_id",
        "/sender_id",
        "/user_id",
        "/name",
        "/reason",
        "/speaking",
        "/slots",
        "/payload/offer/sdp",
    ] {
        let word = json.pointer(path);
        words.extend(word.map(|word| match word.as_str() {
            Some(text) => text.to_owned(),
            None => word.to_string(),
        }));
    }
    if let Some(people) = json["participants"].as_array() {
        let people: Vec<String> = people.iter().map(in_room).collect();
        words.push(format!("[{}]", people.join(" ")));
    }
    if json["locked"] == true {
        words.push("locked".to_owned());
    }
    Some(words.join(" "))
}

fn in_room(of: &Value) -> String {
    let mut word = format!("{}={}", of["participant_id"], of["user_id"]);
    for mark in ["muted", "mod_muted", "speaking", "reconnecting", "guest"] {
        if of[mark] == true {
            word.push('+');
            word.push_str(mark);
        }
    }
    if let Some(hand) = of["hand"].as_u64() {
        word.push_str(&format!("+hand{hand}"));
    }
    word
}
