//! Calls between two people, over their sockets. The descriptions are texts;
//! the server passes them on without reading them.

use serde_json::{Value, json};

use crate::stage::{Stage, answer, candidate, frame, hangup, offer, stage};

#[tokio::test]
async fn an_offer_is_accepted_and_rings_on_every_socket() {
    let mut stage = stage().await;
    let mut tablet = stage.server.socket(&stage.omid).await;
    tablet.so_far().await;
    stage
        .hers
        .send(&offer(&stage.omid, &Value::Null, "v=0 offer"))
        .await;
    let started = stage.hers.frame_of("call_started").await;
    let call = started["call_id"].as_str().unwrap();
    assert!(
        call.len() == 32 && call.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
        "{call}"
    );
    assert_eq!(started["receiver_id"], stage.omid.id);
    for socket in [&mut stage.his, &mut tablet] {
        let offered = socket.frame_of("call_offer").await;
        assert_eq!(
            (&offered["call_id"], &offered["sender_id"]),
            (&json!(call), &json!(stage.sara.id))
        );
        assert_eq!(
            offered["payload"],
            json!({ "offer": { "type": "offer", "sdp": "v=0 offer" } })
        );
    }
    stage
        .his
        .send(&frame(
            "call_ringing",
            &stage.sara,
            &json!(call),
            Value::Null,
        ))
        .await;
    let ringing = stage.hers.frame_of("call_ringing").await;
    assert_eq!(
        (&ringing["call_id"], &ringing["sender_id"]),
        (&json!(call), &json!(stage.omid.id))
    );
}

#[tokio::test]
async fn early_candidates_wait_for_the_answer_and_follow_it_in_order() {
    let mut stage = stage().await;
    let call = stage.ring().await;
    for number in 0..64 {
        stage
            .hers
            .send(&candidate(&stage.omid, &call, number))
            .await;
    }
    let one_more = candidate(&stage.omid, &call, 64);
    assert_eq!(stage.hers.refused(&one_more).await, "too_many_candidates");
    assert_eq!(stage.his.so_far().await, Vec::<Value>::new());
    assert_eq!(
        stage.his.refused(&candidate(&stage.sara, &call, 0)).await,
        "call_not_active"
    );
    stage
        .his
        .send(&answer(&stage.sara, &call, "v=0 answer"))
        .await;
    for number in 0..64 {
        let passed = stage.his.frame_of("ice_candidate").await;
        let sent = candidate(&stage.omid, &call, number);
        assert_eq!(
            (&passed["call_id"], &passed["sender_id"]),
            (&call, &json!(stage.sara.id))
        );
        assert_eq!(passed["payload"], sent["payload"]);
    }
    let answered = stage.hers.frame_of("call_answer").await;
    assert_eq!(
        answered["payload"],
        json!({ "answer": { "type": "answer", "sdp": "v=0 answer" } })
    );
    stage.his.send(&candidate(&stage.sara, &call, 7)).await;
    let passed = stage.hers.frame_of("ice_candidate").await;
    assert_eq!(
        passed["payload"],
        candidate(&stage.sara, &call, 7)["payload"]
    );
}

#[tokio::test]
async fn hanging_up_ends_the_call_with_an_answered_entry_for_both() {
    let mut stage = stage().await;
    let call = stage.talk().await;
    stage.his.send(&hangup(&stage.sara, &call)).await;
    let ended = stage.hers.frame_of("call_hangup").await;
    assert_eq!(
        (&ended["payload"]["reason"], &ended["sender_id"]),
        (&json!("ended"), &json!(stage.omid.id))
    );
    let entry = stage.entry().await;
    assert_eq!(entry["outcome"], "answered");
    // Frames leave zeros out.
    let seconds = entry["duration_s"].as_i64().unwrap_or(0);
    assert!((0..30).contains(&seconds), "{entry}");
    let path = format!("/api/messages?user_id={}", stage.sara.id);
    let kept = stage.server.get_as(&stage.omid, &path).json();
    assert_eq!(
        (&kept["messages"][0]["kind"], &kept["messages"][0]["call"]),
        (&json!("call"), &entry)
    );
    let list = stage
        .server
        .get_as(&stage.omid, "/api/conversations")
        .json();
    assert_eq!(list["conversations"][0]["unread_count"], 0);
    assert_eq!(
        stage.hers.refused(&hangup(&stage.omid, &call)).await,
        "call_unknown"
    );
}

#[tokio::test]
async fn a_call_that_is_declined_busy_or_cancelled_leaves_that_entry() {
    let mut stage = stage().await;
    let reject = |stage: &Stage, call: &Value, payload: Value| {
        frame("call_reject", &stage.sara, call, payload)
    };
    let call = stage.ring().await;
    stage.his.send(&reject(&stage, &call, Value::Null)).await;
    let rejected = stage.hers.frame_of("call_reject").await;
    assert_eq!(
        (&rejected["call_id"], &rejected["payload"]["reason"]),
        (&call, &json!("declined"))
    );
    assert_eq!(stage.entry().await, json!({ "outcome": "declined" }));

    let call = stage.ring().await;
    stage
        .his
        .send(&reject(&stage, &call, json!({ "reason": "busy" })))
        .await;
    assert_eq!(
        stage.hers.frame_of("call_reject").await["payload"]["reason"],
        "busy"
    );
    assert_eq!(stage.entry().await, json!({ "outcome": "busy" }));

    let call = stage.ring().await;
    stage.hers.send(&hangup(&stage.omid, &call)).await;
    assert_eq!(
        stage.his.frame_of("call_hangup").await["payload"]["reason"],
        "cancelled"
    );
    assert_eq!(stage.entry().await, json!({ "outcome": "cancelled" }));
    let list = stage
        .server
        .get_as(&stage.omid, "/api/conversations")
        .json();
    assert_eq!(
        list["conversations"][0]["unread_count"], 2,
        "a declined call is no missed one"
    );
}

#[tokio::test]
async fn who_is_offline_or_in_a_call_cannot_be_rung() {
    let mut stage = stage().await;
    let nima = stage.server.register("nima");
    stage.hers.send(&offer(&nima, &Value::Null, "x")).await;
    let rejected = stage.hers.frame_of("call_reject").await;
    assert_eq!(
        (&rejected["payload"]["reason"], &rejected["call_id"]),
        (&json!("offline"), &Value::Null)
    );
    assert_eq!(
        stage.hers.frame_of("message").await["call"],
        json!({ "outcome": "offline" })
    );

    stage.ring().await;
    let mut third = stage.server.socket(&nima).await;
    assert_eq!(
        third.frame_of("message").await["call"]["outcome"],
        "offline",
        "the missed call"
    );
    third.send(&offer(&stage.omid, &Value::Null, "x")).await;
    assert_eq!(
        third.frame_of("call_reject").await["payload"]["reason"],
        "busy"
    );
    assert_eq!(
        third.frame_of("message").await["call"],
        json!({ "outcome": "busy" })
    );
    assert_eq!(
        stage.hers.refused(&offer(&nima, &Value::Null, "x")).await,
        "already_in_call"
    );
    assert_eq!(
        stage
            .hers
            .refused(&offer(&stage.sara, &Value::Null, "x"))
            .await,
        "self_call"
    );
}

#[tokio::test]
async fn the_other_sockets_stop_ringing_when_one_answers_or_declines() {
    let mut stage = stage().await;
    let mut tablet = stage.server.socket(&stage.omid).await;
    tablet.so_far().await;
    let call = stage.ring().await;
    tablet.frame_of("call_offer").await;
    tablet
        .send(&frame("call_reject", &stage.sara, &call, Value::Null))
        .await;
    let stopped = stage.his.frame_of("call_hangup").await;
    assert_eq!(
        (&stopped["call_id"], &stopped["payload"]["reason"]),
        (&call, &json!("declined_elsewhere"))
    );
    stage.hers.frame_of("call_reject").await;
    stage.entry().await;

    let call = stage.talk().await;
    let stopped = tablet.frame_of("call_hangup").await;
    assert_eq!(
        (&stopped["call_id"], &stopped["payload"]["reason"]),
        (&call, &json!("answered_elsewhere"))
    );
    let second = answer(&stage.sara, &call, "x");
    assert_eq!(tablet.refused(&second).await, "call_not_ringing");
    assert_eq!(
        tablet.refused(&hangup(&stage.sara, &call)).await,
        "call_unknown"
    );
}

#[tokio::test]
async fn when_two_call_each_other_the_first_offer_lives() {
    let mut stage = stage().await;
    let call = stage.ring().await;
    stage.his.send(&offer(&stage.sara, &Value::Null, "x")).await;
    let rejected = stage.his.frame_of("call_reject").await;
    assert_eq!(
        (&rejected["payload"]["reason"], &rejected["call_id"]),
        (&json!("glare"), &Value::Null)
    );
    stage.his.send(&answer(&stage.sara, &call, "y")).await;
    assert_eq!(stage.hers.frame_of("call_answer").await["call_id"], call);
}
