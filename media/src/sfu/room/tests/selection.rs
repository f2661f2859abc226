//! Who is heard.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn up_to_nine_all_hear_each_other_even_in_silence() {
    let mut world = World::of(9);
    for speaker in 1..=9 {
        for level in [QUIET, None, SPEECH] {
            let others: Vec<u64> = (1..=9).filter(|who| *who != speaker).collect();
            assert_eq!(receivers(&world.say(speaker, level)), others);
        }
        let others: Vec<u64> = (1..=9).filter(|who| *who != speaker).collect();
        assert_eq!(world.hears(speaker), others);
    }
}

#[test]
fn somebody_alone_is_heard_by_nobody() {
    let mut world = World::of(1);
    assert_eq!(world.say(1, SPEECH), []);
    assert!(world.hears(1).is_empty());
}

#[test]
fn the_first_voiced_packet_of_a_tenth_reaches_everybody() {
    let mut world = World::of(12);
    assert_eq!(world.say(12, QUIET), []);
    let deliveries = world.say(12, SPEECH);
    assert_eq!(receivers(&deliveries), (1..=11).collect::<Vec<_>>());
    for delivery in deliveries {
        let slots = world.slots[&delivery.to.0];
        assert_eq!(slots[usize::from(delivery.slot)], Some(id(12)));
        assert!(delivery.marker);
    }
}

#[test]
fn who_says_nothing_about_loudness_is_heard() {
    let mut world = World::of(12);
    assert_eq!(world.say(12, None).len(), 11);
}

#[test]
fn noise_takes_nobodys_seat() {
    let mut world = World::of(12);
    // What the client does not take for speech, and what is too quiet for it.
    for noise in [level(20, false), level(66, true)] {
        assert_eq!(world.say(12, noise), []);
    }
    assert_eq!(world.say(12, level(65, true)).len(), 11);
}

#[test]
fn who_was_silent_longest_gives_the_seat() {
    let mut world = World::of(11);
    world.talk(&[1, 2, 3, 5, 6, 7, 8], SPEECH, SECOND);
    world.talk(&[4], SPEECH, SECOND);
    world.wait(3 * SECOND);
    world.talk(&[1, 2, 3, 5, 6, 7], SPEECH, SECOND);
    // 4 spoke after 8.
    world.say(11, SPEECH);
    assert_eq!(world.hears(10), [1, 2, 3, 4, 5, 6, 7, 11]);
}

#[test]
fn while_eight_speak_nobody_as_loud_gets_between() {
    let mut world = World::of(12);
    let eight: Vec<u64> = (1..=8).collect();
    world.talk(&eight, SPEECH, 5 * SECOND);
    let all: Vec<u64> = (1..=8).chain([12]).collect();
    world.talk(&all, SPEECH, 10 * SECOND);
    assert_eq!(world.hears(11), eight);
}

#[test]
fn while_eight_speak_who_is_clearly_louder_is_heard_and_stays() {
    let mut world = World::of(12);
    let eight: Vec<u64> = (1..=8).collect();
    world.talk(&eight, level(40, true), 5 * SECOND);
    world.say(12, level(20, true));
    assert!(world.hears(11).contains(&12));
    // The one who lost the seat does not get it back by being as loud.
    for _ in 0..100 {
        for speaker in &eight {
            world.say(*speaker, level(22, true));
        }
        world.say(12, level(20, true));
        world.wait(STEP);
    }
    assert!(world.hears(11).contains(&12));
}

#[test]
fn one_loud_knock_takes_nobodys_seat_while_eight_speak() {
    let mut world = World::of(12);
    let (eight, ordinary): (Vec<u64>, _) = ((1..=8).collect(), level(40, true));
    world.talk(&eight, ordinary, 3 * SECOND);
    let nine: Vec<u64> = (1..=8).chain([12]).collect();
    world.talk(&nine, ordinary, SECOND);
    world.say(12, level(10, true));
    assert_eq!(world.hears(11), eight);
}

#[test]
fn who_took_a_seat_keeps_it_for_two_seconds() {
    let mut world = World::of(12);
    let eight: Vec<u64> = (1..=8).collect();
    world.talk(&eight, level(40, true), 5 * SECOND);
    world.say(12, level(20, true));
    let all: Vec<u64> = (1..=8).chain([11]).collect();
    for _ in 0..90 {
        world.say(12, level(60, true));
        world.talk(&all, level(30, true), STEP);
    }
    assert!(world.hears(10).contains(&12));
    for _ in 0..20 {
        world.say(12, level(60, true));
        world.talk(&all, level(30, true), STEP);
    }
    assert!(!world.hears(10).contains(&12));
}

#[test]
fn who_pauses_loses_the_seat_to_who_goes_on() {
    let mut world = World::of(12);
    let eight: Vec<u64> = (1..=8).collect();
    world.talk(&eight, SPEECH, 3 * SECOND);
    let seven: Vec<u64> = (1..=7).collect();
    // A breath is no pause.
    world.talk(&seven, SPEECH, Duration::from_millis(300));
    world.say(12, SPEECH);
    assert_eq!(world.hears(11), eight);
    world.talk(&seven, SPEECH, Duration::from_millis(700));
    world.say(12, SPEECH);
    assert_eq!(world.hears(11), [1, 2, 3, 4, 5, 6, 7, 12]);
}

#[test]
fn those_in_front_also_hear_who_was_there_before() {
    let mut world = World::of(10);
    // 9 sits beside the front; 10 speaks, and 1, silent like all, gives way.
    world.talk(&[1], SPEECH, SECOND);
    world.wait(3 * SECOND);
    world.talk(&(2..=8).collect::<Vec<_>>(), SPEECH, SECOND);
    world.say(10, SPEECH);
    assert_eq!(world.hears(9), [2, 3, 4, 5, 6, 7, 8, 10]);
    assert_eq!(world.hears(2), [1, 3, 4, 5, 6, 7, 8, 10]);
    assert_eq!(world.hears(1), [2, 3, 4, 5, 6, 7, 8, 10]);
}

#[test]
fn the_louder_of_those_who_lost_a_seat_stays_beside_the_front() {
    let mut world = World::of(12);
    let ordinary = level(40, true);
    world.talk(&(1..=8).collect::<Vec<_>>(), ordinary, 3 * SECOND);
    world.say(12, level(20, true));
    assert_eq!(world.hears(3), [1, 2, 4, 5, 6, 7, 8, 12]);
    for _ in 0..50 {
        world.say(2, level(45, true));
        world.talk(&[1, 3, 4, 5, 6, 7, 8, 12], ordinary, STEP);
    }
    world.say(11, level(20, true));
    assert_eq!(world.hears(3), [1, 4, 5, 6, 7, 8, 11, 12]);
}

#[test]
fn a_slot_changes_only_where_its_source_left_the_stage() {
    let mut world = World::of(12);
    let before = world.slots.clone();
    world.say(12, SPEECH);
    for (receiver, slots) in &world.slots {
        let pairs = before[receiver].iter().zip(slots);
        let changed = pairs.filter(|(old, new)| old != new).count();
        assert!(changed <= 1, "{receiver}");
    }
}

#[test]
fn when_somebody_leaves_whoever_spoke_last_gets_the_seat() {
    let mut world = World::of(13);
    world.talk(&(1..=8).collect::<Vec<_>>(), SPEECH, 3 * SECOND);
    world.say(11, SPEECH);
    world.leave(9);
    world.leave(1);
    assert!(world.hears(13).contains(&11));
    assert_eq!(world.hears(13).len(), 8);
}

#[test]
fn down_to_nine_all_are_heard_again() {
    let mut world = World::of(14);
    for gone in [2, 4, 6, 8, 9] {
        world.leave(gone);
    }
    assert_eq!(receivers(&world.say(14, QUIET)).len(), 8);
}

#[test]
fn who_is_not_ready_is_not_sent_to_and_not_heard() {
    let mut world = World::of(2);
    world.room.join(id(3), world.now).unwrap();
    assert_eq!(receivers(&world.say(1, SPEECH)), [2]);
    let pen = Pen::default();
    assert_eq!(world.send(3, pen, SPEECH), (Fate::Stranger, Vec::new()));
    assert_eq!(world.send(4, pen, SPEECH), (Fate::Stranger, Vec::new()));
    assert_eq!(world.hears(1), [2]);
}

#[test]
fn a_full_room_lets_nobody_in_but_those_who_are_in() {
    let mut world = World::new(2);
    world.enter(1);
    world.enter(2);
    assert_eq!(world.room.join(id(3), world.now), Err(Full));
    assert_eq!(world.room.join(id(2), world.now), Ok(()));
    world.leave(1);
    assert_eq!(world.room.join(id(3), world.now), Ok(()));
}

#[test]
fn speech_is_told_once_and_ends_after_a_pause() {
    let mut world = World::of(2);
    world.talk(&[1], SPEECH, SECOND);
    assert_eq!(world.speaking, [(1, true)]);
    // A pause between words.
    world.talk(&[1], QUIET, Duration::from_millis(400));
    world.talk(&[1], SPEECH, SECOND);
    assert_eq!(world.speaking, [(1, true)]);
    world.talk(&[1], QUIET, SECOND);
    assert_eq!(world.speaking, [(1, true), (1, false)]);
    assert_eq!(world.room.poll_timeout(), None);
}

#[test]
fn one_voiced_packet_is_a_click_and_no_speech() {
    let mut world = World::of(2);
    world.say(1, SPEECH);
    world.talk(&[1], QUIET, SECOND);
    world.say(1, SPEECH);
    assert_eq!(world.speaking, []);
}

#[test]
fn who_is_muted_is_not_heard_and_does_not_speak() {
    let mut world = World::of(3);
    world.talk(&[1], SPEECH, SECOND);
    world.room.mute(id(1), true, world.now);
    world.listen();
    assert_eq!(world.speaking, [(1, true), (1, false)]);
    let pen = Pen {
        seq: 1_000,
        timestamp: 0,
    };
    assert_eq!(world.send(1, pen, SPEECH), (Fate::Muted, Vec::new()));
    world.talk(&[1], SPEECH, SECOND);
    assert_eq!(world.speaking, [(1, true), (1, false)]);
    world.room.mute(id(1), false, world.now);
    assert_eq!(receivers(&world.say(1, SPEECH)), [2, 3]);
}

#[test]
fn news_that_nobody_takes_in_do_not_pile_up() {
    let mut world = World::of(3);
    for _ in 0..100 {
        world.room.join(id(4), world.now).unwrap();
        world.room.ready(id(4), world.now);
        world.room.mute(id(1), true, world.now);
        world.room.mute(id(1), false, world.now);
        world.room.leave(id(4), world.now);
    }
    assert!(world.room.news.len() <= 2 * 3);
    // All is as it was told before.
    assert_eq!(world.room.poll_event(), None);
}
