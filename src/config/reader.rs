//! Turns text into checked values, one setting at a time, and collects what is
//! wrong with them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::{
    Config, Environment, Layers, Origins, Problem, Redacted, Registration, SETTINGS, host_of,
};
use crate::files::Limits;
use crate::i18n::Lang;

/// Reads typed values, collecting problems and going on with a stand-in.
pub(super) struct Reader<'a> {
    pub(super) layers: &'a Layers,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn config(&mut self) -> Config {
        let environment = self.choice(
            "ENVIRONMENT",
            &[
                ("development", Environment::Development),
                ("production", Environment::Production),
            ],
        );
        let listen: IpAddr = self.parsed(
            "LISTEN",
            Ipv4Addr::LOCALHOST.into(),
            "must be an IP address, such as 0.0.0.0",
        );
        let (data_dir, database, file_storage) = self.paths();
        let public_url = self.public_url(environment);
        let turn_pair = self.static_pair();
        let rate_limit = self.rate_limit(environment, listen);
        let push = self.push(environment, public_url.as_deref());
        let files = Limits {
            max_bytes: self.number("MAX_UPLOAD_SIZE", 1, u64::MAX),
            per_person: Some(self.number("USER_QUOTA", 0, u64::MAX)).filter(|bytes| *bytes > 0),
            min_free: self.number("MIN_FREE_DISK", 0, u64::MAX),
        };
        Config {
            web: SocketAddr::new(listen, self.port("PORT")),
            jwt_secret: self.key("JWT_SECRET"),
            access_life: self.duration("JWT_EXPIRES_IN", (60, 30 * 24 * 3600)),
            registration: self.choice(
                "REGISTRATION",
                &[
                    Registration::Open,
                    Registration::Approval,
                    Registration::Invite,
                    Registration::Closed,
                ]
                .map(|mode| (mode.as_str(), mode)),
            ),
            bcrypt_cost: u32::try_from(self.number("BCRYPT_COST", 12, 16)).unwrap_or(12),
            origins: self.origins(),
            trusted_proxies: self.networks("TRUSTED_PROXIES"),
            default_lang: self.choice("DEFAULT_LANG", &[("fa", Lang::Fa), ("en", Lang::En)]),
            turn: self.turn(environment, public_url.as_deref(), turn_pair.clone()),
            turn_server: self.turn_server(turn_pair.is_some()),
            stun_servers: self.stun_servers(),
            drain: Duration::from_secs(self.number("DRAIN_SECONDS", 0, 3600)),
            room_max: usize::try_from(self.number("ROOM_MAX_PARTICIPANTS", 2, 200)).unwrap_or(50),
            metrics: self.metrics(),
            log_level: self.layers.value("LOG_LEVEL").to_owned(),
            log_json: self.choice("LOG_FORMAT", &[("text", false), ("json", true)]),
            push,
            mail: self.mail(environment),
            public_url,
            data_dir,
            database,
            file_storage,
            files,
            environment,
            rate_limit,
            turn_pair,
        }
    }

    pub(super) fn refuse(&mut self, name: &str, fix: &str) {
        let secret = SETTINGS.iter().any(|s| s.name == name && s.secret);
        let value = if secret { "" } else { self.layers.value(name) };
        self.problems.push(Problem::new(name, value, fix));
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, stand_in: T, fix: &str) -> T {
        if let Ok(value) = self.layers.value(name).parse() {
            return value;
        }
        self.refuse(name, fix);
        stand_in
    }

    pub(super) fn number(&mut self, name: &str, low: u64, high: u64) -> u64 {
        match self.layers.value(name).parse() {
            Ok(value) if (low..=high).contains(&value) => value,
            Ok(_) | Err(_) => {
                let range = if high == u64::MAX {
                    format!("of at least {low}")
                } else {
                    format!("from {low} to {high}")
                };
                self.refuse(name, &format!("must be a whole number {range}"));
                low
            }
        }
    }

    /// Seconds, or a number with a unit.
    pub(super) fn duration(&mut self, name: &str, (low, high): (u64, u64)) -> Duration {
        let value = self.layers.value(name);
        let (number, unit) = match value.strip_suffix(['s', 'm', 'h', 'd']) {
            Some(number) => (number, value.as_bytes().last()),
            None => (value, None),
        };
        let unit = match unit {
            Some(b'm') => 60,
            Some(b'h') => 3600,
            Some(b'd') => 86_400,
            Some(_) | None => 1,
        };
        let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        let seconds = seconds.filter(|seconds| (low..=high).contains(seconds));
        if seconds.is_none() {
            self.refuse(
                name,
                &format!(
                    "must be from {low} to {high} seconds, or a number with m, h or d, such as 24h"
                ),
            );
        }
        Duration::from_secs(seconds.unwrap_or(low))
    }

    pub(super) fn port(&mut self, name: &str) -> u16 {
        u16::try_from(self.number(name, 1, 65_535)).unwrap_or(1)
    }

    pub(super) fn choice<T: Copy + Default>(&mut self, name: &str, options: &[(&str, T)]) -> T {
        let value = self.layers.value(name);
        if let Some((_, found)) = options.iter().find(|(word, _)| *word == value) {
            return *found;
        }
        let words: Vec<&str> = options.iter().map(|(word, _)| *word).collect();
        self.refuse(name, &format!("must be {}", words.join(" or ")));
        T::default()
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let items = self
            .layers
            .value(name)
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    pub(super) fn networks(&mut self, name: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for item in self.list(name) {
            match item
                .parse::<IpNet>()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
            {
                Ok(network) => networks.push(network),
                Err(_) => self.refuse(
                    name,
                    &format!("has {item:?}, which is no CIDR range such as 10.0.0.0/8"),
                ),
            }
        }
        networks
    }

    fn paths(&self) -> (PathBuf, PathBuf, PathBuf) {
        let set = |name| {
            self.layers
                .is_set(name)
                .then(|| PathBuf::from(self.layers.value(name)))
        };
        let database = set("DATABASE_PATH");
        let beside_database = || {
            database
                .as_deref()
                .and_then(Path::parent)
                .map(Path::to_owned)
        };
        let data_dir = set("DATA_DIR")
            .or_else(beside_database)
            .map(|dir| {
                if dir.as_os_str().is_empty() {
                    PathBuf::from(".")
                } else {
                    dir
                }
            })
            .unwrap_or_else(|| PathBuf::from(self.layers.value("DATA_DIR")));
        let file_storage = set("FILE_STORAGE_PATH").unwrap_or_else(|| data_dir.join("uploads"));
        let database = database.unwrap_or_else(|| data_dir.join("payambar.db"));
        (data_dir, database, file_storage)
    }

    fn public_url(&mut self, environment: Environment) -> Option<String> {
        let value = self
            .layers
            .value("PUBLIC_URL")
            .trim_end_matches('/')
            .to_owned();
        if value.is_empty() {
            if environment == Environment::Production {
                self.refuse("PUBLIC_URL", "must be set in production: the address people open, such as https://chat.example.org");
            }
            return None;
        }
        if !is_origin(&value) {
            self.refuse(
                "PUBLIC_URL",
                "must be scheme and host alone, such as https://chat.example.org",
            );
        }
        Some(value)
    }

    pub(super) fn key(&mut self, name: &str) -> Option<Redacted<String>> {
        if !self.layers.is_set(name) {
            return None;
        }
        let value = self.layers.value(name).to_owned();
        if value.len() < 32 {
            self.refuse(name, "is shorter than 32 bytes; use `openssl rand -hex 32`, or remove it to have one generated");
        } else if is_placeholder(&value) {
            self.refuse(name, "is a published example; use `openssl rand -hex 32`, or remove it to have one generated");
        }
        Some(Redacted::new(value))
    }

    fn origins(&mut self) -> Origins {
        let items = self.list("CORS_ORIGINS");
        if items.iter().any(|item| item == "*") {
            if items.len() > 1 {
                self.refuse("CORS_ORIGINS", "mixes * with origins; use either");
            }
            return Origins::Any;
        }
        for item in &items {
            if !is_origin(item) {
                self.refuse(
                    "CORS_ORIGINS",
                    &format!("has {item:?}, which is no origin such as https://app.example.org"),
                );
            }
        }
        Origins::Listed(items)
    }

    fn rate_limit(&mut self, environment: Environment, listen: IpAddr) -> bool {
        let on = self.choice("RATE_LIMIT", &[("on", true), ("off", false)]);
        if !on && (environment == Environment::Production || !listen.is_loopback()) {
            self.refuse(
                "RATE_LIMIT",
                "is only accepted with ENVIRONMENT=development and LISTEN on loopback (127.0.0.1)",
            );
        }
        on
    }

    pub(super) fn addresses(&mut self, name: &str) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for item in self.list(name) {
            match item.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => self.refuse(name, &format!("has {item:?}, which is no IP address")),
            }
        }
        addresses
    }

    fn metrics(&mut self) -> Option<SocketAddr> {
        const NAME: &str = "METRICS_LISTEN";
        match self.layers.value(NAME) {
            "off" => None,
            value => match value.parse() {
                Ok(address) => Some(address),
                Err(_) => {
                    self.refuse(
                        NAME,
                        "must be an IP address and a port, such as 127.0.0.1:9480, or off",
                    );
                    None
                }
            },
        }
    }
}

fn is_origin(value: &str) -> bool {
    let Some((scheme, authority)) = value.split_once("://") else {
        return false;
    };
    let port = authority
        .rsplit_once(':')
        .map(|(_, port)| port)
        .filter(|port| !port.ends_with(']'));
    matches!(scheme, "http" | "https")
        && !host_of(value).is_empty()
        && !authority.contains(['/', '?', '#', '@', ' ', ','])
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Keys that installers and documents print are known to everybody.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let first = value.chars().next();
    value.chars().all(|c| Some(c) == first)
        || ["change", "your-", "your_", "example", "placeholder"]
            .iter()
            .any(|word| lower.contains(word))
}
