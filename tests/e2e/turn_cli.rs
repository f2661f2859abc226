//! The operator makes the relay's credentials and takes them back.

use std::fs;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::PASSWORD;
use crate::relay::{Credential, client, refusal, until_closed};
use crate::server::{Ended, Server, Setup};
use webrtc_util::Conn as _;

/// Runs `payambar turn …`, which must succeed and print one object.
pub(crate) fn turn(setup: &Setup, words: &[&str]) -> Value {
    let words = [&["turn"], words, &["--json"]].concat();
    let ended = setup.run(&words, "");
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

/// Runs `payambar turn …`, which must fail with one sentence.
pub(crate) fn refused(setup: &Setup, words: &[&str], input: &str) -> String {
    let words = [&["turn"], words].concat();
    let ended = setup.run(&words, input);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    let complaints = ended.complaint.lines();
    let said: Vec<&str> = complaints
        .filter_map(|line| line.strip_prefix("payambar: "))
        .collect();
    assert_eq!(said.len(), 1, "{ended:?}");
    said[0].to_owned()
}

pub(crate) fn credential_of(answer: &Value) -> Credential {
    let text = |field: &str| answer[field].as_str().unwrap().to_owned();
    Credential {
        username: text("username"),
        password: text("credential"),
    }
}

fn add_person(setup: &Setup, name: &str) {
    let ended = setup.run(&["user", "add", name, "--password-stdin"], PASSWORD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn a_credential_made_without_a_server_opens_the_relay_later() {
    let setup = Setup::new();
    add_person(&setup, "sara");
    let issued = turn(&setup, &["cred", "issue", "SARA", "--ttl", "600"]);
    let owner = issued["username"]
        .as_str()
        .unwrap()
        .split_once(':')
        .unwrap();
    assert_eq!(owner.1, "1.0", "{issued}");
    let expires: i64 = owner.0.parse().unwrap();
    let left = expires - time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((500..=600).contains(&left), "{left}");
    assert!(issued["expires_at"].as_str().unwrap().ends_with('Z'));
    let server = setup.start();
    let client = client(&server, &credential_of(&issued)).await;
    client.allocate().await.unwrap();
}

#[tokio::test]
async fn a_credential_made_by_the_running_server_opens_it_at_once() {
    let server = Server::usual();
    server.register("sara");
    let issued = turn(&server.setup, &["cred", "issue", "sara"]);
    let urls =
        ["udp", "tcp"].map(|over| format!("turn:{}?transport={over}", server.turn_address()));
    assert_eq!(issued["urls"], json!(urls));
    let client = client(&server, &credential_of(&issued)).await;
    client.allocate().await.unwrap();
    let ended = server.setup.run(&["turn", "cred", "issue", "sara"], "");
    for part in [
        "User name  ",
        "Password   ",
        "Expires    ",
        &urls[0],
        &urls[1],
    ] {
        assert!(ended.out.contains(part), "{part}: {ended:?}");
    }
}

#[test]
fn nobody_gets_a_credential_who_could_not_log_in() {
    let setup = Setup::new().set("TURN_CREDENTIAL_TTL", "1200");
    add_person(&setup, "sara");
    add_person(&setup, "omid");
    let database = Connection::open(setup.database()).unwrap();
    let suspend = "UPDATE users SET status = 'suspended' WHERE username = 'omid'";
    database.execute(suspend, []).unwrap();
    drop(database);
    let setups = [setup.clone(), setup.start().setup.clone()];
    for setup in &setups {
        for (words, says) in [
            (&["cred", "issue", "nobody"][..], "no account named nobody"),
            (&["cred", "issue", "omid"], "suspended"),
            (&["cred", "issue", "sara", "--ttl", "59"], "60 to 1200"),
            (&["cred", "issue", "sara", "--ttl", "1201"], "60 to 1200"),
            (&["cred", "revoke", "--user", "nobody"], "no account named"),
        ] {
            let said = refused(setup, words, "");
            assert!(said.contains(says), "{words:?}: {said}");
        }
    }
}

#[tokio::test]
async fn a_static_pair_opens_the_relay_from_its_making_to_its_end() {
    let server = Server::usual();
    let made = turn(&server.setup, &["cred", "add", "gateway"]);
    let pair = credential_of(&made);
    assert_eq!(pair.password.len(), 32, "128 bits in hex");
    assert_eq!(
        (&made["username"], &made["realm"]),
        (&json!("gateway"), &json!("payambar"))
    );
    let first = client(&server, &pair).await;
    first.allocate().await.unwrap();

    // It is still there after a restart, and its password nowhere.
    let server = server.kill_and_start();
    for entry in fs::read_dir(server.setup.folder().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() {
            fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        let found = bytes
            .windows(pair.password.len())
            .any(|part| part == pair.password.as_bytes());
        assert!(!found, "{path:?} has the password");
    }
    let listed = turn(&server.setup, &["cred", "list"]);
    assert_eq!(listed["pairs"].as_array().unwrap().len(), 1, "{listed}");
    let row = &listed["pairs"][0];
    assert_eq!(
        (&row["username"], &row["state"], &row["from_environment"]),
        (&json!("gateway"), &json!("usable"), &json!(false))
    );
    assert!(row["created_at"].as_str().unwrap().ends_with('Z'));
    let again = client(&server, &pair).await;
    let relayed = again.allocate().await.unwrap();

    turn(&server.setup, &["cred", "revoke", "gateway"]);
    until_closed(relayed.local_addr().unwrap()).await;
    assert_eq!(refusal(&server, &pair).await, "401");
    let server = server.kill_and_start();
    assert_eq!(refusal(&server, &pair).await, "401");
    let said = refused(&server.setup, &["cred", "revoke", "gateway"], "");
    assert!(said.contains("no static pair named gateway"), "{said}");
    let listed = server.setup.run(&["turn", "cred", "list"], "");
    assert_eq!(listed.out, "There is no static pair.\n");
}

fn add_with_password(setup: &Setup, name: &str, password: &str) -> Ended {
    let words = ["turn", "cred", "add", name, "--password-stdin", "--json"];
    setup.run(&words, password)
}

#[tokio::test]
async fn a_pair_made_before_the_start_has_the_password_it_was_given() {
    let setup = Setup::new();
    let ended = add_with_password(&setup, "gateway", "a password of ours\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let made: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(made["credential"], Value::Null, "it is not printed again");
    let server = setup.start();
    let pair = |password: &str| Credential {
        username: "gateway".to_owned(),
        password: password.to_owned(),
    };
    let good = client(&server, &pair("a password of ours")).await;
    good.allocate().await.unwrap();
    assert_eq!(refusal(&server, &pair("another password")).await, "401");
}

#[test]
fn a_pair_that_would_clash_or_be_guessed_is_refused() {
    let setup = Setup::new()
        .set("TURN_USERNAME", "old")
        .set("TURN_PASSWORD", "the environment's");
    turn(&setup, &["cred", "add", "gateway"]);
    let setups = [setup.clone(), setup.start().setup.clone()];
    for setup in &setups {
        for (words, input, says) in [
            (
                &["cred", "add", "gateway"][..],
                "",
                "there is a static pair named gateway",
            ),
            (&["cred", "add", "1900000000:7.1"], "", "no colon"),
            (&["cred", "add", "old"], "", "TURN_USERNAME"),
            (&["cred", "add", "two words"], "", "without blanks"),
            (
                &["cred", "add", "x", "--password-stdin"],
                "short\n",
                "12 to 128 bytes",
            ),
            (
                &["cred", "add", "x", "--password-stdin"],
                "",
                "standard input",
            ),
            (&["cred", "revoke", "old"], "", "remove TURN_USERNAME"),
        ] {
            let said = refused(setup, words, input);
            assert!(said.contains(says), "{words:?}: {said}");
        }
        let listed = turn(setup, &["cred", "list"])["pairs"].clone();
        assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
        assert_eq!(
            (&listed[0]["username"], &listed[0]["from_environment"]),
            (&json!("old"), &json!(true))
        );
    }
}

#[tokio::test]
async fn a_pair_of_another_realm_is_named_and_opens_nothing() {
    let setup = Setup::new();
    let pair = credential_of(&turn(&setup, &["cred", "add", "gateway"]));
    let server = setup.set("TURN_REALM", "elsewhere").start();
    let log = server.log();
    assert!(
        log.contains("made for another realm") && log.contains("gateway"),
        "{log}"
    );
    assert_eq!(refusal(&server, &pair).await, "401");
    let listed = turn(&server.setup, &["cred", "list"]);
    assert_eq!(listed["pairs"][0]["state"], "other_realm", "{listed}");
    let listed = server.setup.run(&["turn", "cred", "list"], "");
    assert!(
        listed.out.contains("made for the realm payambar"),
        "{listed:?}"
    );
}

#[test]
fn a_relay_that_is_switched_off_has_no_credentials() {
    let setup = Setup::new().set("TURN_ENABLED", "false");
    add_person(&setup, "sara");
    let said = refused(&setup, &["cred", "issue", "sara"], "");
    assert!(said.contains("TURN_ENABLED"), "{said}");
}
