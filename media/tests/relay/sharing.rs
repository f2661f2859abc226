//! Shards of one relay: what one of them has given, the others know (the core
//! alone, so that a test says which shard a client comes to).

use payambar_media::RelayConfig;
use payambar_media::counters::Metric;
use payambar_media::turn::auth::Revoked;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::server::{Crossing, Forward};
use payambar_media::turn::{RelayPort, Shard};
use rtc_stun::attributes::AttrType;

use crate::common::*;

fn shards(change: impl FnOnce(&mut RelayConfig)) -> [World; 3] {
    let mut config = config();
    change(&mut config);
    World::sharing(&config)
}

fn person(address: &str, user: i64) -> Caller {
    Caller::session(address, user, 1)
}

/// The code of an Allocate.
fn code(shard: &mut World, caller: &mut Caller) -> u16 {
    shard.request(caller, ALLOCATE, &[udp()]).code()
}

/// The same for one client of each shard, one after another.
fn codes(shards: &mut [World; 3], callers: &mut [Caller; 3]) -> [u16; 3] {
    let mut callers = callers.iter_mut();
    shards
        .each_mut()
        .map(|shard| code(shard, callers.next().unwrap()))
}

#[test]
fn a_person_has_one_quota_in_all_shards() {
    let mut shards = shards(|config| config.max_allocations_per_user = 2);
    let mut callers = [1, 2, 3].map(|port| person(&format!("192.0.2.1:{port}"), 7));
    assert_eq!(codes(&mut shards, &mut callers), [0, 0, 486]);
    shards[0].request(&mut callers[0], REFRESH, &[lifetime(0)]);
    assert_eq!(code(&mut shards[2], &mut callers[2]), 0);
    assert_eq!(code(&mut shards[1], &mut person("192.0.2.9:1", 8)), 0);
}

#[test]
fn an_address_has_one_quota_in_all_shards() {
    let mut shards = shards(|config| config.max_allocations_per_ip_session = 2);
    let mut callers = [1, 2, 3].map(|port| person(&format!("192.0.2.1:{port}"), i64::from(port)));
    assert_eq!(codes(&mut shards, &mut callers), [0, 0, 486]);
    shards[1].request(&mut callers[1], REFRESH, &[lifetime(0)]);
    assert_eq!(code(&mut shards[2], &mut callers[2]), 0);
}

#[test]
fn all_shards_together_hold_so_many() {
    let mut shards = shards(|config| config.max_allocations = 2);
    let mut callers = [1, 2, 3].map(|user| person(&format!("192.0.2.{user}:1"), user));
    assert_eq!(codes(&mut shards, &mut callers), [0, 0, 508]);
    // An allocation that ends by itself gives its place back too.
    for shard in &mut shards {
        shard.wait(600);
    }
    shards[0].server.handle_timeout(shards[0].now);
    assert_eq!(code(&mut shards[2], &mut callers[2]), 0);
}

#[test]
fn no_port_is_given_twice_and_the_last_goes_to_whoever_asks() {
    let mut shards = shards(|config| config.ports = 50_001..=50_003);
    let mut callers = [1, 2, 3].map(|user| person(&format!("192.0.2.{user}:1"), user));
    let mut ports: Vec<RelayPort> = callers
        .iter_mut()
        .map(|caller| shards[1].allocate(caller))
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [50_001, 50_002, 50_003].map(RelayPort::v4));
    assert_eq!(code(&mut shards[0], &mut person("192.0.2.9:1", 9)), 508);
}

#[test]
fn numbers_of_allocations_are_never_used_twice() {
    let mut shards = shards(|_| ());
    let mut callers = [1, 2, 3].map(|user| person(&format!("192.0.2.{user}:1"), user));
    codes(&mut shards, &mut callers);
    let ids = shards
        .each_ref()
        .map(|shard| shard.server.allocations(shard.now)[0].id);
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn strangers_of_one_network_get_so_many_answers_from_all_shards() {
    let mut shards = shards(|config| config.max_unauthenticated_answers = 2);
    let answered = (1..=30).filter(|last| {
        let mut stranger = person(&format!("192.0.2.{last}:9"), 1);
        let request = message(ALLOCATE, stranger.transaction(), &[udp()]);
        let shard = &mut shards[usize::try_from(last % 3).unwrap()];
        shard.ask(stranger.id, &request.raw).is_some()
    });
    assert_eq!(answered.count(), 20);
}

#[test]
fn all_shards_together_relay_so_many_bytes() {
    let mut shards = shards(|config| config.max_bytes_per_second = 10_000);
    let mut callers = [1, 2, 3].map(|user| person(&format!("192.0.2.{user}:1"), user));
    for (shard, caller) in shards.iter_mut().zip(&mut callers) {
        shard.allocate(caller);
        shard.bind(caller, 0x4000, "1.1.1.1:9");
    }
    let up = channel_data(0x4000, &[1; 1000]);
    let sent = (0..30).filter(|nth| shards[nth % 3].send(&callers[nth % 3], &up).is_some());
    assert_eq!(sent.count(), 10);
}

/// An even port of the first shard, and the token of the next.
fn reserve(shards: &mut [World; 3]) -> (RelayPort, Attribute) {
    let wanted = [udp(), (EVEN_PORT, vec![0x80])];
    let reply = shards[0].request(&mut person("192.0.2.1:1", 7), ALLOCATE, &wanted);
    let token = reply.0.get(AttrType(RESERVATION_TOKEN)).unwrap();
    let next = RelayPort::v4(reply.relayed().port() + 1);
    (next, (RESERVATION_TOKEN, token))
}

#[test]
fn a_token_is_good_in_every_shard_and_once() {
    let mut shards = shards(|config| config.max_allocations_per_user = 2);
    let (next, token) = reserve(&mut shards);
    // Its socket is open: whoever asked for it left it to all shards.
    assert!(shards[0].open.remove(&next));
    shards[1].open.insert(next);
    let by_token = [udp(), token];
    let other = shards[1].request(&mut person("192.0.2.2:1", 8), ALLOCATE, &by_token);
    assert_eq!(other.code(), 508);
    let reply = shards[1].request(&mut person("192.0.2.1:2", 7), ALLOCATE, &by_token);
    assert_eq!((reply.code(), reply.relayed().port()), (0, next.port));
    for shard in &mut shards {
        shard.wait(30);
        shard.server.handle_timeout(shard.now);
        shard.drain();
    }
    assert!(shards[1].open.contains(&next), "it is an allocation's now");
    let again = shards[2].request(&mut person("192.0.2.1:3", 7), ALLOCATE, &by_token);
    assert_eq!(again.code(), 508);
}

#[test]
fn a_token_nobody_shows_ends_where_it_was_given() {
    let mut shards = shards(|_| ());
    let (next, _) = reserve(&mut shards);
    shards[0].wait(30);
    assert_eq!(shards[0].server.poll_timeout(), Some(shards[0].now));
    shards[0].server.handle_timeout(shards[0].now);
    shards[0].drain();
    assert!(!shards[0].open.contains(&next));
    assert_eq!(shards[0].count(Metric::Reservations), 0);
}

#[test]
fn a_revocation_ends_a_persons_tokens_in_whichever_shard_it_comes_first() {
    let mut shards = shards(|_| ());
    let (next, token) = reserve(&mut shards);
    shards[2].open.insert(next);
    shards[2].revoke(Revoked::User(7));
    shards[2].drain();
    assert!(!shards[2].open.contains(&next));
    let by_token = [udp(), token];
    let reply = shards[1].request(&mut person("192.0.2.1:2", 7), ALLOCATE, &by_token);
    assert_eq!(reply.code(), 508);
}

/// Two clients of the first and the last shard, and their ports.
fn apart(shards: &mut [World; 3]) -> [(Caller, RelayPort); 2] {
    let [first, _, last] = shards;
    [(first, "192.0.2.1:1", 7), (last, "192.0.2.2:1", 8)].map(|(shard, address, user)| {
        let mut caller = person(address, user);
        let port = shard.allocate(&mut caller);
        (caller, port)
    })
}

fn at(port: RelayPort) -> String {
    format!("{ADVERTISED}:{}", port.port)
}

#[test]
fn what_is_for_another_shards_allocation_is_handed_over() {
    let mut shards = shards(|_| ());
    let [(mut alice, from), (mut bob, to)] = apart(&mut shards);
    shards[0].bind(&mut alice, 0x4001, &at(to));
    shards[2].bind(&mut bob, 0x4002, &at(from));
    let (forward, bytes) = shards[0]
        .send(&alice, &channel_data(0x4001, b"hello"))
        .unwrap();
    let crossing = Crossing { from, to };
    assert_eq!(forward, Forward::ToShard(Shard(2), crossing));
    assert_eq!(bytes, b"hello");
    let mut packet = Packet::holding(&bytes).unwrap();
    let now = shards[2].now;
    let forward = shards[2].server.handle_crossing(crossing, &mut packet, now);
    assert_eq!(forward, Some(Forward::ToClient(bob.id)));
    assert_eq!(packet.datagram(), channel_data(0x4002, b"hello"));
    assert_eq!(shards[2].count(Metric::PacketsHandedOver), 1);
    assert_eq!(shards[2].count(Metric::BytesHandedOver), 5);
    assert_eq!(shards[0].count(Metric::PacketsHandedOver), 0);
}

#[test]
fn who_does_not_hear_somebody_is_not_handed_anything_over() {
    let mut shards = shards(|_| ());
    let [(mut alice, from), (bob, to)] = apart(&mut shards);
    let hello = send_indication(&at(to), b"hello");
    assert_eq!(shards[0].send(&alice, &hello), None);
    assert_eq!(shards[0].count(Metric::DroppedNoPermission), 1);
    shards[0].permit(&mut alice, &at(to));
    assert!(shards[0].send(&alice, &hello).is_some());
    let (crossing, now) = (Crossing { from, to }, shards[2].now);
    let mut packet = Packet::holding(b"hello").unwrap();
    let forward = shards[2].server.handle_crossing(crossing, &mut packet, now);
    assert_eq!((forward, bob.id.listener), (None, 0));
    assert_eq!(shards[2].count(Metric::DroppedNoPermission), 1);
}

#[test]
fn an_allocation_that_has_ended_is_nowhere() {
    let mut shards = shards(|_| ());
    let [(mut alice, _), (mut bob, to)] = apart(&mut shards);
    shards[0].permit(&mut alice, &at(to));
    shards[2].request(&mut bob, REFRESH, &[lifetime(0)]);
    let hello = send_indication(&at(to), b"hello");
    assert_eq!(shards[0].send(&alice, &hello), None);
    assert_eq!(shards[0].count(Metric::DroppedPeerDenied), 1);
}

#[test]
fn what_claims_to_come_from_another_shards_port_is_not_believed() {
    let mut shards = shards(|config| config.allow_peers = vec!["203.0.113.0/24".parse().unwrap()]);
    let [(mut alice, port), (_, other)] = apart(&mut shards);
    shards[0].permit(&mut alice, &at(other));
    assert_eq!(shards[0].receive(port, &at(other), b"forged"), None);
    assert_eq!(shards[0].count(Metric::DroppedPeerDenied), 1);
}
