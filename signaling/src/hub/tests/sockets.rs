use super::*;

#[test]
fn a_new_socket_is_greeted_then_caught_up_then_seen() {
    let mut bench = Bench::with(&[]);
    assert_eq!(
        bench.connect(11),
        ["11 hello 1", "catch_up 11 of 1", "online 1 true"]
    );
    assert_eq!(bench.connect(12), ["12 hello 1", "catch_up 12 of 1"]);
    assert!(bench.hub.is_online(UserId(1)));
}

#[test]
fn a_person_is_offline_when_the_last_socket_is_gone() {
    let mut bench = Bench::with(&[11, 12]);
    assert_eq!(bench.leave(12), [""; 0]);
    assert_eq!(bench.leave(11), ["online 1 false"]);
    assert_eq!(bench.leave(11), [""; 0]);
    assert_eq!(bench.hub.counts(), Counts::default());
}

#[test]
fn a_socket_id_used_twice_belongs_to_the_second_alone() {
    let mut bench = Bench::with(&[11, 31]);
    let lines = bench.give(Input::Connected {
        conn: ConnId(11),
        user: UserId(2),
        session: SessionId(5),
    });
    assert_eq!(
        lines,
        [
            "online 1 false",
            "11 hello 2",
            "catch_up 11 of 2",
            "online 2 true"
        ]
    );
    assert_eq!(bench.log_out(11), [""; 0]);
    assert_eq!(bench.hub.counts().connections, 2);
    assert_eq!(bench.leave(11), ["online 2 false"]);
}

#[test]
fn a_socket_over_the_limit_of_its_person_is_closed() {
    let limits = Limits {
        sockets_per_user: 2,
        ..Limits::default()
    };
    let mut bench = Bench::limited(limits, &[11, 12]);
    assert_eq!(bench.connect(13), ["close 13 1013"]);
    assert_eq!(bench.say(13, &json!({"type": "nonsense"})), [""; 0]);
    assert_eq!(bench.leave(13), [""; 0]);
    assert_eq!(bench.hub.counts().connections, 2);
}

#[test]
fn watchers_are_told_at_once_and_on_every_change() {
    let mut bench = Bench::with(&[11, 31]);
    let watch = json!({"type": "presence_subscribe", "user_ids": [2, 3, 2]});
    assert_eq!(
        bench.say(11, &watch),
        ["11 presence 2 false", "11 presence 3 true"]
    );
    let lines = bench.connect(21);
    assert_eq!(lines.last().expect("lines"), "11 presence 2 true");
    assert_eq!(bench.leave(21), ["online 2 false", "11 presence 2 false"]);
    let nobody = json!({"type": "presence_subscribe", "user_ids": []});
    assert_eq!(bench.say(11, &nobody), [""; 0]);
    assert_eq!(bench.leave(31), ["online 3 false"]);
}

#[test]
fn an_ended_session_loses_its_sockets_and_no_other() {
    let mut bench = Bench::with(&[11, 12]);
    bench.give(Input::Connected {
        conn: ConnId(13),
        user: UserId(1),
        session: SessionId(11),
    });
    assert_eq!(bench.log_out(11), ["close 11 4401", "close 13 4401"]);
    assert_eq!(bench.hub.counts().connections, 1);
    assert_eq!(bench.log_out(12), ["close 12 4401", "online 1 false"]);
}

#[test]
fn a_frame_from_an_unknown_socket_is_ignored() {
    let mut bench = Bench::with(&[21]);
    assert_eq!(bench.say(11, &text(2, "hi")), [""; 0]);
}

#[test]
fn a_refused_frame_is_answered_and_names_what_was_refused() {
    let mut bench = Bench::with(&[11]);
    for (frame, code) in [
        (json!([]), "bad_frame"),
        (json!({"type": 5}), "bad_frame"),
        (json!({"type": "weather"}), "unknown_type"),
        (json!({"type": "message", "content": "x"}), "bad_frame"),
    ] {
        assert_eq!(bench.say(11, &frame), [format!("11 error {code}")]);
    }
    bench.hub.handle_input(
        Input::Text {
            conn: ConnId(11),
            text: json!({"type": "message", "client_message_id": "n1"}).to_string(),
        },
        bench.now,
    );
    let Some(Effect::Send { frame, .. }) = bench.hub.poll_effect() else {
        panic!("no answer");
    };
    assert_eq!(
        frame.to_json(),
        r#"{"type":"error","code":"bad_frame","error":"","ref":{"type":"message","client_message_id":"n1"}}"#
    );
}

#[test]
fn call_frames_and_others_have_limits_of_their_own() {
    let mut bench = Bench::with(&[11]);
    let candidate = json!({
        "type": "ice_candidate", "receiver_id": 2, "payload": {"candidate": {"candidate": "a"}}
    });
    let answers: Vec<_> = (0..70).flat_map(|_| bench.say(11, &candidate)).collect();
    let slowed = |lines: &[String]| lines.iter().filter(|l| l.ends_with("slow_down")).count();
    assert_eq!(slowed(&answers), 6, "a burst of 64");
    let watch = json!({"type": "presence_subscribe", "user_ids": [2]});
    let answers: Vec<_> = (0..130).flat_map(|_| bench.say(11, &watch)).collect();
    assert_eq!(slowed(&answers), 10, "a burst of 120");
    bench.wait(1);
    let answers: Vec<_> = (0..70).flat_map(|_| bench.say(11, &candidate)).collect();
    assert_eq!(slowed(&answers), 50, "20 come back in a second");
}

#[test]
fn without_limits_nothing_is_slowed() {
    let limits = Limits {
        call_frames: None,
        other_frames: None,
        typing_frames: None,
        ..Limits::default()
    };
    let mut bench = Bench::limited(limits, &[11]);
    let watch = json!({"type": "presence_subscribe", "user_ids": [2]});
    for _ in 0..1_000 {
        assert_eq!(bench.say(11, &watch), ["11 presence 2 false"]);
    }
}
