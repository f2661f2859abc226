//! Flags, environment and env file become one checked [`Config`]. Everything is
//! checked before the first port opens, and all problems are told at once.

mod layers;
mod mail;
mod push;
mod reader;
mod settings;
mod turn;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use lettre::message::Mailbox;
use payambar_media::Plane;

pub use layers::{Layers, env_file, warn_of_unknown};
pub use settings::SETTINGS;

use crate::files::Limits;
use crate::i18n::Lang;
use crate::mail::Address;
use reader::Reader;

/// A value that no log, debug print or error shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a secret.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself; every use is one to look at.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One setting that cannot be used: its name, its value and what to do.
#[derive(Debug)]
pub struct Problem {
    name: String,
    value: String,
    fix: String,
}

impl Problem {
    fn new(name: &str, value: &str, fix: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            fix: fix.to_owned(),
        }
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug)]
pub struct ConfigError(pub(crate) Vec<Problem>);

impl ConfigError {
    pub fn one(name: &str, value: &str, fix: &str) -> Self {
        Self(vec![Problem::new(name, value, fix)])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match problem.value.as_str() {
                "" => write!(f, "{} {}", problem.name, problem.fix)?,
                value => write!(f, "{}={value:?} {}", problem.name, problem.fix)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Where the server stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// Somebody's desk: conveniences are allowed.
    #[default]
    Development,
    /// People depend on it: what is unsafe is refused.
    Production,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Everybody.
    #[default]
    Open,
    /// Everybody, but an operator lets each of them in.
    Approval,
    /// Whoever has a code.
    Invite,
    /// Nobody.
    Closed,
}

impl Registration {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approval => "approval",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }
}

/// Which origins may call the API and open the WebSocket, besides our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Any; then never together with credentials.
    Any,
    /// Exactly these.
    Listed(Vec<String>),
}

/// The relay's settings.
#[derive(Debug, Clone)]
pub struct TurnConfig {
    /// Addresses the relay listens on; `None` = every address of the host.
    pub listen: Option<Vec<IpAddr>>,
    /// UDP and TCP port of STUN and TURN.
    pub port: u16,
    /// TURN over TLS; `None` = not served.
    pub tls: Option<TlsConfig>,
    /// First and last port of the relay's range.
    pub ports: (u16, u16),
    /// UDP port of voice rooms, not used for relaying.
    pub sfu_port: u16,
    /// Whether it was set, and is not only the first of the relay's.
    pub sfu_port_is_set: bool,
    /// IPv4 address told to callers; `None` = found from the interfaces.
    pub external_ip: Option<Ipv4Addr>,
    /// IPv6 address of the relay; `None` = found from the interfaces, unless
    /// only the IPv4 one is set.
    pub external_ip6: Option<Ipv6Addr>,
    /// Realm of the credentials.
    pub realm: String,
    /// Key of time-limited credentials; `None` = generated.
    pub secret: Option<Redacted<String>>,
    /// An optional static credential.
    pub static_pair: Option<(String, Redacted<String>)>,
    /// Life of a minted credential.
    pub credential_ttl: Duration,
    /// Allocations per person; 0 = no limit.
    pub max_allocations_per_user: usize,
    /// Allocations from one address, with static credentials and with minted
    /// ones; 0 = no limit.
    pub max_allocations_per_ip: (usize, usize),
    /// Allocations in all; 0 = no limit.
    pub max_allocations: usize,
    /// Payload of one allocation in each direction, kbit/s; 0 = no limit.
    pub max_kbits_per_allocation: u64,
    /// Payload of all in each direction, kbit/s; 0 = no limit.
    pub max_kbits: u64,
    /// Answers per second to strangers of one network; 0 = no limit.
    pub max_unauthenticated_answers: u32,
    /// Connections over TCP and TLS; 0 = no limit.
    pub max_streams: usize,
    /// The same from one network; 0 = no limit.
    pub max_streams_per_network: usize,
    /// Whether channel numbers of RFC 5766 are bound.
    pub legacy_channels: bool,
    /// How the relay's thread works.
    pub plane: Plane,
    /// Ranges opened on purpose.
    pub allow_peers: Vec<IpNet>,
}

/// TURN over TLS.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// Its TCP port.
    pub port: u16,
    /// What is shown; `None` = made by us.
    pub pair: Option<TlsPair>,
}

/// The files of a certificate.
#[derive(Debug, Clone)]
pub struct TlsPair {
    /// The certificate, and those that vouch for it.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The settings of Web Push.
#[derive(Debug, Clone)]
pub struct PushConfig {
    /// The public and the private key; `None` = generated.
    pub pair: Option<(String, Redacted<String>)>,
    /// How push services find the operator.
    pub subject: String,
    /// Hosts that may be pushed to without TLS and on any network.
    pub allow_hosts: Vec<String>,
}

/// How mails are kept from being read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// The connection begins in the clear and must be secured before anything
    /// is said.
    #[default]
    Upgrade,
    /// It is secured from the beginning.
    Wrapped,
    /// Not at all.
    None,
}

/// The settings of e-mail.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// The server that takes mails.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password there.
    pub login: Option<(String, Redacted<String>)>,
    /// Whom mails come from.
    pub from: Mailbox,
    /// How the connection is secured.
    pub tls: Tls,
    /// A file of certificates that are believed besides those of browsers.
    pub ca: Option<PathBuf>,
    /// Who is told when somebody waits to be let in.
    pub admin: Option<Address>,
}

/// The whole checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the web listener.
    pub web: SocketAddr,
    /// The web origin; `None` in development = taken from each request.
    pub public_url: Option<String>,
    /// Folder of everything that is kept.
    pub data_dir: PathBuf,
    /// The SQLite file.
    pub database: PathBuf,
    /// Folder of uploads.
    pub file_storage: PathBuf,
    /// How much there may be of files.
    pub files: Limits,
    /// Development or production.
    pub environment: Environment,
    /// Key of session tokens; `None` = generated.
    pub jwt_secret: Option<Redacted<String>>,
    /// Life of a token that its client renews.
    pub access_life: Duration,
    /// Who may make an account.
    pub registration: Registration,
    /// Cost of password hashes.
    pub bcrypt_cost: u32,
    /// Further web origins.
    pub origins: Origins,
    /// Proxies whose forwarded addresses are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether limits on calls and frames hold.
    pub rate_limit: bool,
    /// Language of answers to callers who name none.
    pub default_lang: Lang,
    /// The relay; `None` = switched off.
    pub turn: Option<TurnConfig>,
    /// TURN server told to callers (R16).
    pub turn_server: Option<String>,
    /// The static pair as it is told to callers of a foreign `turn_server`.
    pub turn_pair: Option<(String, Redacted<String>)>,
    /// Further STUN servers told to callers, as URLs.
    pub stun_servers: Vec<String>,
    /// How long relayed calls may go on once the server is told to stop.
    pub drain: Duration,
    /// People in one voice room at most.
    pub room_max: usize,
    /// Where metrics are served; `None` = nowhere.
    pub metrics: Option<SocketAddr>,
    /// What Web Push is told about us.
    pub push: PushConfig,
    /// Where mails are handed to; `None` = none are sent.
    pub mail: Option<MailConfig>,
    /// Filter of the log.
    pub log_level: String,
    /// Whether log lines are JSON.
    pub log_json: bool,
}

impl Config {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// All problems, each with variable, value and what to change.
    pub fn check(layers: &Layers) -> Result<Self, ConfigError> {
        let mut reader = Reader {
            layers,
            problems: Vec::new(),
        };
        let config = reader.config();
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(reader.problems))
        }
    }
}

/// The host of an origin, without its port.
pub fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    if let Some(inside) = authority.strip_prefix('[') {
        return inside.split(']').next().unwrap_or(inside);
    }
    authority.split(':').next().unwrap_or(authority)
}

/// Every address of the host, for listeners without a list.
pub const ANY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];

#[cfg(test)]
mod tests;
