#![expect(
    clippy::disallowed_types,
    reason = "these tests are the clients and peers of a real relay"
)]
//! The real thread with real sockets on loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::mpsc::{Sender, channel as channel_of};

use payambar_media::counters::Metric;
use payambar_media::{RelayConfig, RelayHandle, StartError, start};

use crate::common::*;
use crate::phone::{Phone, doors, echo, loopback};

#[test]
fn a_peer_is_reached_and_answers_in_every_form() {
    let relay = start(loopback()).unwrap();
    for door in doors(&relay) {
        let (mut phone, peer_socket) = (Phone::at(door, 7, 3), echo());
        let peer_address = peer_socket.local_addr().unwrap().to_string();
        let relayed = phone.allocate();
        phone.request(CREATE_PERMISSION, &[peer(&peer_address)]);
        let mut bytes = [0; 4096];

        phone.send(&send_indication(&peer_address, b"hello"));
        assert_eq!(peer_socket.recv_from(&mut bytes).unwrap(), (5, relayed));
        peer_socket.send_to(b"and back", relayed).unwrap();
        let (from, data) = data_indication(&phone.receive());
        assert_eq!(
            (from.to_string(), data),
            (peer_address.clone(), b"and back".to_vec())
        );

        phone.request(CHANNEL_BIND, &[channel(0x4005), peer(&peer_address)]);
        phone.send(&channel_data(0x4005, &[7; 1500]));
        assert_eq!(peer_socket.recv_from(&mut bytes).unwrap(), (1500, relayed));
        peer_socket.send_to(&[8; 1500], relayed).unwrap();
        assert_eq!(phone.receive(), channel_data(0x4005, &[8; 1500]));
    }
    relay.stop();
}

#[test]
fn two_clients_of_one_relay_talk_without_the_kernel() {
    let relay = start(loopback()).unwrap();
    let doors = doors(&relay);
    for (at, first) in (1..).zip(&doors) {
        let second = doors[at % doors.len()];
        let (mut a, mut b) = (Phone::at(*first, 7, 3), Phone::at(second, 8, 3));
        let (at_a, at_b) = (a.allocate().to_string(), b.allocate().to_string());
        a.request(CREATE_PERMISSION, &[peer(&at_b)]);
        b.request(CHANNEL_BIND, &[channel(0x4001), peer(&at_a)]);
        a.send(&send_indication(&at_b, b"hello"));
        assert_eq!(b.receive(), channel_data(0x4001, b"hello"));
        b.send(&channel_data(0x4001, b"back"));
        let (from, data) = data_indication(&a.receive());
        assert_eq!((from.to_string(), data), (at_b, b"back".to_vec()));
        b.request(REFRESH, &[lifetime(0)]);
        a.request(REFRESH, &[lifetime(0)]);
    }
    let counted = u64::try_from(2 * doors.len()).unwrap();
    assert_eq!(relay.counters().value(Metric::PacketsHandedOver), counted);
    assert_eq!(relay.counters().value(Metric::PacketsToPeer), 0);
}

#[test]
fn datagrams_of_every_size_leave_the_thread_alive() {
    let relay = start(loopback()).unwrap();
    let (mut phone, peer_socket) = (Phone::new(relay.local_addresses()[0], 7, 3), echo());
    let relayed = phone.allocate();
    let peer_address = peer_socket.local_addr().unwrap().to_string();
    phone.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
    let mut bytes = vec![0; 70_000];
    for size in [0, 1, 1500, 2043, 2044] {
        phone.send(&channel_data(0x4001, &vec![7; size]));
        assert_eq!(peer_socket.recv(&mut bytes).unwrap(), size);
    }
    for size in [0, 1, 1500, 2044, 2048] {
        peer_socket.send_to(&vec![7; size], relayed).unwrap();
        assert_eq!(phone.receive().len(), 4 + size);
    }
    for size in [2049, 9000, 65_507] {
        phone.send(&vec![0x40; size]);
        peer_socket.send_to(&vec![7; size], relayed).unwrap();
    }
    peer_socket.send_to(b"after", relayed).unwrap();
    assert_eq!(phone.receive(), channel_data(0x4001, b"after"));
    assert_eq!(phone.request(REFRESH, &[]).code(), 0);
    assert_eq!(relay.counters().value(Metric::DroppedTooLarge), 6);
}

/// Keeps a relay from its sockets until it is dropped.
struct Busy(#[expect(dead_code, reason = "its end is what counts")] Sender<()>);

impl Busy {
    fn keep(relay: &RelayHandle) -> Self {
        let ((done, until), (began, begins)) = (channel_of(), channel_of());
        relay.allocations(move |_| {
            began.send(()).unwrap();
            let _ = until.recv();
        });
        begins.recv().unwrap();
        Self(done)
    }
}

#[test]
fn a_burst_goes_through_whole_and_in_order() {
    let relay = start(loopback()).unwrap();
    let (mut phone, peer_socket) = (Phone::new(relay.local_addresses()[0], 7, 3), echo());
    let relayed = phone.allocate();
    let peer_address = peer_socket.local_addr().unwrap().to_string();
    phone.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
    let busy = Busy::keep(&relay);
    for nth in 0..100 {
        phone.line.send(&channel_data(0x4001, &[nth; 172]));
    }
    drop(busy);
    for nth in 0..100 {
        let mut bytes = [0; 200];
        assert_eq!(peer_socket.recv(&mut bytes).unwrap(), 172);
        assert_eq!(bytes[0], nth);
    }
    let busy = Busy::keep(&relay);
    for nth in 0..100 {
        peer_socket.send_to(&[nth; 172], relayed).unwrap();
    }
    drop(busy);
    for nth in 0..100 {
        assert_eq!(phone.receive(), channel_data(0x4001, &[nth; 172]));
    }
}

#[test]
fn a_revoked_session_is_gone_within_a_second() {
    let relay = start(loopback()).unwrap();
    for (session, door) in (3..).zip(doors(&relay)) {
        let mut phone = Phone::at(door, 7, session);
        let relayed = phone.allocate();
        assert_eq!(
            UdpSocket::bind(relayed).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        relay.revoke_session(7, session);
        assert_eq!(phone.request(REFRESH, &[]).code(), 401);
        assert_eq!(phone.request(ALLOCATE, &[udp()]).code(), 401);
        assert!(UdpSocket::bind(relayed).is_ok());
    }
}

#[test]
fn a_revoked_person_is_gone_and_others_are_not() {
    let relay = start(loopback()).unwrap();
    let server = relay.local_addresses()[0];
    let mut phones =
        [(7, 3), (7, 4), (8, 3)].map(|(user, session)| Phone::new(server, user, session));
    for phone in &mut phones {
        phone.allocate();
    }
    relay.revoke_user(7);
    let codes = phones
        .each_mut()
        .map(|phone| phone.request(REFRESH, &[]).code());
    assert_eq!(codes, [401, 401, 0]);
}

#[test]
fn a_taken_relay_port_is_passed_over() {
    let taken: Vec<UdpSocket> = (0..12).map(|_| echo()).collect();
    let free = echo();
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let (expected, mut usable) = (port(&free), taken.iter().map(port).collect::<Vec<_>>());
    usable.push(expected);
    drop(free);
    let mut config = loopback();
    config.ports = *usable.iter().min().unwrap()..=*usable.iter().max().unwrap();
    config.excluded_ports = config
        .ports
        .clone()
        .filter(|port| !usable.contains(port))
        .collect();
    let relay = start(config).unwrap();
    let server = relay.local_addresses()[0];
    assert_eq!(Phone::new(server, 7, 3).allocate().port(), expected);
    assert_eq!(
        Phone::new(server, 7, 3).request(ALLOCATE, &[udp()]).code(),
        508
    );
    assert_eq!(relay.counters().value(Metric::RelayPortsTaken), 12);
}

#[test]
fn a_peer_the_kernel_refuses_costs_that_datagram_only() {
    let mut config = loopback();
    config.allow_peers = vec!["0.0.0.0/0".parse().unwrap()];
    let relay = start(config).unwrap();
    let mut phone = Phone::new(relay.local_addresses()[0], 7, 3);
    let peer_socket = echo();
    let peer_address = peer_socket.local_addr().unwrap().to_string();
    let relayed = phone.allocate();
    // A socket without SO_BROADCAST may not send there: EACCES.
    phone.request(
        CREATE_PERMISSION,
        &[peer("255.255.255.255:9"), peer(&peer_address)],
    );
    phone.send(&send_indication("255.255.255.255:9", b"x"));
    phone.send(&send_indication(&peer_address, b"hello"));
    assert_eq!(peer_socket.recv_from(&mut [0; 100]).unwrap(), (5, relayed));
    assert_eq!(relay.counters().value(Metric::DroppedSendFailed), 1);
}

#[test]
fn an_address_that_cannot_be_bound_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut config = loopback();
    config.listen = vec![address];
    let error = start(config).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(
        error.to_string().contains(&format!("udp {address}")),
        "{error}"
    );

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut config = loopback();
    config.listen_tcp = vec![address];
    let error = start(config).unwrap_err().to_string();
    assert!(error.contains(&format!("tcp {address}")), "{error}");

    let mut config = loopback();
    config.relays[0].bind = Ipv4Addr::new(192, 0, 2, 1).into();
    assert!(start(config).unwrap_err().to_string().contains("192.0.2.1"));
}

#[test]
fn a_config_that_cannot_work_is_refused() {
    let refused = |change: fn(&mut RelayConfig)| {
        let mut config = loopback();
        change(&mut config);
        start(config).unwrap_err()
    };
    assert!(matches!(
        refused(|config| config.listen.clear()),
        StartError::NoListener
    ));
    let error = refused(|config| config.realm = "r".repeat(509));
    assert!(matches!(error, StartError::RealmTooLong { length: 509 }));
    for wrong in [
        |config: &mut RelayConfig| config.relays.clear(),
        |config: &mut RelayConfig| config.relays.push(config.relays[0]),
        |config: &mut RelayConfig| config.relays[0].bind = "::1".parse().unwrap(),
    ] {
        assert!(matches!(refused(wrong), StartError::RelayFamilies));
    }
    let error = refused(|config| {
        config.ports = 50_000..=50_000;
        config.excluded_ports = vec![50_000];
    });
    assert!(matches!(
        error,
        StartError::NoPorts {
            min: 50_000,
            max: 50_000
        }
    ));
}

#[test]
fn stopping_closes_every_socket() {
    let relay = start(loopback()).unwrap();
    let (server, over_tcp) = (relay.local_addresses()[0], relay.tcp_addresses()[0]);
    let mut phone = Phone::at(doors(&relay)[2], 7, 3);
    let relayed = phone.allocate();
    relay.stop();
    assert!(phone.receive().is_empty(), "its connection goes on");
    assert!(UdpSocket::bind(server).is_ok());
    assert!(TcpListener::bind(over_tcp).is_ok());
    assert!(UdpSocket::bind(relayed).is_ok());
}

#[test]
fn nothing_shows_the_secret() {
    let config = loopback();
    let shown = format!("{config:?}");
    assert!(!shown.contains("pass") && !shown.contains(&format!("{SECRET:?}")));
    fn is_send<T: Send + Sync>(_: &T) {}
    let relay: RelayHandle = start(config).unwrap();
    is_send(&relay.counters());
}
