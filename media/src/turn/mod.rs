//! STUN and TURN without sockets and without a clock (RFC 8489, RFC 8656):
//! datagrams, the time and chance go in, effects and datagrams to forward come
//! out. [`server::Server`] is the way in.

pub mod alloc;
mod answer_limit;
pub mod auth;
mod bandwidth;
pub mod codec;
mod control;
mod data;
pub mod frame;
pub mod ledger;
pub mod operate;
pub mod packet;
pub mod policy;
pub mod ports;
mod reservation;
pub mod server;
mod table;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub(crate) use answer_limit::network;

/// What carries the messages between a client and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// Whether messages follow each other on a byte stream.
    #[must_use]
    pub fn is_stream(self) -> bool {
        self != Self::Udp
    }
}

/// Where a client's messages come from and answers go to: one of our
/// listeners, each of which has one transport, and the address beyond it. With the listener's own address this
/// is the 5-tuple that names an allocation (RFC 8656 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// Index of the listener, in the order of [`RelayConfig`]: those of UDP,
    /// of TCP, of TLS, and at last the one of TLS that was accepted elsewhere.
    /// From [`FIRST_OWN_LISTENER`] on it counts the addresses of a host at
    /// which clients were met by a listener of UDP for all of them.
    ///
    /// [`RelayConfig`]: crate::RelayConfig
    pub listener: u16,
    /// The client's address as the listener sees it.
    pub address: SocketAddr,
}

/// One of the threads of a relay, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard(pub u8);

/// See [`ClientId::listener`].
pub const FIRST_OWN_LISTENER: u16 = 1 << 15;

/// A peer's transport address, as a relay port of ours sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerAddr(pub SocketAddr);

/// An address family (RFC 8656 §18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, in the order in which they are told to clients.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address. An IPv4-mapped one is IPv6, as it is written.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// One value per address family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerFamily<T> {
    /// For IPv4.
    pub v4: T,
    /// For IPv6.
    pub v6: T,
}

impl<T> PerFamily<T> {
    /// The value of this family.
    #[must_use]
    pub fn of(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// The value of this family, to be changed.
    pub fn of_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// The port of a relayed transport address, on our relay address of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayPort {
    /// Which of our relay addresses.
    pub family: Family,
    /// The port there.
    pub port: u16,
}

impl RelayPort {
    /// A port of our IPv4 relay address.
    #[must_use]
    pub const fn v4(port: u16) -> Self {
        Self {
            family: Family::V4,
            port,
        }
    }

    /// A port of our IPv6 relay address.
    #[must_use]
    pub const fn v6(port: u16) -> Self {
        Self {
            family: Family::V6,
            port,
        }
    }
}

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
pub(crate) fn test_now() -> std::time::Instant {
    std::time::Instant::now()
}
