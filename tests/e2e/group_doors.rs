//! Rows G3, G5, N1: how one comes into a group, what is woken by it, and what
//! is out of reach for who went.

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::form::Form;
use crate::groups::{ask, group, say};
use crate::push::{Scene, scene};
use crate::server::Server;

fn code(server: &Server, who: &Person, group: i64) -> String {
    let made = ask(server, who, "POST", &format!("/{group}/link"), &Value::Null).json();
    let code = made["code"].as_str().unwrap().to_owned();
    let url = made["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/join/{code}")), "{url}");
    code
}

fn join(server: &Server, who: &Person, code: &str) -> (u16, Value) {
    let answer = ask(server, who, "POST", &format!("/join/{code}"), &Value::Null);
    (answer.status, answer.json())
}

/// The next change of who is in the group that is of this kind.
async fn change(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let told = socket.frame_of("group_member").await;
        if told["change"] == kind {
            return told;
        }
    }
}

#[tokio::test]
async fn who_comes_by_the_link_is_in_and_the_link_before_ends() {
    let server = Server::usual();
    let [sara, omid] = ["sara", "omid"].map(|name| server.register(name));
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    let us = group(&server, &sara, &[]);
    say(&mut hers, us, "before").await;
    let (old, new) = (code(&server, &sara, us), code(&server, &sara, us));
    assert_ne!(old, new);
    assert_eq!(join(&server, &omid, &old).0, 404);
    let (status, seen) = join(&server, &omid, &new);
    assert_eq!((status, &seen["role"]), (200, &json!("member")));
    let told = change(&mut hers, "joined").await;
    assert_eq!(
        (&told["user_id"], &told["by"]),
        (&json!(omid.id), &Value::Null)
    );
    let named = his.frame_of("group_changed").await;
    assert_eq!(named["name"], "us");
    say(&mut his, us, "here I am").await;
    let history = format!("/api/messages?conversation_id={us}");
    assert!(!server.get_as(&omid, &history).text.contains("before"));

    let path = format!("/{us}/members/{}", omid.id);
    assert_eq!(
        ask(&server, &omid, "DELETE", &path, &Value::Null).status,
        200
    );
    assert_eq!(change(&mut his, "left").await["user_id"], omid.id);
    change(&mut hers, "left").await;
}

#[tokio::test]
async fn files_of_a_group_are_for_those_who_are_in_it() {
    let server = Server::usual();
    let [sara, omid, mina] = ["sara", "omid", "mina"].map(|name| server.register(name));
    let us = group(&server, &sara, &[&omid]);
    let mut his = server.socket(&omid).await;
    let form = |name: &str| {
        let form = Form::default().text("conversation_id", &us.to_string());
        form.file("file", name, "text/plain", b"secret")
    };
    assert_eq!(
        form("no.txt").send(&server, &mina).refusal().1,
        "not_member"
    );
    let sent = form("a.txt").send(&server, &sara);
    assert_eq!(sent.status, 200, "{sent:?}");
    let told = loop {
        let told = his.frame_of("group_message").await;
        if told["kind"] == "file" {
            break told;
        }
    };
    let address = told["file_url"].as_str().unwrap();
    assert_eq!(server.get(address).text, "secret");
    let bare = address.split('?').next().unwrap();
    assert_eq!(server.get_as(&mina, bare).status, 404);
    let path = format!("/{us}/members/{}", omid.id);
    assert_eq!(
        ask(&server, &sara, "DELETE", &path, &Value::Null).status,
        200
    );
    assert_eq!(server.get(address).status, 404, "he is out");
    assert_eq!(server.get_as(&sara, bare).text, "secret");
}

#[tokio::test]
async fn a_word_that_is_taken_back_is_gone_for_every_member() {
    let server = Server::usual();
    let [sara, omid] = ["sara", "omid"].map(|name| server.register(name));
    let us = group(&server, &sara, &[&omid]);
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    let said = say(&mut hers, us, "oops").await;
    let path = format!("/api/messages/{}", said["message_id"]);
    let delete = |who: &Person| server.call("DELETE", &path).token(&who.token).send();
    assert_eq!(delete(&omid).refusal().1, "not_sender");
    assert_eq!(delete(&sara).status, 200);
    let gone = his.frame_of("message_deleted").await;
    assert_eq!(gone["message_id"], said["message_id"]);
    assert_eq!(
        (&gone["conversation_id"], &gone["receiver_id"]),
        (&json!(us), &Value::Null)
    );
    let history = format!("/api/messages?conversation_id={us}");
    assert!(!server.get_as(&omid, &history).text.contains("oops"));
}

#[tokio::test]
async fn a_message_in_a_group_wakes_those_who_are_away_and_says_from_where() {
    let Scene {
        service,
        server,
        sara,
        omid,
        mut hers,
        browser,
    } = scene("omid").await;
    let mina = server.register("mina");
    let us = group(&server, &sara, &[&omid, &mina]);
    let own = server.browser(&service, &sara, "sara");
    let call = server.call("PUT", "/api/push/settings");
    let full = json!({ "privacy": "full" });
    assert_eq!(call.token(&omid.token).json(&full).send().status, 200);
    let said = say(&mut hers, us, "dinner?").await;
    let push = browser.read(&service.next());
    assert_eq!(push["title"], "\u{2068}us\u{2069}");
    assert_eq!(
        push["body"],
        "\u{2068}sara\u{2069}: \u{2068}dinner?\u{2069}"
    );
    assert_eq!(
        (&push["kind"], &push["conversation_id"], &push["message_id"]),
        (&json!("message"), &json!(us), &said["message_id"])
    );
    let link = format!("https://chat.example.org/g/{us}");
    assert_eq!(push["notification"]["navigate"], link);
    assert_eq!(push["app_badge"], 1);

    // Who is put out is not woken by what follows: the next push is hers.
    let path = format!("/{us}/members/{}", omid.id);
    assert_eq!(
        ask(&server, &sara, "DELETE", &path, &Value::Null).status,
        200
    );
    say(&mut hers, us, "without him").await;
    let mut minas = server.socket(&mina).await;
    let watch = json!({ "type": "presence_subscribe", "user_ids": [sara.id] });
    minas.send(&watch).await;
    assert_eq!(minas.frame_of("presence").await["online"], true);
    drop(hers);
    assert_eq!(minas.frame_of("presence").await["online"], false);
    say(&mut minas, us, "for sara").await;
    let push = own.read(&service.next());
    assert_eq!(push["conversation_id"], us);
    assert_eq!(service.more(), 0, "nothing else was pushed");
}
