#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests are the clients and peers of a real relay"
)]
//! Clients that come over TCP and over TLS (features T3 and T4).

use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use payambar_media::counters::Metric;
use payambar_media::turn::Transport;
use payambar_media::{RelayHandle, start};

use crate::common::*;
use crate::phone::{Door, Phone, doors, echo, loopback};

/// Every way into a relay by streams.
fn stream_doors(relay: &RelayHandle) -> Vec<Door> {
    let mut doors = doors(relay);
    doors.retain(|door| door.transport != Transport::Udp);
    doors
}

/// Waits until the kernel has a port back.
fn until_free(relayed: SocketAddr) {
    let end = Instant::now() + Duration::from_secs(5);
    while UdpSocket::bind(relayed).is_err() {
        assert!(Instant::now() < end, "the port stays open");
        std::thread::yield_now();
    }
}

#[test]
fn messages_may_come_many_at_once_or_in_pieces() {
    let relay = start(loopback()).unwrap();
    for door in stream_doors(&relay) {
        let (mut phone, peer_socket) = (Phone::at(door, 7, 3), echo());
        let peer_address = peer_socket.local_addr().unwrap().to_string();
        phone.allocate();
        phone.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
        let mut padded = channel_data(0x4001, b"five!");
        padded.resize(12, 0);
        let refresh = phone.caller.signed(REFRESH, &[]).raw;
        let many = [&padded[..], &padded, &refresh, &padded].concat();
        phone.line.write(&many);
        for byte in many {
            phone.line.write(&[byte]);
        }
        for _ in 0..6 {
            assert_eq!(peer_socket.recv(&mut [0; 100]).unwrap(), 5);
        }
        for _ in 0..2 {
            assert_eq!(Reply::read(&phone.receive()).code(), 0);
        }
    }
}

#[test]
fn the_end_of_a_connection_is_the_end_of_its_allocation_at_once() {
    let relay = start(loopback()).unwrap();
    for door in stream_doors(&relay) {
        let mut phone = Phone::at(door, 7, 3);
        let relayed = phone.allocate();
        let before = relay.counters().value(Metric::EndedDisconnected);
        drop(phone);
        until_free(relayed);
        let ended = relay.counters().value(Metric::EndedDisconnected);
        assert_eq!(ended, before + 1);
        let mut half = Phone::at(door, 7, 3);
        let relayed = half.allocate();
        half.line.stream().shutdown(Shutdown::Write).unwrap();
        until_free(relayed);
    }
}

#[test]
fn what_is_no_message_ends_the_connection_and_its_allocation() {
    let relay = start(loopback()).unwrap();
    let counters = relay.counters();
    for door in stream_doors(&relay) {
        for (bytes, reason) in [
            (&[0x80, 0, 0, 0][..], Metric::StreamsClosedForeign),
            (b"GET / HTTP/1.1\r\n\r\n", Metric::StreamsClosedTooLarge),
            (&[0x40, 1, 0x07, 0xFD], Metric::StreamsClosedTooLarge),
        ] {
            let mut phone = Phone::at(door, 7, 3);
            let relayed = phone.allocate();
            let before = counters.value(reason);
            phone.line.write(bytes);
            assert!(phone.receive().is_empty());
            until_free(relayed);
            assert_eq!(counters.value(reason), before + 1);
        }
    }
}

#[test]
fn who_does_not_read_holds_nobody_up() {
    let relay = start(loopback()).unwrap();
    let counters = relay.counters();
    for door in stream_doors(&relay) {
        let (mut slow, mut other) = (Phone::at(door, 7, 3), Phone::at(door, 8, 3));
        let peer_socket = echo();
        let peer_address = peer_socket.local_addr().unwrap().to_string();
        let (at_slow, at_other) = (slow.allocate(), other.allocate());
        for phone in [&mut slow, &mut other] {
            phone.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
        }
        let before = counters.value(Metric::DroppedSlowReader);
        while counters.value(Metric::DroppedSlowReader) < before + 100 {
            peer_socket.send_to(&[7; 1001], at_slow).unwrap();
            peer_socket.send_to(&[8; 10], at_other).unwrap();
            assert_eq!(other.receive(), channel_data(0x4001, &[8; 10]));
        }
        // It goes on where it can: whole messages, and each answer.
        let refresh = slow.caller.signed(REFRESH, &[]);
        slow.send(&refresh.raw);
        let answer = loop {
            let message = slow.receive();
            if message[0] < 0x40 {
                break Reply::read(&message);
            }
            assert_eq!(message, channel_data(0x4001, &[7; 1001]));
        };
        assert_eq!(answer.0.transaction_id, refresh.transaction_id);
    }
}

#[test]
fn an_allocation_tells_what_its_client_came_over() {
    let relay = start(loopback()).unwrap();
    let doors = doors(&relay);
    let phones = (7..).zip(&doors);
    let mut phones: Vec<Phone> = phones
        .map(|(user, door)| Phone::at(*door, user, 3))
        .collect();
    for phone in &mut phones {
        phone.allocate();
    }
    let (told, infos) = mpsc::channel();
    relay.allocations(move |infos| told.send(infos).unwrap());
    let infos = infos.recv().unwrap();
    let seen = infos.iter().map(|info| (info.transport, info.client));
    let expected = doors.iter().zip(&phones);
    let expected = expected.map(|(door, phone)| (door.transport, phone.line.local_addr()));
    assert!(seen.eq(expected), "{infos:?}");
}

#[test]
fn a_nonce_given_over_udp_is_another_clients_over_tcp() {
    let mut config = config();
    config.listen_tcp = config.listen.clone();
    let (mut world, mut caller) = (
        World::with(&config),
        Caller::session("192.0.2.1:4000", 7, 3),
    );
    world.challenge(&mut caller);
    caller.id.listener = 2;
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 438);
}

#[test]
fn forged_datagrams_use_up_nobodys_answers_over_tcp() {
    let mut config = config();
    config.listen_tcp = config.listen.clone();
    config.max_unauthenticated_answers = 1;
    let mut world = World::with(&config);
    let mut caller = Caller::session("192.0.2.1:4000", 7, 3);
    let mut answers = |world: &mut World, listener| {
        caller.id.listener = listener;
        let is_answered = |_: &i32| {
            let asked = message(BINDING, caller.transaction(), &[]);
            world.ask(caller.id, &asked.raw).is_some()
        };
        (0..20).filter(is_answered).count()
    };
    assert_eq!(answers(&mut world, 0), 10);
    // Those who have connected have a limit of their own.
    assert_eq!(answers(&mut world, 2), 10);
}
