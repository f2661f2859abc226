//! Two callers behind a NAT each, through the binary as their relay. Every
//! host is a network namespace of its own, so these tests need root, `ip` and
//! `nft`; `PAYAMBAR_WITHOUT_ROOT=1` leaves them out. `world` builds the hosts,
//! `caller` prepares a call, `talk` has it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints its figures"
)]

mod caller;
#[expect(dead_code, reason = "the stories of e2e use the rest")]
#[path = "../e2e/client.rs"]
mod client;
mod namespace;
#[expect(dead_code, reason = "the stories of e2e use the rest")]
#[path = "../e2e/server.rs"]
mod server;
mod talk;
mod world;

use std::time::Duration;

use tokio::time::timeout;
use webrtc_util::Conn;

use crate::caller::{Punching, client, mapped, until};
use crate::talk::{AGAIN, Heard, OPEN, Pace, Side, talk};
use crate::world::{Mapping, World};

/// A packet each 5 ms, four times as many as one voice sends.
const VOICE: Pace = Pace {
    packets: 1_000,
    every: Duration::from_millis(5),
};

/// Lost packets of 1,000 at each NAT.
const LOSS: u32 = 50;

/// Each tries that often in vain to reach the other without a relay.
const PUNCHES: usize = 50;

/// Enough for [`only_the_nats_lose`].
const LOSSY: Pace = Pace {
    packets: 12_000,
    every: Duration::from_millis(1),
};

#[tokio::test]
async fn on_the_relay_two_hear_each_other_through_symmetric_nats() {
    let Some(world) = World::new(Mapping::Symmetric, 0) else {
        return;
    };
    let heard = both_on_the_relay(&world, VOICE).await;
    nothing_is_lost(heard, "both on the relay");
}

#[tokio::test]
async fn the_relay_loses_nothing_beyond_what_two_lossy_nats_lose() {
    let Some(world) = World::new(Mapping::Symmetric, LOSS) else {
        return;
    };
    let heard = both_on_the_relay(&world, LOSSY).await;
    only_the_nats_lose(heard, &world, "both on the relay, 5 % lost at each NAT");
}

#[tokio::test]
async fn one_on_the_relay_and_one_direct_hear_each_other_through_symmetric_nats() {
    let Some(world) = World::new(Mapping::Symmetric, 0) else {
        return;
    };
    let heard = one_on_the_relay(&world, VOICE).await;
    nothing_is_lost(heard, "one on the relay");
}

#[tokio::test]
async fn one_on_the_relay_loses_nothing_beyond_what_two_lossy_nats_lose() {
    let Some(world) = World::new(Mapping::Symmetric, LOSS) else {
        return;
    };
    let heard = one_on_the_relay(&world, LOSSY).await;
    only_the_nats_lose(heard, &world, "one on the relay, 5 % lost at each NAT");
}

#[tokio::test]
async fn a_symmetric_nat_shows_another_port_to_each_destination() {
    let Some(world) = World::new(Mapping::Symmetric, 0) else {
        return;
    };
    for house in [&world.sara, &world.omid] {
        let socket = house.socket();
        let [here, there] = world.stun();
        let (first, second) = (mapped(&socket, here).await, mapped(&socket, there).await);
        assert_eq!((first.ip(), second.ip()), (house.outer, house.outer));
        assert_ne!(first.port(), second.port());
        assert_eq!(mapped(&socket, here).await, first, "one destination");
    }
}

#[tokio::test]
async fn there_is_no_direct_way_through_two_symmetric_nats() {
    let Some(world) = World::new(Mapping::Symmetric, 0) else {
        return;
    };
    let (sara, omid) = Punching::pair(&world).await;
    for _ in 0..PUNCHES {
        sara.punch().await;
        omid.punch().await;
    }
    // Each of them crosses the internet; it ends at the other NAT or is heard.
    let (mut by_her, mut by_him) = (0, 0);
    until("the last punch", async || {
        by_her += sara.heard();
        by_him += omid.heard();
        let ended = [
            world.sara.turned_away() + by_her,
            world.omid.turned_away() + by_him,
        ];
        (ended == [PUNCHES; 2]).then_some(())
    })
    .await;
    assert_eq!((by_her, by_him), (0, 0));
}

/// The same, so that hearing nothing above means something.
#[tokio::test]
async fn there_is_a_direct_way_through_nats_that_keep_the_port() {
    let Some(world) = World::new(Mapping::SamePort, 0) else {
        return;
    };
    let (sara, omid) = Punching::pair(&world).await;
    let (mut by_her, mut by_him) = (0, 0);
    until("a packet each way", async || {
        sara.punch().await;
        omid.punch().await;
        by_her += sara.heard();
        by_him += omid.heard();
        (by_her > 0 && by_him > 0).then_some(())
    })
    .await;
}

async fn both_on_the_relay(world: &World, pace: Pace) -> [Heard; 2] {
    let hers = client(world, &world.sara, "sara").await;
    let his = client(world, &world.omid, "omid").await;
    let (at_hers, at_his) = (
        hers.allocate().await.unwrap(),
        his.allocate().await.unwrap(),
    );
    let sara = Side {
        conn: &at_hers,
        to: at_his.local_addr().unwrap(),
    };
    let omid = Side {
        conn: &at_his,
        to: at_hers.local_addr().unwrap(),
    };
    talk(sara, omid, pace).await
}

/// Sara is on the relay; Omid sends to her relayed address by a socket of his
/// own. She lets his house in by the address STUN showed him, and learns the
/// port his NAT chose for the relay from his first packet, as ICE does with a
/// peer-reflexive candidate.
async fn one_on_the_relay(world: &World, pace: Pace) -> [Heard; 2] {
    let client = client(world, &world.sara, "sara").await;
    let relayed = client.allocate().await.unwrap();
    let at_hers = relayed.local_addr().unwrap();
    let socket = world.omid.socket();
    let [stun, _] = world.stun();
    // Strangers are not let in: the relay has seen these before his question
    // and that before hers, and passed nothing on.
    for _ in 0..10 {
        socket.send_to(b"stranger", at_hers).await.unwrap();
    }
    let shown = mapped(&socket, stun).await;
    client.send_binding_request().await.unwrap();
    let mut buffer = [0; 64];
    let early = timeout(Duration::ZERO, relayed.recv_from(&mut buffer)).await;
    assert!(early.is_err(), "heard before she let him in");
    // His house has no use for this one, but now his packets pass.
    relayed.send_to(b"let in", shown).await.unwrap();
    let learned = until("his first packet", async || {
        socket.send_to(OPEN, at_hers).await.unwrap();
        let heard = timeout(AGAIN, relayed.recv_from(&mut buffer)).await;
        heard.ok().map(|packet| packet.unwrap().1)
    })
    .await;
    assert_eq!(learned.ip(), world.omid.outer);
    assert_ne!(learned, shown, "his NAT is symmetric");
    let sara = Side {
        conn: &relayed,
        to: learned,
    };
    let omid = Side {
        conn: &socket,
        to: at_hers,
    };
    talk(sara, omid, pace).await
}

/// Of what was sent each way at least 99.9 % came, once and as it was.
fn nothing_is_lost(heard: [Heard; 2], what: &str) {
    for (heard, way) in heard.into_iter().zip(["there", "back"]) {
        heard.report(&format!("{what}, {way}"));
        assert_eq!((heard.twice, heard.changed), (0, 0));
        assert!(heard.share() >= 0.999, "{}", heard.arrived);
    }
}

/// All that the NATs let through came (at least 99.9 %), and that is as much
/// as two NATs leave. A handful of what they lost were no voice packets but
/// those before and after; that lies far within the 99.9 %.
///
/// Each packet passes two NATs, so (1 - p)² = 0.9025 of them are let through.
/// Of 24,000 in both directions the share that is let through has a standard
/// deviation of √(0.9025 · 0.0975 / 24,000) = 0.19 %: falling 1 % short is 5.2
/// of them, one run in ten million.
fn only_the_nats_lose(heard: [Heard; 2], world: &World, what: &str) {
    let lost = world.lost();
    let [there, back] = heard;
    there.report(&format!("{what}, there"));
    back.report(&format!("{what}, back"));
    let both = there.and(back);
    both.report(&format!("{what}, both, {lost} lost in the NATs"));
    assert_eq!((both.twice, both.changed), (0, 0));
    assert!(lost > 0, "nothing was lost");
    let let_through = both.sent - lost;
    assert!(both.arrived as f64 >= 0.999 * let_through as f64);
    let left = (1.0 - f64::from(LOSS) / 1_000.0).powi(2);
    assert!(both.share() >= left - 0.01, "{}", both.share());
}
