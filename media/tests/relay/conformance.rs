//! Binding, Allocate and Refresh, one test per rule of RFC 8489 and RFC 8656.

use payambar_media::counters::Metric;
use payambar_media::turn::RelayPort;
use rtc_stun::attributes::{ATTR_FINGERPRINT, ATTR_SOFTWARE, ATTR_UNKNOWN_ATTRIBUTES};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::message::Setter;

use crate::common::*;

fn alice() -> Caller {
    Caller::session("192.0.2.1:4000", 7, 3)
}

#[test]
fn a_binding_request_is_told_its_address() {
    let mut world = World::new();
    for address in ["192.0.2.1:4000", "[2001:db8::7]:4000"] {
        let mut caller = Caller::session(address, 7, 3);
        let reply = world.ask_plainly(&mut caller, BINDING, &[]);
        assert_eq!((reply.code(), reply.mapped()), (0, caller.id.address));
        assert!(!reply.has(ATTR_SOFTWARE));
    }
}

#[test]
fn a_binding_request_with_an_unknown_attribute_gets_420() {
    let (mut world, mut caller) = (World::new(), alice());
    let reply = world.ask_plainly(&mut caller, BINDING, &[(0x7777, vec![1])]);
    assert_eq!(reply.code(), 420);
    assert_eq!(reply.0.get(ATTR_UNKNOWN_ATTRIBUTES).unwrap(), [0x77, 0x77]);
}

#[test]
fn an_allocation_is_told_once_its_port_is_open() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    world.hold = Some(vec![]);
    let request = caller.signed(ALLOCATE, &[udp()]);
    assert!(world.ask(caller.id, &request.raw).is_none());
    assert!(
        world.ask(caller.id, &request.raw).is_none(),
        "a retransmission is absorbed"
    );
    assert_eq!(world.count(Metric::DroppedRetransmission), 1);
    let held = world.hold.take().unwrap();
    assert_eq!(held.len(), 1);
    world.server.handle_relay_opened(held[0], world.now);
    let told = world.drain();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1.relayed().port(), held[0].port);
}

#[test]
fn an_allocation_says_address_lifetime_and_mapped_address_and_is_signed() {
    let (mut world, mut caller) = (World::new(), alice());
    let reply = world.request(&mut caller, ALLOCATE, &[udp()]);
    assert_eq!(reply.code(), 0);
    assert!(world.open.contains(&RelayPort::v4(reply.relayed().port())));
    assert_eq!(reply.mapped(), caller.id.address);
    assert_eq!(reply.lifetime(), 600);
    assert!(caller.trusts(&reply));
}

#[test]
fn a_client_over_ipv6_gets_an_ipv4_relay_address() {
    let mut world = World::new();
    let mut caller = Caller::session("[2001:db8::7]:4000", 7, 3);
    caller.id.listener = 1;
    world.allocate(&mut caller);
}

#[test]
fn a_retransmitted_allocate_gets_the_same_success() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    let request = caller.signed(ALLOCATE, &[udp(), lifetime(1800)]);
    let first = world.ask(caller.id, &request.raw).unwrap();
    world.wait(3);
    let second = world.ask(caller.id, &request.raw).unwrap();
    assert_eq!(first.0.raw, second.0.raw);
    assert_eq!(world.open.len(), 1);
}

#[test]
fn a_second_allocate_gets_437() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    let reply = world.request(&mut caller, ALLOCATE, &[udp()]);
    assert_eq!(reply.code(), 437);
    assert!(caller.trusts(&reply));
    assert_eq!(world.open.len(), 1);
}

#[test]
fn an_allocate_without_transport_gets_400_and_with_tcp_442() {
    assert_eq!(code_of_allocate(&[]), 400);
    assert_eq!(code_of_allocate(&[(TRANSPORT, vec![6, 0, 0, 0])]), 442);
    assert_eq!(code_of_allocate(&[(TRANSPORT, vec![17])]), 400);
}

#[test]
fn an_allocate_for_ipv6_gets_440_and_for_ipv4_succeeds() {
    assert_eq!(code_of_allocate(&[udp(), (FAMILY, vec![2, 0, 0, 0])]), 440);
    assert_eq!(code_of_allocate(&[udp(), (FAMILY, vec![9, 0, 0, 0])]), 440);
    assert_eq!(code_of_allocate(&[udp(), (FAMILY, vec![1, 0, 0, 0])]), 0);
    assert_eq!(code_of_allocate(&[udp(), (FAMILY, vec![1])]), 400);
}

#[test]
fn a_reservation_token_gets_508_and_with_what_it_settles_400() {
    let token = (RESERVATION_TOKEN, vec![1; 8]);
    assert_eq!(code_of_allocate(&[udp(), token.clone()]), 508);
    assert_eq!(
        code_of_allocate(&[udp(), token.clone(), (EVEN_PORT, vec![0])]),
        400
    );
    assert_eq!(
        code_of_allocate(&[udp(), token, (FAMILY, vec![1, 0, 0, 0])]),
        400
    );
}

#[test]
fn an_unknown_comprehension_required_attribute_gets_420_which_names_it() {
    let (mut world, mut caller) = (World::new(), alice());
    let unknown = [udp(), (0x7777, vec![1]), (0x0026, vec![]), (0x7777, vec![])];
    let reply = world.request(&mut caller, ALLOCATE, &unknown);
    assert_eq!(reply.code(), 420);
    assert_eq!(
        reply.0.get(ATTR_UNKNOWN_ATTRIBUTES).unwrap(),
        [0x00, 0x26, 0x77, 0x77]
    );
    assert!(caller.trusts(&reply));
    assert!(world.open.is_empty());
}

#[test]
fn an_unknown_optional_attribute_is_ignored() {
    assert_eq!(
        code_of_allocate(&[udp(), (0x8022, vec![2, 0, 0, 0]), (0xFFFF, vec![1])]),
        0
    );
}

#[test]
fn attributes_after_integrity_are_ignored() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    let mut request = caller.signed(ALLOCATE, &[udp()]);
    request.add(rtc_stun::attributes::AttrType(0x7777), &[1]);
    request.add(rtc_stun::attributes::AttrType(LIFETIME), &[0, 0, 14, 16]);
    FINGERPRINT.add_to(&mut request).unwrap();
    let reply = world.ask(caller.id, &request.raw).unwrap();
    assert_eq!((reply.code(), reply.lifetime()), (0, 600));
}

#[test]
fn lifetimes_are_held_between_600_and_3600_s() {
    for (asked, granted) in [(7200, 3600), (3600, 3600), (601, 601), (1, 600), (0, 600)] {
        let (mut world, mut caller) = (World::new(), alice());
        let reply = world.request(&mut caller, ALLOCATE, &[udp(), lifetime(asked)]);
        assert_eq!(reply.lifetime(), granted);
        if asked > 0 {
            let reply = world.request(&mut caller, REFRESH, &[lifetime(asked)]);
            assert_eq!(reply.lifetime(), granted);
        }
    }
    assert_eq!(code_of_allocate(&[udp(), (LIFETIME, vec![1])]), 400);
}

#[test]
fn an_allocation_ends_when_its_lifetime_does() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    assert_eq!(
        world.server.poll_timeout(),
        Some(world.now + std::time::Duration::from_secs(600))
    );
    world.wait(599);
    world.server.handle_timeout(world.now);
    world.drain();
    assert_eq!(world.open.len(), 1);
    world.wait(1);
    world.server.handle_timeout(world.now);
    world.drain();
    assert!(world.open.is_empty());
    assert_eq!(world.count(Metric::EndedExpired), 1);
    assert_eq!(world.server.poll_timeout(), None);
}

#[test]
fn a_refresh_counts_from_when_it_came() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    world.wait(500);
    assert_eq!(world.request(&mut caller, REFRESH, &[]).lifetime(), 600);
    world.wait(599);
    world.server.handle_timeout(world.now);
    assert_eq!(world.count(Metric::Allocations), 1);
    world.wait(1);
    world.server.handle_timeout(world.now);
    assert_eq!(world.count(Metric::Allocations), 0);
}

#[test]
fn a_refresh_may_shorten_a_life() {
    let (mut world, mut caller) = (World::new(), alice());
    world.request(&mut caller, ALLOCATE, &[udp(), lifetime(3600)]);
    assert_eq!(
        world
            .request(&mut caller, REFRESH, &[lifetime(700)])
            .lifetime(),
        700
    );
    world.wait(700);
    world.server.handle_timeout(world.now);
    assert_eq!(world.count(Metric::Allocations), 0);
}

#[test]
fn a_refresh_with_zero_ends_the_allocation_and_the_next_one_gets_437() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    let reply = world.request(&mut caller, REFRESH, &[lifetime(0)]);
    assert_eq!((reply.code(), reply.lifetime()), (0, 0));
    assert!(caller.trusts(&reply));
    assert!(world.open.is_empty());
    assert_eq!(
        world.request(&mut caller, REFRESH, &[lifetime(0)]).code(),
        437
    );
    world.allocate(&mut caller);
}

#[test]
fn a_refresh_for_ipv6_gets_443() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    let reply = world.request(&mut caller, REFRESH, &[(FAMILY, vec![2, 0, 0, 0])]);
    assert_eq!(reply.code(), 443);
}

#[test]
fn requests_without_an_allocation_get_437() {
    let (mut world, mut caller) = (World::new(), alice());
    for (kind, attributes) in [
        (REFRESH, vec![]),
        (CREATE_PERMISSION, vec![peer("1.1.1.1:9")]),
        (CREATE_PERMISSION, vec![]),
        (CHANNEL_BIND, vec![channel(0x4000), peer("1.1.1.1:9")]),
    ] {
        let reply = world.request(&mut caller, kind, &attributes);
        assert_eq!(reply.code(), 437);
        assert!(caller.trusts(&reply));
    }
}

#[test]
fn connect_of_rfc_6062_and_unknown_methods_get_400() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    for kind in [CONNECT, 0x000B, 0x3EEF] {
        assert_eq!(
            world
                .request(&mut caller, kind, &[peer("1.1.1.1:9")])
                .code(),
            400
        );
    }
}

#[test]
fn an_answer_has_a_fingerprint_if_the_request_had_one() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    for (fingerprint, kind) in [
        (true, ALLOCATE),
        (false, REFRESH),
        (true, CREATE_PERMISSION),
    ] {
        caller.fingerprint = fingerprint;
        let reply = world.request(&mut caller, kind, &[udp()]);
        assert_eq!(reply.has(ATTR_FINGERPRINT), fingerprint);
    }
}

#[test]
fn a_wrong_fingerprint_is_dropped_and_counted() {
    let (mut world, mut caller) = (World::new(), alice());
    world.challenge(&mut caller);
    caller.fingerprint = true;
    let mut request = caller.signed(ALLOCATE, &[udp()]).raw;
    *request.last_mut().unwrap() ^= 1;
    assert!(world.ask(caller.id, &request).is_none());
    assert_eq!(world.count(Metric::DroppedFingerprint), 1);
}

#[test]
fn the_same_address_on_another_listener_is_another_client() {
    let (mut world, mut caller) = (World::new(), alice());
    world.allocate(&mut caller);
    let mut elsewhere = caller.clone();
    elsewhere.id.listener = 1;
    elsewhere.nonce.clear();
    assert_eq!(world.request(&mut elsewhere, REFRESH, &[]).code(), 437);
}
