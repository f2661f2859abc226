//! What a relay is told at its start. Checked and given defaults by the binary.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use ipnet::IpNet;

use crate::tls::TlsIdentity;
use crate::turn::{Key, Transport};

/// One address that peers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    /// Local address relay sockets are bound to; the unspecified one binds to
    /// all of its family.
    pub bind: IpAddr,
    /// The address as clients and peers see it, of the same family.
    pub advertise: IpAddr,
}

/// The system calls that datagrams go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calls {
    /// One for many datagrams, where the system has such.
    #[default]
    Batched,
    /// One for each datagram.
    Portable,
}

/// How the relay's threads work. None of it changes what is relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// How many threads share the work.
    pub shards: NonZeroU8,
    /// How datagrams are received and sent.
    pub calls: Calls,
    /// How long datagrams may gather under load before they are looked at;
    /// zero: not at all.
    pub coalesce: Duration,
}

impl Default for Plane {
    fn default() -> Self {
        Self {
            shards: NonZeroU8::MIN,
            calls: Calls::default(),
            coalesce: Duration::ZERO,
        }
    }
}

/// The voice rooms of a relay. They are at its relay addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomsConfig {
    /// The port they are at, on each relay address. 0 lets the kernel choose.
    pub port: u16,
    /// Participants of one room.
    pub max_per_room: usize,
    /// Participants of all rooms.
    pub max_participants: usize,
}

/// Everything a relay needs to know; nothing of it changes while it runs.
#[derive(Clone)]
pub struct RelayConfig {
    /// Where STUN and TURN over UDP listen. Port 0 lets the kernel choose.
    pub listen: Vec<SocketAddr>,
    /// Where they listen over TCP.
    pub listen_tcp: Vec<SocketAddr>,
    /// Where they listen over TLS.
    pub listen_tls: Vec<SocketAddr>,
    /// What is shown over TLS. Without it nobody is taken in over TLS.
    pub tls: Option<TlsIdentity>,
    /// Our relay addresses: one, or one of each family.
    pub relays: Vec<RelayAddress>,
    /// Ports that may become relay ports, on each relay address.
    pub ports: RangeInclusive<u16>,
    /// Ports inside [`Self::ports`] that belong to somebody else. They are
    /// never relayed to on our own addresses either.
    pub excluded_ports: Vec<u16>,
    /// The realm of the long-term credentials, at most 508 bytes. Over 44
    /// bytes the answer to a stranger's Allocate grows past 3.5 times its
    /// question.
    pub realm: String,
    /// HMAC secret of the time-limited credentials. Empty refuses all of them.
    pub secret: Vec<u8>,
    /// User names that do not expire, and what [`crate::long_term_key`] made
    /// of their passwords.
    pub static_users: Vec<(String, Key)>,
    /// Addresses of this host, as its interfaces and the outside know them.
    pub own_addresses: Vec<IpAddr>,
    /// Ranges of peers that are opened on purpose although the policy would
    /// refuse them.
    pub allow_peers: Vec<IpNet>,
    /// Allocations one person (or one static user) may hold at a time; 0 sets
    /// no limit.
    pub max_allocations_per_user: usize,
    /// Allocations that may be held from one IPv4 address or IPv6 /64 at a
    /// time with static credentials; 0 sets no limit.
    pub max_allocations_per_ip_static: usize,
    /// The same with time-limited credentials: many people may stand behind
    /// one address of their carrier.
    pub max_allocations_per_ip_session: usize,
    /// Allocations in all, reserved ports among them; 0 sets no limit.
    pub max_allocations: usize,
    /// Payload bytes per second that one allocation may relay in each
    /// direction; 0 sets no limit.
    pub max_bytes_per_second_each: u64,
    /// Payload bytes per second that all allocations together may relay in
    /// each direction; 0 sets no limit.
    pub max_bytes_per_second: u64,
    /// Answers per second to requests without a right credential, for one
    /// IPv4 /24 or IPv6 /64; 0 sets no limit.
    pub max_unauthenticated_answers: u32,
    /// Connections over TCP and TLS at a time; 0 sets no limit.
    pub max_streams: usize,
    /// The same for one IPv4 /24 or IPv6 /64.
    pub max_streams_per_network: usize,
    /// Bind channels up to 0x7FFF, as RFC 5766 did, not only to 0x4FFF.
    pub legacy_channels: bool,
    /// The longest life a time-limited credential is minted with. One that
    /// expires later than this from now is refused.
    pub max_credential_lifetime: Duration,
    /// How the relay's threads work.
    pub plane: Plane,
    /// The voice rooms, if there are any.
    pub rooms: Option<RoomsConfig>,
}

impl RelayConfig {
    /// Indices of the listeners of streams; the one after them stands for what
    /// was accepted elsewhere.
    pub(crate) fn stream_listeners(&self) -> Range<u16> {
        let number = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let first = self.listen.len();
        let streams = self.listen_tcp.len() + self.listen_tls.len();
        number(first)..number(first + streams)
    }

    /// What the listener with this index carries, as
    /// [`ClientId::listener`](crate::turn::ClientId::listener) counts them.
    #[must_use]
    pub fn transport_of(&self, listener: u16) -> Transport {
        let index = usize::from(listener);
        let streams = self.listen.len();
        if index < streams {
            Transport::Udp
        } else if index < streams + self.listen_tcp.len() {
            Transport::Tcp
        } else {
            Transport::Tls
        }
    }
}

impl fmt::Debug for RelayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConfig")
            .field("listen", &self.listen)
            .field("listen_tcp", &self.listen_tcp)
            .field("listen_tls", &self.listen_tls)
            .field("tls", &self.tls)
            .field("relays", &self.relays)
            .field("ports", &self.ports)
            .field("excluded_ports", &self.excluded_ports)
            .field("realm", &self.realm)
            .field("secret", &"[redacted]")
            .field("static_users", &self.static_users.len())
            .field("own_addresses", &self.own_addresses)
            .field("allow_peers", &self.allow_peers)
            .field("max_allocations_per_user", &self.max_allocations_per_user)
            .field(
                "max_allocations_per_ip_static",
                &self.max_allocations_per_ip_static,
            )
            .field(
                "max_allocations_per_ip_session",
                &self.max_allocations_per_ip_session,
            )
            .field("max_allocations", &self.max_allocations)
            .field("max_bytes_per_second_each", &self.max_bytes_per_second_each)
            .field("max_bytes_per_second", &self.max_bytes_per_second)
            .field(
                "max_unauthenticated_answers",
                &self.max_unauthenticated_answers,
            )
            .field("max_streams", &self.max_streams)
            .field("max_streams_per_network", &self.max_streams_per_network)
            .field("legacy_channels", &self.legacy_channels)
            .field("max_credential_lifetime", &self.max_credential_lifetime)
            .field("plane", &self.plane)
            .field("rooms", &self.rooms)
            .finish()
    }
}
