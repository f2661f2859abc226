use super::*;

#[test]
fn who_comes_in_gets_an_offer_and_every_socket_of_every_member_is_told() {
    let mut rooms = Rooms::with(&[11, 12, 21, 51]);
    assert_eq!(
        rooms.say(11, &join(PAIR)),
        [
            "media join 7 1",
            "11 room_joined 1 offer-1 [1=1]",
            "11,12,21 room_state [1=1]"
        ]
    );
    rooms.later();
    assert_eq!(
        rooms.say(21, &join(PAIR)),
        [
            "media join 7 2",
            "21 room_joined 2 offer-2 [1=1 2=2]",
            "11,12,21 room_state [1=1 2=2]"
        ]
    );
    let counts = rooms.bench.hub.counts();
    assert_eq!((counts.rooms, counts.room_participants), (1, 2));
}

#[test]
fn nobody_sees_a_seat_before_its_media_has_made_an_offer() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(21);
    rooms.hold_media = true;
    assert_eq!(rooms.say(21, &join(PAIR)), ["media join 7 2"]);
    let state = rooms.bench.connect(12);
    assert!(
        state.contains(&"12 room_state [1=1]".to_owned()),
        "{state:?}"
    );
}

#[test]
fn a_stranger_is_refused_whether_anybody_is_there_or_not() {
    for conns in [&[][..], &[11, 21][..]] {
        let mut rooms = Rooms::seated(PAIR, conns);
        rooms.bench.join(51);
        assert_eq!(rooms.say(51, &join(PAIR)), ["51 error not_member"]);
        assert_eq!(rooms.say(51, &join(99)), ["51 error not_member"]);
        for frame in [
            lock(PAIR, true),
            moderate(PAIR, 1, "kick"),
            about("room_leave", PAIR, 1),
            about("room_resume", PAIR, 1),
            about("room_restart", PAIR, 1),
            hand(PAIR, 1, true),
            invite(PAIR, 4),
            decline(PAIR),
        ] {
            assert_eq!(rooms.say(51, &frame), ["51 error room_unknown"], "{frame}");
        }
    }
}

#[test]
fn a_server_without_rooms_says_so() {
    let none = Limits {
        room_participants: 0,
        ..Limits::default()
    };
    let mut rooms = Rooms::limited(none, &[11]);
    assert_eq!(rooms.say(11, &join(PAIR)), ["11 error rooms_off"]);
}

#[test]
fn a_full_room_takes_nobody_but_who_sits_there() {
    let two = Limits {
        room_participants: 2,
        ..Limits::default()
    };
    let mut rooms = Rooms::limited(two, &[11, 21, 22, 31]);
    rooms.say(11, &join(GROUP));
    rooms.say(21, &join(GROUP));
    assert_eq!(rooms.say(31, &join(GROUP)), ["31 error room_full"]);
    let again = rooms.say(22, &join(GROUP));
    assert!(
        again.contains(&"21 room_left 2 elsewhere".to_owned()),
        "{again:?}"
    );
}

#[test]
fn a_locked_room_lets_in_who_runs_the_group_alone() {
    let mut rooms = Rooms::seated(GROUP, &[11, 21]);
    rooms.bench.join(31);
    assert_eq!(
        rooms.say(11, &lock(GROUP, true)),
        ["11,21,31 room_state [1=1 2=2] locked"]
    );
    assert_eq!(rooms.say(11, &lock(GROUP, true)), [""; 0], "it is locked");
    assert_eq!(rooms.say(31, &join(GROUP)), ["31 error room_locked"]);
    rooms.say(21, &about("room_leave", GROUP, 2));
    let back = rooms.say(21, &join(GROUP));
    assert_eq!(back[0], "media join 8 3", "an admin comes back");
    rooms.later();
    rooms.say(11, &lock(GROUP, false));
    assert_eq!(rooms.say(31, &join(GROUP))[0], "media join 8 4");
}

#[test]
fn both_of_a_pair_may_lock_and_neither_is_locked_out() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(21);
    rooms.say(21, &lock(PAIR, true));
    let came = rooms.say(21, &join(PAIR));
    assert_eq!(came[1], "21 room_joined 2 offer-2 [1=1 2=2] locked");
}

#[test]
fn people_of_whom_one_has_blocked_the_other_share_no_room() {
    let mut rooms = Rooms::with(&[11, 21]);
    rooms.bench.block(1, 2, true);
    assert_eq!(rooms.say(11, &join(PAIR)), ["11 error blocked_by_you"]);
    assert_eq!(rooms.say(21, &join(PAIR)), ["21 error not_allowed"]);
    assert_eq!(
        rooms.say(21, &join(GROUP))[0],
        "media join 8 1",
        "a group stays"
    );
}

#[test]
fn a_block_ends_the_room_of_the_pair_and_leaves_that_of_a_group() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(
        rooms.bench.block(1, 2, true),
        [
            "11 room_left 1 closed",
            "media leave 1",
            "11,21 room_state [2=2]",
            "21 room_left 2 closed",
            "media leave 2",
            "media close 7",
            "11,21 room_state []"
        ]
    );
    let mut rooms = Rooms::seated(GROUP, &[11, 21]);
    assert_eq!(rooms.bench.block(1, 2, true), [""; 0]);
}

#[test]
fn what_was_read_before_the_members_changed_does_not_count() {
    let mut rooms = Rooms::with(&[11, 31]);
    rooms.hold_facts = true;
    rooms.say(31, &join(GROUP));
    let (ticket, conversation, about) = rooms.bench.facts[0];
    let before = rooms.facts(conversation, about);
    rooms.bench.facts.clear();
    rooms.removed.push(3);
    rooms.give(changed(Some(3)));
    let result = Ok(before);
    assert_eq!(rooms.give(Input::RoomFacts { ticket, result }), [""; 0]);
    assert_eq!(rooms.read(), ["31 error not_member"]);
}

#[test]
fn a_question_the_store_cannot_answer_is_refused_and_one_who_went_hears_nothing() {
    let mut rooms = Rooms::with(&[11, 21]);
    rooms.hold_facts = true;
    rooms.say(11, &join(PAIR));
    rooms.say(21, &join(PAIR));
    rooms.bench.leave(21);
    let asked: Vec<Ticket> = rooms.bench.facts.iter().map(|asked| asked.0).collect();
    let result = Err(Code::StorageFailed);
    let ticket = asked[0];
    assert_eq!(
        rooms.give(Input::RoomFacts { ticket, result }),
        ["11 error storage_failed"]
    );
    rooms.bench.facts.remove(0);
    assert_eq!(rooms.read(), [""; 0]);
    assert_eq!(rooms.bench.hub.counts().in_flight, 0);
}

#[test]
fn who_is_in_a_call_comes_into_no_room_and_calls_nobody_from_one() {
    let mut rooms = Rooms::with(&[11, 21, 31]);
    rooms.say(11, &offer(2, "o"));
    assert_eq!(rooms.say(11, &join(GROUP)), ["11 error already_in_call"]);
    assert_eq!(rooms.say(21, &join(GROUP)), ["21 error already_in_call"]);
    let mut rooms = Rooms::seated(GROUP, &[11]);
    rooms.bench.join(21);
    assert_eq!(rooms.say(11, &offer(2, "o")), ["11 error already_in_call"]);
}

#[test]
fn a_call_to_somebody_in_a_room_finds_them_busy() {
    let mut rooms = Rooms::seated(GROUP, &[11]);
    rooms.bench.join(21);
    assert_eq!(
        rooms.say(21, &offer(1, "o")),
        ["21 call_reject busy", "entry 2>1 busy"]
    );
}

#[test]
fn a_call_that_began_meanwhile_keeps_its_person_out() {
    let mut rooms = Rooms::with(&[11, 21]);
    rooms.hold_facts = true;
    rooms.say(11, &join(GROUP));
    rooms.say(21, &offer(1, "o"));
    assert_eq!(rooms.read(), ["11 error already_in_call"]);
}

#[test]
fn a_new_socket_is_told_of_the_rooms_of_its_person_and_of_no_other() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    assert!(
        rooms
            .bench
            .connect(22)
            .contains(&"22 room_state [1=1]".to_owned())
    );
    let stranger = rooms.bench.connect(51);
    assert!(
        !stranger.iter().any(|line| line.contains("room_")),
        "{stranger:?}"
    );
}

#[test]
fn many_who_come_at_once_are_one_piece_of_news() {
    let mut rooms = Rooms::with(&[11, 21, 31]);
    rooms.say(11, &join(GROUP));
    for conn in [21, 31] {
        let lines = rooms.say(conn, &join(GROUP));
        let told = lines.iter().filter(|line| line.contains("room_state"));
        assert_eq!(told.count(), 0, "{lines:?}");
    }
    assert_eq!(rooms.later(), ["11,21,31 room_state [1=1 2=2 3=3]"]);
    assert_eq!(rooms.later(), [""; 0]);
}
