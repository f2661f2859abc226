//! Who is measured: our relay, coturn, the bare forwarder, or nobody at all.
//! Each is started anew on loopback and ended when dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::generator::PAYLOAD;
use super::link::{Identity, Link, Over};
use super::turn::{NAME, PASSWORD, PATIENCE as PATIENCE_EACH, REALM};

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Relay ports, below those that the kernel lends.
const PORTS: [&str; 2] = ["10000", "31999"];

/// One of those who are compared.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) program: Program,
}

/// What runs.
#[derive(Clone, Debug)]
pub(super) enum Program {
    /// A build of ours, with these settings.
    Ours(PathBuf, Vec<(String, String)>),
    Coturn,
    Forwarder,
    /// The clients talk to the peer themselves.
    Nobody,
}

/// A contender at work.
pub(super) struct Standing {
    /// Where clients find it.
    pub(super) address: SocketAddr,
    over: Over,
    identity: Identity,
    child: Option<Child>,
    _folder: tempfile::TempDir,
}

impl Drop for Standing {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Standing {
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// A client's new connection to it.
    pub(super) fn connect(&self) -> Link {
        Link::open(self.address, PATIENCE_EACH, self.over, &self.identity)
    }
}

/// A port that nobody has, over UDP and TCP alike.
fn free_port() -> u16 {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = udp.local_addr().unwrap().port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

impl Contender {
    /// Starts it for clients that come over this transport; `peer` is where
    /// the forwarder forwards to.
    pub(super) fn start(&self, peer: SocketAddr, over: Over) -> Standing {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::make(folder.path());
        let (port, tls_port) = (free_port(), free_port());
        let tls = (over == Over::Tls).then_some((tls_port, &identity));
        let mut command = match &self.program {
            Program::Ours(binary, settings) => {
                let mut command = ours(binary, port, tls, &folder);
                command.envs(settings.iter().cloned());
                command
            }
            Program::Coturn => coturn(port, tls),
            Program::Forwarder => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                let port = port.to_string();
                command.args(["forwarder", "--port", &port, "--peer", &peer.to_string()]);
                command
            }
            Program::Nobody => {
                return Standing {
                    address: peer,
                    over,
                    identity,
                    child: None,
                    _folder: folder,
                };
            }
        };
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        let port = if over == Over::Tls { tls_port } else { port };
        let standing = Standing {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            over,
            identity,
            child: Some(
                child.unwrap_or_else(|error| panic!("{} does not start: {error}", self.name)),
            ),
            _folder: folder,
        };
        standing.wait_for_port(self.name);
        standing
    }
}

impl Standing {
    /// Waits until something is bound to its port: then neither a datagram nor
    /// a connection is refused any more.
    fn wait_for_port(&self, name: &str) {
        let end = Instant::now() + PATIENCE;
        let nap = Duration::from_millis(20);
        if self.over != Over::Udp {
            while TcpStream::connect(self.address).is_err() {
                assert!(Instant::now() < end, "{name} does not come up");
                std::thread::sleep(nap);
            }
            return;
        }
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(self.address).unwrap();
        socket.set_read_timeout(Some(nap)).unwrap();
        let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
        // Nothing that a relay answers; the forwarder takes it for a packet.
        let probe = [0; PAYLOAD];
        while socket.send(&probe).is_err_and(refused)
            || socket.recv(&mut [0; 8]).is_err_and(refused)
        {
            assert!(Instant::now() < end, "{name} does not come up");
            std::thread::sleep(nap);
        }
    }
}

/// Where TLS is spoken, and with what, if it is.
type Tls<'a> = Option<(u16, &'a Identity)>;

fn ours(binary: &PathBuf, port: u16, tls: Tls<'_>, folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(binary);
    let tls_port = tls.map_or_else(|| "off".to_owned(), |(port, _)| port.to_string());
    command
        .env_clear()
        .env("DATA_DIR", folder.path().join("data"))
        .env("LISTEN", "127.0.0.1")
        .env("PORT", free_port().to_string())
        .env("METRICS_LISTEN", "off")
        .env("LOG_LEVEL", "error")
        .env("TURN_LISTEN", "127.0.0.1")
        .env("TURN_PORT", port.to_string())
        .env("TURN_TLS_PORT", tls_port)
        .env("TURN_MAX_STREAMS", "0")
        .env("TURN_MAX_STREAMS_PER_NETWORK", "0")
        .env("TURN_MIN_PORT", PORTS[0])
        .env("TURN_MAX_PORT", PORTS[1])
        .env("TURN_EXTERNAL_IP", "127.0.0.1")
        .env("TURN_ALLOW_PEERS", "127.0.0.0/8")
        .env("TURN_REALM", REALM)
        .env("TURN_USERNAME", NAME)
        .env("TURN_PASSWORD", PASSWORD)
        .env("TURN_MAX_ALLOCATIONS_PER_USER", "0")
        .env("TURN_MAX_ALLOCATIONS_PER_IP", "0,0")
        .env("TURN_MAX_ALLOCATIONS", "0")
        .env("TURN_UNAUTHENTICATED_PER_SECOND", "0");
    if let Some((_, identity)) = tls {
        command
            .env("TLS_CERT", &identity.chain)
            .env("TLS_KEY", &identity.key);
    }
    command
}

fn coturn(port: u16, tls: Tls<'_>) -> Command {
    let mut command = Command::new("turnserver");
    match tls {
        None => command.arg("--no-tls"),
        Some((port, identity)) => command
            .args(["--tls-listening-port", &port.to_string()])
            .arg("--cert")
            .arg(&identity.chain)
            .arg("--pkey")
            .arg(&identity.key),
    };
    command
        .args(["-n", "--no-dtls", "--no-cli", "--no-stdout-log"])
        .args(["--simple-log", "--log-file", "log", "--pidfile", "pid"])
        .args(["--userdb", "users", "-a", "-r", REALM])
        .args(["-u", &format!("{NAME}:{PASSWORD}")])
        .args(["-L", "127.0.0.1", "-E", "127.0.0.1"])
        .args(["-p", &port.to_string()])
        .args(["--min-port", PORTS[0], "--max-port", PORTS[1]])
        .arg("--allow-loopback-peers")
        .stderr(Stdio::null());
    command
}
