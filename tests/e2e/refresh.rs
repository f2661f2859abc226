//! Short-lived tokens and what renews them (A6, A7): each works once, a lost
//! answer costs nothing, and a stolen one ends the session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::{Answer, PASSWORD, Person};
use crate::server::{Server, Setup};

const DAY: i64 = 24 * 3600;

fn enter(server: &Server, how: &str, agent: &str) -> Value {
    let body = json!({ "username": "sara", "password": PASSWORD, "refresh": true });
    let path = format!("/api/auth/{how}");
    let call = server.call("POST", &path).header("user-agent", agent);
    let answer = call.json(&body).send();
    assert!([200, 201].contains(&answer.status), "{answer:?}");
    answer.json()
}

fn renew(server: &Server, token: &Value, agent: &str) -> Answer {
    let body = json!({ "refresh_token": token });
    let call = server.call("POST", "/api/auth/refresh");
    call.header("user-agent", agent).json(&body).send()
}

fn renewed(server: &Server, token: &Value, agent: &str) -> Value {
    let answer = renew(server, token, agent);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn says(answer: &Answer, code: &str) {
    assert_eq!(answer.refusal(), (401, code.to_owned()));
}

fn profile(server: &Server, tokens: &Value) -> u16 {
    let token = tokens["token"].as_str().unwrap();
    let call = server.call("GET", "/api/profile").token(token);
    call.send().status
}

/// How long a token lives, in seconds.
fn life(token: &Value) -> i64 {
    let body = token.as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()
}

#[test]
fn a_client_that_does_not_ask_gets_what_it_always_got() {
    let server = Server::usual();
    for (how, status) in [("register", 201), ("login", 200)] {
        let answer = server.sign(how, "sara", PASSWORD);
        assert_eq!(answer.status, status);
        let body = answer.json();
        let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["token", "user_id", "username"]);
        assert_eq!(life(&body["token"]), 30 * DAY);
    }
}

#[test]
fn each_refresh_token_gives_the_next_and_the_session_goes_on() {
    let server = Server::usual();
    let mut tokens = enter(&server, "register", "Phone");
    assert_eq!(
        (life(&tokens["token"]), &tokens["role"]),
        (DAY, &json!("user"))
    );
    for time in ["access_expires_at", "refresh_expires_at"] {
        assert!(tokens[time].as_str().unwrap().ends_with('Z'), "{tokens}");
    }
    for _ in 0..3 {
        let next = renewed(&server, &tokens["refresh_token"], "Phone");
        assert_ne!(next["refresh_token"], tokens["refresh_token"]);
        assert_eq!(next["user_id"], tokens["user_id"]);
        assert_eq!(
            (profile(&server, &next), profile(&server, &tokens)),
            (200, 200)
        );
        tokens = next;
    }
    let token = tokens["token"].as_str().unwrap();
    let call = server.call("GET", "/api/auth/sessions").token(token);
    assert_eq!(call.send().json().as_array().unwrap().len(), 1);
    let words = ["user", "role", "sara", "admin"];
    assert_eq!(server.setup.run(&words, "").code, Some(0));
    let next = renewed(&server, &tokens["refresh_token"], "Phone");
    assert_eq!(next["role"], "admin");
}

#[tokio::test]
async fn a_token_that_two_have_ends_the_session_for_both() {
    let server = Server::usual();
    let first = enter(&server, "register", "Phone");
    let other = enter(&server, "login", "Desk");
    let sara = Person {
        name: "sara".to_owned(),
        id: first["user_id"].as_i64().unwrap(),
        token: first["token"].as_str().unwrap().to_owned(),
    };
    let mut socket = server.socket(&sara).await;
    let second = renewed(&server, &first["refresh_token"], "Phone");
    says(
        &renew(&server, &first["refresh_token"], "Thief"),
        "token_reused",
    );
    assert_eq!(socket.closed().await, Some(4401));
    let noted = server.setup.run(&["audit", "list", "--limit", "1"], "").out;
    assert!(
        noted.contains("token_reused") && noted.contains("sara"),
        "{noted}"
    );
    assert_eq!(
        (profile(&server, &first), profile(&server, &second)),
        (401, 401)
    );
    for tokens in [&first, &second] {
        says(
            &renew(&server, &tokens["refresh_token"], "Phone"),
            "invalid_token",
        );
    }
    assert_eq!(
        profile(&server, &other),
        200,
        "the other log-in is another session"
    );
}

#[test]
fn a_lost_answer_is_given_again_to_the_same_client_until_the_next_one_is_used() {
    let server = Server::usual();
    let first = enter(&server, "register", "Phone");
    let second = renewed(&server, &first["refresh_token"], "Phone");
    // The answer was lost with the server.
    let server = server.kill_and_start();
    let again = renewed(&server, &first["refresh_token"], "Phone");
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    assert_eq!(profile(&server, &again), 200);
    renewed(&server, &second["refresh_token"], "Phone");
    says(
        &renew(&server, &first["refresh_token"], "Phone"),
        "token_reused",
    );
}

#[test]
fn ten_seconds_later_a_second_use_is_no_lost_answer() {
    let server = Server::usual();
    let first = enter(&server, "register", "Phone");
    renewed(&server, &first["refresh_token"], "Phone");
    let database = Connection::open(server.setup.database()).unwrap();
    let later =
        "UPDATE refresh_tokens SET used_at_ms = used_at_ms - 10000 WHERE used_at_ms IS NOT NULL";
    assert_eq!(database.execute(later, []).unwrap(), 1);
    says(
        &renew(&server, &first["refresh_token"], "Phone"),
        "token_reused",
    );
}

#[test]
fn what_ended_or_was_never_ours_renews_nothing_and_no_token_is_kept() {
    let server = Server::usual();
    let tokens = enter(&server, "register", "Phone");
    let bytes = URL_SAFE_NO_PAD
        .decode(tokens["refresh_token"].as_str().unwrap())
        .unwrap();
    assert_eq!(bytes.len(), 32);
    let database = Connection::open(server.setup.database()).unwrap();
    let kept: Vec<u8> = database
        .query_row("SELECT hash FROM refresh_tokens", [], |row| row.get(0))
        .unwrap();
    let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
    assert_eq!(kept, hash.as_ref());
    for wrong in [
        json!(""),
        json!("x"),
        json!("A".repeat(43)),
        json!("A".repeat(9000)),
    ] {
        says(&renew(&server, &wrong, "Phone"), "invalid_token");
    }
    assert_eq!(renew(&server, &json!(7), "Phone").status, 400);
    let out = server.call("POST", "/api/auth/logout");
    assert_eq!(
        out.token(tokens["token"].as_str().unwrap()).send().status,
        204
    );
    says(
        &renew(&server, &tokens["refresh_token"], "Phone"),
        "invalid_token",
    );
}

#[test]
fn the_life_of_a_token_is_a_setting() {
    for (value, seconds) in [("60", 60), ("90s", 90), ("15m", 900), ("7d", 7 * DAY)] {
        let server = Setup::new().set("JWT_EXPIRES_IN", value).start();
        assert_eq!(
            life(&enter(&server, "register", "")["token"]),
            seconds,
            "{value}"
        );
    }
    for value in ["59", "31d", "h", "1w", "-1", "99999999999999999999d"] {
        let ended = Setup::new()
            .set("JWT_EXPIRES_IN", value)
            .run(&["serve"], "");
        assert!(
            ended.complaint.contains("JWT_EXPIRES_IN"),
            "{value}: {ended:?}"
        );
    }
}
