//! Registration and log-in: what is refused, how, and how often (rows A1, X6).

use serde_json::json;

use crate::client::{Answer, PASSWORD, Person};
use crate::server::{PATIENCE, Server, Setup};

#[test]
fn every_refusal_of_register_and_log_in_has_its_code() {
    let server = Server::usual();
    let sara = server.register("Sara_1");
    assert_eq!(sara.name, "Sara_1");
    let (long_name, long_password) = ("n".repeat(33), "p".repeat(1025));
    for (how, name, password, status, code) in [
        ("register", "ab", PASSWORD, 400, "username_length"),
        ("register", &long_name, PASSWORD, 400, "username_length"),
        ("register", "sara m", PASSWORD, 400, "username_chars"),
        ("register", "سارا", PASSWORD, 400, "username_chars"),
        ("register", "omid", "12345", 400, "password_short"),
        ("register", "omid", &long_password, 400, "password_long"),
        ("register", "Sara_1", PASSWORD, 400, "username_taken"),
        ("register", "sARA_1", PASSWORD, 400, "username_taken"),
        (
            "login",
            "Sara_1",
            "another password",
            401,
            "bad_credentials",
        ),
        ("login", "nobody", PASSWORD, 401, "bad_credentials"),
        ("login", "Sara_1", &long_password, 401, "bad_credentials"),
        ("login", "", PASSWORD, 400, "bad_request"),
        ("login", "Sara_1", "", 400, "bad_request"),
    ] {
        let answer = server.sign(how, name, password);
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{how} {name:?}"
        );
        assert!(answer.json()["error"].is_string());
    }
    for path in ["/api/auth/register", "/api/auth/login"] {
        for body in [
            "",
            "{",
            "[]",
            r#"{"username":"omid"}"#,
            r#"{"username":7,"password":"1234567"}"#,
        ] {
            let answer = server.call("POST", path).body(body.to_owned()).send();
            assert_eq!(
                answer.refusal(),
                (400, "bad_request".to_owned()),
                "{path} {body}"
            );
        }
    }
}

#[test]
fn a_name_is_one_in_every_case_and_a_long_password_counts_to_its_end() {
    let server = Server::usual();
    let long = "p".repeat(100);
    let made = server.sign("register", "Sara", &long);
    assert_eq!(made.status, 201);
    let again = server.sign("login", "sArA", &long);
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.json()["user_id"], made.json()["user_id"]);
    assert_eq!(again.json()["username"], "Sara");
    assert_ne!(again.json()["token"], made.json()["token"]);
    assert_eq!(server.sign("login", "sara", &long[..99]).status, 401);
}

#[test]
fn a_suspended_person_is_told_so_and_the_password_still_counts() {
    let server = Server::usual();
    let sara = server.register("sara");
    let database = rusqlite::Connection::open(server.setup.database()).unwrap();
    let suspend = "UPDATE users SET status = 'suspended' WHERE id = ?1";
    assert_eq!(database.execute(suspend, [sara.id]).unwrap(), 1);
    assert_eq!(
        server.sign("login", "sara", PASSWORD).refusal(),
        (403, "account_suspended".to_owned())
    );
    assert_eq!(
        server.sign("login", "sara", "a wrong one").refusal().1,
        "bad_credentials"
    );
}

#[test]
fn errors_are_in_the_language_of_the_caller() {
    let server = Server::usual();
    let error = |language: &str| {
        let body = json!({ "username": "nobody", "password": PASSWORD });
        let call = server.call("POST", "/api/auth/login").json(&body);
        let answer = call.header("accept-language", language).send();
        answer.json()["error"].as_str().unwrap().to_owned()
    };
    assert!(error("en-GB").contains("not right"));
    assert!(error("de").contains("درست نیست"));
}

#[test]
fn the_third_registration_and_the_sixth_log_in_of_a_minute_are_refused() {
    let server = Setup::new().unset("RATE_LIMIT").start();
    let told = |answer: &Answer| {
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        let wait = reset - time::OffsetDateTime::now_utc().unix_timestamp();
        assert!((1..=61).contains(&wait), "reset in {wait} s");
        let left = answer.header("x-ratelimit-remaining").to_owned();
        (answer.header("x-ratelimit-limit").to_owned(), left)
    };
    for (how, limit) in [("register", 2), ("login", 5)] {
        for count in 1..=limit {
            // Refused or not, an attempt counts.
            let answer = server.sign(how, "x", "y");
            assert!(
                [400, 401].contains(&answer.status),
                "{how} {count}: {answer:?}"
            );
            assert_eq!(
                told(&answer),
                (limit.to_string(), (limit - count).to_string())
            );
        }
        let answer = server.sign(how, "sara", PASSWORD);
        assert_eq!(answer.refusal(), (429, "too_many_attempts".to_owned()));
        assert_eq!(told(&answer), (limit.to_string(), "0".to_owned()));
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
}

/// A server that believes everybody's address, so that one test can come from
/// many, with a person who has a session.
fn with_many_doors() -> (Server, Person) {
    let server = Setup::new()
        .unset("RATE_LIMIT")
        .set("TRUSTED_PROXIES", "127.0.0.1/32")
        .start();
    let sara = server.register("sara");
    (server, sara)
}

/// Logs in from the address of that number.
fn log_in_from(server: &Server, number: usize, name: &str, password: &str) -> Answer {
    let body = json!({ "username": name, "password": password });
    let address = format!("198.51.100.{number}");
    let call = server.call("POST", "/api/auth/login").json(&body);
    call.header("x-forwarded-for", &address).send()
}

/// Guesses from ever new addresses until the name rests; says how often that
/// was answered before, and with what it ended.
fn guess_until_it_rests(server: &Server, name: &str) -> (usize, Answer) {
    for number in 0..40 {
        let answer = log_in_from(server, number, name, "not it");
        match answer.status {
            401 => assert_eq!(answer.refusal().1, "bad_credentials"),
            _ => return (number, answer),
        }
    }
    panic!("{name} never rests");
}

#[test]
fn a_name_rests_after_ten_failures_from_anywhere_and_the_right_password_ends_that() {
    let (server, sara) = with_many_doors();
    let (before, answer) = guess_until_it_rests(&server, "sara");
    assert!(before >= 10, "{before}");
    assert_eq!(answer.refusal(), (429, "too_many_attempts".to_owned()));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    // Somebody else comes in, and who is in stays in.
    assert_eq!(
        log_in_from(&server, 50, "omid", "not it").refusal().1,
        "bad_credentials"
    );
    assert_eq!(server.get_as(&sara, "/api/profile").status, 200);

    let end = std::time::Instant::now() + PATIENCE;
    let mut answer = log_in_from(&server, 60, "SARA", PASSWORD);
    let mut number = 60;
    while answer.status == 429 && std::time::Instant::now() < end {
        number = 60 + (number + 1) % 180;
        answer = log_in_from(&server, number, "SARA", PASSWORD);
    }
    assert_eq!(answer.status, 200, "{answer:?}");
    let (before, _) = guess_until_it_rests(&server, "sara");
    assert!(before >= 10, "{before}");
}

#[test]
fn a_name_that_nobody_has_rests_just_the_same() {
    let (server, _) = with_many_doors();
    let (before, answer) = guess_until_it_rests(&server, "nobody_at_all");
    assert!(before >= 10, "{before}");
    assert_eq!(answer.refusal(), (429, "too_many_attempts".to_owned()));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[test]
fn the_password_of_a_living_session_is_not_to_be_guessed_from_many_addresses() {
    let (server, sara) = with_many_doors();
    let omid = server.register("omid");
    // Strangers at the door are counted apart.
    guess_until_it_rests(&server, "sara");
    let proofs = [
        (
            &sara,
            "PUT",
            "/api/auth/password",
            json!({ "old_password": "not it", "new_password": "a better password" }),
        ),
        (
            &omid,
            "DELETE",
            "/api/profile",
            json!({ "password": "not it" }),
        ),
    ];
    for (person, method, path, body) in proofs {
        let ask = |number: usize| {
            let call = server.call(method, path).token(&person.token).json(&body);
            let address = format!("203.0.113.{number}");
            call.header("x-forwarded-for", &address).send()
        };
        for number in 0..10 {
            assert_eq!(ask(number).refusal().1, "bad_credentials", "{path}");
        }
        let rests = (10..40).map(ask).find(|answer| answer.status != 401);
        let refusal = rests.unwrap().refusal();
        assert_eq!(refusal, (429, "too_many_attempts".to_owned()), "{path}");
        assert_eq!(server.get_as(person, "/api/profile").status, 200);
    }
}
