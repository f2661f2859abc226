#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these are the clients and peers of a real relay"
)]
//! Clients and peers with real sockets, and a relay on loopback for them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payambar_media::{Calls, RelayAddress, RelayConfig, mint_credential};
use rtc_stun::attributes::ATTR_NONCE;

use crate::common::*;

pub(crate) fn loopback() -> RelayConfig {
    let mut config = config();
    config.listen = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    config.relays = vec![RelayAddress {
        bind: Ipv4Addr::LOCALHOST.into(),
        advertise: Ipv4Addr::LOCALHOST.into(),
    }];
    config.ports = 20_000..=29_999;
    config.allow_peers = vec!["127.0.0.0/8".parse().unwrap()];
    // These tests are built into two programs.
    config.plane.calls = match env!("CARGO_CRATE_NAME") {
        "relay_portable" => Calls::Portable,
        _ => Calls::Batched,
    };
    config
}

/// A client with a socket.
pub(crate) struct Phone {
    pub(crate) socket: UdpSocket,
    pub(crate) caller: Caller,
}

impl Phone {
    pub(crate) fn new(server: SocketAddr, user: i64, session: i64) -> Self {
        let local: SocketAddr = if server.is_ipv6() {
            "[::1]:0".parse().unwrap()
        } else {
            "127.0.0.1:0".parse().unwrap()
        };
        let socket = UdpSocket::bind(local).unwrap();
        socket.connect(server).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let (name, password) = mint_credential(SECRET, unix + 600, user, session);
        let caller = Caller::new(&socket.local_addr().unwrap().to_string(), &name, &password);
        Self { socket, caller }
    }

    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let length = self.socket.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    pub(crate) fn request(&mut self, kind: u16, attributes: &[Attribute]) -> Reply {
        if self.caller.nonce.is_empty() {
            let plain = message(ALLOCATE, self.caller.transaction(), &[udp()]);
            self.socket.send(&plain.raw).unwrap();
            let challenge = Reply::read(&self.receive());
            assert_eq!(challenge.code(), 401);
            self.caller.nonce = challenge.0.get(ATTR_NONCE).unwrap();
        }
        let request = self.caller.signed(kind, attributes);
        self.socket.send(&request.raw).unwrap();
        let reply = Reply::read(&self.receive());
        assert_eq!(reply.0.transaction_id, request.transaction_id);
        reply
    }

    pub(crate) fn allocate(&mut self) -> SocketAddr {
        let reply = self.request(ALLOCATE, &[udp()]);
        assert_eq!(reply.code(), 0);
        assert_eq!(reply.mapped(), self.socket.local_addr().unwrap());
        reply.relayed()
    }
}

/// A peer's socket.
pub(crate) fn echo() -> UdpSocket {
    echo_at("127.0.0.1:0")
}

pub(crate) fn echo_at(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    socket
}
