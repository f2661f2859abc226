//! What REST says of conversations, messages and people.

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::Server;

struct Talk {
    server: Server,
    sara: Person,
    omid: Person,
    hers: Socket,
}

/// Sara has sent Omid five messages; he has no socket.
async fn talk() -> Talk {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    for text in ["1", "2", "3", "4", "5"] {
        hers.say(&omid, text).await;
    }
    Talk {
        server,
        sara,
        omid,
        hers,
    }
}

impl Talk {
    /// The contents of a page of Omid's history with Sara.
    fn page(&self, query: &str) -> String {
        let path = format!("/api/messages?user_id={}{query}", self.sara.id);
        let answer = self.server.get_as(&self.omid, &path);
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let messages = body["messages"].as_array().unwrap().iter();
        messages
            .map(|message| message["content"].as_str().unwrap())
            .collect()
    }

    fn preview(&self, of: &Person) -> Value {
        let list = self.server.get_as(of, "/api/conversations").json();
        assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
        list["conversations"][0].clone()
    }
}

#[tokio::test]
async fn history_comes_in_pages_oldest_first() {
    let talk = talk().await;
    for (query, contents) in [
        ("", "12345"),
        ("&limit=2", "45"),
        ("&limit=2&offset=2", "23"),
        ("&before_seq=4&limit=2", "23"),
        ("&after_seq=2&limit=2", "34"),
        ("&limit=0", "5"),
        ("&limit=1000", "12345"),
        ("&after_seq=5", ""),
    ] {
        assert_eq!(talk.page(query), contents, "{query}");
    }
}

#[tokio::test]
async fn a_stored_message_has_the_documented_fields_and_moves_to_read() {
    let mut talk = talk().await;
    let path = format!("/api/messages?user_id={}&limit=1", talk.omid.id);
    let last = |talk: &Talk| talk.server.get_as(&talk.sara, &path).json()["messages"][0].clone();
    let message = last(&talk);
    assert!(
        message["id"].as_i64().unwrap() > 0 && message["conversation_id"].as_i64().unwrap() > 0
    );
    assert!(message["created_at"].as_str().unwrap().ends_with('Z'));
    for (field, value) in [
        ("seq", json!(5)),
        ("sender_id", json!(talk.sara.id)),
        ("receiver_id", json!(talk.omid.id)),
        ("content", json!("5")),
        ("status", json!("sent")),
        ("delivered_at", Value::Null),
        ("read_at", Value::Null),
    ] {
        assert_eq!(message[field], value, "{field}");
    }
    for (mark, at) in [("delivered", "delivered_at"), ("read", "read_at")] {
        let path = format!("/api/messages/{}/{mark}", message["id"]);
        let answer = talk
            .server
            .call("PUT", &path)
            .token(&talk.omid.token)
            .send();
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({ "status": mark }))
        );
        assert_eq!(talk.hers.frame_of("status_update").await["status"], mark);
        let marked = last(&talk);
        assert_eq!(marked["status"], mark);
        assert!(marked[at].is_string(), "{marked}");
    }
}

#[tokio::test]
async fn a_preview_counts_what_is_unread_until_it_is_read() {
    let mut talk = talk().await;
    let preview = talk.preview(&talk.omid);
    for (field, value) in [
        ("user_id", json!(talk.sara.id)),
        ("username", json!("sara")),
        ("is_online", json!(true)),
        ("unread_count", json!(5)),
        ("participants", json!([talk.omid.id, talk.sara.id])),
        ("last_seq", json!(5)),
        ("my_read_seq", json!(0)),
        ("peer_recv_seq", json!(0)),
        ("peer_read_seq", json!(0)),
    ] {
        assert_eq!(preview[field], value, "{field} of {preview}");
    }
    assert_eq!(preview["last_message"]["content"], "5");
    assert_eq!(
        preview["last_message_at"],
        preview["last_message"]["created_at"]
    );
    assert_eq!(talk.preview(&talk.sara)["unread_count"], 0);
    let path = format!("/api/messages/{}/read", preview["last_message"]["id"]);
    let answer = talk
        .server
        .call("PUT", &path)
        .token(&talk.omid.token)
        .send();
    assert_eq!(answer.status, 200);
    assert_eq!(talk.preview(&talk.omid)["unread_count"], 0);
    talk.hers.say(&talk.omid, "6").await;
    assert_eq!(talk.preview(&talk.omid)["unread_count"], 1);
    assert_eq!(talk.preview(&talk.sara)["peer_read_seq"], 5);
}

#[tokio::test]
async fn a_conversation_is_opened_once() {
    let Talk {
        server, sara, omid, ..
    } = talk().await;
    let nima = server.register("nima");
    let open = |with: Value| {
        let call = server.call("POST", "/api/conversations").token(&nima.token);
        call.json(&json!({ "participant_id": with })).send()
    };
    let new = open(json!(sara.id));
    assert_eq!(new.status, 201);
    assert_eq!(new.json()["username"], "sara");
    assert_eq!(new.json()["participants"], json!([nima.id, sara.id]));
    let again = open(json!(sara.id));
    assert_eq!(
        (again.status, &again.json()["id"]),
        (200, &new.json()["id"])
    );
    for (with, status, code) in [
        (json!(nima.id), 400, "self_conversation"),
        (json!(999), 404, "user_not_found"),
        (json!("x"), 400, "bad_request"),
        (json!(0), 400, "bad_request"),
    ] {
        assert_eq!(open(with).refusal(), (status, code.to_owned()));
    }
    for (path, status, code) in [
        (
            format!("/api/messages?user_id={}", omid.id),
            404,
            "conversation_not_found",
        ),
        ("/api/messages".to_owned(), 400, "bad_request"),
        ("/api/messages?user_id=x".to_owned(), 400, "bad_request"),
    ] {
        assert_eq!(
            server.get_as(&nima, &path).refusal(),
            (status, code.to_owned()),
            "{path}"
        );
    }
    let mark = |path: &str| server.call("PUT", path).token(&nima.token).send().refusal();
    assert_eq!(
        mark("/api/messages/1/read"),
        (403, "not_receiver".to_owned())
    );
    assert_eq!(
        mark("/api/messages/x/read"),
        (400, "bad_request".to_owned())
    );
}

#[tokio::test]
async fn people_are_found_and_named() {
    let Talk {
        server,
        sara,
        omid,
        hers: _online,
    } = talk().await;
    let name = |person: &Person, name: &str| {
        let call = server.call("PUT", "/api/profile").token(&person.token);
        call.json(&json!({ "display_name": name })).send()
    };
    let answer = name(&sara, "سارا");
    assert_eq!(
        answer.json(),
        json!({ "status": "updated", "display_name": "سارا" })
    );
    for bad in ["x\u{202e}y", "a\nb", &"x".repeat(65)] {
        assert_eq!(
            name(&sara, bad).refusal(),
            (400, "display_name_invalid".to_owned()),
            "{bad:?}"
        );
    }
    let me = server.get_as(&sara, "/api/profile").json();
    assert_eq!(
        (&me["id"], &me["username"], &me["display_name"]),
        (&json!(sara.id), &json!("sara"), &json!("سارا"))
    );
    let found = server.get_as(&omid, "/api/users?q=%D8%B1%D8%A7").json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(
        (&found[0]["id"], &found[0]["is_online"]),
        (&json!(sara.id), &json!(true))
    );
    let public = server.get("/api/users/SARA").json();
    assert_eq!(
        (&public["id"], &public["username"]),
        (&json!(sara.id), &json!("sara"))
    );
    assert!(public["created_at"].is_string());
    assert_eq!(
        server.get("/api/users/nobody").refusal(),
        (404, "user_not_found".to_owned())
    );
}
