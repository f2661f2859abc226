//! The relay under coturn's own test client, which sends through it from
//! several allocations at once and counts what comes back.

use std::net::UdpSocket;
use std::process::{Child, ExitStatus, Stdio};
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
fn peer(host: &str, port: u16) -> Peer {
    let child = installed("turnutils_peer")
        .args(["-p", &port.to_string(), "-L", host])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peer = Peer(child);
    let probe = UdpSocket::bind((host, 0)).unwrap();
    probe.connect((host, port)).unwrap();
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

/// A relay with both families for two loopback addresses.
fn relay() -> Server {
    Setup::new()
        .set("TURN_USERNAME", "coturn")
        .set("TURN_PASSWORD", "a-static-password")
        .set("TURN_EXTERNAL_IP", "127.0.0.1,::1")
        .set("TURN_ALLOW_PEERS", "127.0.0.0/8,::1/128")
        // Its channel numbers are those of RFC 5766.
        .set("TURN_LEGACY_CHANNELS", "true")
        .with_tls()
        .start()
}

/// What the client prints, and how it ends.
fn uclient(server: &Server, mode: &[&str], host: &str) -> (ExitStatus, String) {
    let port = free_udp_port();
    let _peer = peer(host, port);
    let output = installed("timeout")
        .args(["60", "turnutils_uclient"])
        .args(mode)
        .args(["-n", "100", "-m", "8", "-l", "172"])
        .args(["-u", "coturn", "-w", "a-static-password"])
        .args(["-e", host, "-r", &port.to_string()])
        .args(["-p", server.setup.get(port_of(mode)), "127.0.0.1"])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&said).into_owned())
}

/// Which port it has to ask in this mode.
fn port_of(mode: &[&str]) -> &'static str {
    if mode.contains(&"-S") {
        "TURN_TLS_PORT"
    } else {
        "TURN_PORT"
    }
}

/// Every packet that the client sent must have come back.
fn none_is_lost(server: &Server, mode: &[&str], host: &str) -> String {
    installed("turnutils_uclient");
    let (status, said) = uclient(server, mode, host);
    assert!(status.success(), "{said}");
    for expected in [
        "tot_send_msgs=800, tot_recv_msgs=800",
        "Total lost packets 0 (0.000000%), total send dropped 0 ",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    said
}

#[test]
fn coturns_client_loses_nothing_over_send_indications() {
    none_is_lost(&relay(), &["-s", "-c"], "127.0.0.1");
}

#[test]
fn coturns_client_loses_nothing_over_channels() {
    none_is_lost(&relay(), &["-c"], "127.0.0.1");
}

#[test]
fn coturns_clients_reach_each_other_through_two_allocations() {
    none_is_lost(&relay(), &["-y", "-c"], "127.0.0.1");
}

#[test]
fn coturns_client_gets_the_port_that_was_kept_for_its_rtcp() {
    let said = none_is_lost(&relay(), &["-v"], "127.0.0.1");
    let tokens = said.lines().filter_map(|line| line.split_once("rtv="));
    let kept = tokens.filter(|(_, token)| token.trim() != "0").count();
    assert!(kept > 0, "{said}");
}

#[test]
fn coturns_client_loses_nothing_that_must_not_be_fragmented() {
    none_is_lost(&relay(), &["-g", "-c"], "127.0.0.1");
}

#[test]
fn coturns_client_reaches_an_ipv6_peer() {
    none_is_lost(&relay(), &["-x", "-c"], "::1");
}

/// The same over TCP (feature T3).
#[test]
fn coturns_client_loses_nothing_over_tcp() {
    for (mode, host) in [
        (&["-t", "-s", "-c"][..], "127.0.0.1"),
        (&["-t", "-c"], "127.0.0.1"),
        (&["-t", "-y", "-c"], "127.0.0.1"),
        (&["-t"], "127.0.0.1"),
        (&["-t", "-g", "-c"], "127.0.0.1"),
        (&["-t", "-x", "-c"], "::1"),
    ] {
        none_is_lost(&relay(), mode, host);
    }
}

/// The same over TLS (feature T4).
#[test]
fn coturns_client_loses_nothing_over_tls() {
    for (mode, host) in [
        (&["-t", "-S", "-s", "-c"][..], "127.0.0.1"),
        (&["-t", "-S", "-c"], "127.0.0.1"),
        (&["-t", "-S", "-y", "-c"], "127.0.0.1"),
        (&["-t", "-S"], "127.0.0.1"),
        (&["-t", "-S", "-g", "-c"], "127.0.0.1"),
        (&["-t", "-S", "-x", "-c"], "::1"),
    ] {
        none_is_lost(&relay(), mode, host);
    }
}

#[test]
fn coturns_client_is_refused_what_it_does_wrong_and_the_relay_goes_on() {
    let server = relay();
    // One peer, bound to two channels that are chosen at random.
    let (status, said) = uclient(&server, &["-N", "-c"], "127.0.0.1");
    assert!(!status.success(), "{said}");
    assert!(said.contains("channel bind: error 400 ()"), "{said}");
    none_is_lost(&server, &["-c"], "127.0.0.1");
}

#[test]
fn coturns_stun_client_is_told_its_address() {
    let server = relay();
    let output = installed("turnutils_stunclient")
        .args(["-p", server.setup.get("TURN_PORT"), "127.0.0.1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("UDP reflexive addr: 127.0.0.1:"), "{said}");
}
