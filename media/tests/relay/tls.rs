#![expect(
    clippy::disallowed_types,
    reason = "these tests are the clients of a real relay"
)]
//! What is peculiar to clients that come over TLS (feature T4): which versions
//! are spoken, what is shown, and connections that somebody else accepted.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use payambar_media::counters::Metric;
use payambar_media::start;
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};

use crate::common::*;
use crate::phone::{
    Line, Phone, client_config, client_session, connect, identity, loopback, new_pair, pair,
    session_with,
};

/// The session under a line.
fn session(line: &Line) -> &rustls::ClientConnection {
    match line {
        Line::Tls(session) => &session.conn,
        Line::Bytes(_) | Line::Datagrams(_) => panic!("not over TLS"),
    }
}

#[test]
fn both_versions_are_spoken_and_who_comes_back_is_known_by_a_ticket() {
    let relay = start(loopback()).unwrap();
    let address = relay.tls_addresses()[0];
    for version in [&TLS12, &TLS13] {
        let config = client_config(pair(), &[version]);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let line = Line::in_session(connect(address), session_with(config.clone()));
            let mut phone = Phone::on(line, 7, 3);
            // With an answer the ticket has come, too.
            phone.allocate();
            let spoken = session(&phone.line);
            assert_eq!(spoken.protocol_version(), Some(version.version));
            assert_eq!(spoken.handshake_kind(), Some(kind), "{version:?}");
        }
    }
}

#[test]
fn what_is_no_tls_ends_the_connection_and_is_counted() {
    let relay = start(loopback()).unwrap();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: relay.test\r\n\r\n"[..],
        &message(BINDING, [7; 12], &[]).raw,
    ] {
        let mut client = connect(relay.tls_addresses()[0]);
        client.write_all(bytes).unwrap();
        // What is told before the end, if anything, is an alert.
        let mut told = Vec::new();
        let _ = client.read_to_end(&mut told);
        assert!(told.first().is_none_or(|kind| *kind == 0x15), "{told:?}");
    }
    assert_eq!(relay.counters().value(Metric::StreamsClosedTls), 2);
    assert_eq!(relay.counters().value(Metric::StreamsTls), 0);
}

#[test]
fn a_new_identity_is_shown_to_who_comes_and_leaves_alone_who_is_there() {
    let relay = start(loopback()).unwrap();
    let address = relay.tls_addresses()[0];
    let mut before = Phone::on(Line::over_tls(connect(address), pair()), 7, 3);
    before.allocate();
    let renewed = new_pair();
    relay.show(identity(&renewed));
    // In the order they were told: the next answer comes after the change.
    assert_eq!(before.request(REFRESH, &[]).code(), 0);
    let mut after = Phone::on(Line::over_tls(connect(address), &renewed), 8, 3);
    after.allocate();
    let shown = session(&after.line).peer_certificates().unwrap();
    assert_eq!(&shown[0], renewed.cert.der());
    assert_eq!(before.request(REFRESH, &[]).code(), 0);
    assert_eq!(relay.counters().value(Metric::Allocations), 2);
}

#[test]
fn what_comes_at_once_with_a_full_record_is_not_left_lying() {
    let relay = start(loopback()).unwrap();
    let mut phone = Phone::on(
        Line::over_tls(connect(relay.tls_addresses()[0]), pair()),
        7,
        3,
    );
    phone.allocate();
    let refresh = phone.caller.signed(REFRESH, &[]);
    let Line::Tls(session) = &mut phone.line else {
        panic!("not over TLS");
    };
    // Dropped, since nobody bound that channel.
    let stray = channel_data(0x4FFF, &[0; 60]);
    let mut writer = session.conn.writer();
    writer.write_all(&stray.repeat(256)).unwrap();
    for _ in 0..20 {
        writer.write_all(&stray).unwrap();
    }
    writer.write_all(&refresh.raw).unwrap();
    let mut bytes = Vec::new();
    while session.conn.wants_write() {
        session.conn.write_tls(&mut bytes).unwrap();
    }
    session.sock.write_all(&bytes).unwrap();
    let answer = Reply::read(&phone.receive());
    assert_eq!(answer.0.transaction_id, refresh.transaction_id);
}

/// A connection that somebody else accepted and has read `count` bytes from.
fn accepted_elsewhere(listener: &TcpListener, count: usize) -> (TcpStream, Vec<u8>) {
    let (mut socket, _) = listener.accept().unwrap();
    let mut read = vec![0; count];
    socket.read_exact(&mut read).unwrap();
    (socket, read)
}

#[test]
fn a_connection_accepted_elsewhere_is_served_from_its_first_byte() {
    let relay = start(loopback()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for part in [1, 50, usize::MAX] {
        let (mut socket, mut client) = (connect(address), client_session(pair()));
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        socket.write_all(&hello).unwrap();
        let (accepted, read) = accepted_elsewhere(&listener, part.min(hello.len()));
        relay.adopt_tls(accepted.into(), read);
        let mut phone = Phone::on(Line::in_session(socket, client), 7, 3);
        phone.allocate();
        assert_eq!(phone.request(REFRESH, &[lifetime(0)]).code(), 0);
    }
}

#[test]
fn without_an_identity_nobody_is_taken_in_over_tls() {
    let mut config = loopback();
    config.tls = None;
    config.listen_tls.clear();
    let relay = start(config).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = connect(listener.local_addr().unwrap());
    client.write_all(&[0x16, 3, 1]).unwrap();
    let (accepted, read) = accepted_elsewhere(&listener, 3);
    relay.adopt_tls(accepted.into(), read);
    assert_eq!(client.read(&mut [0; 16]).unwrap_or(0), 0);
}
