//! Sequence numbers and timestamps of what goes out.

use super::*;

/// What receiver 11 of twelve gets from 1.
fn at_eleven(deliveries: &[Delivery]) -> Option<Delivery> {
    deliveries.iter().copied().find(|one| one.to == id(11))
}

fn pen(seq: u16, timestamp: u32) -> Pen {
    Pen { seq, timestamp }
}

/// What 2 gets when 1 sends this.
fn to_two(world: &mut World, pen: Pen) -> Result<Delivery, Fate> {
    let (fate, out) = world.send(1, pen, SPEECH);
    out.first().copied().ok_or(fate)
}

#[test]
fn a_change_of_speaker_is_one_stream() {
    let mut world = World::of(12);
    world.pens.insert(1, pen(500, 7_000));
    world.pens.insert(12, pen(60_000, 4_000_000_000));
    let first = at_eleven(&world.say(1, SPEECH)).unwrap();
    world.wait(STEP);
    let second = at_eleven(&world.say(1, SPEECH)).unwrap();
    assert_eq!(
        (second.seq, second.timestamp),
        (first.seq + 1, first.timestamp + 960)
    );
    assert!(first.marker && !second.marker);
    // 2 to 8 are silent for less long than 1 now.
    world.wait(Duration::from_secs(3));
    world.talk(&(2..=8).collect::<Vec<_>>(), SPEECH, STEP);
    world.wait(Duration::from_millis(480));
    let third = at_eleven(&world.say(12, SPEECH)).unwrap();
    assert_eq!(third.slot, first.slot);
    assert_eq!(third.seq, second.seq + 1);
    // 3.5 s after the second.
    assert_eq!(third.timestamp, second.timestamp + 3_500 * 48);
    assert!(third.marker);
}

#[test]
fn what_the_old_speaker_sent_before_comes_too_late() {
    let mut world = World::of(12);
    world.pens.insert(1, pen(500, 7_000));
    world.say(1, SPEECH);
    world.pens.insert(12, pen(60, 60));
    world.wait(Duration::from_secs(3));
    world.talk(&(2..=8).collect::<Vec<_>>(), SPEECH, STEP);
    // 1 goes from the front to the seat beside it; 11 does not hear it.
    world.say(12, SPEECH);
    let (_, out) = world.send(1, pen(499, 6_040), QUIET);
    assert_eq!(at_eleven(&out), None);
    // And what 12 sent before is older than its beginning here.
    let (_, out) = world.send(12, pen(60, 60), QUIET);
    assert_eq!(out, []);
}

#[test]
fn gaps_and_order_of_one_speaker_stay() {
    let mut world = World::of(2);
    let first = to_two(&mut world, pen(10, 0)).unwrap();
    for (seq, ahead) in [(14, 4), (12, 2), (15, 5), (11, 1)] {
        let next = to_two(&mut world, pen(seq, 960 * u32::from(ahead))).unwrap();
        assert_eq!(next.seq, first.seq + ahead);
        assert_eq!(next.timestamp, first.timestamp + 960 * u32::from(ahead));
        assert!(!next.marker);
    }
}

#[test]
fn what_comes_twice_goes_out_once() {
    let mut world = World::of(2);
    for seq in [10, 13, 12] {
        to_two(&mut world, pen(seq, 0)).unwrap();
    }
    for seq in [10, 12, 13] {
        assert_eq!(to_two(&mut world, pen(seq, 0)), Err(Fate::Duplicate));
    }
    to_two(&mut world, pen(11, 0)).unwrap();
    assert_eq!(to_two(&mut world, pen(11, 0)), Err(Fate::Duplicate));
}

#[test]
fn what_is_too_old_goes_nowhere() {
    let mut world = World::of(2);
    to_two(&mut world, pen(1_000, 0)).unwrap();
    to_two(&mut world, pen(1_500, 0)).unwrap();
    to_two(&mut world, pen(1_373, 0)).unwrap();
    assert_eq!(to_two(&mut world, pen(1_372, 0)), Err(Fate::OutOfWindow));
}

#[test]
fn numbers_wrap_around() {
    let mut world = World::of(2);
    let first = to_two(&mut world, pen(65_534, u32::MAX - 100)).unwrap();
    world.wait(STEP);
    // 65 535 comes after 0.
    let third = to_two(&mut world, pen(0, 1_819)).unwrap();
    let second = to_two(&mut world, pen(65_535, 859)).unwrap();
    assert_eq!(second.seq, first.seq + 1);
    assert_eq!(second.timestamp, first.timestamp + 960);
    assert_eq!(third.seq, first.seq + 2);
    assert_eq!(third.timestamp, first.timestamp + 1_920);
    assert_eq!(to_two(&mut world, pen(65_535, 859)), Err(Fate::Duplicate));
}

#[test]
fn what_goes_out_wraps_around_too() {
    let mut world = World::of(2);
    let mut last = to_two(&mut world, pen(0, 0)).unwrap();
    for number in 1..=70_000_u32 {
        let seq = u16::try_from(number % 65_536).unwrap();
        world.now += STEP;
        let next = to_two(&mut world, pen(seq, number.wrapping_mul(960 * 70))).unwrap();
        assert_eq!(next.seq, last.seq.wrapping_add(1));
        last = next;
    }
}

#[test]
fn a_stream_that_begins_anew_goes_on_where_the_old_one_ended() {
    let mut world = World::of(2);
    let last = to_two(&mut world, pen(1_000, 5_000_000)).unwrap();
    world.wait(Duration::from_secs(2));
    // One stray packet is no new stream.
    assert_eq!(to_two(&mut world, pen(40_000, 77)), Err(Fate::OutOfWindow));
    let next = to_two(&mut world, pen(40_001, 1_037)).unwrap();
    assert_eq!(next.seq, last.seq + 1);
    assert_eq!(next.timestamp, last.timestamp + 2 * 48_000);
    assert!(next.marker);
    let after = to_two(&mut world, pen(40_002, 1_997)).unwrap();
    assert_eq!(after.seq, last.seq + 2);
    assert!(!after.marker);
}

#[test]
fn a_clock_that_stood_still_goes_on_with_ours() {
    let mut world = World::of(2);
    let last = to_two(&mut world, pen(9, 1_000)).unwrap();
    world.wait(Duration::from_secs(60));
    let next = to_two(&mut world, pen(10, 1_960)).unwrap();
    assert_eq!(next.seq, last.seq + 1);
    assert_eq!(next.timestamp, last.timestamp + 60 * 48_000);
    assert!(next.marker);
    // One that went on is kept as it is.
    world.wait(Duration::from_secs(60));
    let later = to_two(&mut world, pen(11, 1_960 + 61 * 48_000)).unwrap();
    assert_eq!(later.timestamp, next.timestamp + 61 * 48_000);
    assert!(!later.marker);
}

#[test]
fn after_a_moderators_mute_nothing_seems_to_be_missing() {
    let mut world = World::of(2);
    let last = to_two(&mut world, pen(100, 0)).unwrap();
    world.room.mute(id(1), true, world.now);
    world.wait(Duration::from_secs(10));
    assert_eq!(to_two(&mut world, pen(300, 192_000)), Err(Fate::Muted));
    world.room.mute(id(1), false, world.now);
    let next = to_two(&mut world, pen(600, 480_000)).unwrap();
    assert_eq!(next.seq, last.seq + 1);
    assert_eq!(next.timestamp, last.timestamp + 480_000);
    assert!(next.marker);
}

#[test]
fn who_joins_late_has_streams_of_ones_own() {
    let mut world = World::of(2);
    for seq in 100..200 {
        to_two(&mut world, pen(seq, 960 * u32::from(seq))).unwrap();
    }
    world.enter(3);
    let (_, out) = world.send(1, pen(200, 960 * 200), SPEECH);
    assert_eq!(receivers(&out), [2, 3]);
    assert_eq!((out[0].seq, out[1].seq), (101, 1));
    assert!(!out[0].marker && out[1].marker);
}
