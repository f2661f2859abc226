//! Row P3: the other person sees that somebody writes; nobody else does, and
//! nothing of it stays.

use serde_json::{Value, json};

use crate::client::Person;
use crate::server::Server;

fn typing(to: &Person, active: bool) -> Value {
    json!({ "type": "typing", "receiver_id": to.id, "active": active })
}

#[tokio::test]
async fn every_socket_of_the_other_person_sees_writing_begin_and_end() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let mut hers_too = server.socket(&sara).await;
    let (mut his, mut his_too) = (server.socket(&omid).await, server.socket(&omid).await);
    for active in [true, false] {
        hers.send(&typing(&omid, active)).await;
        for socket in [&mut his, &mut his_too] {
            let seen = socket.frame_of("typing").await;
            let due = json!({ "type": "typing", "sender_id": sara.id, "active": active });
            assert_eq!(seen, due);
        }
    }
    assert_eq!(hers.so_far().await, Vec::<Value>::new());
    assert_eq!(hers_too.so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn writing_ends_by_itself_and_leaves_no_conversation() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    hers.send(&typing(&omid, true)).await;
    assert_eq!(his.frame_of("typing").await["active"], true);
    assert_eq!(his.frame_of("typing").await["active"], false);
    for person in [&sara, &omid] {
        let list = server.call("GET", "/api/conversations");
        let list = list.token(&person.token).send().json();
        assert_eq!(list["conversations"], json!([]));
    }
}
