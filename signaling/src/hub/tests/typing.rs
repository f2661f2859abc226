//! Rows P3: who is told that somebody writes, and for how long.

use super::*;

fn typing(receiver: i64, active: bool) -> Value {
    json!({"type": "typing", "receiver_id": receiver, "active": active})
}

#[test]
fn every_socket_of_the_receiver_is_told_and_nobody_else() {
    let mut bench = Bench::with(&[11, 12, 21, 22, 31]);
    assert_eq!(bench.say(11, &typing(2, true)), ["21,22 typing 1 true"]);
    assert_eq!(bench.say(11, &typing(2, false)), ["21,22 typing 1 false"]);
    assert_eq!(bench.say(11, &typing(2, false)), [""; 0]);
}

#[test]
fn typing_ends_by_itself_5_s_after_its_last_word() {
    let mut bench = Bench::with(&[11, 21]);
    bench.say(11, &typing(2, true));
    assert_eq!(bench.wait(4), [""; 0]);
    assert_eq!(bench.say(11, &typing(2, true)), ["21 typing 1 true"]);
    assert_eq!(bench.wait(4), [""; 0]);
    assert_eq!(bench.wait(1), ["21 typing 1 false"]);
    assert_eq!(bench.hub.poll_timeout(), None);
}

#[test]
fn a_repeated_word_prolongs_but_is_passed_on_every_2_s_only() {
    let mut bench = Bench::with(&[11, 21]);
    bench.say(11, &typing(2, true));
    bench.wait(1);
    assert_eq!(bench.say(11, &typing(2, true)), [""; 0]);
    bench.wait(1);
    assert_eq!(bench.say(11, &typing(2, true)), ["21 typing 1 true"]);
    assert_eq!(bench.wait(4), [""; 0]);
    assert_eq!(bench.wait(1), ["21 typing 1 false"]);
}

#[test]
fn one_socket_writes_to_one_person_at_a_time() {
    let mut bench = Bench::with(&[11, 21, 31]);
    bench.say(11, &typing(2, true));
    assert_eq!(
        bench.say(11, &typing(3, true)),
        ["21 typing 1 false", "31 typing 1 true"]
    );
}

#[test]
fn two_sockets_that_write_to_one_person_end_with_the_second() {
    let mut bench = Bench::with(&[11, 12, 21]);
    bench.say(11, &typing(2, true));
    bench.say(12, &typing(2, true));
    assert_eq!(bench.say(11, &typing(2, false)), [""; 0]);
    assert_eq!(bench.say(12, &typing(2, false)), ["21 typing 1 false"]);
}

#[test]
fn a_socket_that_goes_away_writes_no_more() {
    let mut bench = Bench::with(&[11, 21]);
    bench.say(11, &typing(2, true));
    assert_eq!(bench.leave(11), ["21 typing 1 false", "online 1 false"]);
    assert_eq!(bench.hub.poll_timeout(), None);
}

#[test]
fn writing_to_oneself_or_to_somebody_away_tells_nobody() {
    let mut bench = Bench::with(&[11, 12]);
    assert_eq!(bench.say(11, &typing(1, true)), [""; 0]);
    assert_eq!(bench.say(11, &typing(2, true)), [""; 0]);
    assert_eq!(bench.hub.poll_timeout(), None);
}

#[test]
fn who_comes_later_is_told_with_the_next_word() {
    let mut bench = Bench::with(&[11]);
    bench.say(11, &typing(2, true));
    bench.join(21);
    assert_eq!(bench.say(11, &typing(2, true)), ["21 typing 1 true"]);
}

#[test]
fn more_than_a_few_words_of_it_are_dropped_without_an_answer() {
    let mut bench = Bench::with(&[11, 21]);
    let lines: Vec<_> = (0..30)
        .flat_map(|n| bench.say(11, &typing(2, n % 2 == 0)))
        .collect();
    assert_eq!(lines.len(), 10, "a burst of 10: {lines:?}");
}
