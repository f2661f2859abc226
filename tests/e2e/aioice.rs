//! The relay under aioice, a TURN client in Python: it allocates, refreshes,
//! talks to a peer through a channel that it renews, and closes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::relay::credential;
use crate::server::Setup;

#[test]
fn aioice_talks_through_the_relay_refreshes_and_closes() {
    talks_over("udp");
}

/// Feature T3.
#[test]
fn aioice_does_so_over_tcp() {
    talks_over("tcp");
}

/// Feature T4.
#[test]
fn aioice_does_so_over_tls() {
    talks_over("tls");
}

fn talks_over(transport: &str) {
    let server = Setup::new()
        .set("TURN_ALLOW_PEERS", "127.0.0.0/8")
        .with_tls()
        .start();
    let sara = credential(&server, &server.register("sara"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/aioice_client.py");
    let port = if transport == "tls" {
        "TURN_TLS_PORT"
    } else {
        "TURN_PORT"
    };
    // The Python that Debian's packages are for.
    let output = Command::new("/usr/bin/python3")
        .arg(script)
        .args([
            server.setup.get(port),
            &sara.username,
            &sara.password,
            transport,
        ])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{complaint}\nWithout aioice: install the package python3-aioice, or run scripts/test, which does."
    );
    let mut told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let range = server.setup.get("TURN_MIN_PORT").parse().unwrap()
        ..=server.setup.get("TURN_MAX_PORT").parse().unwrap();
    let port = told.as_object_mut().unwrap().remove("port").unwrap();
    assert!(range.contains(&port.as_u64().unwrap()), "{port}");
    let expected = json!({
        "at_peer": 100,
        "back": 100,
        "granted": [1800, 3600],
        "unasked": true,
        "closed": true,
    });
    assert_eq!(told, expected);
}
