use super::*;

#[test]
fn a_member_is_asked_on_every_socket_and_comes() {
    let mut rooms = Rooms::seated(GROUP, &[11]);
    rooms.bench.join(31);
    rooms.bench.join(32);
    assert_eq!(
        rooms.say(11, &invite(GROUP, 3)),
        ["31,32 room_invited 8 1 home"]
    );
    assert_eq!(rooms.say(11, &invite(GROUP, 3)), [""; 0], "once");
    rooms.later();
    assert_eq!(
        rooms.say(31, &join(GROUP)),
        [
            "media join 8 2",
            "31 room_joined 2 offer-2 [1=1 2=3]",
            "31,32 room_invite_over 3 joined",
            "11 room_invite_over 3 joined",
            "11,31,32 room_state [1=1 2=3]"
        ]
    );
    assert_eq!(
        rooms.say(11, &invite(GROUP, 3)),
        ["11 room_invite_over 3 joined"],
        "who is there"
    );
}

#[test]
fn a_guest_comes_when_asked_sees_the_room_from_there_and_nothing_after() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.join(51);
    rooms.bench.join(52);
    assert_eq!(rooms.say(51, &join(PAIR)), ["51 error not_member"]);
    assert_eq!(rooms.say(11, &invite(PAIR, 5)), ["51,52 room_invited 7 1"]);
    let came = rooms.say(51, &join(PAIR));
    assert_eq!(
        came.last().unwrap(),
        "11,21,51 room_state [1=1 2=2 3=5+guest]"
    );
    assert_eq!(rooms.say(51, &invite(PAIR, 4)), ["51 error not_member"]);
    assert_eq!(rooms.say(51, &lock(PAIR, true)), ["51 error not_moderator"]);
    rooms.later();
    assert_eq!(
        rooms.say(51, &about("room_leave", PAIR, 3)),
        [
            "51 room_left 3 left",
            "media leave 3",
            "11,21 room_state [1=1 2=2]"
        ]
    );
    rooms.later();
    assert_eq!(
        rooms.say(11, &hand(PAIR, 1, true)),
        ["11,21 room_state [1=1+hand1 2=2]"]
    );
    assert_eq!(
        rooms.say(51, &join(PAIR))[0],
        "media join 7 4",
        "while it lasts"
    );
}

#[test]
fn a_guest_who_was_put_out_stays_out() {
    let mut rooms = Rooms::seated(GROUP, &[11, 31]);
    rooms.bench.join(51);
    rooms.say(31, &invite(GROUP, 5));
    rooms.say(51, &join(GROUP));
    rooms.say(11, &moderate(GROUP, 3, "kick"));
    assert_eq!(rooms.say(51, &join(GROUP)), ["51 error not_member"]);
}

#[test]
fn who_declines_is_not_asked_any_more() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(21);
    rooms.bench.join(22);
    rooms.say(11, &invite(PAIR, 2));
    assert_eq!(
        rooms.say(21, &decline(PAIR)),
        [
            "21,22 room_invite_over 2 declined",
            "11 room_invite_over 2 declined"
        ]
    );
    assert_eq!(rooms.say(22, &decline(PAIR)), ["22 error room_unknown"]);
    assert_eq!(rooms.say(11, &invite(PAIR, 2)), ["21,22 room_invited 7 1"]);
}

#[test]
fn it_rings_for_45_s() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.connected(1);
    rooms.bench.join(51);
    rooms.say(11, &invite(PAIR, 5));
    assert_eq!(rooms.wait(44), [""; 0]);
    assert_eq!(
        rooms.wait(1),
        [
            "51 room_invite_over 5 no_answer",
            "11 room_invite_over 5 no_answer"
        ]
    );
    assert_eq!(rooms.say(51, &join(PAIR)), ["51 error not_member"]);
}

#[test]
fn who_asked_and_goes_asks_no_longer_and_a_change_of_devices_is_no_going() {
    let mut rooms = Rooms::seated(GROUP, &[11, 21]);
    rooms.bench.join(51);
    rooms.say(21, &invite(GROUP, 5));
    rooms.bench.join(22);
    let took = rooms.say(22, &join(GROUP));
    assert!(!took.iter().any(|line| line.contains("invite")), "{took:?}");
    assert_eq!(
        rooms.say(22, &about("room_leave", GROUP, 3))[2],
        "51 room_invite_over 5 cancelled"
    );
    assert_eq!(rooms.say(51, &join(GROUP)), ["51 error not_member"]);
}

#[test]
fn a_socket_that_comes_while_it_rings_is_asked_after_it_has_caught_up() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.connect(51);
    assert_eq!(rooms.say(11, &invite(PAIR, 5)), [""; 0]);
    assert_eq!(rooms.bench.caught_up(51), ["51 room_invited 7 1"]);
    rooms.say(51, &decline(PAIR));
    rooms.bench.connect(52);
    assert_eq!(rooms.bench.caught_up(52), [""; 0]);
}

#[test]
fn one_asks_from_one_s_own_seat() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(12);
    rooms.bench.join(21);
    assert_eq!(rooms.say(12, &invite(PAIR, 5)), ["12 error room_unknown"]);
    assert_eq!(rooms.say(21, &invite(PAIR, 5)), ["21 error room_unknown"]);
    assert_eq!(rooms.say(11, &invite(PAIR, 1)), ["11 error self_call"]);
    assert_eq!(
        rooms.say(11, &invite(PAIR, 99)),
        ["11 error user_not_found"]
    );
}

#[test]
fn nobody_new_is_asked_into_a_locked_room() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(21);
    rooms.say(11, &lock(PAIR, true));
    assert_eq!(rooms.say(11, &invite(PAIR, 5)), ["11 error room_locked"]);
    assert_eq!(rooms.say(11, &invite(PAIR, 2)), ["21 room_invited 7 1"]);
}

#[test]
fn who_was_blocked_is_not_asked_and_no_guest_of_anybody_there() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.join(51);
    rooms.bench.block(5, 2, true);
    assert_eq!(rooms.say(21, &invite(PAIR, 5)), ["21 error not_allowed"]);
    assert_eq!(rooms.say(11, &invite(PAIR, 5)), ["11 error not_allowed"]);
    rooms.bench.block(5, 2, false);
    rooms.say(11, &invite(PAIR, 5));
    rooms.bench.block(5, 2, true);
    assert_eq!(rooms.say(51, &join(PAIR)), ["51 error not_allowed"]);
}

#[test]
fn a_block_takes_the_guest_and_the_invitation() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    rooms.bench.join(51);
    rooms.say(11, &invite(PAIR, 5));
    assert_eq!(
        rooms.bench.block(5, 1, true),
        [
            "51 room_invite_over 5 cancelled",
            "11 room_invite_over 5 cancelled"
        ]
    );
    rooms.bench.block(5, 1, false);
    rooms.say(11, &invite(PAIR, 5));
    rooms.say(51, &join(PAIR));
    rooms.later();
    assert_eq!(
        rooms.bench.block(2, 5, true),
        [
            "51 room_left 3 kicked",
            "media leave 3",
            "11,21 room_state [1=1 2=2]"
        ]
    );
}

#[test]
fn a_room_asks_32_people_at_once() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    for user in 50..82 {
        assert_eq!(rooms.say(11, &invite(PAIR, user)), [""; 0]);
    }
    assert_eq!(rooms.say(11, &invite(PAIR, 82)), ["11 error slow_down"]);
}

#[test]
fn the_end_of_the_room_is_the_end_of_its_invitations() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(51);
    rooms.say(11, &invite(PAIR, 5));
    let lines = rooms.give(Input::CloseRoom(ConversationId(PAIR)));
    assert!(lines.contains(&"51 room_invite_over 5 cancelled".to_owned()));
}

#[test]
fn devices_ring_as_with_a_call_until_it_is_over() {
    let mut rooms = Rooms::seated(PAIR, &[11]);
    rooms.bench.join(51);
    rooms.say(11, &invite(PAIR, 5));
    let ring = CallId::from_bytes([1; 16]);
    let rung = Notice::Invited {
        ring,
        inviter: UserId(1),
        awake: vec![SessionId(51)],
    };
    assert_eq!(rooms.bench.notices, [(UserId(5), rung)]);
    rooms.bench.notices.clear();
    rooms.say(51, &decline(PAIR));
    let over = Notice::InvitedNoMore {
        ring,
        inviter: UserId(1),
        end: RingingEnd::Declined,
        by: Some(SessionId(51)),
    };
    assert_eq!(rooms.bench.notices, [(UserId(5), over)]);
}
