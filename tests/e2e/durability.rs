//! What was acknowledged survives the end of the process.

use std::collections::BTreeMap;

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

const ROUNDS: usize = 20;
const EACH: usize = 15;

/// One person's side: what was said under which name, and the id it was
/// acknowledged with.
struct Side {
    person: Person,
    other: Person,
    acknowledged: BTreeMap<String, i64>,
    open: Vec<String>,
}

impl Side {
    async fn send_open(&self, socket: &mut Socket) {
        for name in &self.open {
            let frame = json!({ "type": "message", "receiver_id": self.other.id, "content": name, "client_message_id": name });
            socket.send(&frame).await;
        }
    }

    /// Takes echoes until only `left` are missing.
    async fn take_echoes(&mut self, socket: &mut Socket, left: usize) {
        while self.open.len() > left {
            let echo = socket.frame_of("message").await;
            let name = echo["client_message_id"].as_str().unwrap().to_owned();
            if echo["sender_id"] == self.person.id {
                let id = echo["message_id"].as_i64().unwrap();
                let before = self.acknowledged.insert(name.clone(), id);
                assert!(
                    before.is_none_or(|before| before == id),
                    "{name} has two ids"
                );
                self.open.retain(|open| *open != name);
            }
        }
    }
}

#[tokio::test]
async fn twenty_kills_lose_nothing_double_nothing_and_leave_no_gap() {
    let mut server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let side = |person: &Person, other: &Person| Side {
        person: person.clone(),
        other: other.clone(),
        acknowledged: BTreeMap::new(),
        open: Vec::new(),
    };
    let mut sides = [side(&sara, &omid), side(&omid, &sara)];
    for round in 0..ROUNDS {
        let mut sockets = [server.socket(&sara).await, server.socket(&omid).await];
        for (side, socket) in sides.iter_mut().zip(&mut sockets) {
            // What an earlier round left unacknowledged goes first.
            side.send_open(socket).await;
            side.take_echoes(socket, 0).await;
            side.open = (0..EACH)
                .map(|n| format!("{}-{round}-{n}", side.person.name))
                .collect();
            side.send_open(socket).await;
        }
        for (side, socket) in sides.iter_mut().zip(&mut sockets) {
            // The end comes while the rest is on its way, each round elsewhere.
            side.take_echoes(socket, EACH - round % EACH).await;
        }
        server = server.kill_and_start();
    }
    let mut sockets = [server.socket(&sara).await, server.socket(&omid).await];
    for (side, socket) in sides.iter_mut().zip(&mut sockets) {
        side.send_open(socket).await;
        side.take_echoes(socket, 0).await;
    }

    let kept = history(&server, &sara, &omid);
    let seqs: Vec<i64> = kept
        .iter()
        .map(|message| message["seq"].as_i64().unwrap())
        .collect();
    let expected = i64::try_from(2 * ROUNDS * EACH).unwrap();
    assert_eq!(seqs, (1..=expected).collect::<Vec<_>>());
    let kept: BTreeMap<String, i64> = kept
        .iter()
        .map(|message| {
            (
                message["content"].as_str().unwrap().to_owned(),
                message["id"].as_i64().unwrap(),
            )
        })
        .collect();
    let [hers, his] = sides;
    let mut acknowledged = hers.acknowledged;
    acknowledged.extend(his.acknowledged);
    assert_eq!(kept, acknowledged);
}
