//! Who did what about accounts, and from where (X12).

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::PASSWORD;
use crate::server::{PATIENCE, Setup};

fn list(setup: &Setup, more: &[&str]) -> Vec<Value> {
    let ended = setup.run(&[&["audit", "list", "--json"], more].concat(), "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    printed["entries"].as_array().unwrap().clone()
}

/// Who did what to whom, the oldest first.
fn deeds(setup: &Setup) -> Vec<(String, String, String)> {
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    let told = |entry: &Value| {
        (
            text(entry, "actor"),
            text(entry, "action"),
            text(entry, "target"),
        )
    };
    list(setup, &[]).iter().rev().map(told).collect()
}

fn want(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    let own = |(who, what, whom): &(&str, &str, &str)| {
        ((*who).to_owned(), (*what).to_owned(), (*whom).to_owned())
    };
    rows.iter().map(own).collect()
}

#[test]
fn what_people_do_about_their_accounts_is_written_down_and_no_secret_with_it() {
    let server = Setup::new().set("TRUSTED_PROXIES", "127.0.0.1").start();
    let sara = server.register("Sara");
    let body = json!({ "username": "sara", "password": "a wrong guess" });
    let failed = server
        .call("POST", "/api/auth/login")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-correlation-id", "story-7")
        .json(&body)
        .send();
    assert_eq!(
        (failed.status, failed.header("x-correlation-id")),
        (401, "story-7")
    );
    // Typed into the wrong field.
    assert_eq!(server.sign("login", PASSWORD, "x").status, 401);
    let desk = server.log_in("sara");
    assert_eq!(server.log_out(&desk).status, 204);
    let change = json!({ "old_password": PASSWORD, "new_password": "a better password" });
    let call = server.call("PUT", "/api/auth/password").token(&sara.token);
    assert_eq!(call.json(&change).send().status, 204);

    assert_eq!(
        deeds(&server.setup),
        want(&[
            ("", "register", "Sara"),
            ("Sara", "log_in", "Sara"),
            ("", "log_in_failed", "Sara"),
            ("", "log_in_failed", ""),
            ("Sara", "log_in", "Sara"),
            ("Sara", "session_ended", "Sara"),
            ("Sara", "password_changed", "Sara"),
        ])
    );
    let entries = list(&server.setup, &[]);
    let failed = entries.iter().rev().nth(2).unwrap();
    assert_eq!(
        (&failed["address"], &failed["correlation_id"]),
        (&json!("203.0.113.9"), &json!("story-7"))
    );
    assert!(failed["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(entries[0]["actor_id"], json!(sara.id));
    let all = format!("{entries:?}");
    for secret in [PASSWORD, "a wrong guess", "a better password", &sara.token] {
        assert!(!all.contains(secret), "{all}");
    }
    assert_eq!(list(&server.setup, &["--limit", "2"]).len(), 2);
}

#[test]
fn what_operators_do_is_written_down_with_and_without_a_server() {
    let setup = Setup::new().set("REGISTRATION", "approval");
    let run = |words: &[&str]| {
        let ended = setup.run(words, PASSWORD);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    };
    run(&["user", "add", "omid", "--password-stdin"]);
    let server = setup.start();
    for name in ["sara", "nima"] {
        assert_eq!(server.sign("register", name, PASSWORD).status, 403);
    }
    run(&["user", "approve", "SARA"]);
    run(&["user", "reject", "nima"]);
    run(&["user", "role", "omid", "admin"]);
    let made: Value = serde_json::from_str(&run(&["invite", "create", "--json"])).unwrap();
    let code = made["code"].as_str().unwrap();
    server.terminate();
    run(&["user", "suspend", "sara"]);
    run(&["user", "activate", "sara"]);
    run(&["invite", "revoke", code]);
    // What was refused was not done.
    assert_eq!(setup.run(&["user", "suspend", "omid"], "").code, Some(1));
    let hint = format!("{}…", &code[..4]);
    assert_eq!(
        deeds(&setup),
        want(&[
            ("cli", "register", "omid"),
            ("", "register", "sara"),
            ("", "register", "nima"),
            ("cli", "approved", "sara"),
            ("cli", "rejected", "nima"),
            ("cli", "role_changed", "omid admin"),
            ("cli", "invite_created", &hint),
            ("cli", "suspended", "sara"),
            ("cli", "activated", "sara"),
            ("cli", "invite_revoked", &hint),
        ])
    );
    let printed = run(&["audit", "list"]);
    assert!(
        printed.contains("approved") && printed.starts_with("WHEN"),
        "{printed}"
    );
}

#[test]
fn the_audit_is_kept_for_a_year() {
    let server = Setup::new().start();
    server.register("sara");
    let database = Connection::open(server.setup.database()).unwrap();
    let older = "UPDATE audit SET at_ms = at_ms - 366 * 86400000 WHERE action = 'register'";
    assert_eq!(database.execute(older, []).unwrap(), 1);
    drop(database);
    let server = server.kill_and_start();
    let end = std::time::Instant::now() + PATIENCE;
    let mut left = deeds(&server.setup);
    while left.len() > 1 && std::time::Instant::now() < end {
        left = deeds(&server.setup);
    }
    assert_eq!(left, want(&[("sara", "log_in", "sara")]));
}

#[test]
fn every_answer_has_an_id_that_cannot_break_a_log() {
    let server = Setup::new().start();
    for (given, kept) in [
        ("abc-1", true),
        ("two words", false),
        (&"x".repeat(65), false),
    ] {
        let answer = server
            .call("GET", "/health")
            .header("x-correlation-id", given);
        let told = answer.send().header("x-correlation-id").to_owned();
        assert_eq!(told == given, kept, "{given}: {told}");
        assert!(!told.is_empty());
    }
    let refused = server.get("/api/profile");
    assert_eq!(refused.header("x-correlation-id").len(), 36);
}
