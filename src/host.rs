//! What this host is: its addresses, which of them callers can reach, and how
//! many files it may open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::TurnConfig;

/// Every address of every interface that is up.
pub fn addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = getifaddrs() else {
        return Vec::new();
    };
    interfaces
        .filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|interface| interface.address)
        .filter_map(|address| {
            let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
        })
        .collect()
}

/// The address callers are told, and why this one.
#[derive(Debug, PartialEq, Eq)]
pub struct External {
    /// The address.
    pub ip: Ipv4Addr,
    /// Where it comes from, for the log.
    pub why: &'static str,
    /// Whether callers outside this network can reach it.
    pub public: bool,
}

/// Chooses the address callers are told. What the operator set wins; else a
/// global address of an interface, else the one the default route leaves from,
/// else any interface's, else loopback.
pub fn external(set: Option<Ipv4Addr>, addresses: &[IpAddr], routed: Option<Ipv4Addr>) -> External {
    let v4 = || {
        addresses.iter().filter_map(|ip| {
            if let IpAddr::V4(v4) = ip {
                Some(*v4)
            } else {
                None
            }
        })
    };
    let choice = |ip: Ipv4Addr, why| External {
        ip,
        why,
        public: is_public(ip),
    };
    if let Some(ip) = set {
        return choice(ip, "set by TURN_EXTERNAL_IP");
    }
    if let Some(ip) = routed.filter(|ip| is_public(*ip)) {
        return choice(ip, "a public address of this host, on the default route");
    }
    if let Some(ip) = v4().find(|ip| is_public(*ip)) {
        return choice(ip, "a public address of this host");
    }
    if let Some(ip) = routed.filter(|ip| !ip.is_loopback()) {
        return choice(
            ip,
            "the address of the default route; no public one was found",
        );
    }
    if let Some(ip) = v4().find(|ip| !ip.is_loopback() && !ip.is_link_local()) {
        return choice(
            ip,
            "the address of an interface; no public one and no default route were found",
        );
    }
    choice(Ipv4Addr::LOCALHOST, "nothing but loopback was found")
}

/// Chooses the IPv6 address of the relay: what the operator set, else a global
/// one of this host, unless the operator set the IPv4 one alone. None: there
/// is no IPv6 to relay to.
pub fn external_v6(turn: &TurnConfig, addresses: &[IpAddr]) -> Option<Ipv6Addr> {
    if turn.external_ip6.is_some() || turn.external_ip.is_some() {
        return turn.external_ip6;
    }
    let global = |ip: &IpAddr| match ip {
        // 2000::/3 without the documentation range.
        IpAddr::V6(ip) if ip.to_bits() >> 125 == 1 && ip.to_bits() >> 96 != 0x2001_0db8 => {
            Some(*ip)
        }
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    };
    addresses.iter().find_map(global)
}

/// The source address of the default route. Connecting a UDP socket sends
/// nothing; the address asked for is one reserved for documentation.
pub fn routed() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) if !ip.is_unspecified() => Some(ip),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let reserved = a == 0 || a >= 240 || (a == 198 && (18..20).contains(&b));
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || shared
        || reserved)
}

/// Raises the soft limit of open files to the hard one; a relay port is a file.
/// Returns the limit in force.
pub fn raise_file_limit() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return Some(hard);
    }
    Some(soft)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{Config, Layers};

    const LAN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);
    const DOCKER: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
    const WORLD: Ipv4Addr = Ipv4Addr::new(8, 8, 4, 4);

    fn ips(list: &[Ipv4Addr]) -> Vec<IpAddr> {
        list.iter().copied().map(IpAddr::V4).collect()
    }

    #[test]
    fn what_the_operator_set_wins() {
        assert_eq!(external(Some(LAN), &ips(&[WORLD]), Some(WORLD)).ip, LAN);
    }

    #[test]
    fn a_public_address_wins_over_the_default_route() {
        let found = external(None, &ips(&[DOCKER, LAN, WORLD]), Some(LAN));
        assert_eq!((found.ip, found.public), (WORLD, true));
    }

    #[test]
    fn the_default_route_wins_over_other_private_addresses() {
        let found = external(None, &ips(&[DOCKER, LAN]), Some(LAN));
        assert_eq!((found.ip, found.public), (LAN, false));
    }

    #[test]
    fn loopback_is_the_last_resort() {
        assert_eq!(
            external(None, &ips(&[Ipv4Addr::LOCALHOST]), None).ip,
            Ipv4Addr::LOCALHOST
        );
        assert_eq!(
            external(None, &ips(&[Ipv4Addr::LOCALHOST, DOCKER]), None).ip,
            DOCKER
        );
    }

    #[test]
    fn only_a_global_or_a_set_ipv6_address_is_relayed_from() {
        let parse = |list: &[&str]| -> Vec<IpAddr> {
            list.iter().map(|text| text.parse().unwrap()).collect()
        };
        let turn = |set: &str| {
            let environment = BTreeMap::from([("TURN_EXTERNAL_IP".to_owned(), set.to_owned())]);
            let layers = Layers::merge(&BTreeMap::new(), &environment, None).unwrap();
            Config::check(&layers).unwrap().turn.unwrap()
        };
        let none = parse(&["::1", "fe80::1", "fd00::1", "2001:db8::1", "192.0.2.1"]);
        let one = parse(&["fe80::1", "2a01:4f8::7"]);
        assert_eq!(external_v6(&turn(""), &none), None);
        assert_eq!(external_v6(&turn(""), &one), "2a01:4f8::7".parse().ok());
        assert_eq!(external_v6(&turn("192.0.2.1"), &one), None);
        let both = turn("192.0.2.1, ::1");
        assert_eq!(external_v6(&both, &one), Some(Ipv6Addr::LOCALHOST));
    }
}
