//! The other end of what is relayed.

use std::net::{SocketAddr, UdpSocket};

use crate::client::{GRACE, LONG};

/// A peer: a socket that hears what comes and can speak back.
pub(crate) struct Peer(pub(crate) UdpSocket);

impl Peer {
    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self(socket)
    }

    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// What comes next.
    pub(crate) fn hear(&self) -> Option<(Vec<u8>, SocketAddr)> {
        let mut buffer = vec![0; 1 << 16];
        let (length, from) = self.0.recv_from(&mut buffer).ok()?;
        buffer.truncate(length);
        Some((buffer, from))
    }

    /// What came although nothing was due.
    pub(crate) fn stray(&self) -> Option<Vec<u8>> {
        self.0.set_read_timeout(Some(GRACE)).unwrap();
        let heard = self.hear();
        self.0.set_read_timeout(Some(LONG)).unwrap();
        heard.map(|(data, _)| data)
    }

    pub(crate) fn say(&self, to: SocketAddr, data: &[u8]) {
        self.0.send_to(data, to).unwrap();
    }
}
