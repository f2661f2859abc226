//! The table of settings: name, default, range and words of each. Flags,
//! `--help` and the README's table all come from here.

/// One setting, as an operator sees it.
#[derive(Debug)]
pub struct Setting {
    /// Name of the environment variable.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// The default as it would be typed; empty where it is worked out.
    pub default: &'static str,
    /// Secrets have no flag (an argument is visible to every process of the
    /// host) and are never printed.
    pub secret: bool,
    /// One sentence with unit and range.
    pub help: &'static str,
}

impl Setting {
    /// The flag's long name: `TURN_PORT` is `--turn-port`.
    pub fn flag(&self) -> String {
        self.name.to_ascii_lowercase().replace('_', "-")
    }
}

const fn plain(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        aliases: &[],
        default,
        secret: false,
        help,
    }
}

const fn secret(name: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        aliases: &[],
        default: "",
        secret: true,
        help,
    }
}

/// Every setting, in the order in which `--help` shows them.
pub const SETTINGS: &[Setting] = &[
    plain(
        "PORT",
        "8080",
        "TCP port of the web app and the API, 1-65535",
    ),
    plain("LISTEN", "0.0.0.0", "IP address the web listener binds to"),
    plain(
        "PUBLIC_URL",
        "",
        "Web origin people open, such as https://chat.example.org; required in production, taken from the request in development",
    ),
    plain(
        "DATA_DIR",
        "./data",
        "Folder of database, files and secrets",
    ),
    plain(
        "DATABASE_PATH",
        "",
        "SQLite file; default DATA_DIR/payambar.db",
    ),
    plain(
        "FILE_STORAGE_PATH",
        "",
        "Folder of uploads; default DATA_DIR/uploads",
    ),
    Setting {
        name: "ENVIRONMENT",
        aliases: &["NODE_ENV"],
        default: "development",
        secret: false,
        help: "development or production",
    },
    secret(
        "JWT_SECRET",
        "Key of the session tokens, at least 32 bytes; generated into DATA_DIR when missing",
    ),
    plain(
        "JWT_EXPIRES_IN",
        "24h",
        "Life of the tokens of clients that renew them: seconds, or a number with m, h or d; 1m-30d",
    ),
    plain(
        "REGISTRATION",
        "open",
        "Who may make an account: open, approval (an operator lets each in), invite (with a code), or closed",
    ),
    plain("BCRYPT_COST", "12", "Cost of password hashes, 12-16"),
    plain(
        "CORS_ORIGINS",
        "",
        "Comma list of further origins that may call the API and open the WebSocket",
    ),
    plain(
        "TRUSTED_PROXIES",
        "",
        "Comma list of CIDR ranges whose X-Forwarded-For is believed",
    ),
    plain(
        "RATE_LIMIT",
        "on",
        "on or off; off only in development with LISTEN on loopback",
    ),
    plain(
        "DEFAULT_LANG",
        "fa",
        "Language of answers to callers who name none: fa or en",
    ),
    plain(
        "TURN_ENABLED",
        "true",
        "true or false: the built-in STUN/TURN relay",
    ),
    plain(
        "TURN_LISTEN",
        "",
        "Comma list of IP addresses the relay listens on; default all",
    ),
    plain(
        "TURN_PORT",
        "3478",
        "UDP and TCP port of STUN and TURN, 1-65535",
    ),
    plain(
        "TURN_TLS_PORT",
        "5349",
        "TCP port of TURN over TLS, 1-65535, or off; served with TLS_CERT and TLS_KEY, in development also without",
    ),
    plain(
        "TLS_CERT",
        "",
        "File with the certificate chain of TURN_TLS_PORT in PEM form; read again on SIGHUP",
    ),
    plain(
        "TLS_KEY",
        "",
        "File with the private key of that certificate in PEM form; default in development a pair made into DATA_DIR",
    ),
    plain(
        "TURN_MIN_PORT",
        "49152",
        "First UDP port of the relay's range",
    ),
    plain(
        "TURN_MAX_PORT",
        "65535",
        "Last UDP port of the relay's range",
    ),
    plain(
        "SFU_PORT",
        "",
        "UDP port of voice rooms, kept out of the relay's ports; default TURN_MIN_PORT",
    ),
    plain(
        "ROOM_MAX_PARTICIPANTS",
        "50",
        "People in one voice room at most, 2 to 200",
    ),
    plain(
        "TURN_EXTERNAL_IP",
        "",
        "Address that callers reach this host at, or one IPv4 and one IPv6 address with a comma; default found from the interfaces",
    ),
    plain(
        "TURN_REALM",
        "",
        "Realm of TURN credentials, at most 44 bytes; default the host of PUBLIC_URL, else payambar",
    ),
    secret(
        "TURN_SECRET",
        "Key the time-limited TURN credentials are made with; generated into DATA_DIR when missing",
    ),
    plain(
        "TURN_USERNAME",
        "",
        "Name of an optional static TURN credential",
    ),
    secret("TURN_PASSWORD", "Password of the static TURN credential"),
    plain(
        "TURN_CREDENTIAL_TTL",
        "3600",
        "Life of a minted TURN credential in seconds, 60-3600",
    ),
    plain(
        "TURN_MAX_ALLOCATIONS_PER_USER",
        "16",
        "Relay allocations one person may hold at a time; 0 = no limit",
    ),
    plain(
        "TURN_MAX_ALLOCATIONS_PER_IP",
        "32,1024",
        "Relay allocations from one IPv4 address or IPv6 /64: with static credentials, with minted ones; 0 = no limit",
    ),
    plain(
        "TURN_MAX_ALLOCATIONS",
        "80%",
        "Relay allocations in all, as a number or in percent of the relay ports; 0 = no limit",
    ),
    plain(
        "TURN_MAX_KBITS_PER_ALLOCATION",
        "20000",
        "Payload in kbit/s that one allocation may relay in each direction; 0 = no limit",
    ),
    plain(
        "TURN_MAX_KBITS",
        "0",
        "Payload in kbit/s that all allocations together may relay in each direction; 0 = no limit",
    ),
    plain(
        "TURN_UNAUTHENTICATED_PER_SECOND",
        "100",
        "Answers per second to STUN and TURN requests without a right credential, for one IPv4 /24 or IPv6 /64, ten seconds' worth at once; 0 = no limit",
    ),
    plain(
        "TURN_MAX_STREAMS",
        "8192",
        "Connections to the relay over TCP and TLS at a time, 0-65535; 0 = no limit",
    ),
    plain(
        "TURN_MAX_STREAMS_PER_NETWORK",
        "1024",
        "The same for one IPv4 /24 or IPv6 /64; 0 = no limit",
    ),
    plain(
        "TURN_LEGACY_CHANNELS",
        "false",
        "true or false: bind channel numbers up to 0x7FFF (RFC 5766), not only to 0x4FFF, for old clients such as turnutils_uclient 4.6",
    ),
    plain(
        "TURN_ALLOW_PEERS",
        "",
        "Comma list of CIDR ranges opened for relaying on purpose",
    ),
    plain(
        "MEDIA_SHARDS",
        "1",
        "Threads that share the relay's work, 1-16; more than one where a single processor is not enough for it",
    ),
    plain(
        "MEDIA_IO",
        "batched",
        "batched or portable: how the relay's thread receives and sends, many datagrams with one system call of Linux or one with each",
    ),
    plain(
        "MEDIA_COALESCE_US",
        "300",
        "Microseconds in which the relay lets packets gather while it relays over 2,000 a second, which saves processor time, 0-5000; 0 = never",
    ),
    plain(
        "TURN_SERVER",
        "",
        "TURN URL or host told to callers; a foreign one is passed on with the static pair",
    ),
    plain(
        "STUN_SERVERS",
        "",
        "Comma list of further STUN servers told to callers, after our own",
    ),
    plain("MAX_UPLOAD_SIZE", "10485760", "Largest upload in bytes"),
    plain(
        "USER_QUOTA",
        "1073741824",
        "Bytes that the files of one person may have together; 0 = no limit",
    ),
    plain(
        "MIN_FREE_DISK",
        "268435456",
        "Bytes of the disk that uploads leave free for the database; 0 = none",
    ),
    plain(
        "VAPID_PUBLIC_KEY",
        "",
        "Public key of Web Push, base64url of 65 bytes; the pair is generated into DATA_DIR when missing",
    ),
    secret(
        "VAPID_PRIVATE_KEY",
        "Private key of Web Push, base64url of 32 bytes",
    ),
    plain(
        "VAPID_SUBJECT",
        "",
        "Contact that push services are told: a mailto: or https: address; default PUBLIC_URL",
    ),
    plain(
        "PUSH_ALLOW_HOSTS",
        "",
        "Comma list of hosts, each with or without port, that may be pushed to by http and on private networks; only in development",
    ),
    plain(
        "SMTP_HOST",
        "",
        "Server that takes e-mails, such as smtp.example.org; without it none are sent",
    ),
    plain(
        "SMTP_PORT",
        "",
        "Its TCP port; default 587, with SMTP_TLS=tls 465, with none 25",
    ),
    plain(
        "SMTP_TLS",
        "starttls",
        "starttls, tls, or none; none only in development or with SMTP_HOST on loopback",
    ),
    plain("SMTP_USERNAME", "", "Name at that server"),
    secret("SMTP_PASSWORD", "Password at that server"),
    plain(
        "SMTP_FROM",
        "",
        "Address mails come from, such as Payambar <noreply@example.org>; required with SMTP_HOST",
    ),
    plain(
        "SMTP_CA",
        "",
        "File of PEM certificates that are believed besides those of browsers, for a server with a certificate of its own",
    ),
    plain(
        "ADMIN_EMAIL",
        "",
        "Address that is told when somebody waits to be let in, with SMTP_HOST",
    ),
    plain(
        "DRAIN_SECONDS",
        "8",
        "Seconds that relayed calls may go on for once the server is told to stop, 0-3600",
    ),
    plain(
        "METRICS_LISTEN",
        "127.0.0.1:9480",
        "IP address and TCP port of /metrics for Prometheus, or off",
    ),
    plain(
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug, trace, or a filter such as payambar=debug",
    ),
    plain("LOG_FORMAT", "text", "text or json"),
];

/// Names that other systems use for stores which this one does not have yet;
/// ignoring them silently would lose somebody's data.
pub const REFUSED: &[&str] = &["DATABASE_URL", "DB_*", "REDIS_*"];

/// The setting of that name or alias.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|s| s.name == name || s.aliases.contains(&name))
}
