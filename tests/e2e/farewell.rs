//! Somebody deletes the account (A17): everything of the person goes, and
//! others keep their own words.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::{PASSWORD, Person};
use crate::form::Form;
use crate::server::Server;

fn leave(server: &Server, person: &Person) {
    let answer = server
        .call("DELETE", "/api/profile")
        .token(&person.token)
        .send();
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "status": "deleted" }))
    );
}

fn count(server: &Server, sql: &str) -> i64 {
    let db = Connection::open(server.setup.database()).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Sara has written, sent a file, published a key and blocked somebody.
async fn lived_in() -> (Server, Person, Person) {
    let server = Server::usual();
    let (sara, omid, mina) = (
        server.register("sara"),
        server.register("omid"),
        server.register("mina"),
    );
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    hers.say(&omid, "my secret words").await;
    his.say(&sara, "my own words").await;
    let key =
        json!({ "device_id": "d", "algorithm": "ECDH-P256", "public_key": "p", "key_id": "k" });
    let kept = server
        .call("POST", "/api/keys/devices")
        .token(&sara.token)
        .json(&key)
        .send();
    assert_eq!(kept.status, 200);
    let block = json!({ "user_id": mina.id });
    let kept = server
        .call("POST", "/api/blocks")
        .token(&sara.token)
        .json(&block)
        .send();
    assert_eq!(kept.status, 200, "{kept:?}");
    (server, sara, omid)
}

#[tokio::test]
async fn nothing_of_the_person_is_left() {
    let (server, sara, omid) = lived_in().await;
    let sent = Form::to(&omid, "photo.txt", b"my picture").send(&server, &sara);
    let address = sent.json()["file_url"].as_str().unwrap().to_owned();
    let other = server.log_in("sara");
    let mut hers = server.socket(&other).await;
    leave(&server, &sara);
    assert_eq!(hers.closed().await, Some(4401));
    for token in [&sara, &other] {
        assert_eq!(
            server.get_as(token, "/api/profile").refusal(),
            (401, "invalid_token".to_owned())
        );
    }
    assert_eq!(server.sign("login", "sara", PASSWORD).status, 401);
    assert_eq!(server.get("/api/users/sara").status, 404);
    assert_eq!(server.get_as(&omid, "/api/users?q=sara").json(), json!([]));
    let keys = format!("/api/keys/users/{}/devices", sara.id);
    assert_eq!(server.get_as(&omid, &keys).json(), json!({ "devices": [] }));
    assert_eq!(server.get(&address).status, 404);
    for (table, column) in [
        ("sessions", "user_id"),
        ("device_keys", "user_id"),
        ("blocks", "blocker_id"),
        ("people_grams", "user_id"),
        ("files", "owner_id"),
        ("account_erasures", "user_id"),
    ] {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = {}", sara.id);
        assert_eq!(count(&server, &sql), 0, "{table}");
    }
    let server = server.kill_and_start();
    let bytes = std::fs::read(server.setup.database()).unwrap();
    assert!(!bytes.windows(15).any(|window| window == b"my secret words"));
}

#[tokio::test]
async fn the_other_one_keeps_own_words_and_can_write_no_more() {
    let (server, sara, omid) = lived_in().await;
    leave(&server, &sara);
    let list = server.get_as(&omid, "/api/conversations").json();
    let row = &list["conversations"][0];
    assert_eq!(
        json!([
            row["user_id"],
            row["username"],
            row["deleted"],
            row["is_online"],
            row["unread_count"]
        ]),
        json!([sara.id, format!("deleted-{}", sara.id), true, false, 0])
    );
    assert!(!row["display_name"].as_str().unwrap().is_empty());
    let path = format!("/api/messages?user_id={}", sara.id);
    let said = server.get_as(&omid, &path).json();
    let said: Vec<Value> = said["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| json!([message["seq"], message["content"]]))
        .collect();
    assert_eq!(said, [json!([2, "my own words"])]);
    let name = format!("/api/users/deleted-{}", sara.id);
    assert_eq!(server.get(&name).status, 404);
    let mut his = server.socket(&omid).await;
    let frame = json!({ "type": "message", "receiver_id": sara.id, "content": "are you there?" });
    assert_eq!(his.refused(&frame).await, "user_not_found");
    let body = json!({ "participant_id": sara.id });
    let open = server
        .call("POST", "/api/conversations")
        .token(&omid.token)
        .json(&body)
        .send();
    assert_eq!(open.refusal(), (404, "user_not_found".to_owned()));
}

#[tokio::test]
async fn the_name_is_free_for_somebody_else_who_gets_nothing_of_it() {
    let (server, sara, _) = lived_in().await;
    leave(&server, &sara);
    let heir = server.register("Sara");
    assert_ne!(heir.id, sara.id);
    assert_eq!(
        server.get_as(&heir, "/api/conversations").json(),
        json!({ "conversations": [] })
    );
}

#[tokio::test]
async fn when_both_are_gone_their_conversation_is() {
    let (server, sara, omid) = lived_in().await;
    leave(&server, &sara);
    leave(&server, &omid);
    assert_eq!(count(&server, "SELECT count(*) FROM messages"), 0);
    assert_eq!(count(&server, "SELECT count(*) FROM conversations"), 0);
}

#[test]
fn a_wrong_password_deletes_nothing_and_a_right_one_does() {
    let server = Server::usual();
    let sara = server.register("sara");
    let with = |password: &str| {
        let call = server.call("DELETE", "/api/profile").token(&sara.token);
        call.json(&json!({ "password": password })).send()
    };
    assert_eq!(
        with("another one").refusal(),
        (401, "bad_credentials".to_owned())
    );
    assert_eq!(server.get_as(&sara, "/api/profile").status, 200);
    assert_eq!(with(PASSWORD).status, 200);
    assert_eq!(server.get_as(&sara, "/api/profile").status, 401);
}

#[test]
fn the_last_admin_stays() {
    let server = Server::usual();
    let sara = server.register("sara");
    let ended = server.setup.run(&["user", "role", "sara", "admin"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let answer = server
        .call("DELETE", "/api/profile")
        .token(&sara.token)
        .send();
    assert_eq!(answer.refusal(), (409, "last_admin".to_owned()));
    assert_eq!(server.get_as(&sara, "/api/profile").status, 200);
}

#[tokio::test]
async fn whoever_talked_with_the_person_is_told_at_once_and_nobody_else() {
    let (server, sara, omid) = lived_in().await;
    let (nima, mina) = (server.register("nima"), server.log_in("mina"));
    let mut hers = server.socket(&sara).await;
    hers.say(&nima, "hello").await;
    let mut sockets = Vec::new();
    for person in [&omid, &omid, &nima] {
        sockets.push(server.socket(person).await);
    }
    let mut stranger = server.socket(&mina).await;
    stranger.say(&nima, "good morning").await;
    leave(&server, &sara);
    let due = json!({
        "type": "account_deleted", "user_id": sara.id, "username": format!("deleted-{}", sara.id),
    });
    for socket in &mut sockets {
        assert_eq!(socket.frame_of("account_deleted").await, due);
    }
    let heard = stranger.so_far().await;
    assert!(heard.iter().all(|frame| frame["type"] != "account_deleted"));
}
