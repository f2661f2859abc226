//! The operator's commands.

use serde_json::Value;

use crate::client::PASSWORD;
use crate::server::{Ended, Server, Setup};

fn add(setup: &Setup, name: &str, options: &[&str], password: &str) -> Ended {
    let words = [&["user", "add", name], options].concat();
    setup.run(&words, &format!("{password}\nsecond line\n"))
}

#[tokio::test]
async fn an_account_made_beside_the_running_server_can_be_used_at_once() {
    let server = Server::usual();
    let mut watching = server.socket(&server.register("omid")).await;
    let ended = add(&server.setup, "sara", &["--password-stdin"], PASSWORD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with("sara was added"), "{ended:?}");
    let sara = server.log_in("sara");
    watching.say(&sara, "welcome").await;
}

#[test]
fn an_account_made_before_the_first_start_is_there_after_it() {
    let setup = Setup::new();
    let ended = add(&setup, "Sara", &["--password-stdin", "--json"], PASSWORD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&printed["id"], &printed["username"]),
        (&1.into(), &"Sara".into())
    );
    assert!(printed["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(setup.start().log_in("sara").id, 1);
}

#[test]
fn an_account_that_cannot_be_made_is_refused_in_words() {
    let setup = Setup::new();
    assert_eq!(
        add(&setup, "sara", &["--password-stdin"], PASSWORD).code,
        Some(0)
    );
    for (name, options, password, words) in [
        (
            "SARA",
            &["--password-stdin"][..],
            PASSWORD,
            "username_taken",
        ),
        ("sa", &["--password-stdin"], PASSWORD, "username_length"),
        ("sa ra", &["--password-stdin"], PASSWORD, "username_chars"),
        ("omid", &["--password-stdin"], "short", "password_short"),
        (
            "omid",
            &["--password-stdin", "--json"],
            "",
            "password_short",
        ),
        ("omid", &[], PASSWORD, "--password-stdin"),
    ] {
        let ended = add(&setup, name, options, password);
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(1), ""),
            "{name}: {ended:?}"
        );
        assert!(ended.complaint.contains(words), "{name}: {ended:?}");
        assert!(!ended.complaint.contains(PASSWORD), "{ended:?}");
    }
    let nothing = setup.run(&["user", "add", "omid", "--password-stdin"], "");
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.complaint.contains("standard input"), "{nothing:?}");
}

#[test]
fn help_and_version_succeed_and_nonsense_fails() {
    let setup = Setup::new();
    for (words, code, says) in [
        (&["--help"][..], 0, "TURN_EXTERNAL_IP"),
        (&["--version"], 0, env!("CARGO_PKG_VERSION")),
        (&["user", "add", "--help"], 0, "--password-stdin"),
        (&["sreve"], 1, "sreve"),
        (&["--prot", "1"], 1, "--prot"),
        (&["user"], 1, "add"),
        (&["user", "add"], 1, "NAME"),
        (&["--jwt-secret", "x"], 1, "--jwt-secret"),
    ] {
        let ended = setup.run(words, "");
        assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
        let said = if code == 0 {
            &ended.out
        } else {
            &ended.complaint
        };
        assert!(said.contains(says), "{words:?}: {ended:?}");
    }
    assert!(!setup.folder().join("data").exists());
}

#[tokio::test]
async fn a_stop_tells_every_socket_and_ends_with_success() {
    let server = Server::usual();
    let sara = server.register("sara");
    let mut sockets = [server.socket(&sara).await, server.socket(&sara).await];
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    for socket in &mut sockets {
        assert_eq!(socket.closed().await, Some(1001));
    }
    assert!(log.trim_end().ends_with("stopped"), "{log}");
}
