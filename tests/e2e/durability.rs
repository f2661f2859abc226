//! What was acknowledged survives the end of the process.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::Server;

fn history(server: &Server, me: &Person, other: &Person) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let path = format!(
            "/api/messages?user_id={}&limit=100&after_seq={}",
            other.id,
            all.len()
        );
        let body = server.get_as(me, &path).json();
        let page = body["messages"].as_array().unwrap().clone();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn an_acknowledged_message_survives_a_kill_right_after() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let sent = hers.say(&omid, "keep this").await;
    let server = server.kill_and_start();
    let kept = history(&server, &omid, &sara);
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (&kept[0]["id"], &kept[0]["content"]),
        (&sent["message_id"], &sent["content"])
    );
    let mut his = server.socket(&omid).await;
    assert_eq!(his.frame_of("message").await, sent);
}

/// Kills, and messages of each of the four in a round: 20,000 in all.
const ROUNDS: usize = 20;
const EACH: usize = 250;

/// Messages of one socket under way; the server takes 256.
const WINDOW: usize = 200;

/// Rounds of a longer run, by hand: see scripts/soak.
fn rounds() -> usize {
    let wanted = std::env::var("PAYAMBAR_KILLS").ok();
    wanted.map_or(ROUNDS, |kills| kills.parse().unwrap())
}

/// One person's side: what is to be said, what is said and not acknowledged,
/// and under which id the rest was.
struct Side {
    person: Person,
    other: Person,
    to_say: VecDeque<String>,
    open: VecDeque<String>,
    acknowledged: Vec<(String, i64)>,
}

impl Side {
    fn new(person: &Person, other: &Person) -> Self {
        Self {
            person: person.clone(),
            other: other.clone(),
            to_say: VecDeque::new(),
            open: VecDeque::new(),
            acknowledged: Vec::new(),
        }
    }

    async fn say(&self, socket: &mut Socket, name: &str) {
        let frame = json!({ "type": "message", "receiver_id": self.other.id, "content": name, "client_message_id": name });
        socket.send(&frame).await;
    }

    /// Says everything there is to say, what an earlier round left open first,
    /// until `enough` were acknowledged in this round.
    async fn talk(&mut self, socket: &mut Socket, enough: usize) {
        for name in &self.open {
            self.say(socket, name).await;
        }
        let goal = self.acknowledged.len() + enough;
        while self.acknowledged.len() < goal {
            while self.open.len() < WINDOW
                && let Some(name) = self.to_say.pop_front()
            {
                self.say(socket, &name).await;
                self.open.push_back(name);
            }
            self.take_echo(socket).await;
        }
    }

    /// Echoes come in the order in which one person wrote.
    async fn take_echo(&mut self, socket: &mut Socket) {
        let frame = socket.frame_of("message").await;
        if frame["sender_id"] != self.person.id {
            return;
        }
        let oldest = self.open.pop_front();
        assert_eq!(frame["client_message_id"].as_str(), oldest.as_deref());
        let id = frame["message_id"].as_i64().unwrap();
        self.acknowledged.push((oldest.unwrap(), id));
    }
}

/// Four people in a ring, each writing to the next and reading from the one before.
fn ring(people: &[Person]) -> Vec<Side> {
    let next = people.iter().cycle().skip(1);
    people
        .iter()
        .zip(next)
        .map(|(person, other)| Side::new(person, other))
        .collect()
}

#[tokio::test]
async fn kills_lose_nothing_double_nothing_and_keep_the_order() {
    let mut server = Server::usual();
    let people = ["sara", "omid", "mina", "reza"].map(|name| server.register(name));
    let mut sides = ring(&people);
    for round in 0..=rounds() {
        let last = round == rounds();
        let mut talks = Vec::new();
        for mut side in sides {
            let mut socket = server.socket(&side.person).await;
            if !last {
                let name = |n| format!("{}-{round}-{n}", side.person.name);
                side.to_say.extend((0..EACH).map(name));
            }
            // The end comes while the rest is on its way, each round elsewhere.
            let due = side.to_say.len() + side.open.len();
            let enough = if last { due } else { due - round * 7 % 150 };
            talks.push(tokio::spawn(async move {
                side.talk(&mut socket, enough).await;
                side
            }));
        }
        sides = Vec::new();
        for talk in talks {
            sides.push(talk.await.unwrap());
        }
        if !last {
            server = server.kill_and_start();
        }
    }
    for side in &sides {
        let kept = history(&server, &side.person, &side.other);
        let seqs: Vec<i64> = kept.iter().map(|message| number(message, "seq")).collect();
        assert_eq!(
            seqs,
            (1..=number(kept.last().unwrap(), "seq")).collect::<Vec<_>>()
        );
        let mine: Vec<(String, i64)> = kept
            .iter()
            .filter(|message| message["sender_id"] == side.person.id)
            .map(|message| {
                (
                    message["content"].as_str().unwrap().to_owned(),
                    number(message, "id"),
                )
            })
            .collect();
        assert_eq!(mine.len(), rounds() * EACH);
        assert!(
            mine == side.acknowledged,
            "{} has other messages than were acknowledged",
            side.person.name
        );
    }
}

fn number(message: &Value, field: &str) -> i64 {
    message[field].as_i64().unwrap()
}
