//! Who is told when nobody looks.

use super::*;
use crate::chat::{CallEntry, CallOutcome};

fn sleep(asleep: bool) -> Value {
    json!({"type": "sleep", "asleep": asleep})
}

impl Bench {
    /// A message from 1 to 2 that the store has taken.
    fn message(&mut self, body: Body) -> StoredMessage {
        self.say(11, &text(2, "hi"));
        let message = StoredMessage {
            body,
            ..stored(9, 1, 2, "")
        };
        let stored = Stored {
            message: message.clone(),
            repeated: false,
            erased: false,
        };
        let ticket = self.ticket;
        self.give(Input::Stored {
            ticket,
            result: Ok(stored),
        });
        message
    }

    fn told(&mut self) -> Vec<(UserId, Notice)> {
        std::mem::take(&mut self.notices)
    }
}

fn words() -> Body {
    Body::Text("hi".to_owned())
}

fn call() -> CallId {
    CallId::from_bytes([1; 16])
}

fn ringing(awake: &[i64]) -> (UserId, Notice) {
    let notice = Notice::Ringing {
        call: call(),
        caller: UserId(1),
        awake: awake.iter().copied().map(SessionId).collect(),
    };
    (UserId(2), notice)
}

fn over(end: RingingEnd, by: Option<i64>) -> (UserId, Notice) {
    let notice = Notice::RingingOver {
        call: call(),
        caller: UserId(1),
        end,
        by: by.map(SessionId),
    };
    (UserId(2), notice)
}

#[test]
fn a_message_wakes_a_person_without_a_socket_and_no_other() {
    let mut bench = Bench::with(&[11]);
    let message = bench.message(words());
    assert_eq!(bench.told(), [(UserId(2), Notice::Message(message))]);
    bench.join(21);
    bench.message(words());
    assert_eq!(bench.told(), []);
}

#[test]
fn a_message_wakes_a_person_all_of_whose_tabs_sleep() {
    let mut bench = Bench::with(&[11, 21, 22]);
    bench.say(21, &sleep(true));
    bench.message(words());
    assert_eq!(bench.told(), [], "one is awake");
    bench.say(22, &sleep(true));
    let message = bench.message(words());
    assert_eq!(bench.told(), [(UserId(2), Notice::Message(message))]);
    bench.say(21, &sleep(false));
    bench.message(words());
    assert_eq!(bench.told(), []);
}

#[test]
fn the_entry_of_a_call_wakes_nobody() {
    let mut bench = Bench::with(&[11]);
    bench.message(Body::Call(CallEntry {
        outcome: CallOutcome::NoAnswer,
        duration_s: None,
    }));
    assert_eq!(bench.told(), []);
}

#[test]
fn a_call_rings_on_devices_and_says_which_sessions_ring_already() {
    let mut bench = Bench::with(&[11, 21, 22]);
    bench.say(22, &sleep(true));
    bench.say(11, &offer(2, "o"));
    assert_eq!(bench.told(), [ringing(&[21])]);
}

#[test]
fn the_caller_hears_that_it_rings_once_a_device_was_reached() {
    let mut bench = Bench::with(&[11]);
    assert_eq!(bench.say(11, &offer(2, "o")), [""; 0]);
    assert_eq!(bench.told(), [ringing(&[])]);
    assert_eq!(bench.woken(1, true), ["11 call_started"]);
    assert_eq!(bench.woken(1, false), [""; 0], "one answer counts");
    bench.connect(21);
    assert_eq!(bench.caught_up(21), ["21 call_offer o"]);
    bench.say(21, &answer(1, "a"));
    assert_eq!(bench.told(), [over(RingingEnd::Answered, Some(21))]);
}

#[test]
fn who_comes_before_a_device_was_reached_is_rung_all_the_same() {
    let mut bench = Bench::with(&[11]);
    bench.say(11, &offer(2, "o"));
    bench.connect(21);
    assert_eq!(bench.woken(1, false), [""; 0], "there is a socket now");
    assert_eq!(bench.caught_up(21), ["11 call_started", "21 call_offer o"]);
    assert_eq!(bench.woken(1, true), [""; 0]);
}

#[test]
fn a_caller_who_gives_up_before_a_device_was_reached_leaves_a_missed_call() {
    let mut bench = Bench::with(&[11]);
    bench.say(11, &offer(2, "o"));
    assert_eq!(bench.say(11, &hangup(2)), ["entry 1>2 cancelled"]);
    assert_eq!(bench.told(), [ringing(&[]), over(RingingEnd::Missed, None)]);
    assert_eq!(bench.woken(1, true), [""; 0]);
    assert_eq!(bench.woken(1, false), [""; 0]);
}

#[test]
fn however_ringing_ends_devices_are_told_why_and_who_decided() {
    type End = fn(&mut Bench) -> Vec<String>;
    let ends: [(End, RingingEnd, Option<i64>); 6] = [
        (|b| b.say(21, &reject(1)), RingingEnd::Declined, Some(21)),
        (|b| b.say(22, &busy(1)), RingingEnd::Missed, Some(22)),
        (|b| b.say(11, &hangup(2)), RingingEnd::Missed, None),
        (|b| b.wait(45), RingingEnd::Missed, None),
        (|b| b.log_out(11), RingingEnd::Missed, None),
        (
            |b| {
                b.leave(11);
                b.wait(20)
            },
            RingingEnd::Missed,
            None,
        ),
    ];
    for (end, why, by) in ends {
        let mut bench = ringing_bench(&[11, 21, 22]);
        end(&mut bench);
        assert_eq!(bench.told(), [ringing(&[21, 22]), over(why, by)]);
    }
}

#[test]
fn the_end_of_an_answered_call_is_no_end_of_ringing() {
    let mut bench = active_bench(&[11, 21]);
    assert_eq!(bench.told().len(), 2);
    bench.say(11, &hangup(2));
    assert_eq!(bench.told(), []);
}
