#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests are the clients and peers of a real relay"
)]
//! A relay of three shards (feature T4). The kernel says which client comes to
//! which, so there are so many of them that every shard has some.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::channel as channel_of;
use std::time::{Duration, Instant};

use payambar_media::counters::Metric;
use payambar_media::{AllocationInfo, Kick, RelayHandle, StartError, start};
use rtc_stun::attributes::AttrType;

use crate::common::*;
use crate::phone::{Phone, doors, echo, loopback};

/// With as many clients one of three shards is without any once in 5,000 runs.
const MANY: i64 = 24;

/// So many people, who come by every door in turn.
fn phones(relay: &RelayHandle, count: i64) -> Vec<Phone> {
    let doors = doors(relay);
    let doors = doors.iter().cycle();
    let phones = (1..=count).zip(doors);
    phones
        .map(|(user, door)| Phone::at(*door, user, 1))
        .collect()
}

/// The same with an allocation each, whose relay ports hear each other.
fn callers(relay: &RelayHandle, count: i64) -> Vec<(Phone, SocketAddr)> {
    let calling = |mut phone: Phone| {
        let relayed = phone.allocate();
        let ours = peer(&relayed.to_string());
        assert_eq!(phone.request(CREATE_PERMISSION, &[ours]).code(), 0);
        (phone, relayed)
    };
    phones(relay, count).into_iter().map(calling).collect()
}

fn allocations(relay: &RelayHandle) -> Vec<AllocationInfo> {
    let (tell, told) = channel_of();
    relay.allocations(move |infos| tell.send(infos).unwrap());
    told.recv().unwrap()
}

/// Waits for a counter, or fails.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_person_has_one_quota_in_all_shards() {
    let mut config = loopback();
    config.max_allocations_per_user = 10;
    let relay = start(config).unwrap();
    let doors = doors(&relay);
    let phones = (0..16).map(|nth| Phone::at(doors[nth % doors.len()], 7, 1));
    let mut phones: Vec<_> = phones.collect();
    let codes = phones
        .iter_mut()
        .map(|phone| phone.request(ALLOCATE, &[udp()]).code());
    let codes: Vec<u16> = codes.collect();
    assert_eq!(codes[..10], [0; 10]);
    assert_eq!(codes[10..], [486; 6]);
}

#[test]
fn all_connections_together_are_so_many() {
    let mut config = loopback();
    config.max_streams = 5;
    let relay = start(config).unwrap();
    let address = relay.tcp_addresses()[0];
    let mut streams: Vec<_> = (0..9)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let request = message(BINDING, *b"transaction!", &[]);
    let served = streams.iter_mut().filter_map(|stream| {
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        // Who was refused may be told of it here or below.
        let _ = stream.write_all(&request.raw);
        stream.read(&mut [0; 100]).ok().filter(|length| *length > 0)
    });
    assert_eq!(served.count(), 5);
    assert_eq!(relay.counters().value(Metric::StreamsRefusedAll), 4);
    assert_eq!(relay.counters().value(Metric::StreamsTcp), 5);
}

#[test]
fn the_list_is_of_all_shards_and_in_order() {
    let relay = start(loopback()).unwrap();
    let _callers = callers(&relay, MANY);
    let ids: Vec<u64> = allocations(&relay).iter().map(|info| info.id).collect();
    let expected: Vec<u64> = (1..=u64::try_from(MANY).unwrap()).collect();
    assert_eq!(ids, expected);
    let counters = relay.counters();
    assert_eq!(counters.value(Metric::Allocations), 24);
    // Others on this host may sit on a few.
    let free = counters.value(Metric::PortsFree);
    assert!((9_900..=10_000 - 24).contains(&free), "{free}");
}

#[test]
fn a_kick_reaches_every_shard_and_is_answered_once() {
    let relay = start(loopback()).unwrap();
    let mut callers = callers(&relay, MANY);
    let (tell, told) = channel_of();
    relay.kick(Kick::All, move |ended| tell.send(ended).unwrap());
    assert_eq!(told.recv(), Ok(24));
    assert!(told.recv().is_err(), "a second answer");
    assert_eq!(allocations(&relay), []);
    for (phone, relayed) in &mut callers {
        assert_eq!(phone.request(REFRESH, &[]).code(), 437);
        assert!(UdpSocket::bind(*relayed).is_ok());
    }
}

#[test]
fn a_relay_that_runs_dry_does_so_in_every_shard() {
    let relay = start(loopback()).unwrap();
    let (mut callers, mut others) = (callers(&relay, MANY), phones(&relay, MANY));
    relay.drain();
    let counters = relay.counters();
    until("it does not drain", || {
        counters.value(Metric::Draining) == 1
    });
    for phone in &mut others {
        assert_eq!(phone.request(ALLOCATE, &[udp()]).code(), 508);
    }
    for (phone, _) in &mut callers {
        assert_eq!(phone.request(REFRESH, &[]).code(), 0);
    }
}

#[test]
fn clients_of_all_shards_talk_to_each_other_without_the_kernel() {
    let relay = start(loopback()).unwrap();
    let mut callers = callers(&relay, 12);
    for from in 0..callers.len() {
        for to in 0..callers.len() {
            let (at, payload) = (callers[to].1.to_string(), format!("{from} to {to}"));
            callers[from]
                .0
                .send(&send_indication(&at, payload.as_bytes()));
            let (sender, data) = data_indication(&callers[to].0.receive());
            assert_eq!((sender, data), (callers[from].1, payload.into_bytes()));
        }
    }
    let counters = relay.counters();
    assert_eq!(counters.value(Metric::PacketsHandedOver), 144);
    assert_eq!(counters.value(Metric::PacketsToPeer), 0);
    let between = counters.value(Metric::PacketsBetweenShards);
    assert!((1..144).contains(&between), "{between}");
}

#[test]
fn nobody_is_handed_over_what_they_do_not_hear() {
    let relay = start(loopback()).unwrap();
    let mut callers = callers(&relay, 12);
    let mut deaf = Phone::at(doors(&relay)[0], 99, 1);
    let at = deaf.allocate().to_string();
    for (phone, _) in &mut callers {
        phone.send(&send_indication(&at, b"unwanted"));
        // Its shard has seen it when this is answered.
        assert_eq!(phone.request(REFRESH, &[]).code(), 0);
    }
    let counters = relay.counters();
    until("not all are dropped", || {
        counters.value(Metric::DroppedNoPermission) == 12
    });
    let ours = peer(&callers[0].1.to_string());
    assert_eq!(deaf.request(CREATE_PERMISSION, &[ours]).code(), 0);
    for (phone, relayed) in &mut callers {
        phone.send(&send_indication(&at, b"welcome"));
        let heard = data_indication(&deaf.receive());
        assert_eq!(heard, (*relayed, b"welcome".to_vec()));
    }
}

#[test]
fn what_a_busy_shard_does_not_fetch_is_dropped_and_counted() {
    let relay = start(loopback()).unwrap();
    let mut phones: Vec<Phone> = (1..=MANY)
        .map(|user| Phone::new(relay.local_addresses()[0], user, 1))
        .collect();
    let ports: Vec<SocketAddr> = phones.iter_mut().map(Phone::allocate).collect();
    for phone in &mut phones {
        let ours = peer(&ports[0].to_string());
        assert_eq!(phone.request(CREATE_PERMISSION, &[ours]).code(), 0);
    }
    // Whichever shard answers last is kept from its work.
    let ((done, until_done), (began, begins)) = (channel_of::<()>(), channel_of());
    relay.allocations(move |_| {
        began.send(()).unwrap();
        let _ = until_done.recv();
    });
    begins.recv().unwrap();
    let counters = relay.counters();
    let payload = [7; 1800];
    let end = Instant::now() + Duration::from_secs(10);
    while counters.value(Metric::DroppedHandover) == 0 {
        assert!(Instant::now() < end, "a ring without an end");
        for (nth, phone) in phones.iter_mut().enumerate() {
            let to = ports[(nth + 1) % ports.len()].to_string();
            phone.send(&send_indication(&to, &payload));
        }
    }
    drop(done);
    // It goes on, and so does everybody else.
    assert_eq!(allocations(&relay).len(), 24);
    assert!(counters.value(Metric::PacketsBetweenShards) > 0);
}

#[test]
fn a_port_that_was_kept_back_is_given_in_whichever_shard() {
    let relay = start(loopback()).unwrap();
    let doors = doors(&relay);
    for (user, nth) in (1..=18).zip(0..) {
        let (first, second) = (doors[nth % doors.len()], doors[nth / 3 % doors.len()]);
        let (mut first, mut second) = (Phone::at(first, user, 1), Phone::at(second, user, 2));
        let reply = first.request(ALLOCATE, &[udp(), (EVEN_PORT, vec![0x80])]);
        let token = reply.0.get(AttrType(RESERVATION_TOKEN)).unwrap();
        let even = reply.relayed();
        let by_token = [udp(), (RESERVATION_TOKEN, token)];
        let reply = second.request(ALLOCATE, &by_token);
        assert_eq!(reply.code(), 0);
        let odd = reply.relayed();
        assert_eq!((odd.ip(), odd.port()), (even.ip(), even.port() + 1));
        let peer_socket = echo();
        let peer_address = peer_socket.local_addr().unwrap().to_string();
        second.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
        peer_socket.send_to(b"to the odd one", odd).unwrap();
        assert_eq!(second.receive(), channel_data(0x4001, b"to the odd one"));
        let mut third = Phone::at(doors[0], user, 3);
        assert_eq!(third.request(ALLOCATE, &by_token).code(), 508);
    }
    assert_eq!(relay.counters().value(Metric::Reservations), 0);
}

#[test]
fn a_relay_on_all_addresses_keeps_each_client_at_each_address() {
    let mut config = loopback();
    config.listen = vec!["0.0.0.0:0".parse().unwrap(), "[::]:0".parse().unwrap()];
    let relay = start(config).unwrap();
    let [v4, v6] = [0, 1].map(|nth| relay.local_addresses()[nth].port());
    let at = |user: i64| match user % 4 {
        0 => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6)),
        last => SocketAddr::from(([127, 0, 0, u8::try_from(last).unwrap()], v4)),
    };
    let phones = (0..4 * MANY).map(|user| Phone::new(at(user), user, 1));
    let mut phones: Vec<Phone> = phones.collect();
    let peer_socket = echo();
    let peer_address = peer_socket.local_addr().unwrap().to_string();
    let mut ports = Vec::new();
    for phone in &mut phones {
        ports.push(phone.allocate());
        let bound = phone.request(CHANNEL_BIND, &[channel(0x4001), peer(&peer_address)]);
        assert_eq!(bound.code(), 0);
    }
    for (phone, relayed) in phones.iter_mut().zip(ports) {
        phone.send(&channel_data(0x4001, b"up"));
        assert_eq!(peer_socket.recv_from(&mut [0; 9]).unwrap(), (2, relayed));
        peer_socket.send_to(b"down", relayed).unwrap();
        assert_eq!(phone.receive(), channel_data(0x4001, b"down"));
        assert_eq!(phone.request(REFRESH, &[lifetime(0)]).code(), 0);
    }
}

#[test]
fn nobody_else_gets_what_the_shards_listen_on() {
    let relay = start(loopback()).unwrap();
    for address in relay.local_addresses() {
        assert!(UdpSocket::bind(address).is_err());
    }
    for address in relay.tcp_addresses() {
        assert!(TcpListener::bind(address).is_err());
    }
    for change in [true, false] {
        let mut config = loopback();
        if change {
            config.listen = relay.local_addresses().to_vec();
        } else {
            config.listen_tcp = relay.tcp_addresses().to_vec();
        }
        let error = start(config).unwrap_err();
        assert!(matches!(error, StartError::Listen { .. }), "{error}");
    }
}
