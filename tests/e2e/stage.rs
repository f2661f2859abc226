//! Two people with a socket each, and the frames of a call between them.

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::Server;

pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) sara: Person,
    pub(crate) omid: Person,
    pub(crate) hers: Socket,
    pub(crate) his: Socket,
}

pub(crate) async fn stage() -> Stage {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    // Caught up: from here on an offer reaches this socket once.
    his.so_far().await;
    Stage {
        server,
        sara,
        omid,
        hers,
        his,
    }
}

/// A call frame; the payload goes in as it is.
pub(crate) fn frame(kind: &str, to: &Person, call: &Value, payload: Value) -> Value {
    let mut frame = json!({ "type": kind, "receiver_id": to.id });
    if !call.is_null() {
        frame["call_id"] = call.clone();
    }
    if !payload.is_null() {
        frame["payload"] = payload;
    }
    frame
}

pub(crate) fn offer(to: &Person, call: &Value, sdp: &str) -> Value {
    frame(
        "call_offer",
        to,
        call,
        json!({ "offer": { "type": "offer", "sdp": sdp } }),
    )
}

pub(crate) fn answer(to: &Person, call: &Value, sdp: &str) -> Value {
    frame(
        "call_answer",
        to,
        call,
        json!({ "answer": { "type": "answer", "sdp": sdp } }),
    )
}

pub(crate) fn candidate(to: &Person, call: &Value, number: usize) -> Value {
    let text = format!(
        "candidate:{number} 1 udp 1 192.0.2.1 {} typ host",
        40_000 + number
    );
    let candidate =
        json!({ "candidate": text, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "ab" });
    frame("ice_candidate", to, call, json!({ "candidate": candidate }))
}

pub(crate) fn hangup(to: &Person, call: &Value) -> Value {
    frame("call_hangup", to, call, Value::Null)
}

impl Stage {
    /// Sara rings; says the call's id.
    pub(crate) async fn ring(&mut self) -> Value {
        self.hers
            .send(&offer(&self.omid, &Value::Null, "offer 1"))
            .await;
        let started = self.hers.frame_of("call_started").await;
        let offered = self.his.frame_of("call_offer").await;
        assert_eq!(offered["call_id"], started["call_id"]);
        started["call_id"].clone()
    }

    /// Sara rings and Omid answers.
    pub(crate) async fn talk(&mut self) -> Value {
        let call = self.ring().await;
        self.his.send(&answer(&self.sara, &call, "answer 1")).await;
        self.hers.frame_of("call_answer").await;
        call
    }

    /// Waits for the entry both get when a call is over; says its `call`.
    pub(crate) async fn entry(&mut self) -> Value {
        let hers = self.hers.frame_of("message").await;
        assert_eq!(hers, self.his.frame_of("message").await);
        assert_eq!(
            (&hers["kind"], &hers["sender_id"]),
            (&json!("call"), &json!(self.sara.id))
        );
        assert!(!hers["content"].as_str().unwrap().is_empty());
        hers["call"].clone()
    }
}
