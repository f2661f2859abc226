use super::*;

fn gone(participant: u64, reason: GoneReason) -> MediaEvent {
    MediaEvent::Gone {
        participant: ParticipantId(participant),
        reason,
    }
}

fn answer(room: i64, participant: u64) -> Value {
    json!({
        "type": "room_answer", "conversation_id": room, "participant_id": participant,
        "payload": {"answer": {"type": "answer", "sdp": "a"}}
    })
}

#[test]
fn an_answer_is_passed_on_once_and_from_its_own_socket_alone() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(rooms.say(21, &answer(PAIR, 1)), ["21 error room_unknown"]);
    assert_eq!(rooms.say(11, &answer(PAIR, 1)), ["media answer 1 a"]);
    assert_eq!(rooms.say(11, &answer(PAIR, 1)), ["11 error room_unknown"]);
}

#[test]
fn a_restart_brings_a_new_offer_to_that_socket_alone() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(
        rooms.say(21, &about("room_restart", PAIR, 2)),
        ["media restart 2", "21 room_offer 2 offer-2"]
    );
    assert_eq!(
        rooms.say(11, &about("room_restart", PAIR, 2)),
        ["11 error room_unknown"]
    );
}

#[test]
fn the_last_one_who_leaves_ends_the_room() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(
        rooms.say(11, &about("room_leave", PAIR, 1)),
        [
            "11 room_left 1 left",
            "media leave 1",
            "11,21 room_state [2=2]"
        ]
    );
    assert_eq!(
        rooms.say(21, &about("room_leave", PAIR, 2)),
        [
            "21 room_left 2 left",
            "media leave 2",
            "media close 7",
            "11,21 room_state []"
        ]
    );
    assert_eq!(
        rooms.bench.hub.counts(),
        Rooms::with(&[11, 21]).bench.hub.counts()
    );
    assert_eq!(rooms.bench.hub.poll_timeout(), None);
    assert_eq!(
        rooms.say(21, &about("room_leave", PAIR, 2)),
        ["21 error room_unknown"]
    );
}

#[test]
fn another_device_takes_over_and_keeps_the_hand() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.say(11, &hand(PAIR, 1, true));
    rooms.bench.join(12);
    rooms.later();
    assert_eq!(
        rooms.say(12, &join(PAIR)),
        [
            "11 room_left 1 elsewhere",
            "media leave 1",
            "media join 7 3",
            "12 room_joined 3 offer-3 [2=2 3=1+hand1]",
            "11,12,21 room_state [2=2 3=1+hand1]"
        ]
    );
    assert_eq!(
        rooms.say(11, &about("room_leave", PAIR, 3)),
        ["11 error room_unknown"]
    );
}

#[test]
fn a_person_sits_in_one_room() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(
        rooms.say(11, &join(GROUP)),
        [
            "11 room_left 1 elsewhere",
            "media leave 1",
            "11,21 room_state [2=2]",
            "media join 8 3",
            "11 room_joined 3 offer-3 [3=1]",
            "11,21 room_state [3=1]"
        ]
    );
    assert_eq!(rooms.bench.hub.counts().room_participants, 2);
}

#[test]
fn a_lost_socket_keeps_its_seat_and_a_new_one_of_the_session_takes_it_back() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.connected(1);
    rooms.say(11, &answer(PAIR, 1));
    assert_eq!(rooms.bench.leave(11), ["online 1 false"]);
    rooms.media(MediaEvent::Slots {
        participant: ParticipantId(1),
        slots: [const { None }; SLOTS],
    });
    rooms.give(Input::Connected {
        conn: ConnId(13),
        user: UserId(1),
        session: SessionId(11),
    });
    assert_eq!(
        rooms.say(13, &about("room_resume", PAIR, 1)),
        [
            "13 room_joined 1 [1=1 2=2]",
            "13 room_slots [0,0,0,0,0,0,0,0]"
        ]
    );
    assert_eq!(rooms.wait(44), [""; 0], "it is as it was");
}

#[test]
fn an_offer_that_nobody_answered_is_made_again_to_who_takes_the_seat_back() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.leave(11);
    assert_eq!(
        rooms.media(MediaEvent::Offer {
            participant: ParticipantId(1),
            sdp: "newer".to_owned(),
        }),
        [""; 0]
    );
    rooms.bench.connect(11);
    assert_eq!(
        rooms.say(11, &about("room_resume", PAIR, 1)),
        ["11 room_joined 1 [1=1 2=2]", "11 room_offer 1 newer"]
    );
}

#[test]
fn a_seat_is_taken_back_by_its_own_session_alone() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.join(12);
    for conn in [12, 21] {
        assert_eq!(
            rooms.say(conn, &about("room_resume", PAIR, 1)),
            [format!("{conn} error room_unknown")]
        );
    }
    rooms.give(Input::Connected {
        conn: ConnId(13),
        user: UserId(1),
        session: SessionId(11),
    });
    assert_eq!(
        rooms.say(13, &about("room_resume", PAIR, 1))[0],
        "11 room_left 1 elsewhere",
        "from a socket that only seems to be there"
    );
}

#[test]
fn a_socket_that_goes_before_the_offer_leaves_no_seat() {
    let mut rooms = Rooms::with(&[11, 21]);
    rooms.hold_media = true;
    rooms.say(11, &join(PAIR));
    assert_eq!(
        rooms.bench.leave(11),
        ["media leave 1", "media close 7", "online 1 false"]
    );
    assert_eq!(rooms.bench.hub.counts().rooms, 0);
}

#[test]
fn media_that_never_comes_about_ends_the_seat_after_45_s() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.connected(1);
    assert_eq!(rooms.wait(44), [""; 0]);
    assert_eq!(
        rooms.wait(1),
        [
            "21 room_left 2 failed",
            "media leave 2",
            "11,21 room_state [1=1]"
        ]
    );
    assert_eq!(rooms.wait(3600), [""; 0]);
}

#[test]
fn silent_media_is_shown_and_what_is_gone_is_taken_away() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    let participant = ParticipantId(2);
    let silent = MediaEvent::Silent { participant };
    assert_eq!(
        rooms.media(silent.clone()),
        ["11,21 room_state [1=1 2=2+reconnecting]"]
    );
    assert_eq!(rooms.media(silent), [""; 0]);
    rooms.later();
    assert_eq!(
        rooms.media(MediaEvent::Heard { participant }),
        ["11,21 room_state [1=1 2=2]"]
    );
    rooms.later();
    assert_eq!(
        rooms.media(gone(2, GoneReason::Silent)),
        [
            "21 room_left 2 connection_lost",
            "media leave 2",
            "11,21 room_state [1=1]"
        ]
    );
    assert_eq!(rooms.media(gone(2, GoneReason::Silent)), [""; 0]);
}

#[test]
fn what_the_media_side_cannot_do_is_said_in_the_room_s_words() {
    for (reason, word) in [
        (GoneReason::Closed, "closed"),
        (GoneReason::Refused, "failed"),
        (GoneReason::NeverConnected, "failed"),
        (GoneReason::Failed, "failed"),
        (GoneReason::Full, "failed"),
    ] {
        let mut rooms = Rooms::seated(PAIR, &[11, 21]);
        let lines = rooms.media(gone(2, reason));
        assert_eq!(lines[0], format!("21 room_left 2 {word}"));
    }
    for (reason, code) in [
        (GoneReason::Full, "room_full"),
        (GoneReason::Failed, "internal"),
    ] {
        let mut rooms = Rooms::with(&[11]);
        rooms.hold_media = true;
        rooms.say(11, &join(PAIR));
        assert_eq!(
            rooms.media(gone(1, reason)),
            [
                &format!("11 error {code}"),
                "media leave 1",
                "media close 7"
            ]
        );
        assert_eq!(rooms.bench.hub.counts().rooms, 0);
    }
}

#[test]
fn who_speaks_is_told_to_those_in_the_room_and_stays_in_its_state() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.join(12);
    let speaks = |speaking| MediaEvent::Speaking {
        participant: ParticipantId(2),
        speaking,
    };
    assert_eq!(rooms.media(speaks(true)), ["11,21 room_speaking 2 true"]);
    assert_eq!(rooms.media(speaks(true)), [""; 0]);
    let state = rooms.bench.connect(13);
    assert!(state.contains(&"13 room_state [1=1 2=2+speaking]".to_owned()));
    assert_eq!(rooms.media(speaks(false)), ["11,21 room_speaking 2 false"]);
}

#[test]
fn slots_are_told_to_their_own_participant_alone() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    let mut slots = [None; SLOTS];
    slots[1] = Some(ParticipantId(1));
    let slots = MediaEvent::Slots {
        participant: ParticipantId(2),
        slots,
    };
    assert_eq!(rooms.media(slots), ["21 room_slots [0,1,0,0,0,0,0,0]"]);
}

#[test]
fn the_end_of_a_session_takes_its_seat_and_no_other() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.join(12);
    assert_eq!(rooms.bench.log_out(12), ["close 12 4401"]);
    assert_eq!(
        rooms.bench.log_out(11),
        [
            "11 room_left 1 session_ended",
            "media leave 1",
            "11,21 room_state [2=2]",
            "close 11 4401",
            "online 1 false"
        ]
    );
}

#[test]
fn who_is_removed_from_the_group_is_put_out_and_hears_nothing_more() {
    let mut rooms = Rooms::seated(GROUP, &[11, 31]);
    rooms.removed.push(3);
    assert_eq!(
        rooms.give(changed(Some(3))),
        [
            "31 room_left 2 kicked",
            "media leave 2",
            "11 room_state [1=1]"
        ]
    );
    rooms.later();
    assert_eq!(
        rooms.say(11, &hand(GROUP, 1, true)),
        ["11 room_state [1=1+hand1]"]
    );
}

#[test]
fn a_change_whose_person_is_not_named_is_read() {
    let mut rooms = Rooms::seated(GROUP, &[11, 31]);
    rooms.removed.push(3);
    assert_eq!(
        rooms.give(changed(None)),
        [
            "31 room_left 2 kicked",
            "media leave 2",
            "11 room_state [1=1]"
        ]
    );
}

#[test]
fn a_conversation_that_is_deleted_takes_its_room_with_it() {
    let ended = [
        "11 room_left 1 closed",
        "media leave 1",
        "media close 7",
        "11,21 room_state []",
    ];
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(21);
    let lines = rooms.give(Input::Deleted(crate::chat::Deletion::Conversation {
        conversation: ConversationId(PAIR),
        pair: (UserId(1), UserId(2)),
    }));
    assert_eq!(lines[..4], ended);

    let mut rooms = Rooms::seated(GROUP, &[11]);
    let lines = rooms.give(group(What::Deleted));
    assert_eq!(lines[0], "11 room_left 1 closed");
    assert_eq!(rooms.bench.hub.counts().rooms, 0);
}

#[test]
fn the_operator_closes_a_room_or_takes_one_seat() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(
        rooms.give(Input::TakeSeat(ParticipantId(2))),
        [
            "21 room_left 2 kicked",
            "media leave 2",
            "11,21 room_state [1=1]"
        ]
    );
    assert_eq!(
        rooms.give(Input::CloseRoom(ConversationId(PAIR))),
        [
            "11 room_left 1 closed",
            "media leave 1",
            "media close 7",
            "11,21 room_state []"
        ]
    );
}
