use super::*;

#[test]
fn hands_are_in_the_order_they_were_raised() {
    let mut rooms = Rooms::seated(GROUP, &[11, 21, 31]);
    rooms.say(31, &hand(GROUP, 3, true));
    rooms.later();
    rooms.say(11, &hand(GROUP, 1, true));
    rooms.later();
    assert_eq!(
        rooms.say(31, &hand(GROUP, 3, true)),
        [""; 0],
        "it keeps its place"
    );
    assert_eq!(
        rooms.say(21, &hand(GROUP, 2, true)),
        ["11,21,31 room_state [1=1+hand2 2=2+hand3 3=3+hand1]"]
    );
    rooms.later();
    assert_eq!(
        rooms.say(31, &hand(GROUP, 3, false)),
        ["11,21,31 room_state [1=1+hand1 2=2+hand2 3=3]"]
    );
    rooms.later();
    assert_eq!(
        rooms.say(11, &about("room_leave", GROUP, 1))[2],
        "11,21,31 room_state [2=2+hand1 3=3]"
    );
}

#[test]
fn one_s_own_microphone_is_shown_to_the_others() {
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    let mute = |participant, muted| {
        json!({
            "type": "room_mute", "conversation_id": PAIR,
            "participant_id": participant, "muted": muted
        })
    };
    assert_eq!(
        rooms.say(11, &mute(1, true)),
        ["11,21 room_state [1=1+muted 2=2]"]
    );
    assert_eq!(rooms.say(11, &mute(1, true)), [""; 0]);
    assert_eq!(rooms.say(11, &mute(2, true)), ["11 error room_unknown"]);
    rooms.later();
    assert_eq!(
        rooms.say(11, &mute(1, false)),
        ["11,21 room_state [1=1 2=2]"]
    );
}

#[test]
fn who_runs_the_group_mutes_at_the_server_until_it_is_taken_back() {
    let mut rooms = Rooms::seated(GROUP, &[11, 31]);
    assert_eq!(
        rooms.say(11, &moderate(GROUP, 2, "mute")),
        ["media mute 2 true", "11,31 room_state [1=1 2=3+mod_muted]"]
    );
    assert_eq!(rooms.say(11, &moderate(GROUP, 2, "mute")), [""; 0]);
    // To leave and come back does not help.
    rooms.later();
    rooms.say(31, &about("room_leave", GROUP, 2));
    rooms.later();
    assert_eq!(
        rooms.say(31, &join(GROUP)),
        [
            "media join 8 3",
            "media mute 3 true",
            "31 room_joined 3 offer-3 [1=1 3=3+mod_muted]",
            "11,31 room_state [1=1 3=3+mod_muted]"
        ]
    );
    rooms.later();
    assert_eq!(
        rooms.say(11, &moderate(GROUP, 3, "unmute")),
        ["media mute 3 false", "11,31 room_state [1=1 3=3]"]
    );
}

#[test]
fn who_runs_the_group_lowers_hands_and_puts_people_out() {
    let mut rooms = Rooms::seated(GROUP, &[21, 31]);
    rooms.say(31, &hand(GROUP, 2, true));
    rooms.later();
    assert_eq!(
        rooms.say(21, &moderate(GROUP, 2, "lower_hand")),
        ["21,31 room_state [1=2 2=3]"]
    );
    rooms.later();
    assert_eq!(
        rooms.say(21, &moderate(GROUP, 2, "kick")),
        [
            "31 room_left 2 kicked",
            "media leave 2",
            "21,31 room_state [1=2]"
        ]
    );
    assert_eq!(
        rooms.say(21, &moderate(GROUP, 2, "kick")),
        ["21 error room_unknown"]
    );
}

#[test]
fn nobody_moderates_who_is_not_below_them() {
    let mut rooms = Rooms::seated(GROUP, &[11, 21, 31, 41]);
    for (conn, participant) in [(31, 1), (31, 2), (31, 3), (21, 1), (21, 4)] {
        for action in ["mute", "unmute", "lower_hand", "kick"] {
            assert_eq!(
                rooms.say(conn, &moderate(GROUP, participant, action)),
                [format!("{conn} error not_moderator")],
                "{action}"
            );
        }
    }
    assert_eq!(
        rooms.say(31, &lock(GROUP, true)),
        ["31 error not_moderator"]
    );
    let mut rooms = Rooms::seated(PAIR, &[11, 21]);
    assert_eq!(
        rooms.say(11, &moderate(PAIR, 2, "kick")),
        ["11 error not_moderator"],
        "in a pair nobody does"
    );
}
