//! Voice rooms from outside: real sockets, the real media plane, and clients
//! that speak WebRTC (rows C6, C11, E9).

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::Server;
use crate::stage::{Stage, stage};
use crate::voice::Voice;

fn about(kind: &str, room: i64, seat: u64) -> Value {
    json!({ "type": kind, "conversation_id": room, "participant_id": seat })
}

/// The conversation of these two.
fn pair(server: &Server, me: &Person, other: &Person) -> i64 {
    let call = server.call("POST", "/api/conversations").token(&me.token);
    let answer = call.json(&json!({ "participant_id": other.id })).send();
    answer.json()["id"].as_i64().unwrap()
}

/// A group of the first, with the others as members.
fn group(server: &Server, owner: &Person, others: &[&Person]) -> i64 {
    let call = server.call("POST", "/api/groups").token(&owner.token);
    let made = call.json(&json!({ "name": "home" })).send();
    let id = made.json()["id"].as_i64().unwrap();
    for other in others {
        let path = format!("/api/groups/{id}/members");
        let call = server.call("POST", &path).token(&owner.token);
        let added = call.json(&json!({ "user_id": other.id })).send();
        assert_eq!(added.status, 200, "{added:?}");
    }
    id
}

/// The next state in which this holds.
async fn state(socket: &mut Socket, holds: impl Fn(&Value) -> bool) -> Value {
    loop {
        let state = socket.frame_of("room_state").await;
        if holds(&state) {
            return state;
        }
    }
}

fn people(state: &Value) -> usize {
    state["participants"].as_array().unwrap().len()
}

/// Sara (word 1) and Omid (word 2) are in the room of their conversation and
/// hear each other.
async fn in_a_room() -> (Stage, i64, Voice, Voice) {
    let mut stage = stage().await;
    let room = pair(&stage.server, &stage.sara, &stage.omid);
    let mut hers = Voice::join(&mut stage.hers, room, 1).await;
    let mut his = Voice::join(&mut stage.his, room, 2).await;
    hers.hears(2, 10).await;
    his.hears(1, 10).await;
    (stage, room, hers, his)
}

#[tokio::test]
async fn c6_two_members_hear_each_other_and_a_stranger_is_refused() {
    let (mut stage, room, _hers, _his) = in_a_room().await;
    let mina = stage.server.register("mina");
    let mut stranger = stage.server.socket(&mina).await;
    let join = json!({ "type": "room_join", "conversation_id": room });
    assert_eq!(stranger.refused(&join).await, "not_member");
    assert!(stranger.so_far().await.is_empty(), "nothing of the room");

    let state = state(&mut stage.hers, |state| people(state) == 2).await;
    let names: Vec<_> = state["participants"].as_array().unwrap().iter().collect();
    assert_eq!(names[0]["username"], "sara");
    assert_eq!(names[1]["username"], "omid");
    let seat = &names[0]["participant_id"];
    loop {
        let slots = stage.his.frame_of("room_slots").await;
        if slots["slots"].as_array().unwrap().contains(seat) {
            return;
        }
    }
}

#[tokio::test]
async fn c11_who_runs_the_group_mutes_at_the_server_and_puts_people_out() {
    let mut stage = stage().await;
    let mina = stage.server.register("mina");
    let room = group(&stage.server, &stage.sara, &[&stage.omid, &mina]);
    let mut minas = stage.server.socket(&mina).await;
    let mut hers = Voice::join(&mut stage.hers, room, 1).await;
    let his = Voice::join(&mut stage.his, room, 2).await;
    let mut third = Voice::join(&mut minas, room, 3).await;
    hers.hears(2, 10).await;
    third.hears(2, 10).await;
    let moderate = |seat: u64, action: &str| {
        let mut frame = about("room_moderate", room, seat);
        frame["action"] = json!(action);
        frame
    };
    let refused = minas.refused(&moderate(his.seat, "mute")).await;
    assert_eq!(refused, "not_moderator");

    stage.hers.send(&moderate(his.seat, "mute")).await;
    let is_muted = |state: &Value| {
        let mut people = state["participants"].as_array().unwrap().iter();
        people.any(|one| one["mod_muted"] == true && one["user_id"] == stage.omid.id)
    };
    state(&mut stage.his, is_muted).await;
    // What was on its way may still come; what is said from here on may not.
    hers.hears(3, 10).await;
    his.say(22);
    hers.hears(3, 30).await;
    third.hears(1, 30).await;
    assert_eq!((hers.heard(22), third.heard(22)), (0, 0));
    stage.hers.send(&moderate(his.seat, "unmute")).await;
    hers.hears(22, 10).await;

    stage.hers.send(&moderate(his.seat, "kick")).await;
    let left = stage.his.frame_of("room_left").await;
    assert_eq!(left["reason"], "kicked");
    state(&mut minas, |state| people(state) == 2).await;

    // Out of the group, out of the room.
    let path = format!("/api/groups/{room}/members/{}", mina.id);
    let call = stage.server.call("DELETE", &path);
    assert_eq!(call.token(&stage.sara.token).send().status, 200);
    let left = minas.frame_of("room_left").await;
    assert_eq!(left["reason"], "kicked");
    let join = json!({ "type": "room_join", "conversation_id": room });
    assert_eq!(minas.refused(&join).await, "not_member");
}

#[tokio::test]
async fn a_lost_socket_does_not_end_the_media_and_a_new_one_takes_the_seat_back() {
    let (mut stage, room, mut hers, mut his) = in_a_room().await;
    let Stage {
        server,
        sara,
        hers: lost,
        ..
    } = &mut stage;
    let mut again = server.socket(sara).await;
    drop(std::mem::replace(lost, server.socket(sara).await));
    hers.hears(2, 20).await;
    his.hears(1, 20).await;
    again.send(&about("room_resume", room, hers.seat)).await;
    let joined = again.frame_of("room_joined").await;
    assert_eq!(joined["participant_id"], hers.seat);
    assert_eq!((people(&joined), joined.get("payload")), (2, None));
    hers.hears(2, 20).await;
    his.hears(1, 20).await;
    assert_eq!(
        stage
            .his
            .refused(&about("room_resume", room, hers.seat))
            .await,
        "room_unknown"
    );
}

#[tokio::test]
async fn another_device_takes_over() {
    let (mut stage, room, _hers, mut his) = in_a_room().await;
    let phone = stage.server.log_in("sara");
    let mut socket = stage.server.socket(&phone).await;
    let _new = Voice::join(&mut socket, room, 11).await;
    let left = stage.hers.frame_of("room_left").await;
    assert_eq!(left["reason"], "elsewhere");
    his.hears(11, 10).await;
    state(&mut stage.his, |state| people(state) == 2).await;
}

#[tokio::test]
async fn a_call_goes_on_in_the_room_and_a_third_one_comes_as_a_guest() {
    let mut stage = stage().await;
    let call = stage.talk().await;
    let room = pair(&stage.server, &stage.sara, &stage.omid);
    let join = json!({ "type": "room_join", "conversation_id": room, "call_id": call });
    stage.hers.send(&join).await;
    let joined = stage.hers.frame_of("room_joined").await;
    let mut hers = Voice::answer(&mut stage.hers, &joined, 1).await;
    let moved = stage.his.frame_of("call_moved").await;
    assert_eq!(
        (&moved["call_id"], &moved["conversation_id"]),
        (&call, &json!(room))
    );
    assert_eq!(stage.entry().await["outcome"], "answered");
    let mut his = Voice::join(&mut stage.his, room, 2).await;

    let mina = stage.server.register("mina");
    let mut minas = stage.server.socket(&mina).await;
    minas.so_far().await;
    let invite = json!({ "type": "room_invite", "conversation_id": room, "user_id": mina.id });
    stage.hers.send(&invite).await;
    let invited = minas.frame_of("room_invited").await;
    assert_eq!(invited["username"], "sara");
    let mut guest = Voice::join(&mut minas, room, 3).await;
    let over = stage.hers.frame_of("room_invite_over").await;
    assert_eq!(over["reason"], "joined");
    guest.hears(1, 10).await;
    guest.hears(2, 10).await;
    hers.hears(3, 10).await;
    his.hears(3, 10).await;
    // Who is in a room is busy.
    let reza = stage.server.register("reza");
    let mut rezas = stage.server.socket(&reza).await;
    let offer = crate::stage::offer(&stage.omid, &Value::Null, "v=0");
    rezas.send(&offer).await;
    let rejected = rezas.frame_of("call_reject").await;
    assert_eq!(rejected["payload"]["reason"], "busy");
}

#[tokio::test]
async fn a_locked_room_lets_nobody_new_in() {
    let mut stage = stage().await;
    let room = group(&stage.server, &stage.sara, &[&stage.omid]);
    let _hers = Voice::join(&mut stage.hers, room, 1).await;
    let lock = |locked| json!({ "type": "room_lock", "conversation_id": room, "locked": locked });
    stage.hers.send(&lock(true)).await;
    state(&mut stage.his, |state| state["locked"] == true).await;
    let join = json!({ "type": "room_join", "conversation_id": room });
    assert_eq!(stage.his.refused(&join).await, "room_locked");
    stage.hers.send(&lock(false)).await;
    let _his = Voice::join(&mut stage.his, room, 2).await;
}

#[tokio::test]
async fn after_a_kill_everybody_comes_back() {
    let (stage, room, hers, his) = in_a_room().await;
    let (sara, omid) = (stage.sara, stage.omid);
    let seat = hers.seat;
    drop((stage.hers, stage.his, hers, his));
    let server = stage.server.kill_and_start();
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    let resume = about("room_resume", room, seat);
    assert_eq!(hers.refused(&resume).await, "room_unknown");
    let mut voice = Voice::join(&mut hers, room, 1).await;
    let mut other = Voice::join(&mut his, room, 2).await;
    voice.hears(2, 10).await;
    other.hears(1, 10).await;
}

#[tokio::test]
async fn the_operator_lists_rooms_puts_people_out_and_closes_them() {
    let (mut stage, room, hers, _his) = in_a_room().await;
    let setup = stage.server.setup.clone();
    let run = |words: &[&str]| setup.run(words, "");
    let list = run(&["room", "list", "--json"]);
    let list: Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(list["rooms"][0]["id"], room);
    assert_eq!(list["rooms"][0]["seats"][1]["username"], "omid");
    assert!(run(&["room", "list"]).out.contains("sara"));

    let seat = hers.seat.to_string();
    assert!(run(&["room", "kick", &seat]).out.contains("taken away"));
    let left = stage.hers.frame_of("room_left").await;
    assert_eq!(left["reason"], "kicked");
    assert!(
        run(&["room", "kick", &seat])
            .complaint
            .contains("nobody has that seat")
    );

    let id = room.to_string();
    assert!(run(&["room", "close", &id]).out.contains("1 person went"));
    let left = stage.his.frame_of("room_left").await;
    assert_eq!(left["reason"], "closed");
    assert!(run(&["room", "list"]).out.contains("Nobody"));
    assert!(
        run(&["room", "close", &id])
            .complaint
            .contains("nobody is in that room")
    );
}
