//! A server that is told to stop lets those who talk through its relay end.

use std::net::SocketAddr;

use webrtc_util::Conn as _;

use crate::relay::{Flowing as _, client, credential, echo_peer, refusal, until};
use crate::server::{Server, Setup};

async fn until_it_drains(server: &Server) {
    until("the drain", async || {
        server.log().contains("relayed calls may end").then_some(())
    })
    .await;
}

fn setup(seconds: &str) -> Setup {
    Setup::new()
        .set("TURN_ALLOW_PEERS", "127.0.0.0/8")
        .set("DRAIN_SECONDS", seconds)
}

#[tokio::test]
async fn a_call_goes_on_and_none_begins_until_the_last_one_ends() {
    let server = setup("3600").start();
    let sara = server.register("sara");
    let mut socket = server.socket(&sara).await;
    let given = credential(&server, &sara);
    let caller = client(&server, &given).await;
    let relayed = caller.allocate().await.unwrap();
    let peer: SocketAddr = echo_peer().await;
    assert!(relayed.flows(peer).await);

    server.ask_to_stop();
    until_it_drains(&server).await;
    assert_eq!(
        socket.closed().await,
        Some(1001),
        "the rest stops meanwhile"
    );
    assert_eq!(refusal(&server, &given).await, "508");
    assert!(relayed.flows(peer).await);
    let listed = server.setup.run(&["turn", "sessions", "--json"], "");
    assert!(listed.out.contains("\"sara\""), "{listed:?}");

    relayed.close().await.unwrap();
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.trim_end().ends_with("stopped"), "{log}");
    assert!(!log.contains("cut off"), "{log}");
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off_when_the_time_is_over() {
    let server = setup("1").start();
    let sara = server.register("sara");
    let caller = client(&server, &credential(&server, &sara)).await;
    let _relayed = caller.allocate().await.unwrap();
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("relayed calls were cut off"), "{log}");
}

#[tokio::test]
async fn a_second_signal_ends_the_drain_at_once() {
    let server = setup("3600").start();
    let sara = server.register("sara");
    let caller = client(&server, &credential(&server, &sara)).await;
    let _relayed = caller.allocate().await.unwrap();
    server.ask_to_stop();
    until_it_drains(&server).await;
    let setup = server.setup.clone();
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.trim_end().ends_with("stopped"), "{log}");
    assert!(!setup.folder().join("data/control.sock").exists());
}
