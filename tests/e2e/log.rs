//! What the operator reads, and what nobody should.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;
use webrtc_util::Conn as _;

use crate::client::Person;
use crate::relay::{client, credential};
use crate::server::{Server, free_udp_port};
use crate::stage::offer;

#[tokio::test]
async fn the_log_of_a_whole_session_says_nothing_about_people() {
    let text = "a private sentence";
    let password = "Geheim-Passwort-77";
    let server = Server::usual();
    let answer = server.sign("register", "zahra_private", password);
    assert_eq!(
        server
            .sign("login", "zahra_private", "Falsches-Passwort")
            .status,
        401
    );
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let omid = server.register("omid");
    let mut his = server.socket(&omid).await;
    let path = format!("/ws?token={token}");
    let mut hers = server.upgrade(&path, &[]).await.unwrap();
    let zahra = Person {
        name: "zahra_private".to_owned(),
        id: answer.json()["user_id"].as_i64().unwrap(),
        token,
    };
    hers.say(&omid, text).await;
    his.say(&zahra, text).await;
    hers.send(&offer(&omid, &Value::Null, "v=0 private")).await;
    his.frame_of("call_offer").await;
    let given = credential(&server, &zahra);
    let client = client(&server, &given).await;
    let relayed = client.allocate().await.unwrap();
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port()));
    let _ = relayed.send_to(text.as_bytes(), nowhere).await;
    server.get(&format!("/api/profile?token={}", zahra.token));
    assert_eq!(server.log_out(&zahra).status, 204);
    let (status, log) = server.terminate();
    assert!(status.success() && log.contains("INFO"), "{log}");
    let signature = zahra.token.rsplit('.').next().unwrap().to_owned();
    for (what, secret) in [
        ("the text", text),
        ("the password", password),
        ("a wrong password", "Falsches-Passwort"),
        ("the name", "zahra_private"),
        ("the token", &signature),
        ("the relay's user name", &given.username),
        ("the relay's password", &given.password),
        ("a description", "v=0 private"),
    ] {
        assert!(!log.contains(secret), "{what} is in the log:\n{log}");
    }
}
