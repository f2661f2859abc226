//! Data on its way through the core takes no memory: it stays in the packet it
//! came in.

use payambar_media::turn::PeerAddr;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::server::Forward;

use crate::common::*;

const PEER_ADDRESS: &str = "8.8.8.8:9";

/// How often memory is taken while this client's bytes are passed on.
fn taken_on_the_way_up(world: &mut World, caller: &Caller, bytes: &[u8]) -> u64 {
    let (now, unix) = (world.now, world.unix);
    let mut packet = Packet::holding(bytes).unwrap();
    let mut forward = None;
    let taken = allocation_counter::measure(|| {
        forward = world
            .server
            .handle_client(caller.id, &mut packet, now, unix);
        assert!(world.server.poll_effect().is_none());
    });
    assert!(forward.is_some());
    taken.count_total
}

#[test]
fn voice_to_a_peer_and_back_takes_no_memory() {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    let port = world.allocate(&mut caller);
    world.permit(&mut caller, "9.9.9.9:9");
    world.bind(&mut caller, 0x4001, PEER_ADDRESS);
    for bytes in [
        channel_data(0x4001, &[7; 172]),
        send_indication("9.9.9.9:9", &[7; 172]),
    ] {
        assert_eq!(taken_on_the_way_up(&mut world, &caller, &bytes), 0);
    }
    for peer in [PEER_ADDRESS, "9.9.9.9:9"] {
        let (now, from) = (world.now, PeerAddr(peer.parse().unwrap()));
        let mut packet = Packet::holding(&[7; 172]).unwrap();
        let taken = allocation_counter::measure(|| {
            let forward = world.server.handle_peer(port, from, &mut packet, now);
            assert_eq!(forward, Some(Forward::ToClient(caller.id)));
        });
        assert_eq!(taken.count_total, 0);
    }
}

#[test]
fn voice_that_is_handed_over_takes_no_memory() {
    let mut world = World::new();
    let mut a = Caller::session("192.0.2.1:4000", 7, 3);
    let mut b = Caller::session("192.0.2.2:4000", 8, 3);
    let at = |port: u16| format!("{ADVERTISED}:{port}");
    let at_a = at(world.allocate(&mut a).port);
    let at_b = at(world.allocate(&mut b).port);
    world.bind(&mut a, 0x4001, &at_b);
    world.permit(&mut b, &at_a);
    let bytes = channel_data(0x4001, &[7; 172]);
    assert_eq!(taken_on_the_way_up(&mut world, &a, &bytes), 0);
    world.bind(&mut b, 0x4002, &at_a);
    assert_eq!(taken_on_the_way_up(&mut world, &a, &bytes), 0);
}
