//! Conversations that are deleted (M14): for both people, or one's own history
//! alone.

use serde_json::{Value, json};

use crate::client::Person;
use crate::deletions::{Talk, talk};
use crate::files_orphans::await_files;
use crate::form::Form;
use crate::server::Server;

fn conversation_of(talk: &Talk) -> String {
    format!("/api/conversations/{}", talk.sent[0]["conversation_id"])
}

fn list(server: &Server, person: &Person) -> Vec<Value> {
    let body = server.get_as(person, "/api/conversations").json();
    body["conversations"].as_array().unwrap().clone()
}

fn history(server: &Server, me: &Person, other: &Person) -> (u16, Vec<Value>) {
    let path = format!("/api/messages?user_id={}", other.id);
    let answer = server.get_as(me, &path);
    let messages = answer.json()["messages"].as_array().cloned();
    (answer.status, messages.unwrap_or_default())
}

#[tokio::test]
async fn a_deleted_conversation_is_gone_for_both_and_a_new_one_begins() {
    let mut talk = talk().await;
    let mut his = talk.server.socket(&talk.omid).await;
    let path = conversation_of(&talk);
    let answer = talk.delete(&talk.omid, &path);
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "status": "deleted" }))
    );
    let (sara, omid) = (&talk.sara, &talk.omid);
    for (socket, other) in [(&mut talk.hers, omid), (&mut his, sara)] {
        let told = socket.frame_of("conversation_deleted").await;
        assert_eq!(told["conversation_id"], talk.sent[0]["conversation_id"]);
        assert_eq!(told["user_id"], other.id);
        assert_eq!(told["for_me"], Value::Null);
    }
    for (me, other) in [(sara, omid), (omid, sara)] {
        assert_eq!(list(&talk.server, me), [Value::Null; 0]);
        assert_eq!(history(&talk.server, me, other).0, 404);
    }
    assert_eq!(talk.delete(&talk.sara, &path).status, 404);
    let new = talk.hers.say(&talk.omid, "again").await;
    assert_eq!(new["seq"], 1);
    assert_ne!(new["conversation_id"], talk.sent[0]["conversation_id"]);
    assert_eq!(list(&talk.server, &talk.omid).len(), 1);
    assert_eq!(history(&talk.server, &talk.omid, &talk.sara).1.len(), 1);
}

#[tokio::test]
async fn a_conversation_is_deleted_by_its_people_alone() {
    let talk = talk().await;
    let nima = talk.server.register("nima");
    let path = conversation_of(&talk);
    for path in [path.clone(), format!("{path}?for=me")] {
        let refusal = talk.delete(&nima, &path).refusal();
        assert_eq!(refusal, (403, "not_participant".to_owned()));
    }
    for (path, status, code) in [
        ("/api/conversations/999", 404, "conversation_not_found"),
        ("/api/conversations/x", 400, "bad_request"),
        ("/api/conversations/1?for=him", 400, "bad_request"),
    ] {
        let refusal = talk.delete(&talk.sara, path).refusal();
        assert_eq!(refusal, (status, code.to_owned()), "{path}");
    }
    assert_eq!(history(&talk.server, &talk.omid, &talk.sara).1.len(), 4);
}

#[tokio::test]
async fn a_cleared_history_is_hidden_for_one_until_something_new_comes() {
    let mut talk = talk().await;
    let mut his = talk.server.socket(&talk.omid).await;
    let mut his_other = talk.server.socket(&talk.server.log_in("omid")).await;
    let path = format!("{}?for=me", conversation_of(&talk));
    assert_eq!(talk.delete(&talk.omid, &path).status, 200);
    for socket in [&mut his, &mut his_other] {
        let told = socket.frame_of("conversation_deleted").await;
        assert_eq!(told["user_id"], talk.sara.id);
        assert_eq!((&told["for_me"], &told["seq"]), (&json!(true), &json!(4)));
    }
    assert_eq!(list(&talk.server, &talk.omid), [Value::Null; 0]);
    assert_eq!(history(&talk.server, &talk.omid, &talk.sara), (200, vec![]));
    assert_eq!(history(&talk.server, &talk.sara, &talk.omid).1.len(), 4);
    let heard = talk.hers.so_far().await;
    assert!(
        heard
            .iter()
            .all(|frame| frame["type"] != "conversation_deleted"),
        "{heard:?}"
    );
    let new = talk.hers.say(&talk.omid, "5").await;
    assert_eq!(new["seq"], 5);
    let listed = list(&talk.server, &talk.omid);
    assert_eq!(
        (&listed[0]["unread_count"], &listed[0]["last_seq"]),
        (&json!(1), &json!(5))
    );
    assert_eq!(history(&talk.server, &talk.omid, &talk.sara).1.len(), 1);
}

#[tokio::test]
async fn what_a_kill_left_of_a_deleted_conversation_is_erased_at_the_next_start() {
    let Talk {
        server,
        sara,
        omid,
        hers,
        ..
    } = talk().await;
    let told = Form::to(&omid, "a.txt", b"a secret").send(&server, &sara);
    assert_eq!(told.status, 200);
    drop(hers);
    let setup = server.setup.clone();
    assert!(server.terminate().0.success());
    let database = rusqlite::Connection::open(setup.database()).unwrap();
    // As the commit leaves it that takes the conversation from its people.
    for sql in [
        "UPDATE conversations SET kind = 'gone', pair_low = NULL, pair_high = NULL",
        "DELETE FROM members",
    ] {
        database.execute(sql, []).unwrap();
    }
    drop(database);
    let server = setup.start();
    await_files(&server, 0);
    assert!(server.terminate().0.success());
    let database = rusqlite::Connection::open(setup.database()).unwrap();
    for table in ["messages", "conversations", "files"] {
        let count = format!("SELECT count(*) FROM {table}");
        let left: i64 = database.query_row(&count, [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
}
