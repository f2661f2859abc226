use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{Plane, RelayAddress};

const RELAY: &str = "203.0.113.9";
const OWN: &str = "8.8.4.4";

fn policy(allow: &[&str]) -> PeerPolicy {
    let config = RelayConfig {
        listen: vec![],
        listen_tcp: vec![],
        listen_tls: vec![],
        tls: None,
        relays: vec![RelayAddress {
            bind: Ipv4Addr::UNSPECIFIED.into(),
            advertise: ip(RELAY),
        }],
        ports: 49_152..=65_535,
        excluded_ports: vec![49_152],
        realm: String::new(),
        secret: vec![],
        static_users: vec![],
        own_addresses: vec![ip(OWN), ip("2a00::7")],
        allow_peers: allow.iter().map(|net| net.parse().unwrap()).collect(),
        max_allocations_per_user: 0,
        max_allocations_per_ip_static: 0,
        max_allocations_per_ip_session: 0,
        max_allocations: 0,
        max_bytes_per_second_each: 0,
        max_bytes_per_second: 0,
        max_unauthenticated_answers: 0,
        max_streams: 0,
        max_streams_per_network: 0,
        legacy_channels: false,
        max_credential_lifetime: Duration::ZERO,
        plane: Plane::default(),
        rooms: None,
    };
    PeerPolicy::new(&config, &[3478])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn route(policy: &PeerPolicy, peer: &str) -> Route {
    policy.route(PeerAddr(peer.parse().unwrap()), |port| {
        port == RelayPort::v4(50_000)
    })
}

#[test]
fn exactly_the_address_of_the_rooms_is_open() {
    let mut policy = policy(&[]);
    assert_eq!(route(&policy, "203.0.113.9:49152"), Route::Denied);
    policy.open_rooms(vec!["203.0.113.9:49152".parse().unwrap()]);
    assert_eq!(route(&policy, "203.0.113.9:49152"), Route::Rooms);
    for other in [
        "203.0.113.9:49153",
        "8.8.4.4:49152",
        "127.0.0.1:49152",
        "[::ffff:203.0.113.9]:49152",
        "[2002:cb00:7109::1]:49152",
        "[64:ff9b::cb00:7109]:49152",
    ] {
        assert_eq!(route(&policy, other), Route::Denied, "{other}");
    }
}

/// Every IPv6 form of an IPv4 address but the mapped one.
fn carriers(v4: Ipv4Addr) -> [Ipv6Addr; 6] {
    let (high, low) = ((v4.to_bits() >> 16) as u16, v4.to_bits() as u16);
    [
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0xffff, !high, !low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
    ]
}

const CLOSED: [&str; 40] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    OWN,
    "::",
    "::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "100::1",
    "3fff::1",
    "2001:2::1",
    "2001:20::1",
    "5f00::1",
    "2a00::7",
];

const OPEN: [&str; 10] = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "2a00:1450::1",
];

#[test]
fn special_purpose_and_own_addresses_are_closed() {
    let policy = policy(&[]);
    for address in CLOSED {
        assert!(!policy.permits(ip(address)), "{address}");
        let peer = PeerAddr(SocketAddr::new(ip(address), 50_000));
        assert_eq!(policy.route(peer, |_| true), Route::Denied, "{address}");
    }
}

#[test]
fn public_unicast_addresses_are_open() {
    let policy = policy(&[]);
    for address in OPEN {
        assert!(policy.permits(ip(address)), "{address}");
        let peer = PeerAddr(SocketAddr::new(ip(address), 9));
        assert_eq!(policy.route(peer, |_| true), Route::Kernel, "{address}");
    }
}

#[test]
fn a_mapped_address_is_never_reached() {
    let policy = policy(&["0.0.0.0/0", "::/0"]);
    for address in CLOSED.iter().chain(&OPEN) {
        let IpAddr::V4(v4) = ip(address) else {
            continue;
        };
        let mapped = IpAddr::V6(v4.to_ipv6_mapped());
        assert!(!policy.permits(mapped), "{address}");
        let peer = PeerAddr(SocketAddr::new(mapped, 50_000));
        assert_eq!(policy.route(peer, |_| true), Route::Denied, "{address}");
    }
}

#[test]
fn no_other_form_of_any_ipv4_address_is_open() {
    let policy = policy(&[]);
    for address in CLOSED.iter().chain(&OPEN) {
        let IpAddr::V4(v4) = ip(address) else {
            continue;
        };
        for carrier in carriers(v4) {
            assert!(!policy.permits(carrier.into()), "{carrier}");
            assert_eq!(fold(carrier.into()), Folded::Carries(carrier, v4));
        }
    }
}

#[test]
fn opening_a_tunnel_does_not_open_what_is_closed_behind_it() {
    let policy = policy(&["2002::/16", "64:ff9b::/96"]);
    assert!(policy.permits(ip("2002:0101:0101::1")));
    assert!(!policy.permits(ip("2002:7f00:0001::1")));
    assert!(policy.permits(ip("64:ff9b::1.1.1.1")));
    assert!(!policy.permits(ip("64:ff9b::10.0.0.1")));
    assert!(!policy.permits(ip("64:ff9b::8.8.4.4")), "our own address");
}

#[test]
fn our_relay_address_is_permitted_and_only_its_live_ports_are_reached() {
    let policy = policy(&[]);
    assert!(policy.permits(ip(RELAY)));
    assert_eq!(
        route(&policy, "203.0.113.9:50000"),
        Route::HandOver(RelayPort::v4(50_000))
    );
    assert_eq!(route(&policy, "203.0.113.9:50001"), Route::Denied);
    assert_eq!(route(&policy, "203.0.113.9:3478"), Route::Denied);
    assert_eq!(route(&policy, "203.0.113.9:22"), Route::Denied);
}

#[test]
fn an_opened_loopback_keeps_our_own_ports_closed() {
    let policy = policy(&["127.0.0.0/8"]);
    assert_eq!(route(&policy, "127.0.0.1:3480"), Route::Kernel);
    assert_eq!(route(&policy, "127.9.9.9:3478"), Route::Denied);
    assert_eq!(route(&policy, "127.0.0.1:49152"), Route::Denied);
}

#[test]
fn an_opened_private_range_opens_all_its_ports() {
    let policy = policy(&["10.1.0.0/16"]);
    assert_eq!(route(&policy, "10.1.2.3:3478"), Route::Kernel);
    assert_eq!(route(&policy, "10.2.0.1:9"), Route::Denied);
}

#[test]
fn an_opened_own_address_is_reached_but_on_our_ports() {
    let policy = policy(&["8.8.4.4/32"]);
    assert_eq!(route(&policy, "8.8.4.4:80"), Route::Kernel);
    assert_eq!(route(&policy, "8.8.4.4:3478"), Route::Denied);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_open_is_public_unicast_in_every_form(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let [a, b, c, _] = v4.octets();
        let closed = matches!(a, 0 | 10 | 127 | 224..)
            || (a == 100 && (64..128).contains(&b))
            || (a == 169 && b == 254)
            || (a == 172 && (16..32).contains(&b))
            || (a == 192 && (b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99)))
            || (a == 192 && matches!((b, c), (31, 196) | (52, 193) | (175, 48)))
            || (a == 198 && (b == 18 || b == 19 || (b == 51 && c == 100)))
            || (a == 203 && b == 0 && c == 113)
            || v4.to_string() == OWN;
        let policy = policy(&[]);
        prop_assert_eq!(policy.permits(v4.into()), !closed || v4.to_string() == RELAY);
        prop_assert!(!policy.permits(v4.to_ipv6_mapped().into()));
        for carrier in carriers(v4) {
            prop_assert!(!policy.permits(carrier.into()));
        }
    }

    #[test]
    fn no_ipv6_address_outside_2000_3_is_open(bits: u128) {
        let v6 = Ipv6Addr::from_bits(bits);
        if bits >> 125 != 1 {
            prop_assert!(!policy(&[]).permits(v6.into()));
        }
    }
}
