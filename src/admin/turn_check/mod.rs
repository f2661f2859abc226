//! `payambar turn check`: does what a browser in trouble does. It takes the URLs
//! that callers are told, and over each of them makes two allocations that send
//! to each other; then it asks whether relay ports can be reached from here.

mod probe;
mod stream;
mod words;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::io::{IsTerminal as _, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payambar_media::mint_credential;
use serde::Serialize;
use tokio::time::timeout;

use crate::cli::TurnCheck;
use crate::config::{Config, Redacted};
use crate::host;
use crate::http::Ice;
use crate::secrets;
use probe::Probe;

/// How long a name may take to be looked up.
const LOOK_UP: Duration = Duration::from_secs(5);

/// The life of the credential that is made for the check.
const CREDENTIAL: Duration = Duration::from_secs(60);

/// How the client reaches the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

/// A TURN URL (RFC 7065).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    transport: Transport,
    host: String,
    port: u16,
}

impl Way {
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (transport, default_port) = match (scheme, query) {
            ("turn", "" | "transport=udp") => (Transport::Udp, 3478),
            ("turn", "transport=tcp") => (Transport::Tcp, 3478),
            ("turns", "" | "transport=tcp") => (Transport::Tls, 5349),
            _ => return None,
        };
        let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
        // The colons of a bracketed address are not the port's.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (bare(host), port.parse().ok()?),
            Some(_) | None => (bare(authority), default_port),
        };
        (!host.is_empty()).then_some(Self {
            transport,
            host,
            port,
        })
    }
}

/// What came of one look.
#[derive(Debug, Serialize)]
struct Row {
    check: String,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Debug, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Verdict {
    Ok { detail: String },
    Warning { detail: String, advice: String },
    Failed { detail: String, advice: String },
    Skipped { detail: String },
}

impl Verdict {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// A user name and a password of the relay.
struct Credential {
    username: String,
    password: Redacted<String>,
}

/// Runs all checks and prints a line for each.
///
/// # Errors
///
/// There is nothing to check with, or a check failed.
pub fn turn_check(
    config: &Config,
    TurnCheck { host, user }: &TurnCheck,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let ways = ways(config, host.as_deref())?;
    let credential = credential(config, user.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let rows = runtime.block_on(look(&ways, &credential))?;
    let failed = rows.iter().filter(|row| row.verdict.is_failure()).count();
    if json {
        let report = serde_json::json!({ "ok": failed == 0, "checks": rows });
        writeln!(out, "{report}")?;
    } else {
        rows.iter().try_for_each(|row| print(row, out))?;
    }
    match failed {
        0 => Ok(()),
        1 => Err("one check failed".into()),
        more => Err(format!("{more} checks failed").into()),
    }
}

fn print(row: &Row, out: &mut dyn Write) -> std::io::Result<()> {
    let (word, detail, advice) = match &row.verdict {
        Verdict::Ok { detail } => ("ok", detail, None),
        Verdict::Skipped { detail } => ("skipped", detail, None),
        Verdict::Warning { detail, advice } => ("warning", detail, Some(advice)),
        Verdict::Failed { detail, advice } => ("FAILED", detail, Some(advice)),
    };
    writeln!(out, "{word:<8} {:<28} {detail}", row.check)?;
    advice.map_or(Ok(()), |advice| writeln!(out, "{:8} {advice}", ""))
}

/// What a browser would log in with: made with the server's secret, or the
/// operator's own, whose password is not for the command line.
fn credential(config: &Config, user: Option<&str>) -> Result<Credential, Box<dyn Error>> {
    if let Some(user) = user {
        let from_stdin = !std::io::stdin().is_terminal();
        return Ok(Credential {
            username: user.to_owned(),
            password: super::read_password(from_stdin)?,
        });
    }
    let turn = config.turn.as_ref();
    let turn = turn.ok_or("there is no relay to check: TURN_ENABLED is false")?;
    if turn.secret.is_none() && !secrets::has_turn(config) {
        return Err(format!(
            "there is no relay secret in {}; run this with the settings of the server, or name a credential with --user",
            config.data_dir.display()
        )
        .into());
    }
    let secret = secrets::turn(config)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let expires = now.saturating_add(CREDENTIAL).as_secs();
    // Nobody has the number 0, so nobody's quota and no revocation is touched.
    let (username, password) = mint_credential(secret.expose().as_bytes(), expires, 0, 0);
    Ok(Credential {
        username,
        password: Redacted::new(password),
    })
}

/// The URLs that callers are told, by another name if one was given.
fn ways(config: &Config, host: Option<&str>) -> Result<Vec<Way>, Box<dyn Error>> {
    let turn = config.turn.as_ref();
    let turn = turn.ok_or("there is no relay to check: TURN_ENABLED is false")?;
    let addresses = host::addresses();
    let external = host::external(turn.external_ip, &addresses, host::routed());
    let unused = Redacted::new(String::new());
    let urls = Ice::new(config, &unused, external.ip, &addresses).relay_urls();
    let mut ways: Vec<Way> = urls.iter().filter_map(|url| Way::parse(url)).collect();
    if let Some(host) = host {
        let mut seen = BTreeSet::new();
        ways.iter_mut()
            .for_each(|way| host.trim_matches(['[', ']']).clone_into(&mut way.host));
        ways.retain(|way| seen.insert((way.transport, way.port)));
    }
    if ways.is_empty() {
        return Err("the settings name no URL of the relay".into());
    }
    Ok(ways)
}

async fn look(ways: &[Way], credential: &Credential) -> Result<Vec<Row>, Box<dyn Error>> {
    let probe = Probe::new(credential)?;
    let mut rows = Vec::new();
    let mut direct = Vec::new();
    for way in ways {
        let addresses = match addresses(way).await {
            Ok(addresses) => addresses,
            Err(verdict) => {
                let check = format!("{} {}:{}", way.transport, way.host, way.port);
                rows.push(Row { check, verdict });
                continue;
            }
        };
        for address in addresses {
            let is_named = way.host.parse::<IpAddr>().is_err();
            let result = probe.relay(way, address).await;
            rows.push(Row {
                check: format!("{} {address}", way.transport),
                verdict: words::of_relay(way, address, is_named, &result),
            });
            if way.transport == Transport::Udp && result.is_ok() {
                direct.push(address);
            }
        }
    }
    for address in direct {
        rows.push(Row {
            check: format!("relay ports of {}", address.ip()),
            verdict: words::of_ports(&probe.ports(address).await),
        });
    }
    Ok(rows)
}

/// One address of each family at most, as callers would find them.
async fn addresses(way: &Way) -> Result<Vec<SocketAddr>, Verdict> {
    let found = timeout(
        LOOK_UP,
        tokio::net::lookup_host((way.host.as_str(), way.port)),
    )
    .await;
    let found: Vec<SocketAddr> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let v4 = found.iter().find(|address| address.is_ipv4());
    let v6 = found.iter().find(|address| address.is_ipv6());
    let chosen: Vec<SocketAddr> = v4.into_iter().chain(v6).copied().collect();
    if chosen.is_empty() {
        return Err(words::no_address(&way.host));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_browsers_read_them() {
        let way = |transport, host: &str, port| {
            Some(Way {
                transport,
                host: host.to_owned(),
                port,
            })
        };
        for (url, wanted) in [
            (
                "turn:a.example:3478?transport=udp",
                way(Transport::Udp, "a.example", 3478),
            ),
            ("turn:a.example", way(Transport::Udp, "a.example", 3478)),
            (
                "turn:[2001:db8::1]:99?transport=tcp",
                way(Transport::Tcp, "2001:db8::1", 99),
            ),
            (
                "turn:[2001:db8::1]",
                way(Transport::Udp, "2001:db8::1", 3478),
            ),
            (
                "turns:a.example?transport=tcp",
                way(Transport::Tls, "a.example", 5349),
            ),
            ("turns:a.example:443", way(Transport::Tls, "a.example", 443)),
            ("turns:a.example?transport=udp", None),
            ("stun:a.example", None),
            ("turn:", None),
            ("turn:a.example:port", None),
        ] {
            assert_eq!(Way::parse(url), wanted, "{url}");
        }
    }
}
