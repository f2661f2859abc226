//! IPv4 and IPv6: which relayed transport addresses an allocation has, and
//! what each of them reaches (RFC 8656 §7.2, 8.2, 10.2).

use payambar_media::counters::Metric;
use payambar_media::turn::server::{Forward, RelayFailure};
use payambar_media::turn::{Family, PeerAddr, RelayPort};
use rtc_stun::attributes::AttrType;

use crate::common::*;

const V4_PEER: &str = "1.1.1.1:9";
const V6_PEER: &str = "[2606:4700::1111]:9";

fn alice() -> Caller {
    Caller::session("192.0.2.1:4000", 7, 3)
}

/// The families of the relayed addresses, and what ADDRESS-ERROR-CODE says.
fn given(reply: &Reply) -> (Vec<Family>, Option<Vec<u8>>) {
    let relayed = reply.all_relayed();
    let families = relayed.iter().map(|address| Family::of(address.ip()));
    let error = AttrType(ADDRESS_ERROR);
    (
        families.collect(),
        reply.has(error).then(|| reply.0.get(error).unwrap()),
    )
}

fn dual() -> (World, Caller, [RelayPort; 2]) {
    let (mut world, mut caller) = (World::with(&dual_config()), alice());
    let reply = world.request(&mut caller, ALLOCATE, &[udp(), additional(2)]);
    let [v4, v6] = reply.all_relayed()[..] else {
        panic!("two addresses: {:?}", reply.all_relayed());
    };
    let ports = [RelayPort::v4(v4.port()), RelayPort::v6(v6.port())];
    (world, caller, ports)
}

#[test]
fn a_host_with_both_gives_what_is_asked_for() {
    for (asked, families) in [
        (vec![], vec![Family::V4]),
        (vec![family(1)], vec![Family::V4]),
        (vec![family(2)], vec![Family::V6]),
        (vec![additional(2)], vec![Family::V4, Family::V6]),
        (
            vec![additional(2), (EVEN_PORT, vec![0])],
            vec![Family::V4, Family::V6],
        ),
    ] {
        let mut world = World::with(&dual_config());
        let attributes = [vec![udp()], asked].concat();
        let reply = world.request(&mut alice(), ALLOCATE, &attributes);
        assert_eq!(given(&reply), (families, None), "{attributes:?}");
        assert_eq!(world.open.len(), reply.all_relayed().len());
    }
}

#[test]
fn a_host_without_ipv6_says_so_with_440() {
    assert_eq!(code_of_allocate(&[udp(), family(2)]), 440);
    assert_eq!(code_of_allocate(&[udp(), family(9)]), 440);
    let reply = World::new().request(&mut alice(), ALLOCATE, &[udp(), additional(2)]);
    let refused = Some(vec![2, 0, 4, 40]);
    assert_eq!(given(&reply), (vec![Family::V4], refused));
}

#[test]
fn a_host_without_ipv4_says_so_with_440() {
    let mut config = dual_config();
    config.relays.remove(0);
    let code = |attributes: &[Attribute]| {
        let mut world = World::with(&config);
        world.request(&mut alice(), ALLOCATE, attributes).code()
    };
    assert_eq!([code(&[udp()]), code(&[udp(), family(1)])], [440, 440]);
    assert_eq!(code(&[udp(), family(2)]), 0);
    let mut world = World::with(&config);
    let reply = world.request(&mut alice(), ALLOCATE, &[udp(), additional(2)]);
    assert_eq!(given(&reply), (vec![Family::V6], Some(vec![1, 0, 4, 40])));
}

#[test]
fn families_that_contradict_each_other_get_400() {
    for wrong in [
        vec![family(1), additional(2)],
        vec![additional(1)],
        vec![additional(7)],
        vec![additional(2), (EVEN_PORT, vec![0x80])],
        vec![(FAMILY, vec![1])],
        vec![(ADDITIONAL_FAMILY, vec![2])],
    ] {
        let attributes = [vec![udp()], wrong].concat();
        assert_eq!(code_of_allocate(&attributes), 400, "{attributes:?}");
    }
}

#[test]
fn a_retransmitted_allocate_gets_both_addresses_again() {
    let (mut world, mut caller) = (World::with(&dual_config()), alice());
    world.challenge(&mut caller);
    let request = caller.signed(ALLOCATE, &[udp(), additional(2)]);
    let [first, second] = [(); 2].map(|()| world.ask(caller.id, &request.raw).unwrap());
    assert_eq!(first.all_relayed().len(), 2);
    assert_eq!(first.0.raw, second.0.raw);
}

#[test]
fn one_family_without_a_free_port_is_refused_with_508_and_the_other_given() {
    let mut config = dual_config();
    config.ports = 50_001..=50_001;
    let (mut world, mut caller) = (World::with(&config), alice());
    world.allocate(&mut Caller::session("192.0.2.2:1", 8, 1));
    let reply = world.request(&mut caller, ALLOCATE, &[udp(), additional(2)]);
    assert_eq!(given(&reply), (vec![Family::V6], Some(vec![1, 0, 5, 8])));
    let mut third = Caller::session("192.0.2.3:1", 9, 1);
    let reply = world.request(&mut third, ALLOCATE, &[udp(), additional(2)]);
    assert_eq!(reply.code(), 508);
    assert_eq!(world.count(Metric::Allocations), 2);
}

#[test]
fn one_family_that_does_not_open_leaves_the_other() {
    for family in Family::ALL {
        let (mut world, mut caller) = (World::with(&dual_config()), alice());
        world.hold = Some(vec![]);
        world.challenge(&mut caller);
        let request = caller.signed(ALLOCATE, &[udp(), additional(2)]);
        assert!(world.ask(caller.id, &request.raw).is_none());
        for port in world.hold.take().unwrap() {
            if port.family == family {
                let failure = RelayFailure::Other;
                world.server.handle_relay_failed(port, failure, world.now);
            } else {
                world.server.handle_relay_opened(port, world.now);
            }
        }
        let told = world.drain();
        let number = if family == Family::V4 { 1 } else { 2 };
        let (families, refused) = given(&told[0].1);
        assert_eq!(refused, Some(vec![number, 0, 5, 8]));
        assert_ne!(families, [family]);
        assert_eq!(families.len(), 1);
    }
}

#[test]
fn peers_of_a_family_the_allocation_lacks_get_443() {
    for (asked, wrong) in [(1, V6_PEER), (2, V4_PEER)] {
        let (mut world, mut caller) = (World::with(&dual_config()), alice());
        world.request(&mut caller, ALLOCATE, &[udp(), family(asked)]);
        let wrong = peer(wrong);
        let mut code =
            |kind, attributes: &[Attribute]| world.request(&mut caller, kind, attributes).code();
        assert_eq!(code(CREATE_PERMISSION, std::slice::from_ref(&wrong)), 443);
        assert_eq!(code(CHANNEL_BIND, &[channel(0x4000), wrong]), 443);
    }
}

#[test]
fn each_peer_is_reached_from_the_address_of_its_family() {
    let (mut world, mut caller, [v4, v6]) = dual();
    for (number, address, port) in [(0x4000, V4_PEER, v4), (0x4001, V6_PEER, v6)] {
        world.bind(&mut caller, number, address);
        let to = Forward::ToPeer(port, PeerAddr(address.parse().unwrap()));
        assert_eq!(
            world.send(&caller, &channel_data(number, b"up")),
            Some((to, b"up".to_vec()))
        );
        let (to, bytes) = world.receive(port, address, b"down").unwrap();
        assert_eq!(to, Forward::ToClient(caller.id));
        assert_eq!(bytes, channel_data(number, b"down"));
    }
}

#[test]
fn data_from_an_ipv6_peer_without_a_channel_is_a_data_indication() {
    let (mut world, mut caller, [_, v6]) = dual();
    world.permit(&mut caller, V6_PEER);
    for data in [&b""[..], b"x", b"four", &[7; 2048]] {
        let (_, bytes) = world.receive(v6, V6_PEER, data).unwrap();
        let said = data_indication(&bytes);
        assert_eq!(said, (V6_PEER.parse().unwrap(), data.to_vec()));
    }
}

#[test]
fn two_of_ours_reach_each_other_over_ipv6_in_memory() {
    let mut world = World::with(&dual_config());
    let mut callers = [("192.0.2.1:1", 1), ("192.0.2.2:2", 2)]
        .map(|(address, user)| Caller::session(address, user, 1));
    let [a, b] = callers.each_mut().map(|caller| {
        let reply = world.request(caller, ALLOCATE, &[udp(), family(2)]);
        reply.relayed().to_string()
    });
    let [alice, bob] = &mut callers;
    world.permit(alice, &b);
    assert_eq!(world.send(alice, &send_indication(&b, b"early")), None);
    assert_eq!(world.count(Metric::DroppedNoPermission), 1);
    world.permit(bob, &a);
    let (to, bytes) = world.send(alice, &send_indication(&b, b"hello")).unwrap();
    assert_eq!(to, Forward::ToClient(bob.id));
    assert_eq!(
        data_indication(&bytes),
        (a.parse().unwrap(), b"hello".to_vec())
    );
}

#[test]
fn each_family_is_refreshed_and_released_by_itself() {
    let (mut world, mut caller, [v4, v6]) = dual();
    world.permit(&mut caller, V4_PEER);
    let refresh = |world: &mut World, caller: &mut Caller, attributes: &[Attribute]| {
        world.request(caller, REFRESH, attributes).code()
    };
    assert_eq!(
        refresh(&mut world, &mut caller, &[lifetime(3600), family(1)]),
        0
    );
    world.wait(600);
    caller.nonce.clear();
    world.challenge(&mut caller);
    assert!(world.open.contains(&v4) && !world.open.contains(&v6));
    let reply = world.request(&mut caller, CREATE_PERMISSION, &[peer(V6_PEER)]);
    assert_eq!(reply.code(), 443);
    assert_eq!(
        refresh(&mut world, &mut caller, &[lifetime(600), family(2)]),
        443
    );
    assert_eq!(world.count(Metric::Allocations), 1);
    assert_eq!(
        refresh(&mut world, &mut caller, &[lifetime(0), family(1)]),
        0
    );
    assert!(world.open.is_empty());
    assert_eq!(world.count(Metric::EndedReleased), 1);
    assert_eq!(refresh(&mut world, &mut caller, &[]), 437);
}

#[test]
fn one_family_may_be_released_and_the_other_goes_on() {
    for (number, released, kept) in [(1, 0, 1), (2, 1, 0)] {
        let (mut world, mut caller, ports) = dual();
        let peers = [V4_PEER, V6_PEER];
        world.permit(&mut caller, peers[kept]);
        let reply = world.request(&mut caller, REFRESH, &[lifetime(0), family(number)]);
        assert_eq!((reply.code(), reply.lifetime()), (0, 0));
        assert!(world.open.iter().eq([&ports[kept]]));
        assert!(world.receive(ports[kept], peers[kept], b"x").is_some());
        assert_eq!(world.receive(ports[released], peers[released], b"x"), None);
        assert_eq!(world.count(Metric::EndedReleased), 0);
    }
}

#[test]
fn a_refresh_without_a_family_means_both() {
    let (mut world, mut caller, ports) = dual();
    world.request(&mut caller, REFRESH, &[lifetime(1200)]);
    world.wait(1199);
    world.server.handle_timeout(world.now);
    world.drain();
    assert!(ports.iter().all(|port| world.open.contains(port)));
    world.wait(1);
    world.server.handle_timeout(world.now);
    world.drain();
    assert!(world.open.is_empty());
    assert_eq!(world.count(Metric::EndedExpired), 1);
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_forbidden() {
    let (mut world, mut caller, _) = dual();
    for address in [
        "::ffff:1.1.1.1",
        "::1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
    ] {
        let attributes = [peer(&format!("[{address}]:9"))];
        let reply = world.request(&mut caller, CREATE_PERMISSION, &attributes);
        assert_eq!(reply.code(), 403, "{address}");
    }
}
