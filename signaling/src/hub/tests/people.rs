//! Rows M17 and C12: what passes between people of whom one has blocked the
//! other, and whose calls are let through.

use std::collections::BTreeSet;

use super::*;
use crate::chat::CallsFrom;

fn watch(user: i64) -> Value {
    json!({"type": "presence_subscribe", "user_ids": [user]})
}

fn typing(receiver: i64, active: bool) -> Value {
    json!({"type": "typing", "receiver_id": receiver, "active": active})
}

fn blocking(whom: i64) -> Known {
    Known {
        blocks: BTreeSet::from([UserId(whom)]),
        ..Known::default()
    }
}

fn blocked_by(whom: i64) -> Known {
    Known {
        blocked_by: BTreeSet::from([UserId(whom)]),
        ..Known::default()
    }
}

fn taking(calls_from: CallsFrom, contacts: &[i64]) -> Known {
    Known {
        calls_from,
        contacts: contacts.iter().copied().map(UserId).collect(),
        ..Known::default()
    }
}

/// Person 1 with socket 11 has blocked person 2 with socket 21.
fn apart() -> Bench {
    let mut bench = Bench::with(&[]);
    bench.know(1, blocking(2));
    bench.join(11);
    bench.know(2, blocked_by(1));
    bench.join(21);
    bench
}

#[test]
fn words_to_who_blocked_one_are_refused_without_saying_why() {
    let mut bench = apart();
    assert_eq!(bench.say(21, &text(1, "hi")), ["21 error not_allowed"]);
    assert_eq!(bench.say(11, &text(2, "hi")), ["11 error blocked_by_you"]);
}

#[test]
fn a_call_from_who_is_blocked_finds_nobody_there_and_tells_nobody() {
    let mut bench = apart();
    assert_eq!(bench.say(21, &offer(1, "o")), ["21 call_reject offline"]);
    assert_eq!(bench.notices, []);
    assert_eq!(bench.say(11, &offer(2, "o")), ["11 error blocked_by_you"]);
    // Nor does it learn that the other is in a call.
    bench.join(31);
    bench.say(11, &offer(3, "o"));
    assert_eq!(bench.say(21, &offer(1, "o")), ["21 call_reject offline"]);
}

#[test]
fn who_blocked_one_seems_to_be_away_and_the_other_way_round() {
    let mut bench = apart();
    assert_eq!(bench.say(21, &watch(1)), ["21 presence 1 false"]);
    assert_eq!(bench.say(11, &watch(2)), ["11 presence 2 false"]);
    assert_eq!(bench.leave(11), ["online 1 false"]);
    bench.know(1, blocking(2));
    let lines = bench.connect(11);
    assert!(
        lines.iter().all(|line| !line.starts_with("21")),
        "{lines:?}"
    );
}

#[test]
fn nobody_sees_the_other_write() {
    let mut bench = apart();
    assert_eq!(bench.say(21, &typing(1, true)), [""; 0]);
    assert_eq!(bench.say(11, &typing(2, true)), [""; 0]);
}

#[test]
fn a_block_is_known_from_either_of_the_two() {
    for (of, known) in [(1, blocking(2)), (2, blocked_by(1))] {
        let mut bench = Bench::with(&[]);
        bench.know(of, known);
        bench.join(11);
        bench.join(21);
        assert_eq!(bench.say(21, &text(1, "hi")), ["21 error not_allowed"]);
        assert_eq!(bench.say(11, &text(2, "hi")), ["11 error blocked_by_you"]);
    }
}

#[test]
fn a_block_holds_at_once_and_ends_what_was_under_way() {
    let mut bench = Bench::with(&[11, 21]);
    bench.say(11, &watch(2));
    bench.say(21, &watch(1));
    bench.say(21, &typing(1, true));
    assert_eq!(
        bench.block(1, 2, true),
        [
            "11 typing 2 false",
            "21 presence 1 false",
            "11 presence 2 false",
        ]
    );
    assert_eq!(bench.say(21, &text(1, "hi")), ["21 error not_allowed"]);
    assert_eq!(bench.block(1, 2, true), [""; 0]);
    assert_eq!(
        bench.block(1, 2, false),
        ["21 presence 1 true", "11 presence 2 true"]
    );
    assert_eq!(bench.say(21, &text(1, "hi")), ["store 2>1 hi"]);
}

#[test]
fn two_blocks_need_two_ends() {
    let mut bench = Bench::with(&[11, 21]);
    bench.block(1, 2, true);
    bench.block(2, 1, true);
    bench.block(1, 2, false);
    assert_eq!(bench.say(11, &text(2, "hi")), ["11 error not_allowed"]);
    assert_eq!(bench.say(21, &text(1, "hi")), ["21 error blocked_by_you"]);
}

#[test]
fn a_call_ends_with_the_block_and_counts_as_taken_or_declined() {
    let mut bench = active_bench(&[11, 21]);
    assert_eq!(
        bench.block(2, 1, true),
        [
            "11 call_hangup ended",
            "21 call_hangup ended",
            "entry 1>2 answered 0",
        ]
    );
    let mut bench = ringing_bench(&[11, 21]);
    assert_eq!(
        bench.block(2, 1, true),
        [
            "11 call_hangup ended",
            "21 call_hangup ended",
            "entry 1>2 declined",
        ]
    );
    let mut bench = ringing_bench(&[11, 21]);
    assert_eq!(
        bench.block(1, 2, true),
        [
            "11 call_hangup cancelled",
            "21 call_hangup cancelled",
            "entry 1>2 cancelled",
        ]
    );
    // A call with somebody else goes on.
    let mut bench = active_bench(&[11, 21, 31]);
    assert_eq!(bench.block(1, 3, true), [""; 0]);
    assert_eq!(bench.hub.counts().calls_active, 1);
}

#[test]
fn what_was_read_before_a_change_does_not_undo_it() {
    let mut bench = Bench::with(&[21]);
    bench.block(1, 2, true);
    // Read before the block, joined after it.
    bench.know(1, Known::default());
    bench.join(11);
    assert_eq!(bench.say(21, &text(1, "hi")), ["21 error not_allowed"]);
    bench.block(1, 2, false);
    bench.leave(11);
    bench.know(1, blocking(2));
    bench.join(11);
    assert_eq!(bench.say(21, &text(1, "hi")), ["store 2>1 hi"]);
    // Later only what was read counts.
    bench.leave(11);
    bench.wait(61);
    bench.know(1, blocking(2));
    bench.join(11);
    assert_eq!(bench.say(21, &text(1, "hi")), ["21 error not_allowed"]);
}

#[test]
fn calls_pass_as_the_callee_wants() {
    for (known, passes) in [
        (taking(CallsFrom::Everyone, &[]), true),
        (taking(CallsFrom::Contacts, &[]), false),
        (taking(CallsFrom::Contacts, &[3]), false),
        (taking(CallsFrom::Contacts, &[1]), true),
        (taking(CallsFrom::Nobody, &[1]), false),
    ] {
        let mut bench = Bench::with(&[11]);
        bench.know(2, known.clone());
        bench.join(21);
        let lines = bench.say(11, &offer(2, "o"));
        if passes {
            assert_eq!(lines, ["11 call_started", "21 call_offer o"], "{known:?}");
        } else {
            assert_eq!(lines, ["11 call_reject offline"], "{known:?}");
            assert_eq!(bench.notices, []);
        }
    }
}

#[test]
fn whom_one_writes_to_may_call_from_then_on() {
    let mut bench = Bench::with(&[11]);
    bench.know(2, taking(CallsFrom::Contacts, &[]));
    bench.join(21);
    bench.say(21, &text(1, "hi"));
    let ticket = bench.ticket;
    bench.give(Input::Stored {
        ticket,
        result: Ok(Stored {
            message: stored(1, 2, 1, "hi"),
            repeated: false,
            erased: false,
        }),
    });
    let lines = bench.say(11, &offer(2, "o"));
    assert_eq!(lines, ["11 call_started", "21 call_offer o"]);
}

#[test]
fn an_unwanted_attempt_that_is_not_written_down_is_no_failure() {
    let mut bench = Bench::with(&[11]);
    bench.say(11, &offer(2, "o"));
    assert_eq!(
        bench.woken(1, false),
        ["11 call_reject offline", "entry 1>2 offline"]
    );
    let ticket = bench.ticket;
    bench.give(Input::Stored {
        ticket,
        result: Err(Code::NotAllowed),
    });
    assert_eq!(bench.hub.counts().call_entries_refused, 0);
}
