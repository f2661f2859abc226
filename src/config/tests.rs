use std::collections::BTreeMap;

use super::*;

fn check(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment: BTreeMap<String, String> = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    Config::check(&Layers::merge(&BTreeMap::new(), &environment, None)?)
}

fn problem(pairs: &[(&str, &str)]) -> String {
    check(pairs).expect_err("must be refused").to_string()
}

#[test]
fn the_defaults_are_whole() {
    let config = check(&[]).unwrap();
    assert_eq!(config.web.to_string(), "0.0.0.0:8080");
    assert_eq!(config.database, PathBuf::from("./data/payambar.db"));
    let turn = config.turn.unwrap();
    assert_eq!(
        (turn.port, turn.ports, turn.sfu_port),
        (3478, (49_152, 65_535), 49_152)
    );
    assert_eq!(turn.realm, "payambar");
    assert!(config.rate_limit);
}

#[test]
fn the_database_path_alone_decides_the_data_folder() {
    let config = check(&[("DATABASE_PATH", "/var/lib/payambar/payambar.db")]).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/payambar"));
    assert_eq!(
        config.file_storage,
        PathBuf::from("/var/lib/payambar/uploads")
    );
    let both = check(&[("DATABASE_PATH", "/a/b.db"), ("DATA_DIR", "/c")]).unwrap();
    assert_eq!(
        (both.data_dir, both.database),
        (PathBuf::from("/c"), PathBuf::from("/a/b.db"))
    );
}

#[test]
fn every_wrong_value_is_named_with_its_fix() {
    for (name, value) in [
        ("PORT", "0"),
        ("PORT", "http"),
        ("LISTEN", "localhost"),
        ("PUBLIC_URL", "chat.example.org"),
        ("PUBLIC_URL", "https://chat.example.org/app"),
        ("PUBLIC_URL", "https://chat.example.org:notaport"),
        ("ENVIRONMENT", "prod"),
        ("BCRYPT_COST", "4"),
        ("CORS_ORIGINS", "example.org"),
        ("CORS_ORIGINS", "*,https://a.example"),
        ("TRUSTED_PROXIES", "cloudflare"),
        ("RATE_LIMIT", "no"),
        ("DEFAULT_LANG", "de"),
        ("TURN_ENABLED", "yes"),
        ("TURN_PORT", "50000"),
        ("TURN_MAX_PORT", "49152"),
        ("SFU_PORT", "3478"),
        ("TURN_EXTERNAL_IP", "turn.example.org"),
        ("TURN_EXTERNAL_IP", "0.0.0.0"),
        ("TURN_EXTERNAL_IP", "8.8.8.8,9.9.9.9"),
        ("TURN_MAX_ALLOCATIONS_PER_IP", "32"),
        (
            "TURN_REALM",
            "a-realm-that-is-one-byte-longer-than-allowed-",
        ),
        ("TURN_MAX_ALLOCATIONS", "0%"),
        ("TURN_MAX_ALLOCATIONS", "many"),
        ("TURN_LEGACY_CHANNELS", "on"),
        ("TURN_TLS_PORT", "0"),
        ("TURN_TLS_PORT", "on"),
        ("TURN_TLS_PORT", "3478"),
        ("TLS_CERT", "/only/half.pem"),
        ("TLS_KEY", "/only/half.pem"),
        ("MEDIA_SHARDS", "17"),
        ("MEDIA_IO", "fast"),
        ("MEDIA_COALESCE_US", "5001"),
        ("TURN_MAX_STREAMS", "65536"),
        ("TURN_MAX_STREAMS_PER_NETWORK", "few"),
        ("TURN_CREDENTIAL_TTL", "86400"),
        ("TURN_ALLOW_PEERS", "10.0.0.0/99"),
        ("TURN_USERNAME", "only-half"),
        ("TURN_SERVER", "https://turn.example.org/"),
        ("STUN_SERVERS", "https://x/"),
        ("MAX_UPLOAD_SIZE", "10MB"),
        ("VAPID_PUBLIC_KEY", "abc"),
        ("VAPID_SUBJECT", "me"),
        ("DRAIN_SECONDS", "3601"),
        ("ROOM_MAX_PARTICIPANTS", "201"),
        ("METRICS_LISTEN", "9480"),
        ("METRICS_LISTEN", "localhost:9480"),
        ("LOG_FORMAT", "xml"),
    ] {
        let text = problem(&[(name, value)]);
        let named = match name {
            "TURN_USERNAME" => "TURN_PASSWORD",
            "TLS_CERT" => "TLS_KEY",
            "TLS_KEY" => "TLS_CERT",
            _ => name,
        };
        assert!(text.starts_with(named), "{name}={value}: {text}");
        let says_what_to_do = ["must", "has", "lies", "mixes"]
            .iter()
            .any(|word| text.contains(word));
        assert!(says_what_to_do, "{name}={value}: {text}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let text = problem(&[("PORT", "x"), ("TURN_PORT", "y")]);
    assert!(
        text.contains("PORT=\"x\"") && text.contains("TURN_PORT=\"y\""),
        "{text}"
    );
}

#[test]
fn a_weak_or_published_secret_is_refused_and_never_printed() {
    for weak in [
        "tiny-key",
        "your-secret-key-change-in-production",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        let text = problem(&[("JWT_SECRET", weak)]);
        assert!(
            text.contains("JWT_SECRET") && !text.contains(weak),
            "{text}"
        );
    }
    let strong = "6f1d2c0b9a8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e";
    let config = check(&[("JWT_SECRET", strong)]).unwrap();
    assert!(!format!("{config:?}").contains(strong));
}

#[test]
fn production_needs_its_public_address() {
    assert!(problem(&[("ENVIRONMENT", "production")]).contains("PUBLIC_URL"));
    let config = check(&[
        ("ENVIRONMENT", "production"),
        ("PUBLIC_URL", "https://chat.example.org/"),
    ])
    .unwrap();
    assert_eq!(
        config.public_url.as_deref(),
        Some("https://chat.example.org")
    );
    assert_eq!(config.turn.unwrap().realm, "chat.example.org");
    let long = format!("https://{}.example.org", "a".repeat(33));
    let config = check(&[("PUBLIC_URL", &long)]).unwrap();
    assert_eq!(config.turn.unwrap().realm, "payambar");
}

#[test]
fn limits_go_off_only_at_the_desk() {
    assert!(
        !check(&[("RATE_LIMIT", "off"), ("LISTEN", "127.0.0.1")])
            .unwrap()
            .rate_limit
    );
    assert!(problem(&[("RATE_LIMIT", "off")]).contains("RATE_LIMIT"));
    let production = [
        ("RATE_LIMIT", "off"),
        ("LISTEN", "::1"),
        ("ENVIRONMENT", "production"),
        ("PUBLIC_URL", "https://a.b"),
    ];
    assert!(problem(&production).contains("RATE_LIMIT"));
}

#[test]
fn a_bare_turn_host_becomes_a_url() {
    let config = check(&[("TURN_SERVER", "turn.example.org:3478")]).unwrap();
    assert_eq!(
        config.turn_server.as_deref(),
        Some("turn:turn.example.org:3478")
    );
    let config = check(&[("TURN_SERVER", "turns:turn.example.org?transport=tcp")]).unwrap();
    assert_eq!(
        config.turn_server.as_deref(),
        Some("turns:turn.example.org?transport=tcp")
    );
}

#[test]
fn metrics_are_served_on_loopback_unless_they_are_off() {
    let metrics = |pairs: &[(&str, &str)]| check(pairs).unwrap().metrics;
    assert_eq!(metrics(&[]), "127.0.0.1:9480".parse().ok());
    assert_eq!(metrics(&[("METRICS_LISTEN", "off")]), None);
    assert_eq!(
        metrics(&[("METRICS_LISTEN", "[::1]:0")]),
        "[::1]:0".parse().ok()
    );
}

#[test]
fn the_host_of_an_origin_has_no_port() {
    assert_eq!(host_of("https://chat.example.org:8443"), "chat.example.org");
    assert_eq!(host_of("http://[::1]:8080"), "::1");
}

#[test]
fn tls_needs_a_pair_in_production_and_none_at_the_desk() {
    let production = [
        ("ENVIRONMENT", "production"),
        ("PUBLIC_URL", "https://a.example"),
    ];
    let pair = [("TLS_CERT", "/etc/chain.pem"), ("TLS_KEY", "/etc/key.pem")];
    let tls = |pairs: &[(&str, &str)]| check(pairs).unwrap().turn.unwrap().tls;
    let made = tls(&[]).unwrap();
    assert!(made.port == 5349 && made.pair.is_none());
    assert!(tls(&production).is_none());
    let served = tls(&[production, pair].concat()).unwrap();
    assert_eq!(served.pair.unwrap().key, PathBuf::from("/etc/key.pem"));
    assert!(tls(&[("TURN_TLS_PORT", "off")]).is_none());
}
