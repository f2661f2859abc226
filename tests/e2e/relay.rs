//! The relay, spoken to by a TURN client that is not ours.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use turn::client::{Client, ClientConfig};
use webrtc_util::Conn;

use crate::client::{PASSWORD, Person};
use crate::server::{PATIENCE, Server, Setup};

/// What `GET /api/webrtc/config` tells one session about our relay.
pub(crate) struct Credential {
    pub(crate) username: String,
    pub(crate) password: String,
}

pub(crate) fn credential(server: &Server, person: &Person) -> Credential {
    let config = server.get_as(person, "/api/webrtc/config").json();
    let text = |field: &str| config["iceServers"][1][field].as_str().unwrap().to_owned();
    Credential {
        username: text("username"),
        password: text("credential"),
    }
}

pub(crate) async fn client(server: &Server, credential: &Credential) -> Client {
    let conn = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig {
        stun_serv_addr: server.turn_address(),
        turn_serv_addr: server.turn_address(),
        username: credential.username.clone(),
        password: credential.password.clone(),
        realm: String::new(),
        software: String::new(),
        rto_in_ms: 0,
        conn: Arc::new(conn),
        vnet: None,
    };
    let client = Client::new(config).await.unwrap();
    client.listen().await.unwrap();
    client
}

/// Waits for what `look` finds, asking again until it does.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(PATIENCE, asking).await;
    found.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// Sends back whatever comes.
pub(crate) async fn echo_peer() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((size, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..size], from).await;
        }
    });
    address
}

/// How the relay refuses that credential an allocation: its error code.
pub(crate) async fn refusal(server: &Server, credential: &Credential) -> String {
    // A host that is busy with other tests may lose an answer.
    until("a refusal", async || {
        let client = client(server, credential).await;
        let asked = timeout(PATIENCE, client.allocate()).await.ok()?;
        let error = asked.err().expect("must be refused").to_string();
        let code = error.rsplit("(error ").next()?.split(':').next()?;
        (code.len() == 3).then(|| code.to_owned())
    })
    .await
}

/// Waits until a relayed address is closed: a connected socket hears it.
pub(crate) async fn until_closed(relayed: SocketAddr) {
    let knock = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    knock.connect(relayed).await.unwrap();
    until("the end of the relayed port", async || {
        match knock.send(b"x").await {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Some(()),
            Ok(_) | Err(_) => None,
        }
    })
    .await;
}

/// Sends a packet and waits for one.
async fn ask(
    relayed: &impl Conn,
    to: SocketAddr,
    packet: &[u8],
    wait: Duration,
) -> Option<Vec<u8>> {
    relayed.send_to(packet, to).await.ok()?;
    let mut buffer = [0; 2048];
    let (size, from) = timeout(wait, relayed.recv_from(&mut buffer))
        .await
        .ok()?
        .ok()?;
    assert_eq!(from, to);
    Some(buffer[..size].to_vec())
}

#[tokio::test]
async fn callers_are_told_our_own_relay_with_a_credential_of_this_session() {
    let server = Server::usual();
    let phone = server.register("sara");
    let desk = server.log_in("sara");
    let config = server.get_as(&phone, "/api/webrtc/config").json();
    let servers = config["iceServers"].as_array().unwrap();
    assert_eq!(servers.len(), 2, "{config}");
    assert_eq!(
        servers[0],
        json!({ "urls": format!("stun:{}", server.turn_address()) })
    );
    let turn =
        ["udp", "tcp"].map(|over| format!("turn:{}?transport={over}", server.turn_address()));
    assert_eq!(servers[1]["urls"], json!(turn));
    assert_eq!(config["ttl"], 3600);
    let (hers, other) = (credential(&server, &phone), credential(&server, &desk));
    let (expires, owner) = hers.username.split_once(':').unwrap();
    let left = expires.parse::<i64>().unwrap() - time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((3590..=3600).contains(&left), "{left}");
    assert!(owner.starts_with(&format!("{}.", phone.id)), "{owner}");
    assert_ne!(
        (hers.username, hers.password),
        (other.username, other.password)
    );
}

#[tokio::test]
async fn a_hundred_packets_come_back_through_the_relay() {
    let server = Setup::new().set("TURN_ALLOW_PEERS", "127.0.0.0/8").start();
    let sara = server.register("sara");
    let client = client(&server, &credential(&server, &sara)).await;
    let relayed = client.allocate().await.unwrap();
    let port = relayed.local_addr().unwrap().port();
    let range = server.setup.get("TURN_MIN_PORT").parse().unwrap()
        ..=server.setup.get("TURN_MAX_PORT").parse().unwrap();
    assert!(range.contains(&port), "{port}");
    let peer = echo_peer().await;
    for number in 0..100_u16 {
        let packet = [number.to_be_bytes().as_slice(), &[7; 170]].concat();
        assert_eq!(
            ask(&relayed, peer, &packet, PATIENCE).await,
            Some(packet),
            "{number}"
        );
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn nothing_reaches_this_host_unless_it_was_opened() {
    let server = Server::usual();
    let sara = server.register("sara");
    let client = client(&server, &credential(&server, &sara)).await;
    let relayed = client.allocate().await.unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    // Refused or dropped: either way nothing may arrive.
    let _ = relayed.send_to(b"in", address).await;
    peer.send_to(b"back", relayed.local_addr().unwrap())
        .await
        .unwrap();
    // The server answers in order: when this is answered, the packet was judged.
    client.send_binding_request().await.unwrap();
    let mut buffer = [0; 64];
    assert!(
        peer.try_recv_from(&mut buffer).is_err(),
        "a packet came through"
    );
    let back = timeout(Duration::from_millis(300), relayed.recv_from(&mut buffer)).await;
    assert!(back.is_err(), "a packet came back");
}

#[tokio::test]
async fn two_of_ours_reach_each_other_through_their_relayed_addresses() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let (hers, his) = (
        client(&server, &credential(&server, &sara)).await,
        client(&server, &credential(&server, &omid)).await,
    );
    let (at_hers, at_his) = (
        hers.allocate().await.unwrap(),
        his.allocate().await.unwrap(),
    );
    let (to_hers, to_his) = (at_hers.local_addr().unwrap(), at_his.local_addr().unwrap());
    // The first packet of each opens its own side; it may be too early for the other.
    at_his.send_to(b"open", to_hers).await.unwrap();
    for number in 0..100_u8 {
        at_hers.send_to(&[number], to_his).await.unwrap();
        let mut buffer = [0; 64];
        let (size, from) = timeout(PATIENCE, at_his.recv_from(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!((&buffer[..size], from), (&[number][..], to_hers));
        at_his.send_to(&[number, 1], to_hers).await.unwrap();
        loop {
            let (size, from) = timeout(PATIENCE, at_hers.recv_from(&mut buffer))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(from, to_his);
            if buffer[..size] == *b"open" {
                continue;
            }
            assert_eq!(buffer[..size], [number, 1]);
            break;
        }
    }
}

#[tokio::test]
async fn a_credential_that_was_not_made_for_this_relay_fails() {
    let server = Server::usual();
    let sara = server.register("sara");
    let good = credential(&server, &sara);
    let (expires, owner) = good.username.split_once(':').unwrap();
    let later = expires.parse::<u64>().unwrap() + 60;
    for (username, password) in [
        (good.username.clone(), "wrong".to_owned()),
        (format!("{later}:{owner}"), good.password.clone()),
        (
            format!("{expires}:{}.1", sara.id + 1),
            good.password.clone(),
        ),
        ("sara".to_owned(), PASSWORD.to_owned()),
    ] {
        let client = client(
            &server,
            &Credential {
                username: username.clone(),
                password,
            },
        )
        .await;
        assert!(client.allocate().await.is_err(), "{username}");
    }
    let client = client(&server, &good).await;
    assert!(client.allocate().await.is_ok());
}

#[tokio::test]
async fn log_out_ends_the_relay_for_this_session_within_a_second() {
    let server = Setup::new().set("TURN_ALLOW_PEERS", "127.0.0.0/8").start();
    let phone = server.register("sara");
    let desk = server.log_in("sara");
    let (on_phone, on_desk) = (credential(&server, &phone), credential(&server, &desk));
    let ended = client(&server, &on_phone).await;
    let lives = client(&server, &on_desk).await;
    let (ended_at, lives_at) = (
        ended.allocate().await.unwrap(),
        lives.allocate().await.unwrap(),
    );
    let peer = echo_peer().await;
    for relayed in [&ended_at as &dyn Flowing, &lives_at] {
        assert!(relayed.flows(peer).await);
    }
    assert_eq!(server.log_out(&phone).status, 204);
    let began = Instant::now();
    until_closed(ended_at.local_addr().unwrap()).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let again = client(&server, &on_phone).await;
    assert!(again.allocate().await.is_err());
    assert!(lives_at.flows(peer).await, "the other session goes on");
}

/// Allocations have no type that can be named.
pub(crate) trait Flowing {
    fn flows(&self, peer: SocketAddr) -> std::pin::Pin<Box<dyn Future<Output = bool> + '_>>;
}

impl<T: Conn> Flowing for T {
    fn flows(&self, peer: SocketAddr) -> std::pin::Pin<Box<dyn Future<Output = bool> + '_>> {
        Box::pin(async move { ask(self, peer, b"ping", PATIENCE).await.is_some() })
    }
}
