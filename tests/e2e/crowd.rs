//! One slow reader, and everybody coming back at once: neither costs others
//! anything, and nobody misses a message without being told (M7, S1).

use std::fs;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::json;

use crate::client::{Person, Socket};
use crate::server::{PATIENCE, Server};

/// Messages of 32 kB: more than an outbox and the system's buffers hold.
const FLOOD: i64 = 1_500;

fn long_text(n: i64) -> String {
    format!("{n} {}", "😀".repeat(7_990))
}

async fn seqs(socket: &mut Socket, from: &Person, until: i64) -> Vec<i64> {
    let mut seen = Vec::new();
    while seen.last() != Some(&until) {
        let frame = socket.frame_of("message").await;
        if frame["sender_id"] == from.id {
            seen.push(frame["seq"].as_i64().unwrap());
        }
    }
    seen
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_closed_and_others_miss_nothing() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut asleep = server.socket(&omid).await;
    let mut awake = server.socket(&omid).await;
    let mut hers = server.socket(&sara).await;

    let reading = tokio::spawn({
        let sara = sara.clone();
        async move { seqs(&mut awake, &sara, FLOOD).await }
    });
    for n in 1..=FLOOD {
        let text = json!({ "type": "message", "receiver_id": omid.id, "content": long_text(n) });
        hers.send(&text).await;
        // Some at a time: a socket has so many under way and no more.
        if n % 100 == 0 {
            while hers.frame_of("message").await["seq"] != n {}
        }
    }
    let all: Vec<i64> = (1..=FLOOD).collect();
    assert_eq!(reading.await.unwrap(), all);

    // It begins to read. What it was given is a beginning without a gap; then
    // it is told.
    let (begun, code) = asleep.rest().await;
    let begun: Vec<i64> = begun
        .iter()
        .filter(|frame| frame["type"] == "message")
        .map(|frame| frame["seq"].as_i64().unwrap())
        .collect();
    assert!(!begun.is_empty() && begun.len() < all.len());
    assert_eq!(begun, all[..begun.len()]);
    // Whoever reads nothing for so long that the code cannot be written is cut off.
    assert!(code.is_none_or(|code| code == 1013), "{code:?}");

    // And it comes back for the rest.
    let last = *begun.last().unwrap();
    let path = format!(
        "/api/messages?user_id={}&limit=100&after_seq={last}",
        sara.id
    );
    let next = server.get_as(&omid, &path).json()["messages"][0]["seq"].clone();
    assert_eq!(next, last + 1);
    let mut back = server.socket(&omid).await;
    hers.say(&omid, "are you back?").await;
    // The newest of what it missed comes first.
    let caught_up = seqs(&mut back, &sara, FLOOD + 1).await;
    assert!(caught_up.is_sorted(), "{caught_up:?}");
}

fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid()))
        .unwrap()
        .count()
}

/// Sockets of each of two people.
const CROWD: usize = 60;

#[tokio::test]
async fn everybody_comes_back_at_once_after_a_crash_and_sockets_are_given_back() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut sockets = (server.socket(&sara).await, server.socket(&omid).await);
    sockets.0.say(&omid, "before").await;
    let server = server.kill_and_start();
    let before = open_files(&server);
    let coming = (0..CROWD).map(|_| server.socket(&omid));
    let mut his: Vec<Socket> = join_all(coming).await;
    let mut hers = join_all((0..CROWD).map(|_| server.socket(&sara))).await;
    assert!(open_files(&server) >= before + 2 * CROWD);
    hers[0].say(&omid, "you are all there").await;
    for socket in his.iter_mut().chain(&mut hers[1..]) {
        while socket.frame_of("message").await["content"] != "you are all there" {}
    }
    drop((his, hers));
    let end = Instant::now() + PATIENCE;
    while open_files(&server) >= before + CROWD {
        assert!(Instant::now() < end, "sockets of people who left stay open");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.get("/api/users/omid").json()["is_online"], false);
}
