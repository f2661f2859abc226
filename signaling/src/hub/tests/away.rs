use super::*;

#[test]
fn a_caller_away_for_20_s_ends_the_ringing() {
    let mut bench = ringing_bench(&[11, 12, 21]);
    bench.leave(11);
    assert_eq!(bench.wait(19), [""; 0]);
    assert_eq!(
        bench.wait(1),
        [
            "12 call_hangup connection_lost",
            "21 call_hangup connection_lost",
            "entry 1>2 lost"
        ]
    );
}

#[test]
fn an_end_away_for_45_s_ends_the_call() {
    for gone in [11, 21] {
        let mut bench = active_bench(&[11, 21]);
        bench.wait(5);
        bench.leave(gone);
        assert_eq!(bench.wait(44), [""; 0]);
        let there = 32 - gone;
        assert_eq!(
            bench.wait(1),
            [
                format!("{there} call_hangup connection_lost"),
                "entry 1>2 lost 50".to_owned()
            ]
        );
    }
}

#[test]
fn a_caller_who_resumes_while_it_rings_goes_on() {
    let mut bench = ringing_bench(&[11, 21]);
    bench.leave(11);
    bench.wait(19);
    bench.join(12);
    assert_eq!(bench.say(12, &resume()), ["12 call_resumed ringing"]);
    bench.wait(10);
    assert_eq!(bench.say(21, &answer(1, "a")), ["12 call_answer a"]);
}

#[test]
fn any_frame_of_the_call_takes_a_free_end_back() {
    let frames = [
        (candidate(2, "w"), "21 ice_candidate w"),
        (offer(2, "n"), "21 call_offer n"),
        (hangup(2), "21 call_hangup ended"),
    ];
    for (frame, passed) in frames {
        let mut bench = active_bench(&[11, 21]);
        bench.leave(11);
        bench.join(12);
        assert_eq!(bench.say(12, &frame)[0], passed);
        assert!(bench.wait(46).is_empty(), "nobody is away any more");
    }
}

#[test]
fn a_resume_takes_over_from_a_socket_that_only_seems_to_be_there() {
    let mut bench = active_bench(&[11, 12, 21]);
    assert_eq!(
        bench.say(12, &resume()),
        [
            "11 call_hangup answered_elsewhere",
            "12 call_resumed active"
        ]
    );
    assert_eq!(bench.say(21, &candidate(1, "v")), ["12 ice_candidate v"]);
    assert_eq!(bench.leave(11), [""; 0]);
    assert_eq!(bench.wait(100), [""; 0]);
}

#[test]
fn a_socket_without_the_end_has_no_say_while_another_has_it() {
    let mut bench = active_bench(&[11, 12, 21, 22]);
    for frame in [hangup(1), candidate(1, "v")] {
        assert_eq!(bench.say(22, &frame), ["22 error call_unknown"]);
    }
    let mut bench = ringing_bench(&[11, 12, 21]);
    for frame in [hangup(2), candidate(2, "w")] {
        assert_eq!(bench.say(12, &frame), ["12 error call_unknown"]);
    }
}

#[test]
fn what_is_for_an_end_that_is_away_goes_to_all_its_sockets_and_waits_for_the_one_that_resumes() {
    let mut bench = ringing_bench(&[11, 12, 21]);
    bench.leave(11);
    assert_eq!(bench.say(21, &answer(1, "a")), ["12 call_answer a"]);
    assert_eq!(bench.say(21, &candidate(1, "v")), ["12 ice_candidate v"]);
    bench.join(13);
    assert_eq!(
        bench.say(13, &resume()),
        [
            "13 call_resumed active",
            "13 call_answer a",
            "13 ice_candidate v"
        ]
    );
}

#[test]
fn a_socket_that_saw_a_frame_while_the_end_was_away_does_not_see_it_again() {
    let mut bench = ringing_bench(&[11, 12, 21]);
    bench.leave(11);
    bench.say(21, &answer(1, "a"));
    assert_eq!(bench.say(12, &resume()), ["12 call_resumed active"]);
}

#[test]
fn a_bounded_number_of_frames_waits_for_an_end_that_is_away() {
    let mut bench = active_bench(&[11, 21]);
    bench.leave(11);
    let mut refused = 0;
    for n in 0..40 {
        bench.wait(1);
        for line in bench.say(21, &offer(1, &format!("n{n}"))) {
            assert_eq!(line, "21 error slow_down");
            refused += 1;
        }
    }
    assert_eq!(refused, 36);
    bench.join(12);
    let lines = bench.say(12, &candidate(2, "w"));
    assert_eq!(lines.len(), 5, "four offers and the candidate: {lines:?}");
}

#[test]
fn a_callee_who_comes_while_it_rings_gets_the_offer_once_after_what_was_missed() {
    let mut bench = Bench::with(&[11, 21]);
    bench.connect(22);
    assert_eq!(
        bench.say(11, &offer(2, "o")),
        ["11 call_started", "21 call_offer o"]
    );
    bench.connect(23);
    bench.connect(12);
    let missed = Input::CatchUp {
        conn: ConnId(22),
        result: Ok(vec![stored(1, 1, 2, "hi")]),
    };
    assert_eq!(
        bench.give(missed),
        ["22 message hi sent receipt 7/1", "22 call_offer o"]
    );
    let failed = Input::CatchUp {
        conn: ConnId(23),
        result: Err(Code::StorageFailed),
    };
    assert_eq!(bench.give(failed), ["23 call_offer o"]);
    assert_eq!(bench.caught_up(12), [""; 0], "the caller gets none");
    bench.say(21, &answer(1, "a"));
    bench.connect(24);
    assert_eq!(bench.caught_up(24), [""; 0], "it rings no more");
}

#[test]
fn a_session_that_ends_while_its_end_is_away_ends_the_call_too() {
    let mut bench = active_bench(&[11, 21]);
    bench.leave(11);
    assert_eq!(
        bench.log_out(11),
        ["21 call_hangup session_ended", "entry 1>2 answered 0"]
    );
}

#[test]
fn a_candidate_over_the_limit_does_not_lose_what_waited_for_an_end() {
    let limits = Limits {
        call_frames: None,
        ..Limits::default()
    };
    let mut bench = Bench::limited(limits, &[11, 21]);
    bench.say(11, &offer(2, "o"));
    for _ in 0..64 {
        bench.say(11, &candidate(2, "w"));
    }
    bench.leave(11);
    bench.say(21, &answer(1, "a"));
    bench.join(12);
    assert_eq!(
        bench.say(12, &candidate(2, "w")),
        ["12 error too_many_candidates"]
    );
    assert_eq!(
        bench.say(12, &resume()),
        ["12 call_resumed active", "12 call_answer a"]
    );
}

#[test]
fn a_socket_that_came_later_hears_what_waits_in_order_and_only_when_it_resumes() {
    let mut bench = ringing_bench(&[11, 21]);
    bench.leave(11);
    assert_eq!(bench.say(21, &answer(1, "a")), [""; 0]);
    bench.join(12);
    assert_eq!(bench.say(21, &offer(1, "n")), [""; 0]);
    assert_eq!(
        bench.say(12, &resume()),
        [
            "12 call_resumed active",
            "12 call_answer a",
            "12 call_offer n"
        ]
    );
}
