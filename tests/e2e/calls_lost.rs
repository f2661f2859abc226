//! Calls in which a socket goes away, a stranger speaks, or a frame is refused.

use serde_json::{Value, json};

use crate::stage::{answer, candidate, frame, hangup, offer, stage};

#[tokio::test]
async fn a_reconnected_socket_takes_its_end_back_with_what_it_missed() {
    let mut stage = stage().await;
    let call = stage.talk().await;
    drop(stage.his);
    let mut watcher = stage.server.socket(&stage.sara).await;
    watcher
        .send(&json!({ "type": "presence_subscribe", "user_ids": [stage.omid.id] }))
        .await;
    while watcher.frame_of("presence").await["online"] == true {}
    stage.hers.send(&offer(&stage.omid, &call, "restart")).await;
    stage.hers.send(&candidate(&stage.omid, &call, 1)).await;
    assert_eq!(stage.hers.so_far().await, Vec::<Value>::new());
    let mut back = stage.server.socket(&stage.omid).await;
    back.send(&json!({ "type": "call_resume", "call_id": call }))
        .await;
    let resumed = back.frame_of("call_resumed").await;
    assert_eq!(
        (&resumed["call_id"], &resumed["state"]),
        (&call, &json!("active"))
    );
    assert_eq!(
        back.frame_of("call_offer").await["payload"]["offer"]["sdp"],
        "restart"
    );
    let missed = back.frame_of("ice_candidate").await;
    assert_eq!(
        missed["payload"],
        candidate(&stage.omid, &call, 1)["payload"]
    );
    back.send(&answer(&stage.sara, &call, "again")).await;
    assert_eq!(
        stage.hers.frame_of("call_answer").await["payload"]["answer"]["sdp"],
        "again"
    );
}

#[tokio::test]
async fn the_callee_who_connects_while_it_rings_gets_the_offer() {
    let mut stage = stage().await;
    let call = stage.ring().await;
    let mut late = stage.server.socket(&stage.omid).await;
    assert_eq!(late.frame_of("call_offer").await["call_id"], call);
    late.send(&answer(&stage.sara, &call, "x")).await;
    assert_eq!(stage.hers.frame_of("call_answer").await["call_id"], call);
    assert_eq!(
        stage.his.frame_of("call_hangup").await["payload"]["reason"],
        "answered_elsewhere"
    );
}

#[tokio::test]
async fn resuming_from_another_socket_takes_over() {
    let mut stage = stage().await;
    let call = stage.talk().await;
    let mut tablet = stage.server.socket(&stage.omid).await;
    tablet
        .send(&json!({ "type": "call_resume", "call_id": call }))
        .await;
    assert_eq!(tablet.frame_of("call_resumed").await["state"], "active");
    assert_eq!(
        stage.his.frame_of("call_hangup").await["payload"]["reason"],
        "answered_elsewhere"
    );
    stage.hers.send(&candidate(&stage.omid, &call, 3)).await;
    assert_eq!(tablet.frame_of("ice_candidate").await["call_id"], call);
    assert_eq!(stage.his.so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_stranger_has_no_say_in_a_call() {
    let mut stage = stage().await;
    let nima = stage.server.register("nima");
    let mut strange = stage.server.socket(&nima).await;
    let call = stage.talk().await;
    for to in [&stage.sara, &stage.omid] {
        for frame in [
            offer(to, &call, "x"),
            answer(to, &call, "x"),
            candidate(to, &call, 1),
            hangup(to, &call),
            frame("call_ringing", to, &call, Value::Null),
            frame("call_reject", to, &call, Value::Null),
            json!({ "type": "call_resume", "call_id": call }),
        ] {
            assert_eq!(strange.refused(&frame).await, "call_unknown", "{frame}");
        }
    }
    assert_eq!(stage.hers.so_far().await, Vec::<Value>::new());
    assert_eq!(stage.his.so_far().await, Vec::<Value>::new());
    let no_such = json!("0".repeat(32));
    assert_eq!(
        stage.hers.refused(&hangup(&stage.omid, &no_such)).await,
        "call_unknown"
    );
}

#[tokio::test]
async fn a_description_over_32_kib_is_refused_and_the_largest_passes() {
    const LIMIT: usize = 32 * 1024;
    let mut stage = stage().await;
    let large = offer(&stage.omid, &Value::Null, &"x".repeat(LIMIT + 1));
    assert_eq!(stage.hers.refused(&large).await, "sdp_too_large");
    stage
        .hers
        .send(&offer(&stage.omid, &Value::Null, &"x".repeat(LIMIT)))
        .await;
    let offered = stage.his.frame_of("call_offer").await;
    assert_eq!(
        offered["payload"]["offer"]["sdp"].as_str().unwrap().len(),
        LIMIT
    );
    let call = &offered["call_id"];
    let large = answer(&stage.sara, call, &"x".repeat(LIMIT + 1));
    assert_eq!(stage.his.refused(&large).await, "sdp_too_large");
}

#[tokio::test]
async fn a_malformed_call_frame_is_refused() {
    let mut stage = stage().await;
    let call = stage.talk().await;
    for bad in [
        frame("call_offer", &stage.omid, &Value::Null, Value::Null),
        frame(
            "call_offer",
            &stage.omid,
            &Value::Null,
            json!({ "offer": "sdp" }),
        ),
        frame(
            "call_answer",
            &stage.omid,
            &call,
            json!({ "answer": { "type": "answer" } }),
        ),
        frame(
            "ice_candidate",
            &stage.omid,
            &call,
            json!({ "candidate": { "candidate": 7 } }),
        ),
        frame("call_hangup", &stage.omid, &json!("xyz"), Value::Null),
        json!({ "type": "call_resume" }),
        json!({ "type": "call_hangup", "call_id": call }),
    ] {
        assert_eq!(stage.hers.refused(&bad).await, "bad_frame", "{bad}");
    }
}

#[tokio::test]
async fn log_out_ends_the_call_for_the_other_at_once() {
    let mut stage = stage().await;
    let call = stage.talk().await;
    assert_eq!(stage.server.log_out(&stage.omid).status, 204);
    let ended = stage.hers.frame_of("call_hangup").await;
    assert_eq!(
        (&ended["call_id"], &ended["payload"]["reason"]),
        (&call, &json!("session_ended"))
    );
    let entry = stage.hers.frame_of("message").await;
    assert_eq!(entry["call"]["outcome"], "answered");
    assert_eq!(stage.his.closed().await, Some(4401));
}
