//! A person's sessions (A8): the list, and that one that ends takes with it
//! whatever hangs on it.

use serde_json::{Value, json};
use webrtc_util::Conn as _;

use crate::client::{Answer, PASSWORD, Person};
use crate::relay::{client, credential, refusal, until_closed};
use crate::server::{Server, Setup};
use crate::stage::stage;

const NEW_PASSWORD: &str = "a better password";

fn devices(server: &Server, person: &Person) -> Vec<Value> {
    let answer = server.get_as(person, "/api/auth/sessions");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().unwrap().clone()
}

/// The id of the session whose token this is.
fn id_of(server: &Server, person: &Person) -> i64 {
    let all = devices(server, person);
    let current: Vec<&Value> = all
        .iter()
        .filter(|device| device["current"] == true)
        .collect();
    assert_eq!(current.len(), 1, "{all:?}");
    current[0]["id"].as_i64().unwrap()
}

fn end(server: &Server, by: &Person, id: i64) -> Answer {
    let path = format!("/api/auth/sessions/{id}");
    server.call("DELETE", &path).token(&by.token).send()
}

fn change(server: &Server, person: &Person, old: &str, new: &str) -> Answer {
    let body = json!({ "old_password": old, "new_password": new });
    let call = server
        .call("PUT", "/api/auth/password")
        .token(&person.token);
    call.json(&body).send()
}

fn is_gone(server: &Server, person: &Person) -> bool {
    let answer = server.get_as(person, "/api/profile");
    answer.status == 401 && answer.refusal().1 == "invalid_token"
}

#[test]
fn the_list_has_every_living_session_and_says_which_one_asks() {
    let server = Setup::new().set("TRUSTED_PROXIES", "127.0.0.1").start();
    let phone = server.register("sara");
    let body = json!({ "username": "sara", "password": PASSWORD });
    let desk = server
        .call("POST", "/api/auth/login")
        .header("user-agent", "Desk/1.0")
        .header("x-forwarded-for", "203.0.113.9")
        .json(&body)
        .send();
    let desk = Person::from(&desk);
    let gone = server.log_in("sara");
    server.log_out(&gone);
    server.register("omid");

    let seen = devices(&server, &phone);
    assert_eq!(seen.len(), 2, "{seen:?}");
    let other = &seen[0];
    assert_eq!(
        (&other["ip"], &other["user_agent"], &other["current"]),
        (&json!("203.0.113.9"), &json!("Desk/1.0"), &json!(false))
    );
    assert_eq!(
        (&seen[1]["ip"], &seen[1]["current"]),
        (&json!("127.0.0.1"), &json!(true))
    );
    for device in &seen {
        assert!(device["created_at"].as_str().unwrap().ends_with('Z'));
        assert!(device["last_used_at"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(other["id"], id_of(&server, &desk));
}

#[tokio::test]
async fn ending_another_session_ends_its_socket_its_call_and_its_relaying() {
    let mut stage = stage().await;
    let desk = stage.server.log_in("sara");
    let relayed = credential(&stage.server, &stage.sara);
    let relay = client(&stage.server, &relayed).await;
    let address = relay.allocate().await.unwrap().local_addr().unwrap();
    stage.talk().await;

    let id = id_of(&stage.server, &stage.sara);
    assert_eq!(end(&stage.server, &desk, id).status, 204);
    assert_eq!(stage.hers.closed().await, Some(4401));
    let over = stage.his.frame_of("call_hangup").await;
    assert_eq!(over["payload"]["reason"], "session_ended");
    until_closed(address).await;
    assert_eq!(refusal(&stage.server, &relayed).await, "401");
    assert!(is_gone(&stage.server, &stage.sara));
    assert!(!is_gone(&stage.server, &desk));
    // What has ended cannot end again.
    assert_eq!(
        end(&stage.server, &desk, id).refusal(),
        (404, "session_not_found".to_owned())
    );
}

#[test]
fn nobody_ends_the_session_of_somebody_else() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let hers = id_of(&server, &sara);
    let unknown = (404, "session_not_found".to_owned());
    assert_eq!(end(&server, &omid, hers).refusal(), unknown);
    assert!(!is_gone(&server, &sara));
    let path = "/api/auth/sessions/1%20OR%201=1";
    let odd = server.call("DELETE", path).token(&omid.token).send();
    assert_eq!(odd.refusal(), unknown);
}

#[tokio::test]
async fn logging_out_everywhere_spares_this_session_unless_told_otherwise() {
    let server = Server::usual();
    let (phone, desk, tablet) = (
        server.register("sara"),
        server.log_in("sara"),
        server.log_in("sara"),
    );
    let omid = server.register("omid");
    let (mut here, mut there) = (server.socket(&phone).await, server.socket(&desk).await);
    let all = |body: &str| {
        let call = server
            .call("POST", "/api/auth/logout-all")
            .token(&phone.token);
        call.body(body.to_owned()).send()
    };
    assert_eq!(all("{").refusal(), (400, "bad_request".to_owned()));
    let answer = all("");
    assert_eq!((answer.status, answer.json()), (200, json!({ "ended": 2 })));
    assert_eq!(there.closed().await, Some(4401));
    assert!(is_gone(&server, &desk) && is_gone(&server, &tablet));
    assert_eq!(here.so_far().await, Vec::<Value>::new());
    assert_eq!(all(r#"{"all":true}"#).json(), json!({ "ended": 1 }));
    assert_eq!(here.closed().await, Some(4401));
    assert!(is_gone(&server, &phone));
    assert!(!is_gone(&server, &omid));
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_the_old_one_opens_nothing() {
    let server = Server::usual();
    let (phone, desk) = (server.register("sara"), server.log_in("sara"));
    let (mut here, mut there) = (server.socket(&phone).await, server.socket(&desk).await);
    for (old, new, status, code) in [
        ("not it", NEW_PASSWORD, 401, "bad_credentials"),
        (PASSWORD, "short", 400, "password_short"),
        (PASSWORD, &"x".repeat(1025), 400, "password_long"),
    ] {
        let answer = change(&server, &phone, old, new);
        assert_eq!(answer.refusal(), (status, code.to_owned()));
    }
    assert!(!is_gone(&server, &desk));
    assert_eq!(change(&server, &phone, PASSWORD, NEW_PASSWORD).status, 204);
    assert_eq!(there.closed().await, Some(4401));
    assert!(is_gone(&server, &desk));
    assert_eq!(here.so_far().await, Vec::<Value>::new());
    assert!(!is_gone(&server, &phone));
    assert_eq!(
        server.sign("login", "sara", PASSWORD).refusal().1,
        "bad_credentials"
    );
    assert_eq!(server.sign("login", "sara", NEW_PASSWORD).status, 200);
}

#[test]
fn guesses_of_the_old_password_are_limited_as_log_ins_are() {
    let server = Setup::new().unset("RATE_LIMIT").start();
    let sara = server.register("sara");
    for _ in 0..5 {
        assert_eq!(change(&server, &sara, "a guess", NEW_PASSWORD).status, 401);
    }
    let sixth = change(&server, &sara, PASSWORD, NEW_PASSWORD);
    assert_eq!(sixth.refusal(), (429, "too_many_attempts".to_owned()));
}
