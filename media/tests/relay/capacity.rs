//! Ports and quotas: how many allocations there can be, and on which ports.

use std::collections::BTreeSet;

use payambar_media::counters::Metric;
use payambar_media::turn::RelayPort;
use payambar_media::turn::server::RelayFailure;
use rtc_stun::attributes::AttrType;

use crate::common::*;

fn alice() -> Caller {
    Caller::session("192.0.2.1:4000", 7, 3)
}

#[test]
fn a_stranger_is_answered_with_at_most_3_5_times_the_bytes() {
    for realm in ["r", "a-rather-long-name.of-some-relay.example.org"] {
        let mut config = config();
        config.realm = realm.to_owned();
        let (mut world, mut caller) = (World::with(&config), alice());
        for (kind, attributes) in [
            (ALLOCATE, vec![]),
            (ALLOCATE, vec![udp()]),
            (REFRESH, vec![]),
            (BINDING, vec![]),
        ] {
            let request = message(kind, caller.transaction(), &attributes);
            let reply = world.ask(caller.id, &request.raw).unwrap();
            assert!(
                reply.0.raw.len() * 2 <= request.raw.len() * 7,
                "{kind:#x} {realm}"
            );
        }
    }
}

#[test]
fn even_port_gives_an_even_port() {
    for user in 0..20 {
        let mut world = World::new();
        let mut caller = Caller::session("192.0.2.1:4000", user, 3);
        world.failures = vec![RelayFailure::PortTaken; user as usize % 4];
        let reply = world.request(&mut caller, ALLOCATE, &[udp(), (EVEN_PORT, vec![0])]);
        assert!(reply.relayed().port().is_multiple_of(2));
        assert!(!reply.has(AttrType(RESERVATION_TOKEN)));
    }
    assert_eq!(code_of_allocate(&[udp(), (EVEN_PORT, vec![])]), 400);
}

#[test]
fn a_person_may_hold_so_many_allocations_and_gets_486_for_one_more() {
    let mut world = World::new();
    let mut callers: Vec<_> = (0..4)
        .map(|n| Caller::session(&format!("192.0.2.1:{}", 4000 + n), 7, n))
        .collect();
    for caller in &mut callers[..3] {
        world.allocate(caller);
    }
    assert_eq!(
        world.request(&mut callers[3], ALLOCATE, &[udp()]).code(),
        486
    );
    world.request(&mut callers[0], REFRESH, &[lifetime(0)]);
    world.allocate(&mut callers[3]);
    world.allocate(&mut Caller::session("192.0.2.1:5000", 8, 1));
}

#[test]
fn a_full_range_gets_508_and_every_port_was_given_first() {
    let mut config = config();
    config.max_allocations_per_user = 0;
    let mut world = World::with(&config);
    let mut ports = BTreeSet::new();
    for n in 0..99 {
        ports.insert(world.allocate(&mut Caller::session(
            &format!("192.0.2.1:{}", 1000 + n),
            7,
            1,
        )));
    }
    assert_eq!(ports.len(), 99);
    assert!(!ports.contains(&RelayPort::v4(50_000)), "an excluded port");
    let mut late = Caller::session("192.0.2.1:4000", 7, 1);
    assert_eq!(world.request(&mut late, ALLOCATE, &[udp()]).code(), 508);
}

#[test]
fn a_freed_port_is_given_again_after_two_minutes() {
    let mut config = config();
    config.ports = 50_001..=50_001;
    let (mut world, mut caller) = (World::with(&config), alice());
    world.allocate(&mut caller);
    world.request(&mut caller, REFRESH, &[lifetime(0)]);
    world.wait(119);
    assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), 508);
    world.wait(1);
    world.allocate(&mut caller);
}

#[test]
fn taken_ports_are_stepped_over_up_to_the_last() {
    let (mut world, mut caller) = (World::new(), alice());
    world.failures = vec![RelayFailure::PortTaken; 98];
    world.allocate(&mut caller);
    assert_eq!(world.count(Metric::RelayPortsTaken), 98);
    let mut other = Caller::session("192.0.2.1:4001", 8, 1);
    assert_eq!(world.request(&mut other, ALLOCATE, &[udp()]).code(), 508);
    assert_eq!(world.open.len(), 1);
}

#[test]
fn a_relay_that_cannot_open_gets_508_at_once() {
    let (mut world, mut caller) = (World::new(), alice());
    world.failures = vec![RelayFailure::Other];
    let reply = world.request(&mut caller, ALLOCATE, &[udp()]);
    assert_eq!(reply.code(), 508);
    assert!(caller.trusts(&reply));
    assert_eq!(world.count(Metric::Allocations), 0);
}

#[test]
fn a_port_that_could_not_be_opened_does_not_rest() {
    let mut config = config();
    config.ports = 50_001..=50_001;
    let (mut world, mut caller) = (World::with(&config), alice());
    world.failures = vec![RelayFailure::Other; 3];
    for code in [508, 508, 508, 0] {
        assert_eq!(world.request(&mut caller, ALLOCATE, &[udp()]).code(), code);
    }
}

#[test]
fn a_port_that_opens_for_nobody_is_closed() {
    let mut world = World::new();
    world.open.insert(RelayPort::v4(50_007));
    world
        .server
        .handle_relay_opened(RelayPort::v4(50_007), world.now);
    world.drain();
    assert!(world.open.is_empty());
}
