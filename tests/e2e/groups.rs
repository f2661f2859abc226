//! Rows G1 to G6: groups as their members live with them, and as those do who
//! are none.

use serde_json::{Value, json};

use crate::client::{Answer, Person, Socket};
use crate::server::Server;

/// One call about groups, with or without a body.
pub(crate) fn ask(server: &Server, who: &Person, method: &str, path: &str, body: &Value) -> Answer {
    let path = format!("/api/groups{path}");
    let call = server.call(method, &path).token(&who.token);
    if body.is_null() {
        return call.send();
    }
    call.json(body).send()
}

/// A group of that owner with these people in it.
pub(crate) fn group(server: &Server, owner: &Person, members: &[&Person]) -> i64 {
    let made = ask(server, owner, "POST", "", &json!({ "name": "us" }));
    let group = made.json()["id"].as_i64().unwrap();
    for member in members {
        let added = add(server, owner, group, member);
        assert_eq!(added.status, 200, "{added:?}");
    }
    group
}

fn add(server: &Server, by: &Person, group: i64, whom: &Person) -> Answer {
    let path = format!("/{group}/members");
    ask(server, by, "POST", &path, &json!({ "user_id": whom.id }))
}

fn put_out(server: &Server, by: &Person, group: i64, whom: &Person) -> Answer {
    let path = format!("/{group}/members/{}", whom.id);
    ask(server, by, "DELETE", &path, &Value::Null)
}

pub(crate) fn text(group: i64, words: &str) -> Value {
    json!({ "type": "group_message", "conversation_id": group, "content": words })
}

/// Sends a text and waits for its echo.
pub(crate) async fn say(socket: &mut Socket, group: i64, words: &str) -> Value {
    socket.send(&text(group, words)).await;
    loop {
        let echo = socket.frame_of("group_message").await;
        if echo["content"] == words {
            return echo;
        }
    }
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames
        .iter()
        .map(|frame| frame["type"].as_str().unwrap())
        .collect()
}

struct Three {
    server: Server,
    sara: Person,
    omid: Person,
    mina: Person,
    hers: Socket,
    his: Socket,
    minas: Socket,
}

/// Three people, each with a socket that knows what there was.
async fn three() -> Three {
    let server = Server::usual();
    let [sara, omid, mina] = ["sara", "omid", "mina"].map(|name| server.register(name));
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    let mut minas = server.socket(&mina).await;
    for socket in [&mut hers, &mut his, &mut minas] {
        socket.so_far().await;
    }
    Three {
        server,
        sara,
        omid,
        mina,
        hers,
        his,
        minas,
    }
}

#[tokio::test]
async fn what_is_said_reaches_every_member_in_order_and_nobody_else() {
    let Three {
        server,
        sara,
        omid,
        mut hers,
        mut his,
        mut minas,
        ..
    } = three().await;
    let group = group(&server, &sara, &[&omid]);
    let told = his.frame_of("group_changed").await;
    assert_eq!(
        told,
        json!({ "type": "group_changed", "conversation_id": group, "name": "us", "role": "member" })
    );
    assert_eq!(his.frame_of("group_member").await["change"], "added");
    let echo = say(&mut hers, group, "hello").await;
    assert_eq!(
        (&echo["seq"], &echo["receiver_id"]),
        (&json!(3), &Value::Null)
    );
    let heard = say(&mut his, group, "hi").await;
    assert_eq!(heard["seq"], 4);
    let heard = loop {
        let heard = hers.frame_of("group_message").await;
        if heard["sender_id"] == omid.id {
            break heard;
        }
    };
    assert_eq!(heard["content"], "hi");
    let history = format!("/api/messages?conversation_id={group}");
    let history = server.get_as(&omid, &history).json();
    let seqs: Vec<i64> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(seqs, [2, 3, 4], "from where he came in");
    assert_eq!(kinds(&minas.so_far().await), Vec::<&str>::new());
    assert_eq!(minas.refused(&text(group, "me too")).await, "not_member");
}

#[tokio::test]
async fn clients_that_know_pairs_alone_see_no_group() {
    let Three {
        server,
        sara,
        omid,
        mut hers,
        mut his,
        ..
    } = three().await;
    let group = group(&server, &sara, &[&omid]);
    say(&mut hers, group, "hello").await;
    his.frame_of("group_message").await;
    for person in [&sara, &omid] {
        let list = server.get_as(person, "/api/conversations").json();
        assert_eq!(list, json!({ "conversations": [] }));
        let between = format!("/api/messages?user_id={}", sara.id + omid.id - person.id);
        assert_eq!(server.get_as(person, &between).status, 404);
    }
    let frames = [hers.so_far().await, his.so_far().await].concat();
    let old = ["message", "status_update"];
    let seen: Vec<&str> = kinds(&frames);
    assert!(!seen.iter().any(|kind| old.contains(kind)), "{seen:?}");
}

#[tokio::test]
async fn who_is_put_out_is_told_and_neither_writes_nor_hears_any_more() {
    let Three {
        server,
        sara,
        omid,
        mina,
        mut hers,
        mut his,
        mut minas,
    } = three().await;
    let group = group(&server, &sara, &[&omid, &mina]);
    let said = say(&mut minas, group, "hello").await["message_id"].clone();
    assert_eq!(
        put_out(&server, &omid, group, &mina).refusal().1,
        "not_moderator"
    );
    assert_eq!(put_out(&server, &sara, group, &omid).status, 200);
    let told = loop {
        let told = his.frame_of("group_member").await;
        if told["user_id"] == omid.id && told["change"] == "kicked" {
            break told;
        }
    };
    assert_eq!(told["by"], sara.id);
    say(&mut hers, group, "between us").await;
    assert_eq!(his.refused(&text(group, "wait")).await, "not_member");
    let later = his.so_far().await;
    assert!(!kinds(&later).contains(&"group_message"), "{later:?}");
    let mark = json!({ "type": "mark_read", "message_id": said });
    assert_eq!(his.refused(&mark).await, "not_receiver");
    let mut again = server.socket(&omid).await;
    assert_eq!(kinds(&again.so_far().await), Vec::<&str>::new());
    let history = format!("/api/messages?conversation_id={group}");
    let refused = server.get_as(&omid, &history).refusal();
    assert_eq!(refused, (403, "not_member".to_owned()));
    assert_eq!(
        server.get_as(&omid, "/api/groups").json(),
        json!({ "groups": [] })
    );
}

#[tokio::test]
async fn what_was_acknowledged_in_a_group_survives_a_kill_and_is_there_once() {
    let Three {
        server,
        sara,
        omid,
        mut hers,
        his,
        ..
    } = three().await;
    let group = group(&server, &sara, &[&omid]);
    drop(his);
    let mut named = text(group, "keep this");
    named["client_message_id"] = json!("0192f0c1-7e3b-7000-8000-000000000001");
    hers.send(&named).await;
    let first = loop {
        let echo = hers.frame_of("group_message").await;
        if echo["content"] == "keep this" {
            break echo;
        }
    };
    let server = server.kill_and_start();
    let mut hers = server.socket(&sara).await;
    hers.send(&named).await;
    assert_eq!(
        hers.frame_of("group_message").await,
        first,
        "the first one again"
    );
    let mut his = server.socket(&omid).await;
    let missed: Vec<Value> = his.so_far().await;
    let missed: Vec<&Value> = missed
        .iter()
        .filter(|frame| frame["content"] == "keep this")
        .collect();
    assert_eq!(missed.len(), 1);
    assert_eq!(missed[0]["type"], "group_message");
}

#[tokio::test]
async fn what_a_server_cannot_read_is_refused_in_a_group() {
    let Three {
        server,
        sara,
        mut hers,
        ..
    } = three().await;
    let group = group(&server, &sara, &[]);
    let sealed = json!({
        "type": "group_message", "conversation_id": group, "encrypted": true, "e2ee_v": 1, "alg": "a",
        "sender_device_id": "d", "key_id": "k", "iv": "i", "ciphertext": "c",
    });
    assert_eq!(hers.refused(&sealed).await, "envelope_invalid");
}

#[tokio::test]
async fn a_deleted_group_is_told_and_gone() {
    let Three {
        server,
        sara,
        omid,
        mut his,
        ..
    } = three().await;
    let group = group(&server, &sara, &[&omid]);
    let path = format!("/{group}");
    assert_eq!(
        ask(&server, &omid, "DELETE", &path, &Value::Null)
            .refusal()
            .1,
        "not_owner"
    );
    assert_eq!(
        ask(&server, &sara, "DELETE", &path, &Value::Null).status,
        200
    );
    assert_eq!(
        his.frame_of("group_deleted").await,
        json!({ "type": "group_deleted", "conversation_id": group })
    );
    assert_eq!(his.refused(&text(group, "hello?")).await, "not_member");
}

#[tokio::test]
async fn the_group_of_a_deleted_account_has_another_owner() {
    let Three {
        server,
        sara,
        omid,
        mina,
        mut hers,
        mut his,
        ..
    } = three().await;
    let group = group(&server, &sara, &[&omid, &mina]);
    let path = format!("/{group}/members/{}", mina.id);
    let admin = ask(&server, &sara, "PUT", &path, &json!({ "role": "admin" }));
    assert_eq!(admin.status, 200);
    say(&mut hers, group, "mine").await;
    let call = server.call("DELETE", "/api/profile").token(&sara.token);
    assert_eq!(call.send().status, 200);
    loop {
        let told = his.frame_of("group_member").await;
        if told["role"] == "owner" {
            assert_eq!(told["user_id"], mina.id);
            break;
        }
    }
    let left = his.frame_of("group_member").await;
    assert_eq!(
        (&left["user_id"], &left["change"]),
        (&json!(sara.id), &json!("left"))
    );
    let seen = ask(&server, &mina, "GET", &format!("/{group}"), &Value::Null).json();
    assert_eq!(
        (&seen["role"], &seen["members"].as_array().unwrap().len()),
        (&json!("owner"), &2)
    );
    let history = format!("/api/messages?conversation_id={group}");
    let history = server.get_as(&mina, &history).text;
    assert!(!history.contains("mine"), "{history}");
}
