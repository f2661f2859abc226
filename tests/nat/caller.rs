//! What a caller does before a call: sign up, ask for a relayed address, ask
//! how the world sees a socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use turn::client::{Client, ClientConfig};

use crate::server::PATIENCE;
use crate::talk::{AGAIN, OPEN};
use crate::world::{House, World};

/// A TURN client in a house, with the credential the web app would get for
/// this person.
pub(crate) async fn client(world: &World, house: &House, name: &str) -> Client {
    let config = world.internet.inside(|| {
        let person = world.server.register(name);
        world.server.get_as(&person, "/api/webrtc/config").json()
    });
    let offered = &config["iceServers"][1];
    let url = offered["urls"][0].as_str().unwrap();
    let address = url
        .strip_prefix("turn:")
        .and_then(|url| url.strip_suffix("?transport=udp"))
        .unwrap();
    let client = Client::new(ClientConfig {
        stun_serv_addr: address.to_owned(),
        turn_serv_addr: address.to_owned(),
        username: offered["username"].as_str().unwrap().to_owned(),
        password: offered["credential"].as_str().unwrap().to_owned(),
        realm: String::new(),
        software: String::new(),
        rto_in_ms: 0,
        conn: Arc::new(house.socket()),
        vnet: None,
    })
    .await
    .unwrap();
    client.listen().await.unwrap();
    client
}

/// The address a server sees this socket at (a Binding request, RFC 8489).
/// Asks again until it is answered; other packets are passed over.
pub(crate) async fn mapped(socket: &UdpSocket, server: SocketAddr) -> SocketAddr {
    const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    const XOR_MAPPED_ADDRESS: [u8; 4] = [0x00, 0x20, 0x00, 0x08];
    let transaction = *b"a mapping of";
    let request = [&[0, 1, 0, 0], &COOKIE[..], &transaction].concat();
    let expected = [&COOKIE[..], &transaction].concat();
    until("an answer of STUN", async || {
        socket.send_to(&request, server).await.unwrap();
        let mut buffer = [0; 512];
        let answer = timeout(AGAIN * 10, socket.recv_from(&mut buffer)).await;
        let (size, from) = answer.ok()?.unwrap();
        let answer = &buffer[..size];
        if from != server || answer.get(4..20) != Some(&expected[..]) {
            return None;
        }
        let at = answer.windows(4).position(|w| w == XOR_MAPPED_ADDRESS);
        let value = &answer[at.unwrap() + 4..][..8];
        let port = [value[2] ^ COOKIE[0], value[3] ^ COOKIE[1]];
        let ip: [u8; 4] = std::array::from_fn(|i| value[4 + i] ^ COOKIE[i]);
        Some(SocketAddr::from((
            Ipv4Addr::from(ip),
            u16::from_be_bytes(port),
        )))
    })
    .await
}

/// Somebody who sends to where STUN saw the other, hoping to open a way.
pub(crate) struct Punching {
    socket: UdpSocket,
    other: SocketAddr,
}

impl Punching {
    /// One in each house.
    pub(crate) async fn pair(world: &World) -> (Self, Self) {
        let (hers, his) = (world.sara.socket(), world.omid.socket());
        let [stun, _] = world.stun();
        let (to_hers, to_his) = (mapped(&hers, stun).await, mapped(&his, stun).await);
        let punching = |socket, other| Self { socket, other };
        (punching(hers, to_his), punching(his, to_hers))
    }

    pub(crate) async fn punch(&self) {
        self.socket.send_to(OPEN, self.other).await.unwrap();
    }

    /// How many punches of the other have come since the last look.
    pub(crate) fn heard(&self) -> usize {
        let mut buffer = [0; 512];
        let mut heard = 0;
        // A late answer of STUN is passed over.
        while let Ok(size) = self.socket.try_recv(&mut buffer) {
            heard += usize::from(buffer[..size] == *OPEN);
        }
        heard
    }
}

/// Asks again until something is found.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = timeout(PATIENCE, asking).await;
    found.unwrap_or_else(|_| panic!("{what} did not come"))
}
