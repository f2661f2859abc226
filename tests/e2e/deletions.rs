//! Messages that are taken back (M13): erased for everyone by who wrote them,
//! hidden by anybody for themselves.

use serde_json::{Value, json};

use crate::client::{Answer, Person, Socket};
use crate::files_orphans::await_files;
use crate::form::Form;
use crate::server::Server;

pub(crate) struct Talk {
    pub(crate) server: Server,
    pub(crate) sara: Person,
    pub(crate) omid: Person,
    pub(crate) hers: Socket,
    pub(crate) sent: Vec<Value>,
}

/// Sara has sent Omid four messages; he has no socket.
pub(crate) async fn talk() -> Talk {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let mut sent = Vec::new();
    for text in ["1", "2", "3", "4"] {
        sent.push(hers.say(&omid, text).await);
    }
    Talk {
        server,
        sara,
        omid,
        hers,
        sent,
    }
}

impl Talk {
    pub(crate) fn delete(&self, me: &Person, path: &str) -> Answer {
        self.server.call("DELETE", path).token(&me.token).send()
    }

    fn delete_nth(&self, me: &Person, n: usize, query: &str) -> Answer {
        let path = format!("/api/messages/{}{query}", self.sent[n]["message_id"]);
        self.delete(me, &path)
    }

    /// Contents and places of somebody's history.
    fn history(&self, me: &Person, query: &str) -> (String, Vec<i64>) {
        let other = if me.id == self.sara.id {
            &self.omid
        } else {
            &self.sara
        };
        let path = format!("/api/messages?user_id={}{query}", other.id);
        let body = self.server.get_as(me, &path).json();
        let messages = body["messages"].as_array().unwrap();
        let text = |message: &Value| message["content"].as_str().unwrap().to_owned();
        let seqs = messages.iter().map(|m| m["seq"].as_i64().unwrap());
        (messages.iter().map(text).collect(), seqs.collect())
    }

    fn texts(&self, me: &Person) -> String {
        self.history(me, "").0
    }

    fn preview(&self, me: &Person) -> Value {
        let list = self.server.get_as(me, "/api/conversations").json();
        list["conversations"][0].clone()
    }
}

fn deleted() -> (u16, Value) {
    (200, json!({ "status": "deleted" }))
}

#[tokio::test]
async fn an_erased_message_is_gone_for_both_and_its_place_stays_taken() {
    let mut talk = talk().await;
    let mut his = talk.server.socket(&talk.omid).await;
    let answer = talk.delete_nth(&talk.sara, 3, "");
    assert_eq!((answer.status, answer.json()), deleted());
    let told = talk.hers.frame_of("message_deleted").await;
    assert_eq!(his.frame_of("message_deleted").await, told);
    for field in [
        "message_id",
        "conversation_id",
        "seq",
        "sender_id",
        "receiver_id",
    ] {
        assert_eq!(told[field], talk.sent[3][field], "{field} of {told}");
    }
    assert_eq!(told["for_me"], Value::Null);
    talk.delete_nth(&talk.sara, 1, "?for=everyone");
    for me in [&talk.sara, &talk.omid] {
        assert_eq!(talk.history(me, ""), ("13".to_owned(), vec![1, 3]));
        assert_eq!(talk.history(me, "&limit=2&offset=1").0, "1");
        assert_eq!(talk.history(me, "&after_seq=1").0, "3");
        assert_eq!(talk.preview(me)["last_message"]["content"], "3");
        assert_eq!(talk.preview(me)["last_seq"], 4);
    }
    assert_eq!(talk.hers.say(&talk.omid, "5").await["seq"], 5);
}

#[tokio::test]
async fn an_erased_message_is_neither_unread_nor_caught_up_with() {
    let talk = talk().await;
    assert_eq!(talk.preview(&talk.omid)["unread_count"], 4);
    talk.delete_nth(&talk.sara, 0, "");
    talk.delete_nth(&talk.sara, 3, "");
    assert_eq!(talk.preview(&talk.omid)["unread_count"], 2);
    let mut his = talk.server.socket(&talk.omid).await;
    let missed = [his.frame_of("message").await, his.frame_of("message").await];
    assert_eq!(missed, [talk.sent[1].clone(), talk.sent[2].clone()]);
    let more = his.so_far().await;
    assert!(
        more.iter().all(|frame| frame["type"] != "message"),
        "{more:?}"
    );
}

#[tokio::test]
async fn only_who_wrote_a_message_erases_it_and_only_once() {
    let talk = talk().await;
    let nima = talk.server.register("nima");
    let not_sender = (403, "not_sender".to_owned());
    assert_eq!(talk.delete_nth(&talk.omid, 0, "").refusal(), not_sender);
    assert_eq!(talk.delete_nth(&nima, 0, "").refusal(), not_sender);
    let not_found = (404, "message_not_found".to_owned());
    assert_eq!(talk.delete_nth(&nima, 0, "?for=me").refusal(), not_found);
    assert_eq!(
        talk.delete(&talk.sara, "/api/messages/999").refusal(),
        not_found
    );
    let bad = (400, "bad_request".to_owned());
    assert_eq!(talk.delete(&talk.sara, "/api/messages/x").refusal(), bad);
    assert_eq!(talk.delete_nth(&talk.sara, 0, "?for=him").refusal(), bad);
    assert_eq!(talk.texts(&talk.omid), "1234");
    assert_eq!(talk.delete_nth(&talk.sara, 0, "").status, 200);
    assert_eq!(talk.delete_nth(&talk.sara, 0, "").refusal(), not_found);
    assert_eq!(
        talk.delete_nth(&talk.sara, 0, "?for=me").refusal(),
        not_found
    );
}

#[tokio::test]
async fn a_hidden_message_is_gone_for_one_and_stays_for_the_other() {
    let mut talk = talk().await;
    let mut his = talk.server.socket(&talk.omid).await;
    let mut his_other = talk.server.socket(&talk.server.log_in("omid")).await;
    for n in [0, 3] {
        let answer = talk.delete_nth(&talk.omid, n, "?for=me");
        assert_eq!((answer.status, answer.json()), deleted());
        for socket in [&mut his, &mut his_other] {
            let told = socket.frame_of("message_deleted").await;
            assert_eq!(told["message_id"], talk.sent[n]["message_id"]);
            assert_eq!(told["for_me"], true);
        }
    }
    assert_eq!(talk.delete_nth(&talk.omid, 0, "?for=me").status, 200);
    assert_eq!(
        (talk.texts(&talk.omid), talk.texts(&talk.sara)),
        ("23".to_owned(), "1234".to_owned())
    );
    assert_eq!(talk.preview(&talk.omid)["last_message"]["content"], "3");
    assert_eq!(talk.preview(&talk.omid)["unread_count"], 2);
    assert_eq!(talk.preview(&talk.sara)["last_message"]["content"], "4");
    talk.delete_nth(&talk.sara, 1, "?for=me");
    assert_eq!(talk.texts(&talk.sara), "134");
    let heard = talk.hers.so_far().await;
    let told = heard
        .iter()
        .filter(|frame| frame["type"] == "message_deleted");
    assert_eq!(told.count(), 1, "of her own alone: {heard:?}");
}

#[tokio::test]
async fn an_erased_message_that_is_sent_again_does_not_come_back() {
    let Talk {
        server,
        sara,
        omid,
        mut hers,
        ..
    } = talk().await;
    let frame = json!({ "type": "message", "receiver_id": omid.id, "content": "once", "client_message_id": "n" });
    hers.send(&frame).await;
    let first = hers.frame_of("message").await;
    let path = format!("/api/messages/{}", first["message_id"]);
    assert_eq!(
        server
            .call("DELETE", &path)
            .token(&sara.token)
            .send()
            .status,
        200
    );
    let told = hers.frame_of("message_deleted").await;
    assert_eq!(told["client_message_id"], "n");
    hers.send(&frame).await;
    assert_eq!(hers.frame_of("message_deleted").await, told);
    let list = server.get_as(&omid, "/api/conversations").json();
    assert_eq!(list["conversations"][0]["last_message"]["content"], "4");
}

#[test]
fn the_file_of_an_erased_message_is_handed_out_no_more_and_leaves_the_disk() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let told = Form::to(&omid, "a.txt", b"a secret")
        .send(&server, &sara)
        .json();
    let address = told["file_url"].as_str().unwrap();
    assert_eq!(server.get(address).text, "a secret");
    let hidden = format!("/api/messages/{}?for=me", told["message_id"]);
    let delete = |path: &str| server.call("DELETE", path).token(&sara.token).send().status;
    assert_eq!(delete(&hidden), 200);
    assert_eq!(server.get_as(&omid, address).text, "a secret");
    assert_eq!(delete(hidden.trim_end_matches("?for=me")), 200);
    assert_eq!(server.get(address).status, 404);
    assert_eq!(server.get_as(&omid, address).status, 404);
    await_files(&server, 0);
}

#[tokio::test]
async fn nothing_of_an_erased_message_is_left_in_the_database() {
    let Talk {
        server,
        sara,
        omid,
        mut hers,
        ..
    } = talk().await;
    // Long enough to lie on pages of its own.
    let secret = "erase me ".repeat(800);
    let mut envelope = json!({
        "type": "message", "receiver_id": omid.id, "encrypted": true, "e2ee_v": 1, "alg": "a",
        "sender_device_id": "d", "key_id": "k", "iv": "i",
    });
    envelope["ciphertext"] = json!("sealed secret ".repeat(800));
    let mut sent = vec![
        hers.say(&omid, "a short secret").await,
        hers.say(&omid, &secret).await,
    ];
    hers.send(&envelope).await;
    sent.push(hers.frame_of("message").await);
    for message in &sent {
        let path = format!("/api/messages/{}", message["message_id"]);
        assert_eq!(
            server
                .call("DELETE", &path)
                .token(&sara.token)
                .send()
                .status,
            200
        );
    }
    let setup = server.setup.clone();
    assert!(server.terminate().0.success());
    let file = std::fs::read(setup.database()).unwrap();
    for secret in ["a short secret", "erase me", "sealed secret"] {
        let found = file
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{secret:?} is still in the file");
    }
}
