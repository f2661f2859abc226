//! What a relay is told at its start. Checked and given defaults by the binary.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;

/// Everything a relay needs to know; nothing of it changes while it runs.
#[derive(Clone)]
pub struct RelayConfig {
    /// Where STUN and TURN over UDP listen. Port 0 lets the kernel choose.
    pub listen: Vec<SocketAddr>,
    /// Local address relay sockets are bound to; `0.0.0.0` binds to all.
    pub relay_bind: Ipv4Addr,
    /// Address of the relay as clients and peers see it.
    pub relay_advertise: Ipv4Addr,
    /// Ports that may become relay ports.
    pub ports: RangeInclusive<u16>,
    /// Ports inside [`Self::ports`] that belong to somebody else. They are
    /// never relayed to on our own addresses either.
    pub excluded_ports: Vec<u16>,
    /// The realm of the long-term credentials, at most 508 bytes. Over 46
    /// bytes the answer to a stranger's Allocate grows past 3.5 times its
    /// question.
    pub realm: String,
    /// HMAC secret of the time-limited credentials. Empty refuses all of them.
    pub secret: Vec<u8>,
    /// User names and passwords that do not expire.
    pub static_users: Vec<(String, String)>,
    /// Addresses of this host, as its interfaces and the outside know them.
    pub own_addresses: Vec<IpAddr>,
    /// Ranges of peers that are opened on purpose although the policy would
    /// refuse them.
    pub allow_peers: Vec<IpNet>,
    /// Allocations one person (or one static user) may hold at a time; 0 sets
    /// no limit.
    pub max_allocations_per_user: usize,
    /// The longest life a time-limited credential is minted with. One that
    /// expires later than this from now is refused.
    pub max_credential_lifetime: Duration,
}

impl fmt::Debug for RelayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayConfig")
            .field("listen", &self.listen)
            .field("relay_bind", &self.relay_bind)
            .field("relay_advertise", &self.relay_advertise)
            .field("ports", &self.ports)
            .field("excluded_ports", &self.excluded_ports)
            .field("realm", &self.realm)
            .field("secret", &"[redacted]")
            .field("static_users", &self.static_users.len())
            .field("own_addresses", &self.own_addresses)
            .field("allow_peers", &self.allow_peers)
            .field("max_allocations_per_user", &self.max_allocations_per_user)
            .field("max_credential_lifetime", &self.max_credential_lifetime)
            .finish()
    }
}
