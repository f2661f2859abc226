use super::*;

#[test]
fn an_offer_rings_on_every_socket_of_the_callee_and_no_other() {
    let mut bench = Bench::with(&[11, 12, 21, 22, 31]);
    assert_eq!(
        bench.say(11, &offer(2, "o")),
        ["11 call_started", "21,22 call_offer o"]
    );
    assert_eq!(bench.hub.counts().calls_ringing, 1);
}

#[test]
fn an_answer_passes_first_then_the_others_stop_then_the_held_candidates_follow() {
    let mut bench = ringing_bench(&[11, 12, 21, 22]);
    assert_eq!(bench.say(21, &ringing(1)), ["11 call_ringing"]);
    assert_eq!(bench.say(11, &candidate(2, "w1")), [""; 0]);
    assert_eq!(bench.say(11, &candidate(2, "w2")), [""; 0]);
    assert_eq!(
        bench.say(22, &answer(1, "a")),
        [
            "11 call_answer a",
            "21 call_hangup answered_elsewhere",
            "22 ice_candidate w1",
            "22 ice_candidate w2"
        ]
    );
    assert_eq!(bench.say(11, &candidate(2, "w3")), ["22 ice_candidate w3"]);
    assert_eq!(bench.say(22, &candidate(1, "v1")), ["11 ice_candidate v1"]);
    assert_eq!(bench.hub.counts().calls_active, 1);
}

#[test]
fn a_caller_learns_no_candidate_of_the_callee_before_the_answer() {
    let mut bench = ringing_bench(&[11, 21]);
    assert_eq!(
        bench.say(21, &candidate(1, "v")),
        ["21 error call_not_active"]
    );
    assert_eq!(bench.say(21, &answer(1, "a")), ["11 call_answer a"]);
}

#[test]
fn a_second_answer_is_refused() {
    let mut bench = active_bench(&[11, 21, 22]);
    for conn in [21, 22] {
        assert_eq!(
            bench.say(conn, &answer(1, "b")),
            [format!("{conn} error call_not_ringing")]
        );
    }
}

#[test]
fn an_answered_call_leaves_its_length_in_the_log() {
    let mut bench = active_bench(&[11, 21]);
    bench.wait(65);
    assert_eq!(
        bench.say(21, &hangup(1)),
        ["11 call_hangup ended", "entry 1>2 answered 65"]
    );
    assert_eq!(bench.say(11, &hangup(2)), ["11 error call_unknown"]);
    assert_eq!(bench.hub.poll_timeout(), None);
}

#[test]
fn who_hears_nothing_any_more_says_so_to_the_other() {
    let mut bench = active_bench(&[11, 21]);
    let lost =
        json!({"type": "call_hangup", "receiver_id": 1, "payload": {"reason": "connection_lost"}});
    assert_eq!(
        bench.say(21, &lost),
        ["11 call_hangup connection_lost", "entry 1>2 lost 0"]
    );
}

#[test]
fn a_caller_who_gives_up_stops_every_ringing_socket() {
    for stop in [hangup(2), reject(2)] {
        let mut bench = ringing_bench(&[11, 21, 22]);
        assert_eq!(
            bench.say(11, &stop),
            ["21,22 call_hangup cancelled", "entry 1>2 cancelled"]
        );
    }
}

#[test]
fn a_callee_who_declines_declines_everywhere() {
    for decline in [reject(1), hangup(1)] {
        let mut bench = ringing_bench(&[11, 21, 22]);
        assert_eq!(
            bench.say(21, &decline),
            [
                "11 call_reject declined",
                "22 call_hangup declined_elsewhere",
                "entry 1>2 declined"
            ]
        );
    }
}

#[test]
fn a_socket_that_is_busy_ends_the_ringing_everywhere() {
    let mut bench = ringing_bench(&[11, 21, 22]);
    assert_eq!(
        bench.say(22, &busy(1)),
        [
            "11 call_reject busy",
            "21 call_hangup declined_elsewhere",
            "entry 1>2 busy"
        ]
    );
}

#[test]
fn a_decline_that_comes_after_the_answer_changes_nothing() {
    let mut bench = active_bench(&[11, 21, 22]);
    for late in [reject(1), busy(1), ringing(1)] {
        assert_eq!(bench.say(22, &late), ["22 error call_not_ringing"]);
    }
    assert_eq!(bench.hub.counts().calls_active, 1);
}

#[test]
fn a_call_to_somebody_offline_is_refused_and_logged() {
    let mut bench = Bench::with(&[11]);
    assert_eq!(bench.say(11, &offer(2, "o")), [""; 0]);
    assert_eq!(
        bench.woken(1, false),
        ["11 call_reject offline", "entry 1>2 offline"]
    );
}

#[test]
fn a_call_to_somebody_in_a_call_is_refused_and_logged() {
    for busy_bench in [ringing_bench, active_bench] {
        let mut bench = busy_bench(&[11, 21, 31]);
        for callee in [1, 2] {
            assert_eq!(
                bench.say(31, &offer(callee, "o")),
                [
                    "31 call_reject busy".to_owned(),
                    format!("entry 3>{callee} busy")
                ]
            );
        }
    }
}

#[test]
fn somebody_in_a_call_cannot_start_another() {
    let mut bench = ringing_bench(&[11, 12, 21, 22, 31]);
    for (conn, to) in [(11, 2), (12, 2), (11, 3), (21, 3)] {
        assert_eq!(
            bench.say(conn, &offer(to, "x")),
            [format!("{conn} error already_in_call")]
        );
    }
    bench.say(21, &answer(1, "a"));
    for (conn, to) in [(12, 2), (22, 1), (11, 3), (22, 3)] {
        assert_eq!(
            bench.say(conn, &offer(to, "x")),
            [format!("{conn} error already_in_call")]
        );
    }
}

#[test]
fn of_two_who_call_each_other_the_later_answers_the_earlier() {
    let mut bench = ringing_bench(&[11, 21]);
    assert_eq!(bench.say(21, &offer(1, "x")), ["21 call_reject glare"]);
    assert_eq!(bench.say(21, &answer(1, "a")), ["11 call_answer a"]);
}

#[test]
fn nobody_calls_oneself() {
    let mut bench = Bench::with(&[11, 12]);
    assert_eq!(bench.say(11, &offer(1, "o")), ["11 error self_call"]);
}

#[test]
fn nobody_answers_for_45_s_and_both_are_told() {
    let mut bench = ringing_bench(&[11, 21, 22]);
    assert_eq!(bench.wait(44), [""; 0]);
    assert_eq!(
        bench.wait(1),
        [
            "11 call_hangup no_answer",
            "21,22 call_hangup no_answer",
            "entry 1>2 no_answer"
        ]
    );
    assert_eq!(bench.say(21, &answer(1, "a")), ["21 error call_unknown"]);
}

#[test]
fn a_deadline_counts_even_when_the_shell_is_late() {
    let mut bench = ringing_bench(&[11, 21]);
    bench.now += Duration::from_secs(45);
    assert_eq!(
        bench.say(21, &answer(1, "a")),
        [
            "11 call_hangup no_answer",
            "21 call_hangup no_answer",
            "entry 1>2 no_answer",
            "21 error call_unknown"
        ]
    );
}

#[test]
fn a_renegotiation_passes_both_ways_and_is_answered_once() {
    let mut bench = active_bench(&[11, 21]);
    assert_eq!(bench.say(21, &offer(1, "n")), ["11 call_offer n"]);
    assert_eq!(
        bench.say(21, &answer(1, "x")),
        ["21 error call_not_ringing"]
    );
    assert_eq!(bench.say(11, &answer(2, "m")), ["21 call_answer m"]);
    assert_eq!(
        bench.say(11, &answer(2, "m")),
        ["11 error call_not_ringing"]
    );
    assert_eq!(bench.say(11, &offer(2, "k")), ["21 call_offer k"]);
}

#[test]
fn each_side_has_64_candidates_a_negotiation() {
    let limits = Limits {
        call_frames: None,
        ..Limits::default()
    };
    let mut bench = Bench::limited(limits, &[11, 21]);
    bench.say(11, &offer(2, "o"));
    for _ in 0..64 {
        assert_eq!(bench.say(11, &candidate(2, "w")), [""; 0]);
    }
    let refused = ["11 error too_many_candidates"];
    assert_eq!(bench.say(11, &candidate(2, "w")), refused);
    assert_eq!(bench.say(21, &answer(1, "a")).len(), 65);
    assert_eq!(bench.say(11, &candidate(2, "w")), refused);
    assert_eq!(bench.say(21, &candidate(1, "v")), ["11 ice_candidate v"]);
    bench.say(21, &offer(1, "n"));
    for _ in 0..64 {
        assert_eq!(bench.say(11, &candidate(2, "w")), ["21 ice_candidate w"]);
    }
    assert_eq!(bench.say(11, &candidate(2, "w")), refused);
}

#[test]
fn a_session_that_ends_ends_its_calls_at_once() {
    let mut bench = active_bench(&[11, 21]);
    bench.wait(7);
    assert_eq!(
        bench.log_out(21),
        [
            "11 call_hangup session_ended",
            "21 call_hangup session_ended",
            "entry 1>2 answered 7",
            "close 21 4401",
            "online 2 false"
        ]
    );
    let mut bench = ringing_bench(&[11, 21, 22]);
    assert_eq!(
        bench.log_out(11),
        [
            "11 call_hangup session_ended",
            "21,22 call_hangup session_ended",
            "entry 1>2 cancelled",
            "close 11 4401",
            "online 1 false"
        ]
    );
}

#[test]
fn a_session_of_the_callee_that_has_not_answered_leaves_the_call_alone() {
    let mut bench = ringing_bench(&[11, 21, 22]);
    assert_eq!(bench.log_out(21), ["close 21 4401"]);
    assert_eq!(bench.say(22, &answer(1, "a")), ["11 call_answer a"]);
}

#[test]
fn a_call_is_nothing_to_anybody_else() {
    let mut bench = active_bench(&[11, 21, 31]);
    let frames = [
        answer(1, "a"),
        candidate(1, "v"),
        reject(1),
        hangup(1),
        ringing(2),
        offer(2, "x"),
    ];
    for frame in frames {
        let named = of_call(frame, id(1));
        assert_eq!(bench.say(31, &named), ["31 error call_unknown"], "{named}");
    }
    assert_eq!(bench.say(31, &resume()), ["31 error call_unknown"]);
}

#[test]
fn a_frame_must_name_the_right_call_and_the_right_person() {
    let mut bench = active_bench(&[11, 21, 31]);
    let wrong_call = of_call(candidate(2, "w"), id(9));
    let wrong_person = of_call(candidate(3, "w"), id(1));
    for wrong in [wrong_call, wrong_person, candidate(3, "w"), hangup(3)] {
        assert_eq!(bench.say(11, &wrong), ["11 error call_unknown"]);
    }
    let right = of_call(candidate(2, "w"), id(1));
    assert_eq!(bench.say(11, &right), ["21 ice_candidate w"]);
}

#[test]
fn an_offer_that_names_a_call_never_starts_one() {
    let mut bench = Bench::with(&[11, 21]);
    let named = of_call(offer(2, "o"), id(1));
    assert_eq!(bench.say(11, &named), ["11 error call_unknown"]);
    bench.say(11, &offer(2, "o"));
    for (conn, to) in [(11, 2), (21, 1)] {
        let named = of_call(offer(to, "o"), id(1));
        assert_eq!(
            bench.say(conn, &named),
            [format!("{conn} error call_not_active")]
        );
    }
}

#[test]
fn after_a_call_both_are_free_for_the_next() {
    let mut bench = active_bench(&[11, 21, 31]);
    bench.say(11, &hangup(2));
    assert_eq!(
        bench.say(31, &offer(2, "o")),
        ["31 call_started", "21 call_offer o"]
    );
    bench.say(21, &reject(3));
    assert_eq!(
        bench.say(21, &offer(1, "o")),
        ["21 call_started", "11 call_offer o"]
    );
}

#[test]
fn an_entropy_that_repeats_itself_never_gives_two_calls_one_id() {
    let mut bench = Bench::with(&[11, 21, 31, 41]);
    bench.hub.entropy = Box::new(|| [7; 16]);
    assert_eq!(bench.say(11, &offer(2, "o"))[0], "11 call_started");
    assert_eq!(bench.say(31, &offer(4, "o")), ["31 error internal"]);
}
