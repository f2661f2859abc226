//! What one person, one address and all together may use up.

use payambar_media::RelayConfig;
use payambar_media::counters::Metric;
use payambar_media::turn::RelayPort;

use crate::common::*;

/// The codes that Allocates of these callers get, one after another.
fn codes(world: &mut World, callers: &mut [Caller]) -> Vec<u16> {
    let allocate = |caller| world.request(caller, ALLOCATE, &[udp()]).code();
    callers.iter_mut().map(allocate).collect()
}

fn with(change: impl FnOnce(&mut RelayConfig)) -> World {
    let mut config = config();
    config.max_allocations_per_user = 0;
    change(&mut config);
    World::with(&config)
}

fn person(address: &str, user: i64) -> Caller {
    Caller::session(address, user, 1)
}

fn shared(address: &str) -> Caller {
    Caller::new(address, "static", "pass")
}

#[test]
fn an_address_holds_so_many_with_static_and_so_many_with_minted_credentials() {
    let mut world = with(|config| {
        config.max_allocations_per_ip_static = 1;
        config.max_allocations_per_ip_session = 2;
    });
    let mut callers = [
        shared("192.0.2.1:1"),
        shared("192.0.2.1:2"),
        person("192.0.2.1:3", 1),
        person("192.0.2.1:4", 2),
        person("192.0.2.1:5", 3),
        shared("192.0.2.2:1"),
        person("192.0.2.2:2", 4),
    ];
    assert_eq!(codes(&mut world, &mut callers), [0, 486, 0, 0, 486, 0, 0]);
    world.request(&mut callers[2], REFRESH, &[lifetime(0)]);
    assert_eq!(codes(&mut world, &mut callers[4..5]), [0]);
}

#[test]
fn an_ipv6_64_is_one_address() {
    let mut world = with(|config| config.max_allocations_per_ip_session = 1);
    let mut callers = [
        person("[2001:db8:1:1::1]:1", 1),
        person("[2001:db8:1:1:ffff::2]:1", 2),
        person("[2001:db8:1:2::1]:1", 3),
    ];
    assert_eq!(codes(&mut world, &mut callers), [0, 486, 0]);
}

#[test]
fn a_static_pair_has_no_quota_of_a_person() {
    let mut world = with(|config| config.max_allocations_per_user = 1);
    let mut callers = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"].map(shared);
    assert_eq!(codes(&mut world, &mut callers), [0, 0, 0]);
}

#[test]
fn all_together_hold_so_many_and_then_get_508() {
    let mut world = with(|config| config.max_allocations = 2);
    let mut callers = [1, 2, 3].map(|user| person(&format!("192.0.2.{user}:1"), user));
    assert_eq!(codes(&mut world, &mut callers), [0, 0, 508]);
    world.request(&mut callers[0], REFRESH, &[lifetime(0)]);
    assert_eq!(codes(&mut world, &mut callers[2..]), [0]);
}

#[test]
fn sixteen_who_ask_at_once_get_exactly_the_quota() {
    let mut world = with(|config| config.max_allocations_per_user = 10);
    let mut callers: Vec<_> = (1..=16)
        .map(|port| person(&format!("192.0.2.1:{port}"), 7))
        .collect();
    world.hold = Some(vec![]);
    // Nobody's port is open before all have asked.
    let refused = callers
        .iter_mut()
        .filter_map(|caller| {
            world.challenge(caller);
            let request = caller.signed(ALLOCATE, &[udp()]);
            world.ask(caller.id, &request.raw)
        })
        .map(|reply| reply.code())
        .collect::<Vec<_>>();
    assert_eq!(refused, [486; 6]);
    for port in world.hold.take().unwrap() {
        world.server.handle_relay_opened(port, world.now);
    }
    assert_eq!(world.drain().len(), 10);
}

#[test]
fn strangers_of_one_network_get_so_many_answers() {
    let mut world = with(|config| config.max_unauthenticated_answers = 2);
    let mut answered = |address: &str, kind| {
        let mut caller = person(address, 1);
        let request = message(kind, caller.transaction(), &[]);
        world.ask(caller.id, &request.raw).is_some()
    };
    let burst = (1..=30)
        .filter(|last| answered(&format!("192.0.2.{last}:9"), ALLOCATE))
        .count();
    assert_eq!(burst, 20);
    assert!(!answered("192.0.2.99:9", BINDING));
    assert!(answered("192.0.3.1:9", BINDING));
    assert_eq!(world.count(Metric::DroppedUnauthenticated), 11);
}

#[test]
fn who_holds_an_allocation_is_answered_among_a_flood() {
    let mut world = with(|config| config.max_unauthenticated_answers = 1);
    let mut caller = person("192.0.2.1:4000", 1);
    world.allocate(&mut caller);
    for port in 1..100 {
        let mut stranger = person(&format!("192.0.2.7:{port}"), 2);
        let request = message(ALLOCATE, stranger.transaction(), &[udp()]);
        world.ask(stranger.id, &request.raw);
    }
    assert!(world.count(Metric::DroppedUnauthenticated) > 80);
    caller.nonce = b"stale".to_vec();
    assert_eq!(world.request(&mut caller, REFRESH, &[]).code(), 438);
}

fn echoing(change: impl FnOnce(&mut RelayConfig)) -> (World, Caller, RelayPort) {
    let mut world = with(change);
    let mut caller = person("192.0.2.1:4000", 1);
    let port = world.allocate(&mut caller);
    world.bind(&mut caller, 0x4000, "1.1.1.1:9");
    (world, caller, port)
}

#[test]
fn an_allocation_relays_so_many_bytes_each_way() {
    let (mut world, caller, port) = echoing(|config| config.max_bytes_per_second_each = 10_000);
    let up = channel_data(0x4000, &[1; 1000]);
    let sent = (0..30).filter(|_| world.send(&caller, &up).is_some());
    assert_eq!(sent.count(), 10);
    let down = (0..30).filter(|_| world.receive(port, "1.1.1.1:9", &[1; 1000]).is_some());
    assert_eq!(down.count(), 10);
    assert_eq!(world.count(Metric::DroppedBandwidth), 40);
    world.wait(1);
    let sent = (0..30).filter(|_| world.send(&caller, &up).is_some());
    assert_eq!(sent.count(), 10);
}

#[test]
fn all_together_relay_so_many_bytes() {
    let (mut world, caller, _) = echoing(|config| config.max_bytes_per_second = 10_000);
    let mut other = person("192.0.2.2:4000", 2);
    world.allocate(&mut other);
    world.bind(&mut other, 0x4000, "1.1.1.1:9");
    let up = channel_data(0x4000, &[1; 1000]);
    let sent = (0..20).filter(|nth| {
        let caller = if nth % 2 == 0 { &caller } else { &other };
        world.send(caller, &up).is_some()
    });
    assert_eq!(sent.count(), 10);
}
