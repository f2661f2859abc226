//! Which peers may be reached: public unicast addresses, and our own relay
//! where another allocation lives. Everything else is closed unless the
//! operator opened it, in whatever form the address is written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::{Family, PeerAddr, RelayPort};
use crate::config::RelayConfig;

/// IPv4 ranges that are not public unicast (IANA special-purpose registry,
/// multicast, reserved), as first address and prefix length.
const SPECIAL_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// IPv6 ranges inside 2000::/3 that are not public unicast. Outside 2000::/3
/// nothing is. Forms that carry an IPv4 address are dealt with before.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Where a packet for a peer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Out of the relay socket.
    Kernel,
    /// To the allocation that lives on this port of our own relay, in memory.
    HandOver(RelayPort),
    /// To our voice rooms, in memory where they are on the same thread.
    Rooms,
    /// Nowhere.
    Denied,
}

/// An address as the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded {
    /// An address that stands for itself. An IPv4-mapped one is IPv4.
    Plain(IpAddr),
    /// An IPv6 address that a tunnel or translator turns into an IPv4 one.
    Carries(Ipv6Addr, Ipv4Addr),
}

/// Finds the IPv4 address in every IPv6 form of one: mapped, compatible,
/// 6to4, Teredo, and both NAT64 prefixes.
#[must_use]
pub fn fold(ip: IpAddr) -> Folded {
    let v6 = match ip {
        IpAddr::V4(_) => return Folded::Plain(ip),
        IpAddr::V6(v6) => v6,
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return Folded::Plain(IpAddr::V4(v4));
    }
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let low = || v4_of(g, h);
    match (a, b) {
        // Looks like 0.0.0.1, and is not.
        _ if v6.is_loopback() => Folded::Plain(ip),
        // Compatible (RFC 4291 §2.5.5.1), with :: among them.
        (0, 0) if [c, d, e, f] == [0; 4] => Folded::Carries(v6, low()),
        // Translated (RFC 2765): ::ffff:0:a.b.c.d.
        (0, 0) if [c, d, e, f] == [0, 0, 0xffff, 0] => Folded::Carries(v6, low()),
        (0x2002, _) => Folded::Carries(v6, v4_of(b, c)),
        // Teredo keeps the client's address inverted (RFC 4380 §4).
        (0x2001, 0) => Folded::Carries(v6, v4_of(!g, !h)),
        // NAT64, well-known and local-use (RFC 6052, RFC 8215).
        (0x0064, 0xff9b) => Folded::Carries(v6, low()),
        (_, _) => Folded::Plain(ip),
    }
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

/// Whether this is an address of the public internet that stands for itself,
/// and not one of IPv4 in a form of IPv6.
#[must_use]
pub fn is_public_unicast(ip: IpAddr) -> bool {
    fold(ip) == Folded::Plain(ip) && is_public(ip)
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !SPECIAL_V4
            .iter()
            .any(|(net, length)| (net.to_bits() ^ v4.to_bits()) >> (32 - length) == 0),
        IpAddr::V6(v6) => {
            v6.to_bits() >> 125 == 1
                && !SPECIAL_V6
                    .iter()
                    .any(|(net, length)| (net.to_bits() ^ v6.to_bits()) >> (128 - length) == 0)
        }
    }
}

/// The rules of one relay. They do not change while it runs.
#[derive(Clone, Debug)]
pub struct PeerPolicy {
    relay: Vec<IpAddr>,
    own: Vec<IpAddr>,
    allow: Vec<IpNet>,
    closed_ports: Vec<u16>,
    rooms: Vec<SocketAddr>,
}

impl PeerPolicy {
    /// `listen_ports` are the ports our listeners really have.
    #[must_use]
    pub fn new(config: &RelayConfig, listen_ports: &[u16]) -> Self {
        let addresses = config.relays.iter();
        let mut relay: Vec<IpAddr> = addresses
            .flat_map(|relay| [relay.advertise, relay.bind])
            .filter(|ip| !ip.is_unspecified())
            .collect();
        relay.dedup();
        let own = config.own_addresses.iter().map(|ip| match fold(*ip) {
            Folded::Plain(ip) => ip,
            Folded::Carries(ip, _) => IpAddr::V6(ip),
        });
        let closed_ports = [listen_ports, config.excluded_ports.as_slice()].concat();
        Self {
            own: own.collect(),
            relay,
            allow: config.allow_peers.clone(),
            closed_ports,
            rooms: Vec::new(),
        }
    }

    /// Opens exactly these addresses of ours: our voice rooms are there.
    pub fn open_rooms(&mut self, rooms: Vec<SocketAddr>) {
        self.rooms = rooms;
    }

    /// Whether a permission for this address may be given. Permissions ignore
    /// ports, so our own relay's address gets one, and [`Self::route`] rules
    /// over each packet.
    #[must_use]
    pub fn permits(&self, ip: IpAddr) -> bool {
        match fold(ip) {
            // No socket of ours sends to an IPv4-mapped address.
            Folded::Plain(plain) if plain != ip => false,
            Folded::Plain(ip) => self.relay.contains(&ip) || self.is_open(ip),
            // Never public unicast; opened only by name, and then what it
            // carries must be open too.
            Folded::Carries(v6, v4) => self.is_allowed(IpAddr::V6(v6)) && self.is_open(v4.into()),
        }
    }

    /// Where a packet for `peer` goes, or whether one from there is heard at
    /// all ([`Route::Kernel`]). `lives` says whether an allocation lives on a
    /// port of ours.
    #[must_use]
    pub fn route(&self, peer: PeerAddr, lives: impl FnOnce(RelayPort) -> bool) -> Route {
        let PeerAddr(address) = peer;
        let port = RelayPort {
            family: Family::of(address.ip()),
            port: address.port(),
        };
        let Folded::Plain(ip) = fold(address.ip()) else {
            return if self.permits(address.ip()) {
                self.tunnelled(address)
            } else {
                Route::Denied
            };
        };
        if ip != address.ip() {
            return Route::Denied;
        }
        if self.rooms.contains(&address) {
            return Route::Rooms;
        }
        if self.relay.contains(&ip) && lives(port) {
            return Route::HandOver(port);
        }
        if !self.is_ours(ip) {
            return if self.is_open(ip) {
                Route::Kernel
            } else {
                Route::Denied
            };
        }
        if self.is_allowed(ip) && !self.closed_ports.contains(&address.port()) {
            Route::Kernel
        } else {
            Route::Denied
        }
    }

    /// An opened address that carries an IPv4 one must not reach our closed
    /// ports through it.
    fn tunnelled(&self, address: SocketAddr) -> Route {
        match fold(address.ip()) {
            Folded::Carries(_, v4)
                if self.is_ours(v4.into()) && self.closed_ports.contains(&address.port()) =>
            {
                Route::Denied
            }
            Folded::Carries(..) | Folded::Plain(_) => Route::Kernel,
        }
    }

    fn is_open(&self, ip: IpAddr) -> bool {
        self.is_allowed(ip) || (is_public(ip) && !self.is_ours(ip))
    }

    fn is_allowed(&self, ip: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&ip))
    }

    /// Whether a packet to this address ends on this host. Every loopback
    /// address does, and so does the unspecified one.
    fn is_ours(&self, ip: IpAddr) -> bool {
        ip.is_loopback()
            || ip.is_unspecified()
            || self.relay.contains(&ip)
            || self.own.contains(&ip)
    }
}

#[cfg(test)]
mod tests;
