//! TURN over TLS (feature T4): who is told of it, what is shown, and how that
//! is renewed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::relay::until;
use crate::server::{PATIENCE, Server, Setup};

type Pair = CertifiedKey<KeyPair>;

fn pair() -> Pair {
    rcgen::generate_simple_self_signed(["turn.example.org".to_owned()]).unwrap()
}

/// Writes a pair to where the server reads it.
fn install(setup: &Setup, pair: &Pair) {
    let [chain, key] = files(setup);
    std::fs::write(chain, pair.cert.pem()).unwrap();
    std::fs::write(key, pair.signing_key.serialize_pem()).unwrap();
}

fn files(setup: &Setup) -> [PathBuf; 2] {
    ["chain.pem", "key.pem"].map(|name| setup.folder().join(name))
}

fn with_pair(pair: &Pair) -> Setup {
    let setup = Setup::new().with_tls();
    install(&setup, pair);
    let [chain, key] = files(&setup);
    let setup = setup.set("TLS_CERT", chain.to_str().unwrap());
    setup.set("TLS_KEY", key.to_str().unwrap())
}

/// A session with the relay of who believes this certificate alone.
struct Session(StreamOwned<ClientConnection, TcpStream>);

impl Session {
    /// None: what is shown is not believed.
    fn open(server: &Server, name: &str, trusted: &CertificateDer<'_>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone().into_owned()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = name.to_owned().try_into().unwrap();
        let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address(server)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut socket).ok()?;
        }
        Some(Self(StreamOwned::new(session, socket)))
    }

    /// Whether a Binding request is answered with a success.
    fn answers(&mut self) -> bool {
        let request = b"\x00\x01\0\0\x21\x12\xA4\x42transaction!";
        let mut answer = [0; 32];
        self.0.write_all(request).is_ok()
            && self.0.read_exact(&mut answer).is_ok()
            && answer[..2] == [1, 1]
            && answer[8..20] == request[8..]
    }
}

fn address(server: &Server) -> String {
    format!("127.0.0.1:{}", server.setup.get("TURN_TLS_PORT"))
}

fn hang_up(server: &Server) {
    let pid = server.pid().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status().unwrap();
    assert!(sent.success());
}

fn urls(server: &Server) -> Vec<String> {
    let sara = server.register("sara");
    let config = server.get_as(&sara, "/api/webrtc/config").json();
    serde_json::from_value(config["iceServers"][1]["urls"].clone()).unwrap()
}

#[test]
fn at_the_desk_a_pair_is_made_and_callers_are_told_of_tls_last() {
    let server = Setup::new().with_tls().start();
    let turns = format!("turns:{}?transport=tcp", address(&server));
    assert_eq!(urls(&server).last(), Some(&turns));
    assert!(server.log().contains("made itself"), "{}", server.log());
    let kept = server.setup.folder().join("data/secrets/tls");
    let kept = std::fs::read_to_string(kept).unwrap();
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(kept.as_bytes()).unwrap();
    let mut session = Session::open(&server, "localhost", &der).unwrap();
    assert!(session.answers());
}

#[test]
fn in_production_there_is_no_tls_without_a_pair_and_that_is_said() {
    let server = Setup::new()
        .with_tls()
        .set("ENVIRONMENT", "production")
        .set("PUBLIC_URL", "https://chat.example.org")
        .unset("RATE_LIMIT")
        .start();
    assert!(
        server
            .log()
            .contains("serves no TLS: set TLS_CERT and TLS_KEY")
    );
    assert!(TcpStream::connect(address(&server)).is_err());
    assert!(urls(&server).iter().all(|url| url.starts_with("turn:")));
}

#[tokio::test]
async fn a_renewed_pair_is_shown_to_who_comes_and_ends_nothing() {
    let (first, renewed) = (pair(), pair());
    let server = with_pair(&first).start();
    let name = "turn.example.org";
    let mut before = Session::open(&server, name, first.cert.der()).unwrap();
    assert!(before.answers());
    install(&server.setup, &renewed);
    assert!(
        Session::open(&server, name, renewed.cert.der()).is_none(),
        "nobody said that there is another pair"
    );
    hang_up(&server);
    let mut after = until("the new pair", async || {
        Session::open(&server, name, renewed.cert.der())
    })
    .await;
    assert!(after.answers() && before.answers());

    // Half a renewal: the old key would not fit.
    let [chain, _] = files(&server.setup);
    std::fs::write(chain, first.cert.pem()).unwrap();
    hang_up(&server);
    until("the refusal", async || {
        let log = server.log();
        let told = log.contains("TLS_KEY=") && log.contains("stays in force");
        told.then_some(())
    })
    .await;
    let mut still = Session::open(&server, name, renewed.cert.der()).unwrap();
    assert!(still.answers() && before.answers());
}

#[tokio::test]
async fn without_a_pair_to_read_a_hang_up_changes_nothing() {
    let server = Server::usual();
    hang_up(&server);
    until("the words", async || {
        let told = server.log().contains("TLS_CERT and TLS_KEY again, but");
        told.then_some(())
    })
    .await;
    assert_eq!(server.get("/health").status, 200);
}

/// Memory that the server has in use, in bytes.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_connection_that_waits_for_its_next_word_takes_little_memory() {
    const MANY: usize = 400;
    const MOST: usize = 16 * 1024;
    let pair = pair();
    let server = with_pair(&pair).start();
    let open = || {
        let mut session = Session::open(&server, "turn.example.org", pair.cert.der()).unwrap();
        assert!(session.answers());
        session
    };
    // What the first ones need, those after them need no more.
    let mut sessions: Vec<Session> = (0..40).map(|_| open()).collect();
    let before = resident(&server);
    sessions.extend((0..MANY).map(|_| open()));
    let each = resident(&server).saturating_sub(before) / MANY;
    assert!(each <= MOST, "{each} bytes");
}
