//! Data on its way: permissions, channels, and the short way from one of our
//! relay ports to another.

use std::net::SocketAddr;

use payambar_media::counters::Metric;
use payambar_media::turn::server::Forward;
use payambar_media::turn::{PeerAddr, RelayPort};
use proptest::prelude::*;

use crate::common::*;

const PEER_ADDRESS: &str = "1.1.1.1:9";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn allocated() -> (World, Caller, RelayPort) {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    let reply = world.request(&mut caller, ALLOCATE, &[udp(), lifetime(3600)]);
    (world, caller, RelayPort::v4(reply.relayed().port()))
}

#[test]
fn a_send_indication_reaches_its_peer_without_its_header() {
    let (mut world, mut caller, port) = allocated();
    world.permit(&mut caller, PEER_ADDRESS);
    for data in [&b"hello"[..], b"", &[7; 1900]] {
        let sent = world.send(&caller, &send_indication("1.1.1.1:77", data));
        let forward = Forward::ToPeer(port, PeerAddr(address("1.1.1.1:77")));
        assert_eq!(sent, Some((forward, data.to_vec())));
    }
    assert_eq!(world.count(Metric::PacketsToPeer), 3);
    assert_eq!(world.count(Metric::BytesToPeer), 1905);
}

#[test]
fn a_peers_datagram_comes_as_a_data_indication() {
    let (mut world, mut caller, port) = allocated();
    world.permit(&mut caller, PEER_ADDRESS);
    for data in [&b"hello"[..], b"", &[7; 2048]] {
        let (forward, bytes) = world.receive(port, "1.1.1.1:77", data).unwrap();
        assert_eq!(forward, Forward::ToClient(caller.id));
        assert_eq!(
            data_indication(&bytes),
            (address("1.1.1.1:77"), data.to_vec())
        );
    }
}

#[test]
fn a_channel_carries_data_both_ways_without_padding() {
    let (mut world, mut caller, port) = allocated();
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    let sent = world.send(&caller, &channel_data(0x4001, b"hello"));
    let forward = Forward::ToPeer(port, PeerAddr(address(PEER_ADDRESS)));
    assert_eq!(sent, Some((forward, b"hello".to_vec())));
    let padded = [&channel_data(0x4001, b"hello")[..], &[0; 3]].concat();
    assert_eq!(
        world.send(&caller, &padded),
        Some((forward, b"hello".to_vec()))
    );
    let received = world.receive(port, PEER_ADDRESS, b"hello");
    let forward = Forward::ToClient(caller.id);
    assert_eq!(received, Some((forward, channel_data(0x4001, b"hello"))));
}

#[test]
fn a_channel_is_for_one_port_of_its_peer() {
    let (mut world, mut caller, port) = allocated();
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    let (_, bytes) = world.receive(port, "1.1.1.1:10", b"hello").unwrap();
    assert_eq!(data_indication(&bytes).0, address("1.1.1.1:10"));
}

#[test]
fn the_largest_datagrams_pass_both_ways() {
    let (mut world, mut caller, port) = allocated();
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    let (_, bytes) = world.receive(port, PEER_ADDRESS, &[7; 2048]).unwrap();
    assert_eq!(bytes.len(), 2052);
    let (_, bytes) = world
        .send(&caller, &channel_data(0x4001, &[7; 2044]))
        .unwrap();
    assert_eq!(bytes, [7; 2044]);
}

#[test]
fn data_without_an_allocation_is_dropped_and_counted() {
    let (mut world, caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    assert_eq!(
        world.send(&caller, &send_indication(PEER_ADDRESS, b"x")),
        None
    );
    assert_eq!(world.send(&caller, &channel_data(0x4001, b"x")), None);
    assert_eq!(world.count(Metric::DroppedNoAllocation), 2);
    assert!(world.drain().is_empty());
}

#[test]
fn data_without_a_permission_or_a_channel_is_dropped_and_counted() {
    let (mut world, caller, port) = allocated();
    assert_eq!(
        world.send(&caller, &send_indication(PEER_ADDRESS, b"x")),
        None
    );
    assert_eq!(world.receive(port, PEER_ADDRESS, b"x"), None);
    assert_eq!(world.count(Metric::DroppedNoPermission), 2);
    assert_eq!(world.send(&caller, &channel_data(0x4001, b"x")), None);
    assert_eq!(world.count(Metric::DroppedNoChannel), 1);
}

#[test]
fn a_send_indication_with_dont_fragment_goes_whole() {
    let (mut world, mut caller, port) = allocated();
    world.permit(&mut caller, PEER_ADDRESS);
    let attributes = [
        peer(PEER_ADDRESS),
        (DONT_FRAGMENT, vec![]),
        (DATA, b"x".to_vec()),
    ];
    let bytes = message(SEND_INDICATION, *b"indication!!", &attributes).raw;
    let whole = Forward::ToPeerWhole(port, PeerAddr(PEER_ADDRESS.parse().unwrap()));
    assert_eq!(world.send(&caller, &bytes), Some((whole, b"x".to_vec())));
}

#[test]
fn a_send_indication_without_peer_or_data_is_dropped() {
    let (mut world, caller, _) = allocated();
    for attributes in [vec![peer(PEER_ADDRESS)], vec![(DATA, vec![1])], vec![]] {
        let bytes = message(SEND_INDICATION, *b"indication!!", &attributes).raw;
        assert_eq!(world.send(&caller, &bytes), None);
    }
    assert_eq!(world.count(Metric::DroppedMalformed), 3);
}

#[test]
fn data_for_a_peer_of_the_other_family_is_dropped() {
    let (mut world, mut caller, _) = allocated();
    world.permit(&mut caller, PEER_ADDRESS);
    assert_eq!(
        world.send(&caller, &send_indication("[::ffff:1.1.1.1]:9", b"x")),
        None
    );
    assert_eq!(world.count(Metric::DroppedPeerFamily), 1);
}

#[test]
fn a_permission_ends_300_s_after_its_last_refresh() {
    let (mut world, mut caller, port) = allocated();
    world.permit(&mut caller, PEER_ADDRESS);
    world.wait(200);
    world.permit(&mut caller, PEER_ADDRESS);
    world.wait(299);
    assert!(world.receive(port, PEER_ADDRESS, b"x").is_some());
    world.wait(1);
    assert!(world.receive(port, PEER_ADDRESS, b"x").is_none());
    assert!(
        world
            .send(&caller, &send_indication(PEER_ADDRESS, b"x"))
            .is_none()
    );
}

#[test]
fn a_channel_refresh_renews_the_permission() {
    let (mut world, mut caller, port) = allocated();
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    world.wait(250);
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    world.wait(250);
    assert!(world.receive(port, PEER_ADDRESS, b"x").is_some());
    assert!(world.send(&caller, &channel_data(0x4001, b"x")).is_some());
}

#[test]
fn a_channel_ends_after_600_s_though_its_peer_stays_permitted() {
    let (mut world, mut caller, port) = allocated();
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    world.wait(299);
    world.permit(&mut caller, PEER_ADDRESS);
    world.wait(299);
    world.permit(&mut caller, PEER_ADDRESS);
    world.wait(1);
    assert!(world.send(&caller, &channel_data(0x4001, b"x")).is_some());
    world.wait(1);
    assert!(world.send(&caller, &channel_data(0x4001, b"x")).is_none());
    let (_, bytes) = world.receive(port, PEER_ADDRESS, b"x").unwrap();
    assert_eq!(data_indication(&bytes).1, b"x");
}

/// Two allocations that know each other.
fn pair() -> (World, [Caller; 2], [RelayPort; 2], [String; 2]) {
    let mut world = World::new();
    let mut callers = [
        Caller::session("192.0.2.1:4000", 7, 3),
        Caller::session("192.0.2.2:4000", 8, 3),
    ];
    let ports = callers.each_mut().map(|caller| world.allocate(caller));
    let addresses = ports.map(|port| format!("{ADVERTISED}:{}", port.port));
    (world, callers, ports, addresses)
}

#[test]
fn one_relay_port_reaches_another_in_memory() {
    let (mut world, [mut a, mut b], _, [at_a, at_b]) = pair();
    world.permit(&mut a, &at_b);
    world.permit(&mut b, &at_a);
    let (forward, bytes) = world.send(&a, &send_indication(&at_b, b"hello")).unwrap();
    assert_eq!(forward, Forward::ToClient(b.id));
    assert_eq!(data_indication(&bytes), (address(&at_a), b"hello".to_vec()));
    assert_eq!(world.count(Metric::PacketsHandedOver), 1);
    assert_eq!(world.count(Metric::BytesHandedOver), 5);
}

#[test]
fn what_is_handed_over_comes_in_the_receivers_channel() {
    let (mut world, [mut a, mut b], _, [at_a, at_b]) = pair();
    world.bind(&mut a, 0x4001, &at_b);
    world.bind(&mut b, 0x4002, &at_a);
    let handed = world.send(&a, &channel_data(0x4001, b"hello"));
    assert_eq!(
        handed,
        Some((Forward::ToClient(b.id), channel_data(0x4002, b"hello")))
    );
    let handed = world.send(&b, &send_indication(&at_a, b"hello"));
    assert_eq!(
        handed,
        Some((Forward::ToClient(a.id), channel_data(0x4001, b"hello")))
    );
    let largest = channel_data(0x4001, &[7; 2044]);
    assert_eq!(
        world.send(&a, &largest).unwrap().1,
        channel_data(0x4002, &[7; 2044])
    );
}

#[test]
fn the_largest_channel_data_becomes_a_data_indication_too() {
    let (mut world, [mut a, mut b], _, [at_a, at_b]) = pair();
    world.bind(&mut a, 0x4001, &at_b);
    world.permit(&mut b, &at_a);
    let (_, bytes) = world.send(&a, &channel_data(0x4001, &[7; 2043])).unwrap();
    assert_eq!(data_indication(&bytes).1, [7; 2043]);
}

#[test]
fn a_hand_over_needs_the_receivers_permission() {
    let (mut world, [mut a, _], _, [_, at_b]) = pair();
    world.permit(&mut a, &at_b);
    assert_eq!(world.send(&a, &send_indication(&at_b, b"x")), None);
    assert_eq!(world.count(Metric::DroppedNoPermission), 1);
    assert_eq!(world.count(Metric::PacketsHandedOver), 0);
}

#[test]
fn a_hand_over_needs_the_senders_permission() {
    let (mut world, [a, mut b], _, [at_a, at_b]) = pair();
    world.permit(&mut b, &at_a);
    assert_eq!(world.send(&a, &send_indication(&at_b, b"x")), None);
    assert_eq!(world.count(Metric::DroppedNoPermission), 1);
}

#[test]
fn a_port_of_our_relay_where_nobody_lives_is_not_reached() {
    let (mut world, [mut a, mut b], [_, port_b], [_, at_b]) = pair();
    world.permit(&mut a, &at_b);
    for port in [3478, 50_000, 22, port_b.port ^ 1] {
        let to = format!("{ADVERTISED}:{port}");
        assert_eq!(world.send(&a, &send_indication(&to, b"x")), None);
    }
    assert_eq!(world.count(Metric::DroppedPeerDenied), 4);
    world.request(&mut b, REFRESH, &[lifetime(0)]);
    assert_eq!(world.send(&a, &send_indication(&at_b, b"x")), None);
    assert_eq!(world.count(Metric::DroppedPeerDenied), 5);
}

#[test]
fn what_claims_to_come_from_our_relay_through_the_kernel_is_dropped() {
    let (mut world, [mut a, _], [port_a, _], [_, at_b]) = pair();
    world.permit(&mut a, &at_b);
    assert_eq!(world.receive(port_a, &at_b, b"x"), None);
    assert_eq!(
        world.receive(port_a, &format!("{ADVERTISED}:22"), b"x"),
        None
    );
    assert_eq!(world.count(Metric::DroppedPeerDenied), 2);
}

#[test]
fn an_address_opened_on_purpose_is_reached_but_on_our_own_ports() {
    let mut config = config();
    config.relays[0].advertise = [127, 0, 0, 1].into();
    config.allow_peers = vec!["127.0.0.0/8".parse().unwrap()];
    let mut world = World::with(&config);
    let mut caller = Caller::session("192.0.2.1:4000", 7, 3);
    let reply = world.request(&mut caller, ALLOCATE, &[udp()]);
    world.permit(&mut caller, "127.0.0.1:3480");
    let port = RelayPort::v4(reply.relayed().port());
    let (forward, _) = world
        .send(&caller, &send_indication("127.0.0.1:3480", b"x"))
        .unwrap();
    assert_eq!(
        forward,
        Forward::ToPeer(port, PeerAddr(address("127.0.0.1:3480")))
    );
    assert!(world.receive(port, "127.0.0.1:3480", b"x").is_some());
    for closed in ["127.0.0.1:3478", "127.0.0.1:50000"] {
        assert_eq!(world.send(&caller, &send_indication(closed, b"x")), None);
    }
}

/// What may happen to an allocation in [`lives_agree_with_a_simple_model`].
#[derive(Clone, Debug)]
enum Step {
    Allocate(u32),
    Refresh(u32),
    Wait(u64),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5000_u32).prop_map(Step::Allocate),
        prop_oneof![Just(0), 1..5000_u32].prop_map(Step::Refresh),
        prop_oneof![1..100_u64, 550..650_u64, 1000..3700_u64].prop_map(Step::Wait),
        Just(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The model is one number: when the allocation ends.
    #[test]
    fn lives_agree_with_a_simple_model(steps in prop::collection::vec(step(), 0..40)) {
        let mut config = config();
        config.ports = 40_000..=49_999;
        let mut world = World::with(&config);
        let mut caller = Caller::new("192.0.2.1:4000", "static", "pass");
        let (mut clock, mut ends) = (0_u64, None::<u64>);
        for step in steps {
            let lives = ends.is_some_and(|ends| clock < ends);
            match step {
                Step::Allocate(seconds) => {
                    caller.nonce.clear();
                    let attributes = [udp(), lifetime(seconds)];
                    let code = world.request(&mut caller, ALLOCATE, &attributes).code();
                    prop_assert_eq!(code, if lives { 437 } else { 0 });
                    if !lives {
                        ends = Some(clock + u64::from(seconds.clamp(600, 3600)));
                    }
                }
                Step::Refresh(seconds) => {
                    caller.nonce.clear();
                    let code = world.request(&mut caller, REFRESH, &[lifetime(seconds)]).code();
                    prop_assert_eq!(code, if lives { 0 } else { 437 });
                    if lives {
                        let granted = u64::from(seconds.clamp(600, 3600));
                        ends = (seconds > 0).then_some(clock + granted);
                    }
                }
                Step::Wait(by) => {
                    clock += by;
                    world.wait(by);
                }
                Step::Tick => {
                    world.server.handle_timeout(world.now);
                    world.drain();
                    prop_assert_eq!(world.open.len(), usize::from(lives));
                    prop_assert_eq!(world.server.poll_timeout().is_some(), lives);
                }
            }
        }
    }
}
