//! The operator asks whether callers can use the relay, and what to mend.

use serde_json::{Value, json};

use crate::server::{Ended, Server, Setup};
use crate::turn_cli::{credential_of, turn};

/// Runs the check; says whether it went well and what it found.
fn check(setup: &Setup, words: &[&str], input: &str) -> (bool, Vec<Value>) {
    let words = [&["turn", "check", "--json"], words].concat();
    let Ended { code, out, .. } = setup.run(&words, input);
    let report: Value = serde_json::from_str(&out).unwrap();
    let went_well = report["ok"].as_bool().unwrap();
    assert_eq!(code, Some(i32::from(!went_well)), "{report}");
    (went_well, report["checks"].as_array().unwrap().clone())
}

/// What one line says: its result, and what was found.
fn said(rows: &[Value], check: &str) -> (String, String) {
    let row = rows
        .iter()
        .find(|row| row["check"].as_str().unwrap().starts_with(check));
    let row = row.unwrap_or_else(|| panic!("no {check} in {rows:?}"));
    let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
    (
        text("result"),
        format!("{} {}", text("detail"), text("advice")),
    )
}

#[test]
fn a_good_relay_is_found_good_and_its_own_host_is_not_asked() {
    let server = Setup::new().with_tls().start();
    let (went_well, rows) = check(&server.setup, &[], "");
    let udp = said(&rows, &format!("udp {}", server.turn_address()));
    assert!(went_well, "{rows:?}");
    assert_eq!(udp.0, "ok", "{rows:?}");
    assert!(udp.1.contains("allocated 127.0.0.1:"), "{rows:?}");
    let tcp = said(&rows, &format!("tcp {}", server.turn_address()));
    assert_eq!(tcp.0, "ok", "{rows:?}");
    // The pair of development works, and no browser believes it.
    let tls = said(&rows, "tls 127.0.0.1:");
    assert_eq!(tls.0, "warning", "{rows:?}");
    assert!(tls.1.contains("allocated 127.0.0.1:"), "{tls:?}");
    assert!(tls.1.contains("Set TLS_CERT and TLS_KEY"), "{tls:?}");
    let ports = said(&rows, "relay ports of 127.0.0.1");
    assert_eq!(ports.0, "skipped", "{rows:?}");
    assert_eq!(turn(&server.setup, &["sessions"])["sessions"], json!([]));
    let lines = server.setup.run(&["turn", "check"], "").out;
    assert!(lines.starts_with("ok       udp 127.0.0.1:"), "{lines}");
}

#[test]
fn relay_ports_that_can_be_reached_are_found_open() {
    let server = Setup::new().set("TURN_ALLOW_PEERS", "127.0.0.0/8").start();
    let (_, rows) = check(&server.setup, &[], "");
    assert_eq!(said(&rows, "relay ports of 127.0.0.1").0, "ok", "{rows:?}");
}

#[test]
fn a_relay_that_is_not_there_names_the_port_to_open() {
    let server = Server::usual();
    let elsewhere = server.setup.clone().with_free_ports();
    let (went_well, rows) = check(&elsewhere, &[], "");
    let port = elsewhere.get("TURN_PORT");
    assert!(!went_well);
    for (kernel, wanted) in [("udp", "Open udp port"), ("tcp", "is closed")] {
        let told = said(&rows, &format!("{kernel} 127.0.0.1:{port}"));
        assert_eq!(told.0, "failed");
        assert!(told.1.contains(wanted), "{told:?}");
        assert!(told.1.contains(port), "{told:?}");
    }
}

#[test]
fn a_certificate_nobody_believes_fails_where_a_name_is_told() {
    let named = Setup::new().with_tls().set("TURN_SERVER", "localhost");
    let server = named.set("TURN_REALM", "localhost").start();
    let (went_well, rows) = check(&server.setup, &[], "");
    let tls = said(&rows, "tls 127.0.0.1:");
    assert_eq!((went_well, tls.0.as_str()), (false, "failed"), "{rows:?}");
    assert!(tls.1.contains("a certificate for localhost"), "{tls:?}");
}

#[test]
fn what_speaks_no_tls_is_told_from_what_has_a_bad_certificate() {
    let server = Setup::new().with_tls().start();
    let plain = server.setup.get("TURN_PORT");
    let mistaken = server.setup.clone().set("TURN_TLS_PORT", plain);
    let mistaken = mistaken.set("TURN_PORT", server.setup.get("TURN_TLS_PORT"));
    let (_, rows) = check(&mistaken, &[], "");
    let tls = said(&rows, "tls 127.0.0.1:");
    assert_eq!(tls.0, "failed", "{rows:?}");
    assert!(tls.1.contains("no TLS there"), "{tls:?}");
}

#[test]
fn a_name_without_an_address_is_named() {
    let server = Server::usual();
    let (_, rows) = check(&server.setup, &["--host", "turn.invalid"], "");
    let udp = said(&rows, "udp turn.invalid:");
    assert!(udp.1.contains("turn.invalid has no address"), "{udp:?}");
}

#[test]
fn a_wrong_secret_and_a_wrong_password_are_told_from_a_closed_port() {
    let server = Server::usual();
    let other = server
        .setup
        .clone()
        .set("TURN_SECRET", "5d1c0a7e93b24f6885d1c0a7e93b24f6");
    let (_, rows) = check(&other, &[], "");
    let secret = said(&rows, "udp");
    assert!(secret.1.contains("refuses the credential"), "{secret:?}");

    let pair = credential_of(&turn(&server.setup, &["cred", "add", "gateway"]));
    let by_hand = |password: &str| check(&server.setup, &["--user", "gateway"], password);
    assert!(by_hand(&pair.password).0);
    let wrong = said(&by_hand("guessed").1, "udp");
    assert!(wrong.1.contains("refuses the credential"), "{wrong:?}");
}

#[test]
fn a_relay_that_drains_says_that_it_has_no_room() {
    let server = Server::usual();
    turn(&server.setup, &["drain"]);
    let (_, rows) = check(&server.setup, &[], "");
    let udp = said(&rows, "udp");
    assert!(udp.1.contains("told to drain"), "{udp:?}");
}

#[test]
fn without_a_secret_nothing_is_made_up() {
    let setup = Setup::new();
    let ended = setup.run(&["turn", "check"], "");
    assert_eq!(ended.code, Some(1));
    assert!(ended.complaint.contains("no relay secret"), "{ended:?}");
    assert!(!setup.folder().join("data").exists(), "nothing was made");
    let without = setup.set("TURN_ENABLED", "false");
    let ended = without.run(&["turn", "check"], "");
    assert!(
        ended.complaint.contains("TURN_ENABLED is false"),
        "{ended:?}"
    );
}
