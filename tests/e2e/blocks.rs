//! Rows M17 and C12: a block holds at every door at once, and calls come
//! through as their callee wants.

use serde_json::{Value, json};

use crate::client::{Answer, Person, Socket};
use crate::server::Server;
use crate::stage::{Stage, offer, stage};

fn block(server: &Server, by: &Person, whom: &Person) -> Answer {
    let call = server.call("POST", "/api/blocks").token(&by.token);
    call.json(&json!({ "user_id": whom.id })).send()
}

fn unblock(server: &Server, by: &Person, whom: &Person) -> Answer {
    let path = format!("/api/blocks/{}", whom.id);
    server.call("DELETE", &path).token(&by.token).send()
}

fn text(to: &Person) -> Value {
    json!({ "type": "message", "receiver_id": to.id, "content": "hello" })
}

fn settings(server: &Server, person: &Person, body: &Value) -> Answer {
    let call = server.call("PUT", "/api/profile").token(&person.token);
    call.json(body).send()
}

/// Calls and says what came of it: the reason of a refusal, or nothing.
async fn call(caller: &mut Socket, callee: &Person) -> Value {
    caller.send(&offer(callee, &Value::Null, "o")).await;
    loop {
        let frame = caller.frame().await;
        match frame["type"].as_str().unwrap() {
            "call_reject" => return frame["payload"]["reason"].clone(),
            "call_started" => return Value::Null,
            "error" => return frame["code"].clone(),
            _ => {}
        }
    }
}

fn of_kinds(frames: &[Value], kinds: &[&str]) -> Vec<Value> {
    let wanted = |frame: &&Value| kinds.contains(&frame["type"].as_str().unwrap());
    frames.iter().filter(wanted).cloned().collect()
}

const TELLING: &[&str] = &[
    "message",
    "call_offer",
    "typing",
    "presence",
    "call_started",
];

#[tokio::test]
async fn nothing_of_who_is_blocked_reaches_who_blocked_them() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        mut his,
    } = stage().await;
    hers.say(&omid, "before").await;
    his.frame_of("message").await;
    for (socket, whom) in [(&mut hers, &omid), (&mut his, &sara)] {
        socket
            .send(&json!({ "type": "presence_subscribe", "user_ids": [whom.id] }))
            .await;
        assert_eq!(socket.frame_of("presence").await["online"], true);
    }
    assert_eq!(
        block(&server, &sara, &omid).json(),
        json!({ "status": "blocked" })
    );
    let gone = |of: &Person| json!({ "type": "presence", "user_id": of.id, "online": false });
    assert_eq!(his.frame_of("presence").await, gone(&sara));
    assert_eq!(hers.frame_of("presence").await, gone(&omid));

    assert_eq!(his.refused(&text(&sara)).await, "not_allowed");
    assert_eq!(call(&mut his, &sara).await, "offline");
    his.send(&json!({ "type": "typing", "receiver_id": sara.id, "active": true }))
        .await;
    his.send(&json!({ "type": "presence_subscribe", "user_ids": [sara.id] }))
        .await;
    assert_eq!(his.frame_of("presence").await, gone(&sara));
    let heard = hers.so_far().await;
    assert_eq!(of_kinds(&heard, TELLING), [Value::Null; 0]);

    // Another socket, joined after the block, knows of it as well.
    let mut again = server.socket(&omid).await;
    assert_eq!(again.refused(&text(&sara)).await, "not_allowed");
    assert_eq!(call(&mut again, &sara).await, "offline");
    // What was written stays, for both, and no call has left an entry.
    for (person, other) in [(&sara, &omid), (&omid, &sara)] {
        let path = format!("/api/messages?user_id={}", other.id);
        let history = server.get_as(person, &path).json();
        assert_eq!(history["messages"].as_array().unwrap().len(), 1);
        assert_eq!(history["messages"][0]["content"], "before");
        let list = server.get_as(person, "/api/conversations").json();
        assert_eq!(list["conversations"][0]["is_online"], false);
        let path = format!("/api/users?id={}", other.id);
        assert_eq!(server.get_as(person, &path).json()[0]["is_online"], false);
    }
    assert_eq!(
        unblock(&server, &sara, &omid).json(),
        json!({ "status": "unblocked" })
    );
    assert_eq!(his.say(&sara, "after").await["seq"], 2);
}

#[tokio::test]
async fn who_blocked_somebody_has_to_take_it_back_to_reach_them() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        ..
    } = stage().await;
    block(&server, &sara, &omid);
    assert_eq!(hers.refused(&text(&omid)).await, "blocked_by_you");
    assert_eq!(call(&mut hers, &omid).await, "blocked_by_you");
    let open = |by: &Person, whom: &Person| {
        let call = server.call("POST", "/api/conversations").token(&by.token);
        call.json(&json!({ "participant_id": whom.id })).send()
    };
    assert_eq!(
        open(&sara, &omid).refusal(),
        (403, "blocked_by_you".to_owned())
    );
    assert_eq!(
        open(&omid, &sara).refusal(),
        (403, "not_allowed".to_owned())
    );
    let listed = server.get_as(&sara, "/api/blocks").json();
    assert_eq!(listed["blocks"].as_array().unwrap().len(), 1);
    assert_eq!(listed["blocks"][0]["user_id"], omid.id);
    assert_eq!(listed["blocks"][0]["username"], "omid");
    assert_eq!(
        server.get_as(&omid, "/api/blocks").json(),
        json!({ "blocks": [] })
    );
    for _ in 0..2 {
        assert_eq!(unblock(&server, &sara, &omid).status, 200);
    }
    assert_eq!(hers.say(&omid, "hello").await["seq"], 1);
    block(&server, &sara, &omid);
    let list = server.get_as(&sara, "/api/conversations").json();
    assert_eq!(list["conversations"][0]["blocked"], true);
    let list = server.get_as(&omid, "/api/conversations").json();
    assert_eq!(list["conversations"][0]["blocked"], Value::Null);
}

#[test]
fn blocks_of_nobody_or_oneself_are_refused() {
    let server = Server::usual();
    let sara = server.register("sara");
    for (id, due) in [
        (json!(999), (404, "user_not_found")),
        (json!(sara.id), (400, "bad_request")),
        (json!(0), (400, "bad_request")),
        (json!("2"), (400, "bad_request")),
    ] {
        let call = server.call("POST", "/api/blocks").token(&sara.token);
        let refusal = call.json(&json!({ "user_id": id })).send().refusal();
        assert_eq!(refusal, (due.0, due.1.to_owned()), "{id}");
    }
    for path in ["/api/blocks/x", "/api/blocks/0"] {
        let call = server.call("DELETE", path).token(&sara.token);
        assert_eq!(call.send().refusal(), (400, "bad_request".to_owned()));
    }
    assert_eq!(server.call("GET", "/api/blocks").send().status, 401);
}

#[tokio::test]
async fn a_block_ends_the_call_of_the_two() {
    let mut stage = stage().await;
    stage.talk().await;
    block(&stage.server, &stage.omid, &stage.sara);
    for socket in [&mut stage.hers, &mut stage.his] {
        let over = socket.frame_of("call_hangup").await;
        assert_eq!(over["payload"]["reason"], "ended");
    }
}

#[tokio::test]
async fn calls_come_through_as_the_callee_wants() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        mut his,
    } = stage().await;
    let profile = |person: &Person| server.get_as(person, "/api/profile").json();
    assert_eq!(profile(&omid)["calls_from"], "everyone");
    assert_eq!(
        settings(&server, &omid, &json!({ "calls_from": "friends" })).status,
        400
    );
    assert_eq!(
        settings(&server, &omid, &json!({ "calls_from": "contacts" })).status,
        200
    );
    assert_eq!(profile(&omid)["calls_from"], "contacts");
    // To have been written to makes nobody a contact.
    hers.say(&omid, "hello").await;
    assert_eq!(call(&mut hers, &omid).await, "offline");
    his.say(&sara, "hello").await;
    assert_eq!(call(&mut hers, &omid).await, Value::Null);
    his.frame_of("call_offer").await;
    hers.send(&json!({ "type": "call_hangup", "receiver_id": omid.id }))
        .await;
    his.frame_of("call_hangup").await;
    settings(&server, &omid, &json!({ "calls_from": "nobody" }));
    assert_eq!(call(&mut hers, &omid).await, "offline");
    // The unwanted calls left nothing, the one that rang its entry.
    let path = format!("/api/messages?user_id={}", sara.id);
    let history = server.get_as(&omid, &path).json();
    let entries = history["messages"].as_array().unwrap().iter();
    assert_eq!(
        entries.filter(|message| message["kind"] == "call").count(),
        1
    );
}

#[tokio::test]
async fn who_is_away_is_not_called_against_their_will_either() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        his,
    } = stage().await;
    settings(&server, &omid, &json!({ "calls_from": "contacts" }));
    hers.send(&json!({ "type": "presence_subscribe", "user_ids": [omid.id] }))
        .await;
    drop(his);
    while hers.frame_of("presence").await["online"] != false {}
    assert_eq!(call(&mut hers, &omid).await, "offline");
    hers.say(&omid, "hello").await;
    let path = format!("/api/messages?user_id={}", sara.id);
    let history = server.get_as(&omid, &path).json();
    assert_eq!(
        history["messages"].as_array().unwrap().len(),
        1,
        "{history}"
    );
}

#[tokio::test]
async fn of_changes_at_the_same_time_one_wins_for_everybody() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        his: _his,
    } = stage().await;
    for round in 0..20 {
        std::thread::scope(|at_once| {
            at_once.spawn(|| block(&server, &sara, &omid));
            at_once.spawn(|| unblock(&server, &sara, &omid));
        });
        let listed = server.get_as(&sara, "/api/blocks").json();
        let is_blocked = !listed["blocks"].as_array().unwrap().is_empty();
        hers.so_far().await;
        hers.send(&json!({ "type": "presence_subscribe", "user_ids": [omid.id] }))
            .await;
        let shown = hers.frame_of("presence").await;
        assert_eq!(shown["online"], !is_blocked, "round {round}");
    }
}
