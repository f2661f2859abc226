//! Rooms from the outside: clients of another make, on a bad network. All of it
//! runs on both engines.

mod browsers;
mod world;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::Limits;
use crate::counters::Metric;
use crate::sfu::engine::{Engine, RtcEngine, Str0mEngine};
use crate::sfu::{GoneReason, ParticipantId, RoomEvent, RoomId, SLOTS};
use world::{Heard, ROOM, SERVER, World};

/// Has a test run on every engine.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod rtc {
            $(#[test] fn $name() { super::$name::<super::RtcEngine>(); })*
        }
        mod str0m {
            $(#[test] fn $name() { super::$name::<super::Str0mEngine>(); })*
        }
    };
}

on_both! {
    two_hear_each_other_and_not_themselves
    the_offer_has_one_microphone_and_eight_slots
    who_leaves_and_returns_twenty_times_costs_the_others_no_offer
    a_change_of_network_interrupts_for_less_than_a_second
    a_restart_that_is_not_answered_changes_nothing
    a_slot_that_changes_hands_goes_on_without_a_seam
    strangers_are_not_answered_and_move_nobody
    an_address_stays_with_whom_it_is_heard_from
    an_answer_that_is_no_answer_ends_that_seat_alone
    who_is_silent_is_said_to_be_and_then_removed
    who_never_connects_is_removed
    a_moderator_mutes_at_the_entrance
    there_are_only_so_many_seats
    redundant_audio_passes_or_is_unwrapped
    a_bad_network_is_no_reason_not_to_be_heard
    who_ends_the_connection_has_left
    a_closed_room_is_empty
    nobody_hears_another_room
}

const SECOND: Duration = Duration::from_secs(1);

fn from(heard: &[Heard], speaker: u64) -> Vec<Heard> {
    let mut found: Vec<Heard> = heard.to_vec();
    found.retain(|heard| heard.speaker() == speaker);
    found
}

fn two_hear_each_other_and_not_themselves<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.client(1).speaks = Some(20);
    world.client(2).speaks = Some(30);
    world.run(2 * SECOND);
    for (listener, speaker) in [(1, 2), (2, 1)] {
        let heard = &world.clients[&listener].heard;
        assert!(heard.len() > 90, "{}", heard.len());
        assert!(heard.iter().all(|heard| heard.speaker() == speaker));
        let slot = heard[0].slot;
        assert_eq!(world.slots[&listener][slot], Some(ParticipantId(speaker)));
        let level = if speaker == 1 { -20 } else { -30 };
        assert_eq!(heard.last().unwrap().level, Some(level));
    }
    for participant in [ParticipantId(1), ParticipantId(2)] {
        assert_eq!(world.told(&RoomEvent::Connected { participant }), 1);
    }
    assert_eq!(world.value(Metric::SfuRooms), 1);
    assert_eq!(world.value(Metric::SfuParticipants), 2);
}

fn the_offer_has_one_microphone_and_eight_slots<E: Engine>() {
    let mut world = World::<E>::new();
    world.keeps_offers = true;
    world.join(1, ROOM);
    let (_, sdp) = world.kept_offers.pop_front().unwrap();
    let count = |what: &str| sdp.matches(what).count();
    assert_eq!((count("m=audio "), count("m=")), (1 + SLOTS, 1 + SLOTS));
    assert_eq!((count("a=recvonly"), count("a=sendonly")), (1, SLOTS));
    assert!(sdp.find("a=recvonly") < sdp.find("a=sendonly"));
    for (what, times) in [
        ("a=ice-lite", 1),
        ("a=group:BUNDLE ", 1),
        ("192.0.2.1 49152 typ host", count("a=candidate:")),
        ("useinbandfec=1", 1 + SLOTS),
        ("red/48000/2", 1 + SLOTS),
        ("transport-wide", 0),
        ("transport-cc", 0),
    ] {
        assert_eq!(count(what), times, "{what}: {sdp}");
    }
    assert!(count("ssrc-audio-level") > 0 && count("sdes:mid") > 0);
}

fn who_leaves_and_returns_twenty_times_costs_the_others_no_offer<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    for seat in 10..30 {
        world.gather([seat]);
        world.client(seat).speaks = Some(25);
        world.run(SECOND / 5);
        for listener in [1, 2] {
            assert!(!from(&world.clients[&listener].heard, seat).is_empty());
        }
        world.leave(seat);
        assert_eq!(world.gone(seat), Some(GoneReason::Left));
    }
    assert_eq!(world.clients[&1].offers, 1);
    assert_eq!(world.clients[&2].offers, 1);
    assert_eq!(world.value(Metric::SfuParticipants), 2);
}

fn a_change_of_network_interrupts_for_less_than_a_second<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.client(1).speaks = Some(20);
    world.client(2).speaks = Some(20);
    world.run(SECOND);
    let new = SocketAddr::from(([203, 0, 113, 9], 7000));
    world.client(1).move_to(new);
    world.rooms.handle_restart(ParticipantId(1), world.now);
    world.settle();
    world.run(2 * SECOND);
    assert!(world.ways.contains(&(SERVER, new)));
    for (listener, speaker) in [(1, 2), (2, 1)] {
        let heard = from(&world.clients[&listener].heard, speaker);
        let pairs = heard.windows(2);
        let gap = pairs.map(|pair| pair[1].at - pair[0].at).max().unwrap();
        assert!(gap < SECOND, "{speaker} was not heard for {gap:?}");
        let end = heard.last().unwrap().at;
        assert!(
            world.now - end < SECOND / 10,
            "{speaker} is not heard any more"
        );
    }
    assert_eq!((world.clients[&1].offers, world.clients[&2].offers), (2, 1));
    assert_eq!(world.gone(1), None);
}

fn a_restart_that_is_not_answered_changes_nothing<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.client(1).speaks = Some(20);
    world.client(2).speaks = Some(20);
    world.keeps_offers = true;
    world.rooms.handle_restart(ParticipantId(1), world.now);
    world.settle();
    world.rooms.handle_restart(ParticipantId(1), world.now);
    world.settle();
    world.forget();
    world.run(3 * SECOND);
    for (listener, speaker) in [(1, 2), (2, 1)] {
        let heard = from(&world.clients[&listener].heard, speaker).len();
        assert!(heard > 140, "{heard} of {speaker}");
    }
    // Asked twice, it was told the same twice.
    let offers: Vec<_> = world.kept_offers.drain(..).collect();
    assert_eq!(offers.len(), 2);
    assert_eq!(offers[0], offers[1]);
}

fn a_slot_that_changes_hands_goes_on_without_a_seam<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather(1..=11);
    for id in 2..=9 {
        world.client(id).speaks = Some(30);
    }
    world.run(SECOND);
    for round in 0..2 {
        // One falls silent, and another begins.
        for id in 2..=11 {
            let talks = (id + round) % 10 < 8;
            world.client(id).speaks = talks.then_some(30);
        }
        world.run(4 * SECOND);
    }
    let mut changes = 0;
    for slot in 0..SLOTS {
        let mut heard = world.clients[&1].heard.clone();
        heard.retain(|heard| heard.slot == slot);
        let speakers: BTreeSet<u64> = heard.iter().map(Heard::speaker).collect();
        changes += speakers.len().saturating_sub(1);
        for pair in heard.windows(2) {
            assert_eq!(pair[1].ssrc, pair[0].ssrc);
            assert_eq!(pair[1].seq, pair[0].seq.wrapping_add(1), "slot {slot}");
            let ahead = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            assert!((1..48_000 * 30).contains(&ahead), "{ahead} ticks");
            if pair[1].speaker() != pair[0].speaker() {
                assert!(pair[1].marker && ahead >= 960);
            }
        }
    }
    assert!(changes >= 2, "{changes} changes of hands");
}

fn strangers_are_not_answered_and_move_nobody<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    let stranger = SocketAddr::from(([203, 0, 113, 66], 6666));
    let honest = world.clients[&1].address;
    let mut request = world.requests[&honest].clone();
    // The proof stands in front of the fingerprint's eight bytes.
    let proof = request.len() - 10;
    request[proof] ^= 1;
    let mut nobody = world.requests[&honest].clone();
    nobody[24] ^= 1;
    let others: [&[u8]; 6] = [
        &request,
        &nobody,
        &[22, 254, 253, 0, 0, 0, 0],
        &[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[70, 1, 2],
        &[],
    ];
    for bytes in others {
        world.send(stranger, SERVER, bytes.to_vec());
    }
    world.client(2).speaks = Some(20);
    world.run(2 * SECOND);
    assert!(!world.ways.contains(&(SERVER, stranger)));
    assert!(world.clients[&1].heard.len() > 90);
    for (metric, count) in [
        (Metric::SfuDroppedUnproven, 1),
        (Metric::SfuDroppedUnknownName, 1),
        (Metric::SfuDroppedUnknownSource, 2),
        (Metric::SfuDroppedForeign, 2),
    ] {
        assert_eq!(world.value(metric), count, "{metric:?}");
    }
}

fn an_address_stays_with_whom_it_is_heard_from<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2, 3]);
    let (one, two) = (world.clients[&1].address, world.clients[&2].address);
    let request = world.requests[&two].clone();
    world.client(1).speaks = Some(20);
    world.client(3).speaks = Some(20);
    world.forget();
    // The second says from the first's address who it is: that is proven, but
    // the address is taken.
    for _ in 0..50 {
        world.send(one, SERVER, request.clone());
        world.run(SECOND / 50);
    }
    assert!(world.value(Metric::SfuDroppedTaken) > 45);
    assert!(from(&world.clients[&3].heard, 1).len() > 45);
    assert!(from(&world.clients[&1].heard, 3).len() > 45);
}

fn an_answer_that_is_no_answer_ends_that_seat_alone<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.client(2).speaks = Some(20);
    world.keeps_offers = true;
    for id in 3..=6 {
        world.join(id, ROOM);
        let (_, sdp) = world.kept_offers.pop_front().unwrap();
        let answer = match id {
            3 => "hello".to_owned(),
            4 => String::new(),
            5 => world
                .answer_of(id, &sdp)
                .replace("a=ice-ufrag:", "a=x-frag:"),
            _ => world.answer_of(id, &sdp) + &"a=x:1\r\n".repeat(5000),
        };
        world
            .rooms
            .handle_answer(ParticipantId(id), &answer, world.now);
        world.settle();
        assert_eq!(world.gone(id), Some(GoneReason::Refused), "answer of {id}");
    }
    world.forget();
    world.run(SECOND);
    assert!(world.clients[&1].heard.len() > 45);
    // Nor does one too many harm, or one by nobody.
    for id in [1, 99] {
        world.rooms.handle_answer(ParticipantId(id), "", world.now);
        world.settle();
    }
    assert_eq!(world.gone(1), None);
}

fn who_is_silent_is_said_to_be_and_then_removed<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2, 3]);
    let participant = ParticipantId(1);
    let (silent, heard) = (
        RoomEvent::Silent { participant },
        RoomEvent::Heard { participant },
    );
    world.client(1).is_alive = false;
    world.run(14 * SECOND);
    assert_eq!(world.told(&silent), 0);
    world.run(2 * SECOND);
    assert_eq!((world.told(&silent), world.told(&heard)), (1, 0));
    world.client(1).is_alive = true;
    world.run(5 * SECOND);
    assert_eq!((world.told(&silent), world.told(&heard)), (1, 1));
    world.client(1).is_alive = false;
    world.run(54 * SECOND);
    assert_eq!((world.told(&silent), world.gone(1)), (2, None));
    world.run(7 * SECOND);
    assert_eq!(world.gone(1), Some(GoneReason::Silent));
    assert_eq!((world.gone(2), world.gone(3)), (None, None));
}

fn who_never_connects_is_removed<E: Engine>() {
    let mut world = World::<E>::new();
    world.keeps_offers = true;
    world.join(1, ROOM);
    world.run(29 * SECOND);
    assert_eq!(world.gone(1), None);
    world.run(2 * SECOND);
    assert_eq!(world.gone(1), Some(GoneReason::NeverConnected));
    assert_eq!(world.value(Metric::SfuRooms), 0);
    assert_eq!(world.rooms.poll_timeout(), None);
}

fn a_moderator_mutes_at_the_entrance<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.client(1).speaks = Some(20);
    world.run(SECOND);
    world.rooms.handle_mute(ParticipantId(1), true, world.now);
    world.settle();
    world.run(SECOND / 10);
    world.forget();
    world.run(SECOND);
    assert!(world.clients[&2].heard.is_empty());
    assert!(world.value(Metric::SfuDroppedMuted) > 45);
    world.rooms.handle_mute(ParticipantId(1), false, world.now);
    world.run(SECOND);
    assert!(world.clients[&2].heard.len() > 45);
}

fn there_are_only_so_many_seats<E: Engine>() {
    let limits = Limits {
        room: 2,
        all: 4,
        half_open_room: 2,
        half_open: 3,
    };
    let mut world = World::<E>::with(limits);
    world.gather([1, 2]);
    world.run(SECOND / 5);
    world.join(3, ROOM);
    assert_eq!(world.gone(3), Some(GoneReason::Full));
    world.keeps_offers = true;
    world.join(4, RoomId(2));
    world.join(5, RoomId(2));
    world.join(6, RoomId(3));
    assert_eq!((world.gone(4), world.gone(5)), (None, None));
    assert_eq!(world.gone(6), Some(GoneReason::Full));
    assert_eq!(world.value(Metric::SfuParticipants), 4);

    let mut world = World::<E>::with(Limits { all: 9, ..limits });
    world.keeps_offers = true;
    for (id, room) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 3)] {
        world.join(id, RoomId(room));
    }
    // The third is one too many that waits in this room, the fifth in all.
    let gone = [1, 2, 3, 4, 5].map(|id| world.gone(id).is_some());
    assert_eq!(gone, [false, false, true, false, true]);
}

fn redundant_audio_passes_or_is_unwrapped<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.takes_red = false;
    world.gather([3]);
    world.client(1).speaks = Some(20);
    world.client(1).sends_red = true;
    world.run(SECOND);
    let wrapped = &world.clients[&2].heard;
    let bare = &world.clients[&3].heard;
    assert!(wrapped.len() > 45 && bare.len() > 45);
    assert!(
        wrapped
            .iter()
            .all(|heard| heard.red && heard.payload.len() == 11)
    );
    assert!(
        bare.iter()
            .all(|heard| !heard.red && heard.payload == [1, 2, 3, 1])
    );
}

fn a_bad_network_is_no_reason_not_to_be_heard<E: Engine>() {
    let mut world = World::<E>::new();
    world.loss = 100;
    world.disturbs_handshakes = true;
    world.gather(1..=4);
    for id in 1..=4 {
        world.client(id).speaks = Some(20);
    }
    world.forget();
    world.run(5 * SECOND);
    for listener in 1..=4 {
        for speaker in (1..=4).filter(|speaker| *speaker != listener) {
            let heard = from(&world.clients[&listener].heard, speaker).len();
            assert!(heard > 180, "{listener} heard {heard} of {speaker}");
        }
    }
}

fn who_ends_the_connection_has_left<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.client(1).rtc.close().unwrap();
    world.pump(1);
    world.run(SECOND);
    assert_eq!(world.gone(1), Some(GoneReason::Left));
    assert_eq!(world.gone(2), None);
}

fn a_closed_room_is_empty<E: Engine>() {
    let mut world = World::<E>::new();
    world.gather([1, 2]);
    world.join(3, RoomId(2));
    world.rooms.handle_close(ROOM, world.now);
    world.settle();
    let gone = [1, 2, 3].map(|id| world.gone(id));
    assert_eq!(
        gone,
        [Some(GoneReason::Closed), Some(GoneReason::Closed), None]
    );
    // The clients hear of it by the connection, too.
    world.run(SECOND);
    assert!(!world.clients[&1].is_alive);
}

/// Comings, goings and mutings in two rooms, in an order that only looks like
/// chance; the world itself looks at every packet that is heard.
fn nobody_hears_another_room<E: Engine>() {
    for seed in 1..=2_u64 {
        let mut world = World::<E>::new();
        world.loss = 20;
        let mut random = seed;
        let mut next = 1;
        for _ in 0..30 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let chance = random >> 33;
            let whom = 1 + chance / 8 % next;
            match chance % 8 {
                0..=3 => {
                    world.join(next, RoomId(chance / 8 % 2));
                    world.client(next).speaks = Some(i8::try_from(chance / 16 % 60).unwrap());
                    next += 1;
                }
                4 => world.leave(whom),
                5 => {
                    let muted = chance & 8 == 0;
                    world
                        .rooms
                        .handle_mute(ParticipantId(whom), muted, world.now);
                }
                _ => world.run(SECOND / 4),
            }
        }
        world.run(SECOND);
        let heard = world.clients.values().map(|client| client.heard.len());
        assert!(heard.sum::<usize>() > 100);
    }
}
