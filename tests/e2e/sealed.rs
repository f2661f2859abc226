//! Texts the server cannot read (E1, E2): they come back as they were sent,
//! everywhere a message comes back.

use serde_json::{Value, json};

use crate::client::Person;
use crate::server::Server;

const FIELDS: [&str; 7] = [
    "e2ee_v",
    "alg",
    "sender_device_id",
    "key_id",
    "iv",
    "ciphertext",
    "aad",
];

/// A frame as the old client writes it, and one of the next scheme.
fn sealed(to: &Person, e2ee_v: u32, name: &str) -> Value {
    let mut frame = json!({
        "type": "message", "receiver_id": to.id, "client_message_id": name, "encrypted": true,
        "e2ee_v": e2ee_v, "alg": "AES-256-GCM", "sender_device_id": "5f0c6a52-7a3e-4a0c-9a57-1d4f8f9b7c11",
        "key_id": "k-1795222900000", "iv": "AAECAwQFBgcICQoL", "ciphertext": format!("c2VhbGVk-{name}"),
    });
    if e2ee_v == 2 {
        frame["alg"] = json!("X25519-XChaCha20-Poly1305");
        frame["aad"] = json!("Nw");
    }
    frame
}

/// The message says what the frame said, and no words.
fn assert_same(message: &Value, frame: &Value) {
    assert_eq!(message["encrypted"], true, "{message}");
    for field in FIELDS {
        assert_eq!(message[field], frame[field], "{field} of {message}");
    }
    assert_eq!(message["client_message_id"], frame["client_message_id"]);
}

#[tokio::test]
async fn an_envelope_comes_back_field_for_field_wherever_messages_do() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    let frames = [sealed(&omid, 1, "one"), sealed(&omid, 2, "two")];
    for frame in &frames {
        hers.send(frame).await;
        let echo = hers.frame_of("message").await;
        assert_same(&echo, frame);
        assert_eq!(echo["content"], Value::Null);
        assert_eq!(his.frame_of("message").await, echo);
    }
    for (me, other) in [(&sara, &omid), (&omid, &sara)] {
        let path = format!("/api/messages?user_id={}", other.id);
        let history = server.get_as(me, &path).json();
        for (message, frame) in history["messages"].as_array().unwrap().iter().zip(&frames) {
            assert_same(message, frame);
            assert_eq!(message["content"], "");
        }
        let list = server.get_as(me, "/api/conversations").json();
        assert_same(&list["conversations"][0]["last_message"], &frames[1]);
    }
    let unread = &server.get_as(&omid, "/api/conversations").json()["conversations"][0];
    assert_eq!(unread["unread_count"], 2);
}

#[tokio::test]
async fn an_envelope_waits_for_who_is_away_and_is_kept_once() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let frame = sealed(&omid, 1, "once");
    hers.send(&frame).await;
    let first = hers.frame_of("message").await;
    hers.send(&frame).await;
    assert_eq!(hers.frame_of("message").await, first);
    let mut his = server.socket(&omid).await;
    assert_eq!(his.frame_of("message").await, first);
    let path = format!("/api/messages?user_id={}", omid.id);
    let history = server.get_as(&sara, &path).json();
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_plain_text_says_nothing_of_encryption() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let echo = hers.say(&omid, "plain").await;
    let path = format!("/api/messages?user_id={}", omid.id);
    let kept = server.get_as(&sara, &path).json()["messages"][0].clone();
    for message in [echo, kept] {
        let fields = message.as_object().unwrap();
        let said = fields
            .keys()
            .find(|key| *key == "encrypted" || FIELDS.contains(&key.as_str()));
        assert_eq!(said, None, "{message}");
    }
}

#[tokio::test]
async fn an_envelope_that_is_not_whole_is_refused_with_its_name() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    for field in &FIELDS[..6] {
        let mut frame = sealed(&omid, 1, "n");
        frame.as_object_mut().unwrap().remove(*field);
        assert_eq!(hers.refused(&frame).await, "envelope_invalid", "{field}");
    }
    let mut frame = sealed(&omid, 1, "n");
    frame["ciphertext"] = json!("x".repeat(65_537));
    hers.send(&frame).await;
    let error = hers.frame().await;
    assert_eq!(error["code"], "envelope_invalid");
    assert_eq!(error["ref"]["client_message_id"], "n");
}
