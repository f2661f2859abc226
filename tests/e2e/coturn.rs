//! The relay under coturn's own test client, which sends through it from
//! several allocations at once and counts what comes back.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::server::{PATIENCE, Server, Setup, free_udp_port};
use crate::tools::installed;

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends only when told to.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// coturn's echo peer, once it has its port.
fn peer(port: u16) -> Peer {
    let child = installed("turnutils_peer")
        .args(["-p", &port.to_string(), "-L", "127.0.0.1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peer = Peer(child);
    let probe = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    probe.connect(("127.0.0.1", port)).unwrap();
    probe
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        // Refused until the peer has bound; then the probe comes back.
        let _ = probe.send(b"probe");
        if probe.recv(&mut [0; 16]).is_ok() {
            return peer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("turnutils_peer does not answer");
}

fn relay() -> Server {
    Setup::new()
        .set("TURN_USERNAME", "coturn")
        .set("TURN_PASSWORD", "a-static-password")
        .set("TURN_ALLOW_PEERS", "127.0.0.0/8")
        // Its channel numbers are those of RFC 5766.
        .set("TURN_LEGACY_CHANNELS", "true")
        .start()
}

/// Runs the client; every packet it sent must have come back.
fn none_is_lost(server: &Server, mode: &[&str]) {
    let port = free_udp_port();
    let _peer = peer(port);
    let output = installed("timeout")
        .arg("60")
        .arg("turnutils_uclient")
        .args(mode)
        .args([
            "-n",
            "100",
            "-m",
            "8",
            "-l",
            "172",
            "-u",
            "coturn",
            "-w",
            "a-static-password",
        ])
        .args(["-e", "127.0.0.1", "-r", &port.to_string()])
        .args(["-p", server.setup.get("TURN_PORT"), "127.0.0.1"])
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    let lost = said
        .lines()
        .rev()
        .find(|line| line.contains("Total lost packets"));
    assert!(
        lost.is_some_and(|line| line.contains("Total lost packets 0 ")),
        "{said}"
    );
    let received = said
        .lines()
        .rev()
        .find(|line| line.contains("tot_recv_msgs"));
    assert!(
        received.is_some_and(|line| line.contains("tot_recv_msgs=800")),
        "{said}"
    );
}

#[test]
fn coturns_client_loses_nothing_over_send_indications() {
    installed("turnutils_uclient");
    none_is_lost(&relay(), &["-s", "-c"]);
}

#[test]
fn coturns_client_loses_nothing_over_channels() {
    installed("turnutils_uclient");
    none_is_lost(&relay(), &["-c"]);
}

#[test]
fn coturns_clients_reach_each_other_through_two_allocations() {
    installed("turnutils_uclient");
    none_is_lost(&relay(), &["-y", "-c"]);
}
