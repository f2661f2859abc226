//! STUN and TURN without sockets and without a clock (RFC 8489, RFC 8656):
//! datagrams, the time and chance go in, effects and datagrams to forward come
//! out. [`server::Server`] is the way in.

pub mod alloc;
pub mod auth;
pub mod codec;
mod control;
pub mod frame;
pub mod packet;
pub mod policy;
pub mod ports;
pub mod server;
mod table;

use std::fmt;
use std::net::SocketAddr;

/// Where a client's datagrams come from and answers go to: one of our
/// listeners and the address beyond it. With the listener's own address this
/// is the 5-tuple that names an allocation (RFC 8656 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// Index of the listener, in the order they were configured.
    pub listener: u16,
    /// The client's address as the listener sees it.
    pub address: SocketAddr,
}

/// A peer's transport address, as a relay port of ours sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerAddr(pub SocketAddr);

/// The port of a relayed transport address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayPort(pub u16);

/// The 96 bits that pair a response with its request (RFC 8489 §5).
pub type TransactionBytes = [u8; 12];

/// The key of a long-term credential (RFC 8489 §9.2.2). `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([redacted])")
    }
}

/// Chance from outside: each call gives 64 unpredictable bits.
pub type Random = Box<dyn FnMut() -> u64 + Send>;

/// A moment to count from in tests.
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to an `Instant`"
)]
fn test_now() -> std::time::Instant {
    std::time::Instant::now()
}
