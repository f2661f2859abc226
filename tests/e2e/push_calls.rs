//! Web Push of calls (N3, C8, B5): devices ring while the app is closed, and
//! stop when it rings no longer.

use serde_json::{Value, json};

use crate::client::Person;
use crate::push::{Scene, scene};
use crate::stage::{answer, frame, hangup, offer};

impl Scene {
    /// Sara rings; what Omid's phone reads.
    async fn ring(&mut self) -> Value {
        self.hers
            .send(&offer(&self.omid, &Value::Null, "offer"))
            .await;
        let request = self.service.next();
        assert_eq!(request.device(), "phone");
        self.browser.read(&request)
    }

    /// The push that ends the ringing; it replaces the one that began it.
    fn end(&self, call: &Value, ttl: &str) -> Value {
        let request = self.service.next();
        assert_eq!(request.device(), "phone");
        assert_eq!(
            (request.header("urgency"), request.header("ttl")),
            ("high", ttl)
        );
        let push = self.browser.read(&request);
        assert_eq!(
            (&push["call_id"], &push["tag"]),
            (&call["call_id"], &call["tag"])
        );
        push
    }
}

/// A reject or the like, from the callee.
fn decline(to: &Person, call: &Value) -> Value {
    frame("call_reject", to, call, Value::Null)
}

#[tokio::test]
async fn n3_a_call_rings_on_a_device_without_a_socket_and_is_taken_there() {
    let mut scene = scene("phone").await;
    let started = offer(&scene.omid, &Value::Null, "offer");
    scene.hers.send(&started).await;
    let request = scene.service.next();
    assert_eq!(
        (request.header("ttl"), request.header("urgency")),
        ("30", "high")
    );
    assert_eq!(request.header("topic").len(), 32);
    let push = scene.browser.read(&request);
    assert_eq!(push["kind"], "call");
    assert_eq!(push["body"], "\u{2068}sara\u{2069} تماس می‌گیرد");
    let actions = push["notification"]["actions"].as_array().unwrap();
    let names: Vec<&str> = actions
        .iter()
        .filter_map(|a| a["action"].as_str())
        .collect();
    assert_eq!(names, ["answer", "decline"]);
    let call = scene.hers.frame_of("call_started").await["call_id"].clone();
    assert_eq!(push["call_id"], call);

    // Omid opens the app, and takes the call.
    let mut his = scene.server.socket(&scene.omid).await;
    assert_eq!(his.frame_of("call_offer").await["call_id"], call);
    his.send(&answer(&scene.sara, &call, "answer")).await;
    scene.hers.frame_of("call_answer").await;
    scene.hers.send(&hangup(&scene.omid, &call)).await;
    let entry = scene.hers.frame_of("message").await;
    assert_eq!(entry["call"]["outcome"], "answered");
    assert_eq!(scene.service.more(), 0, "the phone itself took it");
}

#[tokio::test]
async fn b5_a_call_answered_on_another_device_is_taken_back() {
    let mut scene = scene("phone").await;
    let desk = scene.server.log_in("omid");
    let mut on_desk = scene.server.socket(&desk).await;
    on_desk.so_far().await;
    let rang = scene.ring().await;
    let call = on_desk.frame_of("call_offer").await["call_id"].clone();
    on_desk.send(&answer(&scene.sara, &call, "answer")).await;
    let push = scene.end(&rang, "30");
    assert_eq!(push["kind"], "call_over");
    assert_eq!(push["body"], "در دستگاه دیگری پاسخ داده شد");
    assert_eq!(push["notification"]["silent"], true);
}

#[tokio::test]
async fn b5_a_call_declined_on_another_device_is_taken_back() {
    let mut scene = scene("phone").await;
    let desk = scene.server.log_in("omid");
    let mut on_desk = scene.server.socket(&desk).await;
    on_desk.so_far().await;
    let rang = scene.ring().await;
    let call = on_desk.frame_of("call_offer").await["call_id"].clone();
    on_desk.send(&decline(&scene.sara, &call)).await;
    let push = scene.end(&rang, "30");
    assert_eq!(push["body"], "در دستگاه دیگری رد شد");
}

#[tokio::test]
async fn b5_a_call_given_up_becomes_a_missed_one_and_leaves_an_entry() {
    let mut scene = scene("phone").await;
    let rang = scene.ring().await;
    scene.hers.frame_of("call_started").await;
    scene
        .hers
        .send(&hangup(&scene.omid, &rang["call_id"]))
        .await;
    let push = scene.end(&rang, "86400");
    assert_eq!(push["kind"], "missed_call");
    assert_eq!(push["body"], "تماس بی‌پاسخ از \u{2068}sara\u{2069}");
    let entry = scene.hers.frame_of("message").await;
    assert_eq!(entry["call"]["outcome"], "cancelled");
    let mut his = scene.server.socket(&scene.omid).await;
    assert_eq!(
        his.frame_of("message").await["message_id"],
        entry["message_id"]
    );
    assert_eq!(scene.service.more(), 0, "the entry is no push of its own");
}

#[tokio::test]
async fn n3_a_device_whose_own_tab_rings_is_not_pushed_to() {
    let mut scene = scene("phone").await;
    // This tab belongs to the session that subscribed.
    let mut his = scene.server.socket(&scene.omid).await;
    his.so_far().await;
    let desk = scene.server.log_in("omid");
    let on_desk = scene.server.browser(&scene.service, &desk, "desk");
    scene
        .hers
        .send(&offer(&scene.omid, &Value::Null, "x"))
        .await;
    let request = scene.service.next();
    assert_eq!(request.device(), "desk");
    assert_eq!(on_desk.read(&request)["kind"], "call");
    let call = his.frame_of("call_offer").await["call_id"].clone();
    his.send(&decline(&scene.sara, &call)).await;
    let request = scene.service.next();
    assert_eq!((request.device(), scene.service.more()), ("desk", 0));
}

#[tokio::test]
async fn c3_who_cannot_be_woken_is_offline() {
    let mut scene = scene("phone").await;
    scene.service.answer_next(&["410 Gone"]);
    scene
        .hers
        .send(&offer(&scene.omid, &Value::Null, "x"))
        .await;
    let rejected = scene.hers.frame_of("call_reject").await;
    assert_eq!(rejected["payload"], json!({ "reason": "offline" }));
    assert_eq!(rejected["call_id"], Value::Null);
    let entry = scene.hers.frame_of("message").await;
    assert_eq!(entry["call"]["outcome"], "offline");
}

#[tokio::test]
async fn n4_a_call_names_nobody_where_the_person_wants_it_so() {
    let mut scene = scene("phone").await;
    let put = scene.server.call("PUT", "/api/push/settings");
    let neutral = put
        .token(&scene.omid.token)
        .json(&json!({ "privacy": "neutral" }));
    assert_eq!(neutral.send().status, 200);
    let rang = scene.ring().await;
    scene.hers.frame_of("call_started").await;
    scene
        .hers
        .send(&hangup(&scene.omid, &rang["call_id"]))
        .await;
    let missed = scene.end(&rang, "86400");
    assert_eq!(
        (&rang["body"], &missed["body"]),
        (&json!("تماس صوتی"), &json!("تماس بی‌پاسخ داشتید"))
    );
    assert!(!rang.to_string().contains("sara") && !missed.to_string().contains("sara"));
}
