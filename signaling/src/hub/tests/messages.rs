use super::*;
use crate::chat::{CallEntry, CallOutcome};

fn answer(bench: &Bench, message: StoredMessage, repeated: bool) -> Input {
    Input::Stored {
        ticket: bench.ticket,
        result: Ok(Stored {
            message,
            repeated,
            erased: false,
        }),
    }
}

#[test]
fn a_message_is_delivered_and_echoed_only_after_the_store_kept_it() {
    let mut bench = Bench::with(&[11, 12, 21, 22, 31]);
    assert_eq!(bench.say(11, &text(2, "hi")), ["store 1>2 hi"]);
    let kept = answer(&bench, stored(1, 1, 2, "hi"), false);
    assert_eq!(
        bench.give(kept),
        ["21,22 message hi sent receipt 7/1", "11,12 message hi sent"]
    );
}

#[test]
fn what_comes_during_the_catch_up_follows_what_was_missed_and_comes_once() {
    let mut bench = Bench::with(&[11, 21]);
    bench.connect(22);
    for (id, content) in [(2, "two"), (3, "three")] {
        bench.say(11, &text(2, content));
        let kept = answer(&bench, stored(id, 1, 2, content), false);
        let lines = bench.give(kept);
        assert!(lines[0].starts_with("21 message"), "{lines:?}");
    }
    let missed = [(1, "one"), (2, "two")].map(|(id, content)| stored(id, 1, 2, content));
    let lines = bench.give(Input::CatchUp {
        conn: ConnId(22),
        result: Ok(missed.to_vec()),
    });
    let contents: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(' ').nth(2))
        .collect();
    assert_eq!(contents, ["one", "two", "three"], "{lines:?}");
}

#[test]
fn a_socket_that_never_catches_up_is_closed_before_it_costs_more() {
    let mut bench = Bench::with(&[11]);
    bench.connect(21);
    for id in 1..=257 {
        bench.give(Input::Stored {
            ticket: bench.ticket,
            result: Err(Code::StorageFailed),
        });
        bench.now += Duration::from_secs(1);
        bench.say(11, &text(2, "x"));
        let kept = answer(&bench, stored(id, 1, 2, "x"), false);
        let lines = bench.give(kept);
        let closed = lines.iter().any(|line| line.starts_with("close 21 1013"));
        assert_eq!(closed, id == 257, "{id}: {lines:?}");
    }
}

#[test]
fn a_repeated_message_is_answered_to_the_asking_socket_alone() {
    let mut bench = Bench::with(&[11, 12, 21]);
    bench.say(12, &text(2, "hi"));
    let kept = answer(&bench, stored(1, 1, 2, "hi"), true);
    assert_eq!(bench.give(kept), ["12 message hi sent"]);
}

#[test]
fn a_refusal_of_the_store_reaches_the_asking_socket_alone() {
    let mut bench = Bench::with(&[11, 12, 21]);
    bench.say(11, &text(2, "hi"));
    let refused = Input::Stored {
        ticket: bench.ticket,
        result: Err(Code::StorageFailed),
    };
    assert_eq!(bench.give(refused.clone()), ["11 error storage_failed"]);
    assert_eq!(bench.give(refused), [""; 0], "a ticket is good once");
}

#[test]
fn a_sender_who_left_is_not_told_but_the_others_are() {
    let mut bench = Bench::with(&[11, 12, 21]);
    bench.say(11, &text(2, "hi"));
    let kept = answer(&bench, stored(1, 1, 2, "hi"), false);
    bench.leave(11);
    assert_eq!(
        bench.give(kept),
        ["21 message hi sent receipt 7/1", "12 message hi sent"]
    );
    bench.say(12, &text(2, "again"));
    let refused = Input::Stored {
        ticket: bench.ticket,
        result: Err(Code::StorageFailed),
    };
    bench.leave(12);
    assert_eq!(bench.give(refused), [""; 0]);
}

#[test]
fn what_the_hub_can_judge_never_reaches_the_store() {
    let mut bench = Bench::with(&[11]);
    assert_eq!(bench.say(11, &text(1, "me")), ["11 error self_message"]);
    assert_eq!(bench.say(11, &text(2, "")), ["11 error content_empty"]);
    assert_eq!(
        bench.say(11, &text(2, &"a".repeat(8_001))),
        ["11 error content_too_long"]
    );
    assert_eq!(bench.hub.counts().in_flight, 0);
}

#[test]
fn a_socket_has_256_questions_to_the_store_open_and_no_more() {
    let limits = Limits {
        other_frames: None,
        ..Limits::default()
    };
    let mut bench = Bench::limited(limits, &[11, 12]);
    for _ in 0..256 {
        assert_eq!(bench.say(11, &text(2, "x")), ["store 1>2 x"]);
    }
    let mark = json!({"type": "mark_read", "message_id": 1});
    assert_eq!(bench.say(11, &text(2, "x")), ["11 error slow_down"]);
    assert_eq!(bench.say(11, &mark), ["11 error slow_down"]);
    assert_eq!(bench.say(12, &mark), ["mark 1 message 1 read"]);
    bench.give(Input::Stored {
        ticket: Ticket(1),
        result: Err(Code::Internal),
    });
    assert_eq!(bench.say(11, &mark), ["mark 1 message 1 read"]);
}

#[test]
fn all_sockets_together_have_a_bounded_number_of_questions_open() {
    let limits = Limits {
        in_flight: 2,
        ..Limits::default()
    };
    let mut bench = Bench::limited(limits, &[11, 21]);
    bench.say(11, &text(2, "x"));
    bench.leave(11);
    bench.say(21, &text(1, "x"));
    assert_eq!(bench.say(21, &text(1, "x")), ["21 error slow_down"]);
    let offer = offer(3, "o");
    assert_eq!(bench.say(21, &offer), ["21 error slow_down"]);
}

#[test]
fn a_mark_that_moves_is_told_to_both_and_one_that_does_not_to_nobody() {
    let mut bench = Bench::with(&[11, 21, 22, 31]);
    let mark = json!({"type": "mark_read", "message_id": 4});
    assert_eq!(bench.say(21, &mark), ["mark 2 message 4 read"]);
    let moved = Input::Marked {
        ticket: bench.ticket,
        result: Ok(marked(4, Status::Read, true)),
    };
    assert_eq!(bench.give(moved), ["11,21,22 status_update read"]);

    bench.say(21, &json!({"type": "mark_delivered", "message_id": 4}));
    let stood = Input::Marked {
        ticket: bench.ticket,
        result: Ok(marked(4, Status::Read, false)),
    };
    assert_eq!(bench.give(stood), [""; 0]);

    bench.say(21, &mark);
    let refused = Input::Marked {
        ticket: bench.ticket,
        result: Err(Code::NotReceiver),
    };
    assert_eq!(bench.give(refused), ["21 error not_receiver"]);
}

#[test]
fn a_mark_made_through_rest_is_told_to_both() {
    let mut bench = Bench::with(&[11, 21]);
    let moved = marked(4, Status::Delivered, true);
    assert_eq!(
        bench.give(Input::MarkedOutside(moved)),
        ["11,21 status_update delivered"]
    );
    let stood = marked(4, Status::Delivered, false);
    assert_eq!(bench.give(Input::MarkedOutside(stood)), [""; 0]);
}

fn written(conn: u64, seq: i64) -> Input {
    Input::Written {
        conn: ConnId(conn),
        conversation: ConversationId(7),
        seq: Seq(seq),
    }
}

#[test]
fn what_was_written_to_the_receiver_is_marked_delivered_once() {
    let mut bench = Bench::with(&[11, 21, 22]);
    assert_eq!(bench.give(written(21, 1)), ["mark 2 7/1 delivered"]);
    assert_eq!(bench.give(written(22, 1)), [""; 0]);
    assert_eq!(bench.give(written(21, 3)), [""; 0], "one mark at a time");
    let first = Input::Marked {
        ticket: bench.ticket,
        result: Ok(marked(1, Status::Delivered, true)),
    };
    assert_eq!(
        bench.give(first),
        ["11,21,22 status_update delivered", "mark 2 7/3 delivered"]
    );
}

#[test]
fn what_was_written_to_a_socket_that_is_gone_is_not_marked() {
    let mut bench = Bench::with(&[11]);
    assert_eq!(bench.give(written(21, 1)), [""; 0]);
}

#[test]
fn a_person_gets_what_they_missed_in_order_and_nothing_of_others() {
    let mut bench = Bench::with(&[11]);
    bench.connect(21);
    let missed = vec![
        stored(1, 1, 2, "one"),
        stored(2, 1, 3, "not yours"),
        stored(3, 2, 1, "your own"),
        stored(4, 1, 2, "two"),
    ];
    let answer = Input::CatchUp {
        conn: ConnId(21),
        result: Ok(missed),
    };
    assert_eq!(
        bench.give(answer.clone()),
        [
            "21 message one sent receipt 7/1",
            "21 message two sent receipt 7/4"
        ]
    );
    assert_eq!(bench.give(answer), [""; 0], "once a socket");
}

#[test]
fn an_entry_the_store_refuses_is_counted_and_told_to_nobody() {
    let mut bench = Bench::with(&[11]);
    bench.say(11, &offer(2, "o"));
    assert_eq!(
        bench.woken(1, false),
        ["11 call_reject offline", "entry 1>2 offline"]
    );
    let refused = Input::Stored {
        ticket: bench.ticket,
        result: Err(Code::UserNotFound),
    };
    assert_eq!(bench.give(refused), [""; 0]);
    assert_eq!(bench.hub.counts().call_entries_refused, 1);
}

#[test]
fn an_entry_is_delivered_like_any_message() {
    let mut bench = Bench::with(&[11]);
    bench.say(11, &offer(2, "o"));
    bench.woken(1, false);
    bench.join(21);
    let entry = CallEntry {
        outcome: CallOutcome::Offline,
        duration_s: None,
    };
    let message = StoredMessage {
        body: Body::Call(entry),
        ..stored(9, 1, 2, "")
    };
    let kept = answer(&bench, message, false);
    let words = entry.persian();
    assert_eq!(
        bench.give(kept),
        [
            format!("21 message {words} sent receipt 7/9"),
            format!("11 message {words} sent")
        ]
    );
}

fn sealed(ciphertext: &str) -> Value {
    json!({
        "type": "message", "receiver_id": 2, "content": "for nobody's eyes", "encrypted": true, "e2ee_v": 1,
        "alg": "AES-256-GCM", "sender_device_id": "phone", "key_id": "k-1", "iv": "aXY", "ciphertext": ciphertext,
    })
}

#[test]
fn a_sealed_text_is_stored_without_any_plain_one() {
    let mut bench = Bench::with(&[11]);
    assert_eq!(bench.say(11, &sealed("c2Vh")), ["store 1>2 sealed c2Vh"]);
}

#[test]
fn an_envelope_that_is_not_whole_is_refused_before_the_store() {
    let mut bench = Bench::with(&[11]);
    let fields = [
        "e2ee_v",
        "alg",
        "sender_device_id",
        "key_id",
        "iv",
        "ciphertext",
    ];
    for field in fields {
        for wrong in [Value::Null, json!(""), json!(-1), json!([])] {
            let mut frame = sealed("c2Vh");
            frame[field] = wrong;
            assert_eq!(
                bench.say(11, &frame),
                ["11 error envelope_invalid"],
                "{frame}"
            );
        }
    }
    for (field, length) in [("iv", 257), ("aad", 257), ("ciphertext", 65_537)] {
        let mut frame = sealed("c2Vh");
        frame[field] = json!("x".repeat(length));
        assert_eq!(
            bench.say(11, &frame),
            ["11 error envelope_invalid"],
            "{field}"
        );
    }
    assert_eq!(bench.say(11, &sealed(&"x".repeat(65_536))).len(), 1);
}
