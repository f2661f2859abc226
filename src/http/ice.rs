//! What callers are told about STUN and TURN: our own relay first, with a
//! credential made for one person's session.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};
use std::time::Duration;

use payambar_media::mint_credential;
use payambar_signaling::ids::Timestamp;
use serde_json::{Value, json};

use crate::config::{Config, Redacted, TurnConfig, host_of};
use crate::host;
use crate::store::Session;

/// The answers' fixed parts.
pub struct Ice {
    relay: Option<Relay>,
    stun: Vec<String>,
    foreign: Option<Foreign>,
}

struct Relay {
    stun: String,
    /// One URL for each transport, by name or else for each address family.
    turn: Vec<String>,
    secret: Redacted<String>,
    ttl: Duration,
}

struct Foreign {
    url: String,
    pair: Option<(String, Redacted<String>)>,
}

impl Ice {
    /// Works out the URLs. `own` are this host's addresses, by which a
    /// `TURN_SERVER` that names it is told from a foreign one (R16).
    pub fn new(
        config: &Config,
        secret: &Redacted<String>,
        external: Ipv4Addr,
        own: &[IpAddr],
    ) -> Self {
        let mut foreign = None;
        let relay = config.turn.as_ref().map(|turn| {
            let v6 = host::external_v6(turn, own).filter(|_| listens_on_ipv6(turn));
            let mut hosts = vec![external.to_string()];
            hosts.extend(v6.map(|ip| format!("[{ip}]")));
            let mut stun = format!("stun:{external}:{}", turn.port);
            let tls = turn.tls.as_ref().map(|tls| tls.port);
            let mut urls = urls(&hosts, turn.port, tls);
            if let Some(named) = &config.turn_server {
                let host = turn_host(named);
                if is_own(host, config, turn, external, own) {
                    let (mut port, mut tls) = (turn.port, tls);
                    match turn_port(named) {
                        Some(named_port) if named.starts_with("turns:") => {
                            tls = tls.and(Some(named_port));
                        }
                        Some(named_port) => port = named_port,
                        None => {}
                    }
                    urls = if named.contains('?') {
                        vec![named.clone()]
                    } else {
                        self::urls(&[bracketed(host)], port, tls)
                    };
                    stun = format!("stun:{}:{port}", bracketed(host));
                    tracing::info!(
                        host,
                        "TURN_SERVER names this host; callers are told this name"
                    );
                } else {
                    foreign = Some(named.clone());
                }
            }
            Relay {
                stun,
                turn: urls,
                secret: secret.clone(),
                ttl: turn.credential_ttl,
            }
        });
        if relay.is_none() {
            foreign.clone_from(&config.turn_server);
        }
        let foreign = foreign.map(|url| Foreign {
            url,
            pair: config.turn_pair.clone(),
        });
        if let Some(foreign) = &foreign {
            tracing::info!(
                url = foreign.url,
                "TURN_SERVER names another host; it is passed on after our own relay"
            );
        }
        Self {
            relay,
            stun: config.stun_servers.clone(),
            foreign,
        }
    }

    /// The URLs of our own relay.
    pub fn relay_urls(&self) -> Vec<String> {
        let relay = self.relay.as_ref();
        relay.map_or_else(Vec::new, |relay| relay.turn.clone())
    }

    /// The answer for one session at `now`.
    pub fn answer(&self, session: &Session, now: Timestamp) -> Value {
        let mut servers = Vec::new();
        let mut ttl = Duration::from_secs(3600);
        if let Some(relay) = &self.relay {
            servers.push(json!({ "urls": relay.stun }));
        }
        servers.extend(self.stun.iter().map(|url| json!({ "urls": url })));
        if let Some(relay) = &self.relay {
            ttl = relay.ttl;
            let expires = u64::try_from(now.0 / 1000)
                .unwrap_or(0)
                .saturating_add(ttl.as_secs());
            let (username, credential) = mint_credential(
                relay.secret.expose().as_bytes(),
                expires,
                session.user.0,
                session.id.0,
            );
            servers.push(
                json!({ "urls": relay.turn, "username": username, "credential": credential }),
            );
        }
        if let Some(Foreign { url, pair }) = &self.foreign {
            let mut urls = vec![url.clone()];
            if !url.contains("transport=") {
                urls.push(format!("{url}?transport=tcp"));
            }
            servers.push(match pair {
                Some((username, credential)) => {
                    json!({ "urls": urls, "username": username, "credential": credential.expose() })
                }
                None => json!({ "urls": urls }),
            });
        }
        json!({ "iceServers": servers, "ttl": ttl.as_secs() })
    }
}

/// How our relay is reached, the way that costs least first.
fn urls(hosts: &[String], port: u16, tls: Option<u16>) -> Vec<String> {
    let over = |transport: &'static str| {
        let hosts = hosts.iter();
        hosts.map(move |host| format!("turn:{host}:{port}?transport={transport}"))
    };
    let over_tls = tls.into_iter().flat_map(|port| {
        let hosts = hosts.iter();
        hosts.map(move |host| format!("turns:{host}:{port}?transport=tcp"))
    });
    over("udp").chain(over("tcp")).chain(over_tls).collect()
}

fn listens_on_ipv6(turn: &TurnConfig) -> bool {
    let listen = turn.listen.as_ref();
    listen.is_none_or(|listen| listen.iter().any(IpAddr::is_ipv6))
}

/// Whether a host name or address is this host: by name, else by address.
fn is_own(
    host: &str,
    config: &Config,
    turn: &TurnConfig,
    external: Ipv4Addr,
    own: &[IpAddr],
) -> bool {
    let public = config.public_url.as_deref().map(host_of);
    if host == turn.realm
        || public.is_some_and(|public| {
            host == public
                || host
                    .strip_suffix(public)
                    .is_some_and(|rest| rest.ends_with('.'))
        })
    {
        return true;
    }
    let is_ours = |ip: IpAddr| ip == IpAddr::V4(external) || own.contains(&ip);
    match host.parse() {
        Ok(ip) => is_ours(ip),
        Err(_) => (host, turn.port)
            .to_socket_addrs()
            .is_ok_and(|mut found| found.any(|address| is_ours(address.ip()))),
    }
}

/// The host of a TURN URL (RFC 7065).
fn turn_host(url: &str) -> &str {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    host_of(rest.split('?').next().unwrap_or(rest))
}

fn turn_port(url: &str) -> Option<u16> {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let authority = rest.split('?').next().unwrap_or(rest);
    authority.rsplit_once(':')?.1.parse().ok()
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use payambar_signaling::ids::{SessionId, UserId};

    use super::*;
    use crate::config::Layers;

    const EXTERNAL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

    fn answer(pairs: &[(&str, &str)]) -> Value {
        let without_tls = [("TURN_TLS_PORT", "off")];
        let environment: BTreeMap<String, String> = without_tls
            .iter()
            .chain(pairs)
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let config =
            Config::check(&Layers::merge(&BTreeMap::new(), &environment, None).unwrap()).unwrap();
        let ice = Ice::new(&config, &Redacted::new("secret".to_owned()), EXTERNAL, &[]);
        let session = Session {
            id: SessionId(9),
            user: UserId(4),
            username: "sara".to_owned(),
            must_change: false,
            stale: false,
        };
        ice.answer(&session, Timestamp(1_000_000_500))
    }

    #[test]
    fn our_own_relay_comes_first_with_a_credential_of_this_session() {
        let answer = answer(&[("STUN_SERVERS", "stun.example.org")]);
        assert_eq!(answer["iceServers"][0]["urls"], "stun:203.0.113.7:3478");
        assert_eq!(answer["iceServers"][1]["urls"], "stun:stun.example.org");
        assert_eq!(
            answer["iceServers"][2]["urls"][0],
            "turn:203.0.113.7:3478?transport=udp"
        );
        assert_eq!(answer["iceServers"][2]["username"], "1003600:4.9");
        assert_eq!(answer["ttl"], 3600);
    }

    #[test]
    fn without_a_name_each_address_family_has_a_url() {
        let urls = |listen: &str| {
            let both = ("TURN_EXTERNAL_IP", "203.0.113.7,2a01:4f8::7");
            answer(&[both, ("TURN_LISTEN", listen)])["iceServers"][1]["urls"].clone()
        };
        let v4 = "turn:203.0.113.7:3478?transport=";
        let v6 = "turn:[2a01:4f8::7]:3478?transport=";
        let over = |host: &str, transport: &str| format!("{host}{transport}");
        let both = [
            over(v4, "udp"),
            over(v6, "udp"),
            over(v4, "tcp"),
            over(v6, "tcp"),
        ];
        assert_eq!(urls(""), json!(both));
        assert_eq!(urls("0.0.0.0"), json!([over(v4, "udp"), over(v4, "tcp")]));
    }

    #[test]
    fn naming_our_own_host_changes_only_the_url() {
        for name in [
            "turn.example.org",
            "turn:turn.example.org:3478",
            "turn:203.0.113.7",
        ] {
            let answer = answer(&[("TURN_SERVER", name), ("PUBLIC_URL", "https://example.org")]);
            assert_eq!(
                answer["iceServers"].as_array().unwrap().len(),
                2,
                "{answer}"
            );
            assert_eq!(answer["iceServers"][1]["username"], "1003600:4.9", "{name}");
            let host = turn_host(name);
            let urls = ["udp", "tcp"].map(|over| format!("turn:{host}:3478?transport={over}"));
            assert_eq!(answer["iceServers"][1]["urls"], json!(urls), "{name}");
        }
    }

    #[test]
    fn tls_is_told_where_it_is_served_with_the_port_that_is_named() {
        let urls = |pairs: &[(&str, &str)]| {
            let urls = answer(pairs)["iceServers"][1]["urls"].clone();
            serde_json::from_value::<Vec<String>>(urls).unwrap()
        };
        let served = ("TURN_TLS_PORT", "5349");
        let last = urls(&[served]).pop().unwrap();
        assert_eq!(last, "turns:203.0.113.7:5349?transport=tcp");
        let public = ("PUBLIC_URL", "https://example.org");
        let named = ("TURN_SERVER", "turns:turn.example.org:443");
        let all = [
            "turn:turn.example.org:3478?transport=udp",
            "turn:turn.example.org:3478?transport=tcp",
            "turns:turn.example.org:443?transport=tcp",
        ];
        assert_eq!(urls(&[served, public, named]), all);
        assert_eq!(urls(&[public, named]), all[..2]);
        let production = ("ENVIRONMENT", "production");
        assert_eq!(urls(&[served, production, public, named]), all[..2]);
    }

    #[test]
    fn a_foreign_server_comes_after_ours_with_the_static_pair() {
        let answer = answer(&[
            ("TURN_SERVER", "turn:198.51.100.1:3478"),
            ("TURN_USERNAME", "u"),
            ("TURN_PASSWORD", "p"),
        ]);
        let last = &answer["iceServers"][2];
        assert_eq!(
            last["urls"],
            json!([
                "turn:198.51.100.1:3478",
                "turn:198.51.100.1:3478?transport=tcp"
            ])
        );
        assert_eq!(
            (&last["username"], &last["credential"]),
            (&json!("u"), &json!("p"))
        );
        assert_eq!(answer["iceServers"][1]["username"], "1003600:4.9");
    }

    #[test]
    fn without_a_relay_none_is_offered() {
        assert_eq!(
            answer(&[("TURN_ENABLED", "false")])["iceServers"],
            json!([])
        );
    }

    #[test]
    fn hosts_and_ports_of_turn_urls_are_read() {
        assert_eq!(
            (
                turn_host("turn:a.b:1?transport=udp"),
                turn_port("turn:a.b:1?transport=udp")
            ),
            ("a.b", Some(1))
        );
        assert_eq!(
            (
                turn_host("turn:[2001:db8::1]:1"),
                turn_port("turn:[2001:db8::1]:1")
            ),
            ("2001:db8::1", Some(1))
        );
        assert_eq!(
            (turn_host("turn:a.b"), turn_port("turn:a.b")),
            ("a.b", None)
        );
    }
}
