//! Row P2: when somebody was last there is kept, told to those who may know,
//! and to nobody else.

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::{Server, Setup};
use crate::stage::{Stage, stage};

async fn watch(socket: &mut Socket, whom: &Person) {
    socket
        .send(&json!({ "type": "presence_subscribe", "user_ids": [whom.id] }))
        .await;
}

/// Waits until the watched person has gone and it is said when.
async fn time_of_going(socket: &mut Socket) -> String {
    loop {
        let frame = socket.frame_of("presence").await;
        if let Some(at) = frame["last_seen"].as_str() {
            assert_eq!(frame["online"], false);
            return at.to_owned();
        }
    }
}

/// What a person is told of another by the list, the search and the id.
fn told(server: &Server, viewer: &Person, whom: &Person) -> [Value; 3] {
    let list = server.get_as(viewer, "/api/conversations").json();
    let search = format!("/api/users?q={}", whom.name);
    let search = server.get_as(viewer, &search).json();
    let by_id = format!("/api/users?id={}", whom.id);
    let by_id = server.get_as(viewer, &by_id).json();
    let conversation = &list["conversations"][0];
    [conversation, &search[0], &by_id[0]].map(|json| json["last_seen"].clone())
}

fn show(server: &Server, person: &Person, shows: bool) {
    let call = server.call("PUT", "/api/profile").token(&person.token);
    let answer = call.json(&json!({ "show_last_seen": shows })).send();
    assert_eq!(answer.status, 200);
    let profile = server.get_as(person, "/api/profile").json();
    assert_eq!(profile["show_last_seen"], shows);
}

const NOTHING: [Value; 3] = [Value::Null, Value::Null, Value::Null];

#[tokio::test]
async fn the_end_of_the_last_socket_is_kept_and_told_everywhere_but_in_public() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        his,
    } = stage().await;
    hers.say(&omid, "hello").await;
    watch(&mut hers, &omid).await;
    assert_eq!(told(&server, &sara, &omid), NOTHING, "he is there");
    let second = server.socket(&omid).await;
    drop(his);
    drop(second);
    let at = time_of_going(&mut hers).await;
    assert_eq!(
        told(&server, &sara, &omid),
        [(); 3].map(|()| json!(at.clone()))
    );
    let public = server.get_as(&sara, "/api/users/omid").json();
    assert_eq!(public["last_seen"], Value::Null);

    // Who asks later is told the same; while he is back, nothing.
    let mut again = server.socket(&sara).await;
    watch(&mut again, &omid).await;
    assert_eq!(time_of_going(&mut again).await, at);
    let _back = server.socket(&omid).await;
    while again.frame_of("presence").await["online"] != true {}
    assert_eq!(told(&server, &sara, &omid), NOTHING);
}

#[tokio::test]
async fn who_hides_it_is_not_told_of_others_either() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        his,
    } = stage().await;
    hers.say(&omid, "hello").await;
    watch(&mut hers, &omid).await;
    drop(his);
    let at = time_of_going(&mut hers).await;
    for who in [&sara, &omid] {
        show(&server, who, false);
        assert_eq!(told(&server, &sara, &omid), NOTHING);
        watch(&mut hers, &omid).await;
        let frames = hers.so_far().await;
        let is_told = |frame: &Value| frame["last_seen"].is_string();
        assert!(!frames.iter().any(is_told), "{frames:?}");
        show(&server, who, true);
    }
    watch(&mut hers, &omid).await;
    assert_eq!(time_of_going(&mut hers).await, at);
}

#[tokio::test]
async fn between_people_of_whom_one_blocked_the_other_it_is_not_told() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        his,
    } = stage().await;
    hers.say(&omid, "hello").await;
    watch(&mut hers, &omid).await;
    drop(his);
    time_of_going(&mut hers).await;
    for (by, whom) in [(&sara, &omid), (&omid, &sara)] {
        let call = server.call("POST", "/api/blocks").token(&by.token);
        call.json(&json!({ "user_id": whom.id })).send();
        assert_eq!(told(&server, &sara, &omid), NOTHING);
        watch(&mut hers, &omid).await;
        let frames = hers.so_far().await;
        let is_told = |frame: &Value| frame["last_seen"].is_string();
        assert!(!frames.iter().any(is_told), "{frames:?}");
        let path = format!("/api/blocks/{}", whom.id);
        server.call("DELETE", &path).token(&by.token).send();
    }
    watch(&mut hers, &omid).await;
    time_of_going(&mut hers).await;
}

#[tokio::test]
async fn a_clean_stop_keeps_that_people_were_there() {
    let setup = Setup::new();
    let server = setup.start();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let his = server.socket(&omid).await;
    let by_id = format!("/api/users?id={}", omid.id);
    assert_eq!(
        server.get_as(&sara, &by_id).json()[0]["last_seen"],
        Value::Null
    );
    drop_at_stop(server, his).await;
    let server = setup.start();
    let sara = server.log_in("sara");
    assert!(server.get_as(&sara, &by_id).json()[0]["last_seen"].is_string());
}

/// Stops the server while the socket is open.
async fn drop_at_stop(server: Server, mut socket: Socket) {
    server.ask_to_stop();
    assert_eq!(socket.closed().await, Some(1001));
    assert!(server.ended().0.success());
}

#[tokio::test]
async fn who_hides_it_while_connected_sees_others_go_without_a_time() {
    let Stage {
        server,
        sara,
        omid,
        mut hers,
        his,
    } = stage().await;
    let mina = server.register("mina");
    let mut third = server.socket(&mina).await;
    for socket in [&mut hers, &mut third] {
        watch(socket, &omid).await;
        assert_eq!(socket.frame_of("presence").await["online"], true);
    }
    show(&server, &sara, false);
    drop(his);
    // The third is told in the same turn in which she would be.
    time_of_going(&mut third).await;
    let gone = json!({ "type": "presence", "user_id": omid.id, "online": false });
    assert_eq!(hers.so_far().await, [gone]);
}
