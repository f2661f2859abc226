use super::*;

/// Persons 1 and 2 talk at sockets 11 and 21; the call's id.
fn talking(conns: &[u64]) -> (Rooms, String) {
    let mut rooms = Rooms::with(conns);
    rooms.say(11, &offer(2, "o"));
    rooms.say(21, &answer(1, "a"));
    (rooms, CallId::from_bytes([1; 16]).to_string())
}

fn join_from(room: i64, call: &str) -> Value {
    json!({"type": "room_join", "conversation_id": room, "call_id": call})
}

#[test]
fn a_call_goes_on_in_the_room_of_its_two_people() {
    let (mut rooms, call) = talking(&[11, 12, 21, 22]);
    rooms.bench.wait(10);
    assert_eq!(
        rooms.say(11, &join_from(PAIR, &call)),
        [
            "media join 7 1",
            "11 room_joined 1 offer-1 [1=1]",
            "21 call_moved 7",
            "entry 1>2 answered 10",
            "11,12,21,22 room_state [1=1]"
        ]
    );
    assert_eq!(rooms.bench.hub.counts().calls_active, 0);
    // The other comes as the client does: with the call it knew, or without.
    assert_eq!(rooms.say(21, &join_from(PAIR, &call))[0], "media join 7 2");
    assert_eq!(rooms.say(11, &hangup(2)), ["11 error call_unknown"]);
}

#[test]
fn both_may_move_it_at_once() {
    let (mut rooms, call) = talking(&[11, 21]);
    rooms.hold_media = true;
    rooms.say(11, &join_from(PAIR, &call));
    rooms.say(21, &join_from(PAIR, &call));
    let offered = |participant| MediaEvent::Offer {
        participant: ParticipantId(participant),
        sdp: "o".to_owned(),
    };
    let first = rooms.media(offered(1));
    let second = rooms.media(offered(2));
    let entries = first
        .iter()
        .chain(&second)
        .filter(|l| l.starts_with("entry"));
    assert_eq!(entries.count(), 1);
    assert_eq!(second[0], "21 room_joined 2 o [1=1 2=2]");
}

#[test]
fn a_call_stays_where_it_is_until_the_room_has_media() {
    let (mut rooms, call) = talking(&[11, 21]);
    rooms.hold_media = true;
    rooms.say(11, &join_from(PAIR, &call));
    assert_eq!(rooms.bench.hub.counts().calls_active, 1);
    let full = MediaEvent::Gone {
        participant: ParticipantId(1),
        reason: GoneReason::Full,
    };
    assert_eq!(
        rooms.media(full),
        ["11 error room_full", "media leave 1", "media close 7"]
    );
    assert_eq!(rooms.bench.hub.counts().calls_active, 1);
}

#[test]
fn a_call_moves_into_no_other_room_and_from_its_own_socket_alone() {
    let (mut rooms, call) = talking(&[11, 12, 21]);
    for (conn, frame) in [
        (11, join_from(GROUP, &call)),
        (12, join_from(PAIR, &call)),
        (11, join(PAIR)),
        (11, join_from(PAIR, &"0".repeat(32))),
    ] {
        assert_eq!(
            rooms.say(conn, &frame),
            [format!("{conn} error already_in_call")],
            "{frame}"
        );
    }
    assert_eq!(rooms.bench.hub.counts().calls_active, 1);
}

#[test]
fn a_call_that_rings_moves_nowhere() {
    let mut rooms = Rooms::with(&[11, 21]);
    rooms.say(11, &offer(2, "o"));
    let call = CallId::from_bytes([1; 16]).to_string();
    assert_eq!(
        rooms.say(11, &join_from(PAIR, &call)),
        ["11 error already_in_call"]
    );
}

#[test]
fn an_end_that_is_away_hears_of_the_move_on_all_its_sockets() {
    let (mut rooms, call) = talking(&[11, 21]);
    rooms.bench.leave(21);
    rooms.bench.join(22);
    rooms.bench.join(23);
    let moved = rooms.say(11, &join_from(PAIR, &call));
    assert!(
        moved.contains(&"22,23 call_moved 7".to_owned()),
        "{moved:?}"
    );
}
