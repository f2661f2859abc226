//! The way between a client's allocation and our voice rooms, in the core.

use std::net::SocketAddr;

use payambar_media::counters::Metric;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::server::Forward;
use payambar_media::turn::{PeerAddr, RelayPort};

use crate::common::*;

fn rooms() -> SocketAddr {
    SocketAddr::new(ADVERTISED.into(), 50_000)
}

fn allocated(here: bool) -> (World, Caller, RelayPort) {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    world.server.open_rooms(vec![rooms()], here);
    let port = world.allocate(&mut caller);
    (world, caller, port)
}

/// What becomes of a packet that the rooms send to this allocation.
fn from_rooms(world: &mut World, port: RelayPort) -> Option<(Forward, Vec<u8>)> {
    let mut packet = Packet::holding(b"voice").unwrap();
    let forward = world
        .server
        .handle_rooms(port, rooms(), &mut packet, world.now)?;
    Some((forward, packet.datagram().to_vec()))
}

#[test]
fn what_a_client_sends_to_the_rooms_comes_from_its_relayed_address() {
    let (mut world, mut caller, port) = allocated(true);
    let relayed = SocketAddr::new(ADVERTISED.into(), port.port);
    let said = send_indication(&rooms().to_string(), b"voice");
    assert_eq!(world.send(&caller, &said), None);
    assert_eq!(world.count(Metric::DroppedNoPermission), 1);
    world.permit(&mut caller, &rooms().to_string());
    let sent = world.send(&caller, &said);
    assert_eq!(sent, Some((Forward::ToRooms(relayed), b"voice".to_vec())));
    assert_eq!(world.server.relay_at(relayed), Some(port));
    assert_eq!(world.server.relay_at(rooms()), None);
}

#[test]
fn a_client_hears_the_rooms_only_if_it_has_permitted_them() {
    let (mut world, mut caller, port) = allocated(true);
    assert_eq!(from_rooms(&mut world, port), None);
    assert_eq!(world.count(Metric::DroppedNoPermission), 1);
    world.permit(&mut caller, &rooms().to_string());
    let (forward, bytes) = from_rooms(&mut world, port).unwrap();
    assert_eq!(forward, Forward::ToClient(caller.id));
    assert_eq!(data_indication(&bytes), (rooms(), b"voice".to_vec()));
    world.wait(301);
    assert_eq!(from_rooms(&mut world, port), None);
}

#[test]
fn rooms_of_the_same_thread_are_never_heard_through_the_kernel() {
    let (mut world, mut caller, port) = allocated(true);
    world.permit(&mut caller, &rooms().to_string());
    let forged = world.receive(port, &rooms().to_string(), b"voice");
    assert_eq!(forged, None);
    assert_eq!(world.count(Metric::DroppedPeerDenied), 1);
}

#[test]
fn rooms_of_another_thread_are_reached_and_heard_through_the_kernel() {
    let (mut world, mut caller, port) = allocated(false);
    world.permit(&mut caller, &rooms().to_string());
    let said = send_indication(&rooms().to_string(), b"voice");
    let forward = Forward::ToPeer(port, PeerAddr(rooms()));
    assert_eq!(
        world.send(&caller, &said),
        Some((forward, b"voice".to_vec()))
    );
    let heard = world.receive(port, &rooms().to_string(), b"voice");
    assert_eq!(heard.unwrap().0, Forward::ToClient(caller.id));
}
