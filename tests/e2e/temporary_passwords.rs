//! The other half of A11: a password that an operator made for somebody who
//! lost theirs opens nothing but the way to choose another one.

use serde_json::{Value, json};
use webrtc_util::Conn as _;

use crate::client::{Answer, PASSWORD, Person};
use crate::relay::{client, credential, refusal, until_closed};
use crate::server::{Server, Setup};

const OWN: &str = "a better password";

/// Has a temporary password made; says which.
fn lend(setup: &Setup, name: &str) -> String {
    let ended = setup.run(&["user", "passwd", name, "--json"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    told["temporary_password"].as_str().unwrap().to_owned()
}

fn change(server: &Server, person: &Person, old: &str, new: &str) -> Answer {
    let body = json!({ "old_password": old, "new_password": new });
    let call = server.call("PUT", "/api/auth/password");
    call.token(&person.token).json(&body).send()
}

#[tokio::test]
async fn a_temporary_password_ends_every_session_and_opens_the_way_to_another_one() {
    let server = Server::usual();
    let sara = server.register("Sara");
    let mut socket = server.socket(&sara).await;
    let relayed = credential(&server, &sara);
    let relay = client(&server, &relayed).await;
    let address = relay.allocate().await.unwrap().local_addr().unwrap();

    let lent = lend(&server.setup, "sara");
    assert_eq!(socket.closed().await, Some(4401));
    until_closed(address).await;
    assert_eq!(refusal(&server, &relayed).await, "401");
    let gone = server.get_as(&sara, "/api/profile").refusal();
    assert_eq!(gone, (401, "invalid_token".to_owned()));
    assert_eq!(server.sign("login", "sara", PASSWORD).status, 401);

    let entered = server.sign("login", "sara", &lent);
    assert_eq!(entered.json()["must_change_password"], true, "{entered:?}");
    let sara = Person::from(&entered);
    let changed = change(&server, &sara, &lent, &lent);
    assert_eq!(changed.refusal(), (400, "password_same".to_owned()));
    assert_eq!(change(&server, &sara, &lent, OWN).status, 204);
    assert_eq!(server.get_as(&sara, "/api/conversations").status, 200);
    drop(server.socket(&sara).await);
    assert_eq!(server.sign("login", "sara", &lent).status, 401);
    let entered = server.sign("login", "sara", OWN);
    assert_eq!(entered.json()["must_change_password"], Value::Null);
}

#[tokio::test]
async fn until_it_is_changed_nothing_else_can_be_done() {
    let server = Server::usual();
    let omid = server.register("omid");
    server.register("sara");
    let lent = lend(&server.setup, "sara");
    let body = json!({ "username": "sara", "password": &lent, "refresh": true });
    let entered = server.call("POST", "/api/auth/login").json(&body).send();
    assert_eq!(entered.json()["must_change_password"], true, "{entered:?}");
    let sara = Person::from(&entered);
    let required = (403, "password_change_required".to_owned());
    let of_omid = format!("/api/messages?user_id={}", omid.id);
    for (method, path) in [
        ("GET", "/api/conversations"),
        ("GET", of_omid.as_str()),
        ("GET", "/api/users?q=omid"),
        ("GET", "/api/auth/sessions"),
        ("POST", "/api/auth/logout-all"),
        ("PUT", "/api/profile"),
        ("DELETE", "/api/profile"),
        ("POST", "/api/upload"),
        ("GET", "/api/files/00000000000000000000000000000000"),
        ("GET", "/api/webrtc/config"),
        ("GET", "/api/push/settings"),
    ] {
        let answer = server.call(method, path).token(&sara.token).send();
        assert_eq!(answer.refusal(), required, "{method} {path}");
    }
    let protocol = format!("bearer, {}", sara.token);
    let header = [("sec-websocket-protocol", protocol.as_str())];
    let asked = server.upgrade("/ws", &header).await;
    assert_eq!(asked.err(), Some(required.clone()));

    assert_eq!(server.get_as(&sara, "/api/profile").status, 200);
    let renewal = json!({ "refresh_token": entered.json()["refresh_token"] });
    let renewed = server.call("POST", "/api/auth/refresh").json(&renewal);
    let renewed = renewed.send();
    assert_eq!(renewed.json()["must_change_password"], true, "{renewed:?}");
    let renewed = Person::from(&renewed);
    let answer = server.get_as(&renewed, "/api/conversations");
    assert_eq!(answer.refusal(), required, "a new token changes nothing");
    assert_eq!(server.log_out(&renewed).status, 204);
}

#[test]
fn one_is_made_beside_the_server_and_without_it_and_nothing_keeps_it() {
    let server = Setup::new().set("LOG_LEVEL", "payambar=trace").start();
    let setup = server.setup.clone();
    server.register("sara");
    let beside = lend(&setup, "sara");
    assert_eq!(server.sign("login", "sara", &beside).status, 200);
    let before = Person::from(&server.sign("login", "sara", &beside));
    let (_, log) = server.terminate();

    let printed = setup.run(&["user", "passwd", "SARA"], "");
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let mut lines = printed.out.lines();
    let lent = lines.find_map(|line| line.strip_prefix("Temporary password"));
    let lent = lent.unwrap().trim().to_owned();
    assert_ne!(lent, beside);
    let missing = setup.run(&["user", "passwd", "nobody"], "");
    assert_eq!((missing.code, missing.out.as_str()), (Some(1), ""));
    assert!(missing.complaint.contains("nobody"), "{missing:?}");

    let server = setup.start();
    let gone = server.get_as(&before, "/api/profile").refusal();
    assert_eq!(gone, (401, "invalid_token".to_owned()));
    assert_eq!(server.sign("login", "sara", &beside).status, 401);
    let entered = server.sign("login", "sara", &lent);
    assert_eq!(entered.json()["must_change_password"], true, "{entered:?}");
    let audit = setup.run(&["audit", "list", "--json"], "").out;
    assert_eq!(audit.matches("password_lent").count(), 2, "{audit}");
    for secret in [&beside, &lent] {
        assert!(!audit.contains(secret.as_str()) && !log.contains(secret.as_str()));
    }
}
