//! Two people write to each other over their sockets.

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::Server;

struct Pair {
    server: Server,
    sara: Person,
    omid: Person,
}

fn pair() -> Pair {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    Pair { server, sara, omid }
}

fn named(to: &Person, name: &str) -> Value {
    json!({ "type": "message", "receiver_id": to.id, "content": "سلام", "client_message_id": name })
}

#[tokio::test]
async fn a_message_reaches_every_socket_of_both_people_once() {
    let Pair { server, sara, omid } = pair();
    let mut phone = server.socket(&sara).await;
    let mut desk = server.socket(&server.log_in("sara")).await;
    let mut his = server.socket(&omid).await;
    let mut his_other = server.socket(&omid).await;
    phone.send(&named(&omid, "first")).await;
    let echo = phone.frame_of("message").await;
    assert!(echo["message_id"].as_i64().unwrap() > 0);
    assert!(echo["conversation_id"].as_i64().unwrap() > 0);
    assert!(echo["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        (&echo["seq"], &echo["content"], &echo["status"]),
        (&json!(1), &json!("سلام"), &json!("sent"))
    );
    assert_eq!(
        (
            &echo["sender_id"],
            &echo["receiver_id"],
            &echo["client_message_id"]
        ),
        (&json!(sara.id), &json!(omid.id), &json!("first"))
    );
    for socket in [&mut desk, &mut his, &mut his_other] {
        assert_eq!(socket.frame_of("message").await, echo);
        let more = socket.so_far().await;
        assert!(
            more.iter().all(|frame| frame["type"] != "message"),
            "{more:?}"
        );
    }
    let back = his.say(&sara, "سلام سارا").await;
    assert_eq!(back["seq"], 2);
    for socket in [&mut phone, &mut desk, &mut his_other] {
        assert_eq!(socket.frame_of("message").await, back);
    }
}

#[tokio::test]
async fn delivered_and_then_read_are_told_to_both_people() {
    let Pair { server, sara, omid } = pair();
    let (mut hers, mut his) = (server.socket(&sara).await, server.socket(&omid).await);
    let sent = hers.say(&omid, "hello").await;
    his.frame_of("message").await;
    for (mark, status) in [("mark_delivered", "delivered"), ("mark_read", "read")] {
        his.send(&json!({ "type": mark, "message_id": sent["message_id"] }))
            .await;
        for socket in [&mut hers, &mut his] {
            let update = socket.frame_of("status_update").await;
            assert_eq!(update["status"], status);
            for field in [
                "message_id",
                "conversation_id",
                "seq",
                "sender_id",
                "receiver_id",
            ] {
                assert_eq!(update[field], sent[field], "{field} of {update}");
            }
        }
    }
}

#[tokio::test]
async fn a_repeated_message_is_answered_with_the_first_to_that_socket_alone() {
    let Pair { server, sara, omid } = pair();
    let mut phone = server.socket(&sara).await;
    let mut desk = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    phone.send(&named(&omid, "once")).await;
    let first = phone.frame_of("message").await;
    for socket in [&mut desk, &mut his] {
        socket.frame_of("message").await;
    }
    phone.send(&named(&omid, "once")).await;
    assert_eq!(phone.frame_of("message").await, first);
    for socket in [&mut desk, &mut his] {
        let more = socket.so_far().await;
        assert!(
            more.iter().all(|frame| frame["type"] != "message"),
            "{more:?}"
        );
    }
    his.send(&named(&sara, "once")).await;
    assert_eq!(
        his.frame_of("message").await["seq"],
        2,
        "the name is the sender's own"
    );
}

#[tokio::test]
async fn who_was_offline_gets_what_was_missed_and_gets_it_once() {
    let Pair { server, sara, omid } = pair();
    let mut hers = server.socket(&sara).await;
    let sent = [hers.say(&omid, "one").await, hers.say(&omid, "two").await];
    let mut his = server.socket(&omid).await;
    for message in &sent {
        assert_eq!(&his.frame_of("message").await, message);
    }
    his.send(&json!({ "type": "mark_delivered", "message_id": sent[1]["message_id"] }))
        .await;
    let update = hers.frame_of("status_update").await;
    assert_eq!(
        (&update["seq"], &update["status"]),
        (&json!(2), &json!("delivered"))
    );
    drop(his);
    let mut again = server.socket(&omid).await;
    hers.say(&omid, "three").await;
    assert_eq!(again.frame_of("message").await["content"], "three");
}

#[tokio::test]
async fn nobody_but_the_receiver_marks_a_message() {
    let Pair { server, sara, omid } = pair();
    let (mut hers, mut his) = (server.socket(&sara).await, server.socket(&omid).await);
    let mut strange = server.socket(&server.register("stranger")).await;
    let id = hers.say(&omid, "hello").await["message_id"].clone();
    his.frame_of("message").await;
    for mark in ["mark_delivered", "mark_read"] {
        let frame = json!({ "type": mark, "message_id": id });
        assert_eq!(hers.refused(&frame).await, "not_receiver");
        let strangers = strange.refused(&frame).await;
        assert_eq!(strangers, "not_receiver");
    }
    let read: Vec<Value> = hers.so_far().await;
    assert!(
        read.iter().all(|frame| frame["status"] != "read"),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_refused_frame_is_answered_and_the_socket_lives_on() {
    use tokio_tungstenite::tungstenite::Message;
    let Pair { server, sara, omid } = pair();
    let mut hers = server.socket(&sara).await;
    for nonsense in [
        "",
        "{",
        "[]",
        "7",
        "null",
        r#"{"type":7}"#,
        r#"{"kind":"message"}"#,
    ] {
        hers.send_raw(Message::text(nonsense)).await;
        assert_eq!(hers.frame().await["code"], "bad_frame", "{nonsense:?}");
    }
    let text =
        |content: &str| json!({ "type": "message", "receiver_id": omid.id, "content": content });
    let to = |receiver: i64| json!({ "type": "message", "receiver_id": receiver, "content": "x" });
    let long_name = json!({ "type": "message", "receiver_id": omid.id, "content": "x", "client_message_id": "n".repeat(65) });
    for (frame, code) in [
        (json!({ "type": "mesage" }), "unknown_type"),
        (
            json!({ "type": "message", "receiver_id": omid.id }),
            "bad_frame",
        ),
        (
            json!({ "type": "message", "receiver_id": "2", "content": "x" }),
            "bad_frame",
        ),
        (to(0), "bad_frame"),
        (to(-1), "bad_frame"),
        (text(""), "content_empty"),
        (text(&"آ".repeat(8001)), "content_too_long"),
        (to(sara.id), "self_message"),
        (to(999), "user_not_found"),
        (long_name, "bad_frame"),
        (
            json!({ "type": "mark_read", "message_id": 999 }),
            "not_receiver",
        ),
        (
            json!({ "type": "presence_subscribe", "user_ids": vec![1; 201] }),
            "bad_frame",
        ),
    ] {
        assert_eq!(hers.refused(&frame).await, code, "{frame}");
    }
    let longest = "آ".repeat(8000);
    assert_eq!(hers.say(&omid, &longest).await["seq"], 1);
}

#[tokio::test]
async fn an_error_names_its_frame_in_the_language_of_the_socket() {
    let Pair { server, sara, omid } = pair();
    let frame = json!({ "type": "message", "receiver_id": omid.id, "content": "", "client_message_id": "c1" });
    let words = async |language: &str| {
        let mut socket: Socket = server.socket_in(&sara, language).await;
        socket.send(&frame).await;
        let error = socket.frame().await;
        assert_eq!(
            error["ref"],
            json!({ "type": "message", "client_message_id": "c1" })
        );
        error["error"].as_str().unwrap().to_owned()
    };
    assert!(words("en").await.contains("message"));
    for language in ["", "de", "fa-IR,en;q=0.5"] {
        assert!(words(language).await.contains("پیام"), "{language}");
    }
}

#[tokio::test]
async fn presence_follows_the_sockets_of_a_person() {
    let Pair { server, sara, omid } = pair();
    let mut hers = server.socket(&sara).await;
    hers.send(&json!({ "type": "presence_subscribe", "user_ids": [omid.id] }))
        .await;
    let online = |online: bool| json!({ "type": "presence", "user_id": omid.id, "online": online });
    assert_eq!(hers.frame().await, online(false));
    let first = server.socket(&omid).await;
    assert_eq!(hers.frame().await, online(true));
    let second = server.socket(&omid).await;
    drop(first);
    assert_eq!(hers.so_far().await, Vec::<Value>::new());
    drop(second);
    assert_eq!(hers.frame().await, online(false));
}

#[tokio::test]
async fn a_ping_is_answered_also_on_a_socket_that_says_nothing() {
    let server = Server::usual();
    let mut quiet = server.socket(&server.register("sara")).await;
    assert_eq!(quiet.ping("one").await, "one");
    assert_eq!(quiet.ping("two").await, "two");
}
