//! Row P4: receipts of a group, per person.

use serde_json::{Value, json};

use crate::client::Socket;
use crate::groups::{ask, group, say};
use crate::server::Server;

/// The next receipt of that person that says so.
async fn receipt(socket: &mut Socket, of: i64, field: &str, seq: &Value) {
    loop {
        let receipt = socket.frame_of("group_receipt").await;
        if receipt["user_id"] == of && receipt[field] == *seq {
            return;
        }
    }
}

#[tokio::test]
async fn everybody_sees_how_far_each_member_has_come() {
    let server = Server::usual();
    let [sara, omid, mina] = ["sara", "omid", "mina"].map(|name| server.register(name));
    let group = group(&server, &sara, &[&omid, &mina]);
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    let said = say(&mut hers, group, "hello").await;
    receipt(&mut hers, omid.id, "recv_seq", &said["seq"]).await;
    let read = json!({ "type": "mark_read", "message_id": said["message_id"] });
    his.send(&read).await;
    receipt(&mut hers, omid.id, "read_seq", &said["seq"]).await;
    receipt(&mut his, omid.id, "read_seq", &said["seq"]).await;

    let seen = ask(&server, &sara, "GET", &format!("/{group}"), &Value::Null).json();
    let marks = |id: i64| {
        let members = seen["members"].as_array().unwrap();
        let member = members.iter().find(|member| member["user_id"] == id);
        let member = member.unwrap();
        (member["recv_seq"].clone(), member["read_seq"].clone())
    };
    assert_eq!(marks(omid.id), (said["seq"].clone(), said["seq"].clone()));
    let (recv, read) = marks(mina.id);
    assert!(recv.as_i64() < said["seq"].as_i64() && read.as_i64() < said["seq"].as_i64());

    // She comes back: only now has it reached all, and nobody else has read it.
    let mut minas = server.socket(&mina).await;
    minas.frame_of("group_message").await;
    receipt(&mut hers, mina.id, "recv_seq", &said["seq"]).await;
    let history = format!("/api/messages?conversation_id={group}&limit=1");
    let newest = server.get_as(&sara, &history).json()["messages"][0].clone();
    assert_eq!(newest["status"], "delivered");
}
