//! A real relay with an address of each family, and its operator.

use std::sync::mpsc;
use std::time::Duration;

use payambar_media::counters::Metric;
use payambar_media::{Kick, Owner, RelayAddress, RelayConfig, Subject, start};

use crate::common::*;
use crate::phone::{Phone, echo_at, loopback};

fn both() -> RelayConfig {
    let mut config = loopback();
    config.relays.push(RelayAddress {
        bind: "::1".parse().unwrap(),
        advertise: "::1".parse().unwrap(),
    });
    config.allow_peers.push("::1/128".parse().unwrap());
    config
}

#[test]
fn peers_of_both_families_are_reached_from_one_allocation() {
    let relay = start(both()).unwrap();
    for server in relay.local_addresses() {
        let mut phone = Phone::new(*server, 7, 3);
        let reply = phone.request(ALLOCATE, &[udp(), additional(2)]);
        let relayed = reply.all_relayed();
        assert_eq!(relayed.len(), 2);
        for (address, relayed) in ["127.0.0.1:0", "[::1]:0"].into_iter().zip(relayed) {
            let (peer_socket, mut bytes) = (echo_at(address), [0; 100]);
            let to = peer_socket.local_addr().unwrap();
            let permitted = phone.request(CREATE_PERMISSION, &[peer(&to.to_string())]);
            assert_eq!(permitted.code(), 0);
            let hello = send_indication(&to.to_string(), b"hello");
            phone.send(&hello);
            assert_eq!(peer_socket.recv_from(&mut bytes).unwrap(), (5, relayed));
            peer_socket.send_to(b"and back", relayed).unwrap();
            let said = data_indication(&phone.receive());
            assert_eq!(said, (to, b"and back".to_vec()));
        }
    }
}

#[test]
fn what_must_not_be_fragmented_is_sent_whole_and_the_rest_as_before() {
    let relay = start(both()).unwrap();
    let mut phone = Phone::new(relay.local_addresses()[0], 7, 3);
    phone.request(ALLOCATE, &[udp(), additional(2), (DONT_FRAGMENT, vec![])]);
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (peer_socket, mut bytes) = (echo_at(address), [0; 3000]);
        let to = peer_socket.local_addr().unwrap().to_string();
        phone.request(CREATE_PERMISSION, &[peer(&to)]);
        for data in [&[1; 1500][..], &[2; 1900]] {
            let whole = [peer(&to), (DONT_FRAGMENT, vec![]), (DATA, data.to_vec())];
            let whole = message(SEND_INDICATION, *b"indication!!", &whole);
            phone.send(&whole.raw);
            assert_eq!(peer_socket.recv(&mut bytes).unwrap(), data.len());
            phone.send(&send_indication(&to, data));
            assert_eq!(peer_socket.recv(&mut bytes).unwrap(), data.len());
        }
    }
    assert_eq!(relay.counters().value(Metric::DroppedSendFailed), 0);
}

#[test]
fn a_pair_of_ports_is_open_and_the_second_is_had_by_its_token() {
    let relay = start(both()).unwrap();
    let server = relay.local_addresses()[0];
    let (mut first, mut second) = (Phone::new(server, 7, 3), Phone::new(server, 7, 3));
    let reply = first.request(ALLOCATE, &[udp(), (EVEN_PORT, vec![0x80])]);
    let token = reply
        .0
        .get(rtc_stun::attributes::AttrType(RESERVATION_TOKEN))
        .unwrap();
    let port = reply.relayed().port();
    let reply = second.request(ALLOCATE, &[udp(), (RESERVATION_TOKEN, token)]);
    assert_eq!(reply.relayed().port(), port + 1);
    let (peer_socket, mut bytes) = (echo_at("127.0.0.1:0"), [0; 100]);
    let to = peer_socket.local_addr().unwrap().to_string();
    second.request(CREATE_PERMISSION, &[peer(&to)]);
    second.send(&send_indication(&to, b"rtcp"));
    assert_eq!(
        peer_socket.recv_from(&mut bytes).unwrap(),
        (4, reply.relayed())
    );
}

#[test]
fn the_operator_lists_kicks_and_drains() {
    let relay = start(both()).unwrap();
    let server = relay.local_addresses()[0];
    let (mut a, mut b) = (Phone::new(server, 7, 3), Phone::new(server, 8, 3));
    let relayed = [a.allocate(), b.allocate()];
    let patience = Duration::from_secs(5);

    let (answer, answers) = mpsc::channel();
    relay.allocations(move |list| answer.send(list).unwrap());
    let list = answers.recv_timeout(patience).unwrap();
    let subjects = list.iter().map(|info| info.subject.clone());
    let session = |user| Subject::Session { user, session: 3 };
    assert!(subjects.eq([session(7), session(8)]));
    assert!(
        list.iter()
            .zip(relayed)
            .all(|(info, at)| info.relayed == [at])
    );

    let (answer, answers) = mpsc::channel();
    relay.kick(Kick::Owner(Owner::User(7)), move |count| {
        answer.send(count).unwrap();
    });
    assert_eq!(answers.recv_timeout(patience).unwrap(), 1);
    assert_eq!(a.request(REFRESH, &[]).code(), 437);

    relay.drain();
    assert_eq!(a.request(ALLOCATE, &[udp()]).code(), 508);
    assert_eq!(b.request(REFRESH, &[]).code(), 0);
    assert_eq!(relay.counters().value(Metric::Allocations), 1);
}
