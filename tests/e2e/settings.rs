//! What the operator sets: what is refused before a port opens, and which
//! source wins.

use std::net::{TcpListener, UdpSocket};

use crate::server::{Ended, Setup, free_tcp_port};

/// The server must refuse to start; nothing was made and no port was opened.
fn refused(setup: &Setup) -> Ended {
    let ended = setup.run(&[], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.out, "");
    assert!(!ended.complaint.contains("Payambar starts"), "{ended:?}");
    assert!(!setup.folder().join("data").exists(), "{ended:?}");
    ended
}

#[test]
fn a_bad_setting_is_refused_by_name_with_what_to_do() {
    for (name, value, fix) in [
        ("PORT", "0", "1 to 65535"),
        ("PORT", "http", "whole number"),
        ("LISTEN", "localhost", "IP address"),
        ("ENVIRONMENT", "staging", "development or production"),
        ("ENVIRONMENT", "production", "PUBLIC_URL must be set"),
        ("PUBLIC_URL", "chat.example.org", "https://chat.example.org"),
        ("BCRYPT_COST", "4", "12 to 16"),
        ("CORS_ORIGINS", "https://a.example/path", "no origin"),
        ("CORS_ORIGINS", "*,https://a.example", "use either"),
        ("TRUSTED_PROXIES", "proxy", "no CIDR range"),
        ("TURN_MIN_PORT", "65000", "TURN_MAX_PORT"),
        ("TURN_EXTERNAL_IP", "0.0.0.0", "one host"),
        ("TURN_LISTEN", "here", "no IP address"),
        ("TURN_USERNAME", "u", "TURN_PASSWORD must be set together"),
        ("TURN_CREDENTIAL_TTL", "59", "60 to 3600"),
        ("TURN_ALLOW_PEERS", "10/8", "no CIDR range"),
        ("TURN_SERVER", "turn:", "TURN URL"),
        ("STUN_SERVERS", "stun://x", "no STUN URL"),
        ("DEFAULT_LANG", "de", "fa or en"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("LOG_LEVEL", "a=b=c", "level or a filter"),
        ("VAPID_SUBJECT", "me", "mailto:"),
    ] {
        let complaint = refused(&Setup::new().set(name, value)).complaint;
        assert!(complaint.contains(fix), "{name}={value}: {complaint}");
        assert!(
            complaint.contains(name) || fix.contains("PUBLIC_URL"),
            "{complaint}"
        );
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_with_what_to_do() {
    let setup = Setup::new().with_tls();
    let pair = || rcgen::generate_simple_self_signed(["turn.example.org".to_owned()]).unwrap();
    let (ours, other) = (pair(), pair());
    let file = |name: &str, text: &str| {
        let path = setup.folder().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let chain = file("chain.pem", &ours.cert.pem());
    let key = file("key.pem", &ours.signing_key.serialize_pem());
    let other = file("other.pem", &other.signing_key.serialize_pem());
    for (chain, key, words) in [
        (
            "/no/such/file",
            &*key,
            "TLS_CERT=\"/no/such/file\" cannot be read",
        ),
        (
            &*chain,
            "/no/such/file",
            "TLS_KEY=\"/no/such/file\" cannot be read",
        ),
        (&*key, &*key, "no certificate in PEM form"),
        (&*chain, &*chain, "no private key in PEM form"),
        (&*chain, &*other, "does not belong to the certificate"),
    ] {
        let setup = setup.clone().set("TLS_CERT", chain).set("TLS_KEY", key);
        let complaint = refused(&setup).complaint;
        assert!(complaint.contains(words), "{complaint}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let setup = Setup::new()
        .set("BCRYPT_COST", "1")
        .set("DEFAULT_LANG", "x")
        .set("TURN_PORT", "y");
    let complaint = refused(&setup).complaint;
    for name in ["BCRYPT_COST=\"1\"", "DEFAULT_LANG=\"x\"", "TURN_PORT=\"y\""] {
        assert!(complaint.contains(name), "{name}: {complaint}");
    }
}

#[test]
fn a_weak_secret_is_refused_and_not_repeated() {
    for weak in [
        "hunter2-secret",
        "change-me-change-me-change-me-change-me",
        &"a".repeat(40),
    ] {
        for name in ["JWT_SECRET", "TURN_SECRET"] {
            let complaint = refused(&Setup::new().set(name, weak)).complaint;
            assert!(
                complaint.contains(name) && complaint.contains("openssl rand -hex 32"),
                "{complaint}"
            );
            assert!(!complaint.contains(weak), "{complaint}");
        }
    }
}

#[test]
fn a_store_we_do_not_have_is_refused() {
    for name in ["DATABASE_URL", "DB_HOST", "REDIS_URL"] {
        let complaint = refused(&Setup::new().set(name, "postgres://u:geheim@db/x")).complaint;
        assert!(
            complaint.contains(name) && complaint.contains("remove the variable"),
            "{complaint}"
        );
        assert!(!complaint.contains("geheim"), "{complaint}");
    }
}

#[test]
fn rate_limits_stay_on_where_strangers_can_reach_the_server() {
    let complaint = refused(&Setup::new().set("LISTEN", "0.0.0.0")).complaint;
    assert!(
        complaint.contains("RATE_LIMIT") && complaint.contains("loopback"),
        "{complaint}"
    );
    let production = Setup::new()
        .set("ENVIRONMENT", "production")
        .set("PUBLIC_URL", "https://a.example");
    assert!(refused(&production).complaint.contains("RATE_LIMIT"));
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let ended = Setup::new().set("PORT", &port).run(&[], "");
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .complaint
            .contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{ended:?}"
    );
    assert!(ended.complaint.contains("set PORT"), "{ended:?}");

    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port().to_string();
    let ended = Setup::new().set("TURN_PORT", &port).run(&[], "");
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.complaint.contains("set TURN_LISTEN or TURN_PORT"),
        "{ended:?}"
    );

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let port = address.port().to_string();
    let ended = Setup::new().set("TURN_PORT", &port).run(&[], "");
    assert_eq!(ended.code, Some(1));
    let named = format!("cannot listen on tcp {address}");
    assert!(ended.complaint.contains(&named), "{ended:?}");
}

/// What `.env` in the folder, a named file, the environment and a flag say, by
/// which complaint about `DEFAULT_LANG` comes first.
fn winner(setup: &Setup, flag: bool) -> String {
    let words: &[&str] = if flag {
        &["--default-lang", "flag"]
    } else {
        &[]
    };
    let ended = setup.run(words, "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let rest = ended.complaint.split("DEFAULT_LANG=\"").nth(1);
    rest.and_then(|rest| rest.split('"').next())
        .unwrap_or(&ended.complaint)
        .to_owned()
}

#[test]
fn a_flag_beats_the_environment_and_that_beats_the_one_env_file() {
    let setup = Setup::new();
    std::fs::write(setup.folder().join(".env"), "DEFAULT_LANG=dot_env\n").unwrap();
    assert_eq!(winner(&setup, false), "dot_env");
    let named = setup.folder().join("named.env");
    std::fs::write(&named, "# a comment\nexport DEFAULT_LANG='named'\n").unwrap();
    let setup = setup.set("PAYAMBAR_ENV_FILE", named.to_str().unwrap());
    assert_eq!(winner(&setup, false), "named");
    let setup = setup.set("DEFAULT_LANG", "environment");
    assert_eq!(winner(&setup, false), "environment");
    assert_eq!(winner(&setup, true), "flag");
}

#[test]
fn an_env_file_that_cannot_be_read_is_refused() {
    let complaint = refused(&Setup::new().set("PAYAMBAR_ENV_FILE", "/no/such/file")).complaint;
    assert!(complaint.contains("PAYAMBAR_ENV_FILE"), "{complaint}");
    let setup = Setup::new();
    std::fs::write(setup.folder().join(".env"), "PORT=1\nnonsense\n").unwrap();
    assert!(refused(&setup).complaint.contains("line 2"));
}

#[test]
fn a_port_from_the_env_file_is_used() {
    let port = free_tcp_port();
    let setup = Setup::new();
    std::fs::write(
        setup.folder().join(".env"),
        format!("PORT=1\nTURN_REALM=from.file\nPORT={port}\n"),
    )
    .unwrap();
    let server = setup.set("LOG_FORMAT", "json").start();
    assert_eq!(server.get("/health").status, 200);
    assert!(
        server
            .log()
            .lines()
            .all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
    );
}

#[test]
fn relay_ports_that_the_kernel_may_lend_are_named_with_the_command() {
    let kernel = |name: &str| std::fs::read_to_string(format!("/proc/sys/net/ipv4/{name}"));
    let range = kernel("ip_local_port_range").unwrap();
    let reserved = kernel("ip_local_reserved_ports").unwrap();
    let low: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
    let setup = Setup::new();
    let taken: u16 = setup.get("TURN_PORT").parse().unwrap();
    let first = if (low..low + 100).contains(&taken) {
        low + 100
    } else {
        low
    };
    let last = first + 99;
    let lent = setup
        .set("TURN_MIN_PORT", &first.to_string())
        .set("TURN_MAX_PORT", &last.to_string());
    let log = lent.start().log();
    // A host that reserves ports itself has another list to keep.
    if reserved.trim().is_empty() {
        let command = format!("sysctl -w net.ipv4.ip_local_reserved_ports={first}-{last}");
        assert!(log.contains(&command), "{log}");
    }
    let log = Setup::new().start().log();
    assert!(low < 30_000 || !log.contains("sysctl"), "{log}");
}
