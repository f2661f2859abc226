//! What only the engine that browsers meet has to do.

use std::net::SocketAddr;
use std::time::Duration;

use super::world::{ROOM, SERVER, World};
use crate::sfu::engine::RtcEngine;
use crate::sfu::server::arrivals::MOST_SOURCES;
use crate::sfu::{ParticipantId, SLOTS};

/// One participant cannot fill the table of addresses.
#[test]
fn an_address_too_many_takes_the_place_of_the_oldest() {
    let mut world = World::<RtcEngine>::new();
    world.gather([1]);
    let request = world.requests[&world.clients[&1].address].clone();
    for port in 1..=100 {
        let source = SocketAddr::from(([198, 51, 100, 1], 6000 + port));
        world.send(source, SERVER, request.clone());
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.rooms.sources.len(), MOST_SOURCES);
}

/// What browsers are offered, to the letter, also when ICE begins anew.
#[test]
fn every_offer_asks_for_silence_to_be_left_out_and_names_its_sections() {
    let mut world = World::<RtcEngine>::new();
    world.gather([1]);
    world.keeps_offers = true;
    world.join(2, ROOM);
    world.rooms.handle_restart(ParticipantId(1), world.now);
    world.settle();
    assert_eq!(world.kept_offers.len(), 2);
    // RED before Opus and lost packets again, until the client has said what it
    // likes.
    let first = &world.kept_offers[0].1;
    assert!(first.contains("m=audio 9 UDP/TLS/RTP/SAVPF 63 111"));
    assert_eq!(first.matches("a=rtcp-fb:111 nack").count(), 1 + SLOTS);
    for (_, sdp) in &world.kept_offers {
        let mids = sdp.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        let mids: Vec<&str> = mids.collect();
        assert_eq!(mids, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!(sdp.matches("usedtx=1").count(), 1 + SLOTS, "{sdp}");
        assert_eq!(sdp.matches("a=fmtp:63 111/111").count(), 1 + SLOTS);
    }
}
