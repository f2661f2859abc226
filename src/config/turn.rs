//! The settings of the relay, and of other STUN and TURN servers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU8;
use std::time::Duration;

use payambar_media::{Calls, Plane};

use super::reader::Reader;
use super::{Environment, Redacted, TlsConfig, TlsPair, TurnConfig, host_of};

/// As many as there can be ports.
const MAX_ALLOCATIONS: u64 = 65_535;

/// Bytes of a realm. With more, the answer to a stranger's Allocate is over 3.5
/// times as long as its question.
const MAX_REALM: usize = 44;

/// A terabit per second.
const MAX_KBITS: u64 = 1_000_000_000;

impl Reader<'_> {
    pub(super) fn static_pair(&mut self) -> Option<(String, Redacted<String>)> {
        let (name, password) = (
            self.layers.value("TURN_USERNAME"),
            self.layers.value("TURN_PASSWORD"),
        );
        match (name, password) {
            ("", "") => None,
            ("", _) => {
                self.refuse("TURN_USERNAME", "must be set together with TURN_PASSWORD");
                None
            }
            (_, "") => {
                self.refuse("TURN_PASSWORD", "must be set together with TURN_USERNAME");
                None
            }
            (name, _) if name.len() > 508 || name.contains(':') => {
                self.refuse("TURN_USERNAME", "must have at most 508 bytes and no colon");
                None
            }
            (name, password) => Some((name.to_owned(), Redacted::new(password.to_owned()))),
        }
    }

    pub(super) fn turn(
        &mut self,
        environment: Environment,
        public_url: Option<&str>,
        static_pair: Option<(String, Redacted<String>)>,
    ) -> Option<TurnConfig> {
        let enabled = self.choice("TURN_ENABLED", &[("true", true), ("false", false)]);
        let ports = (self.port("TURN_MIN_PORT"), self.port("TURN_MAX_PORT"));
        if ports.1.saturating_sub(ports.0) < 1 {
            self.refuse("TURN_MAX_PORT", "must be greater than TURN_MIN_PORT");
        }
        let port = self.port("TURN_PORT");
        if (ports.0..=ports.1).contains(&port) {
            self.refuse(
                "TURN_PORT",
                "lies inside TURN_MIN_PORT..TURN_MAX_PORT; choose one outside",
            );
        }
        let sfu_port_is_set = self.layers.is_set("SFU_PORT");
        let sfu_port = if sfu_port_is_set {
            self.port("SFU_PORT")
        } else {
            ports.0
        };
        if sfu_port == port {
            self.refuse("SFU_PORT", "must differ from TURN_PORT: a browser whose TURN server sits there never reaches the rooms");
        }
        let tls = self.tls(environment, port);
        let listen = self
            .layers
            .is_set("TURN_LISTEN")
            .then(|| self.addresses("TURN_LISTEN"));
        let (external_ip, external_ip6) = self.external_ips();
        let realm = match self.layers.value("TURN_REALM") {
            "" => public_url
                .map(host_of)
                .filter(|host| host.len() <= MAX_REALM)
                .unwrap_or("payambar"),
            realm => realm,
        };
        let realm = realm.to_owned();
        if realm.len() > MAX_REALM || realm.chars().any(char::is_control) {
            self.refuse(
                "TURN_REALM",
                &format!("must have at most {MAX_REALM} bytes and no control characters"),
            );
        }
        let turn = TurnConfig {
            listen,
            port,
            tls,
            ports,
            sfu_port,
            sfu_port_is_set,
            external_ip,
            external_ip6,
            realm,
            secret: self.key("TURN_SECRET"),
            static_pair,
            credential_ttl: Duration::from_secs(self.number("TURN_CREDENTIAL_TTL", 60, 3600)),
            max_allocations_per_user: self.count("TURN_MAX_ALLOCATIONS_PER_USER"),
            max_allocations_per_ip: self.count_pair("TURN_MAX_ALLOCATIONS_PER_IP"),
            max_allocations: self.share_of_ports("TURN_MAX_ALLOCATIONS", ports),
            max_kbits_per_allocation: self.number("TURN_MAX_KBITS_PER_ALLOCATION", 0, MAX_KBITS),
            max_kbits: self.number("TURN_MAX_KBITS", 0, MAX_KBITS),
            max_unauthenticated_answers: u32::try_from(self.number(
                "TURN_UNAUTHENTICATED_PER_SECOND",
                0,
                1_000_000,
            ))
            .unwrap_or(0),
            max_streams: self.count("TURN_MAX_STREAMS"),
            max_streams_per_network: self.count("TURN_MAX_STREAMS_PER_NETWORK"),
            legacy_channels: self
                .choice("TURN_LEGACY_CHANNELS", &[("true", true), ("false", false)]),
            allow_peers: self.networks("TURN_ALLOW_PEERS"),
            plane: self.plane(),
        };
        enabled.then_some(turn)
    }

    fn plane(&mut self) -> Plane {
        Plane {
            calls: self.choice(
                "MEDIA_IO",
                &[("batched", Calls::Batched), ("portable", Calls::Portable)],
            ),
            coalesce: Duration::from_micros(self.number("MEDIA_COALESCE_US", 0, 5_000)),
            shards: u8::try_from(self.number("MEDIA_SHARDS", 1, 16))
                .ok()
                .and_then(NonZeroU8::new)
                .unwrap_or(NonZeroU8::MIN),
        }
    }

    /// In production nothing is served that no browser would believe.
    fn tls(&mut self, environment: Environment, turn_port: u16) -> Option<TlsConfig> {
        const NAME: &str = "TURN_TLS_PORT";
        let file = |name| Some(self.layers.value(name)).filter(|value| !value.is_empty());
        let pair = match (file("TLS_CERT"), file("TLS_KEY")) {
            (Some(chain), Some(key)) => Some(TlsPair {
                chain: chain.into(),
                key: key.into(),
            }),
            (None, None) => None,
            (None, Some(_)) => {
                self.refuse("TLS_CERT", "must be set together with TLS_KEY");
                None
            }
            (Some(_), None) => {
                self.refuse("TLS_KEY", "must be set together with TLS_CERT");
                None
            }
        };
        if self.layers.value(NAME) == "off" {
            return None;
        }
        let port = match self.layers.value(NAME).parse() {
            Ok(port @ 1..) => port,
            Ok(0) | Err(_) => {
                self.refuse(NAME, "must be a whole number from 1 to 65535, or off");
                1
            }
        };
        if port == turn_port {
            self.refuse(NAME, "must differ from TURN_PORT");
        }
        let is_served = pair.is_some() || environment == Environment::Development;
        is_served.then_some(TlsConfig { port, pair })
    }

    /// One address of each family at most.
    fn external_ips(&mut self) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
        const NAME: &str = "TURN_EXTERNAL_IP";
        let (mut v4, mut v6) = (None, None);
        for ip in self.addresses(NAME) {
            let is_host =
                !ip.is_unspecified() && !ip.is_multicast() && ip != IpAddr::V4(Ipv4Addr::BROADCAST);
            let taken = match ip {
                IpAddr::V4(ip) => v4.replace(ip).is_some(),
                IpAddr::V6(ip) => v6.replace(ip).is_some(),
            };
            if !is_host {
                self.refuse(NAME, "must be the address of one host");
            }
            if taken {
                self.refuse(NAME, "must have one address of each family at most");
            }
        }
        (v4, v6)
    }

    fn count(&mut self, name: &str) -> usize {
        usize::try_from(self.number(name, 0, MAX_ALLOCATIONS)).unwrap_or(0)
    }

    fn count_pair(&mut self, name: &str) -> (usize, usize) {
        let counts: Vec<usize> = self
            .list(name)
            .iter()
            .filter_map(|item| item.parse().ok())
            .filter(|count| u64::try_from(*count).is_ok_and(|count| count <= MAX_ALLOCATIONS))
            .collect();
        if let &[first, second] = counts.as_slice() {
            return (first, second);
        }
        self.refuse(name, "must be two whole numbers, such as 32,1024");
        (0, 0)
    }

    fn share_of_ports(&mut self, name: &str, ports: (u16, u16)) -> usize {
        let value = self.layers.value(name);
        let all = usize::from(ports.1.saturating_sub(ports.0)) + 1;
        let count = match value.strip_suffix('%') {
            Some(share) => share
                .parse()
                .ok()
                .filter(|share| (1..=100).contains(share))
                .map(|share: usize| (all * share / 100).max(1)),
            None => value.parse().ok(),
        };
        count.unwrap_or_else(|| {
            self.refuse(
                name,
                "must be a whole number, or 1% to 100% of the relay ports",
            );
            all
        })
    }

    pub(super) fn turn_server(&mut self, has_pair: bool) -> Option<String> {
        let value = self.layers.value("TURN_SERVER").to_owned();
        if value.is_empty() {
            return None;
        }
        let rest = value
            .strip_prefix("turn:")
            .or_else(|| value.strip_prefix("turns:"))
            .unwrap_or(&value);
        let host = rest.split('?').next().unwrap_or_default();
        if host.is_empty() || host.contains('/') || host.contains(char::is_whitespace) {
            self.refuse(
                "TURN_SERVER",
                "must be a TURN URL or host, such as turn:turn.example.org:3478",
            );
        }
        if !has_pair && !self.layers.value("TURN_ENABLED").eq("true") {
            self.refuse(
                "TURN_SERVER",
                "needs TURN_USERNAME and TURN_PASSWORD while TURN_ENABLED is false",
            );
        }
        Some(if rest.len() == value.len() {
            format!("turn:{value}")
        } else {
            value
        })
    }

    pub(super) fn stun_servers(&mut self) -> Vec<String> {
        let mut urls = Vec::new();
        for item in self.list("STUN_SERVERS") {
            let url = if item.starts_with("stun:") || item.starts_with("stuns:") {
                item
            } else {
                format!("stun:{item}")
            };
            if url.contains('/') || url.contains(char::is_whitespace) || url.ends_with(':') {
                self.refuse(
                    "STUN_SERVERS",
                    &format!(
                        "has {url:?}, which is no STUN URL such as stun:stun.example.org:3478"
                    ),
                );
            }
            urls.push(url);
        }
        urls
    }
}
