//! A server that is asked: ours or coturn, started the same way.

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::server::{PATIENCE, Server, Setup};
use crate::tools::installed;
use crate::wire::{BINDING, ERROR_CODE, Message, Reply, SOFTWARE, sha1};

/// The realm of both. Long ones make the worst amplification look better.
pub(crate) const REALM: &str = "probe";

const SECRET: &str = "the probes mint their own time-limited credentials";

/// Users of one server.
const USERS: usize = 8;

/// What clients come over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
    Tls,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Addresses of the relay.
    pub(crate) relays: Vec<&'static str>,
    /// Whether peers on loopback are opened on purpose.
    pub(crate) loopback: bool,
    /// Allocations one user may hold.
    pub(crate) quota: Option<u16>,
    /// How many ports the relay has, if few.
    pub(crate) ports: Option<u16>,
    /// Whether answers to strangers are limited as they are by default. Only
    /// ours has such a limit.
    pub(crate) answers_limited: bool,
    /// What its clients come over.
    pub(crate) over: Over,
}

impl Options {
    /// A relay with these addresses.
    pub(crate) fn new(relays: &[&'static str]) -> Self {
        Self {
            relays: relays.to_vec(),
            loopback: false,
            quota: None,
            ports: None,
            answers_limited: false,
            over: Over::Udp,
        }
    }

    /// The same, with clients that come over that.
    pub(crate) fn over(self, over: Over) -> Self {
        Self { over, ..self }
    }

    pub(crate) fn open(self) -> Self {
        Self {
            loopback: true,
            ..self
        }
    }
}

/// A running server.
pub(crate) struct Target {
    /// Where its clients go.
    pub(crate) address: SocketAddr,
    pub(crate) over: Over,
    pub(crate) manners: Manners,
    /// Sockets of clients that are gone. An allocation may live on in their
    /// name, so nobody else may get their port.
    gone: Mutex<Vec<UdpSocket>>,
    users: Vec<(String, String)>,
    setup: Setup,
    program: Program,
}

enum Program {
    Ours(Server),
    Coturn(Child),
}

impl Drop for Program {
    fn drop(&mut self) {
        match self {
            // It ends itself.
            Self::Ours(_) => {}
            Self::Coturn(child) => {
                // It may have ended already.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// What answers hold that helps nobody.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    answers: AtomicUsize,
    software: AtomicUsize,
    reasons: AtomicUsize,
}

impl Manners {
    pub(crate) fn note(&self, reply: &Reply) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        if reply.get(SOFTWARE).is_some() {
            self.software.fetch_add(1, Ordering::Relaxed);
        }
        if reply.get(ERROR_CODE).is_some_and(|value| value.len() > 4) {
            self.reasons.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers, those with SOFTWARE, those with a reason phrase.
    pub(crate) fn counts(&self) -> [usize; 3] {
        [&self.answers, &self.software, &self.reasons].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Target {
    pub(crate) fn ours(options: &Options) -> Self {
        let setup = with_ports(Setup::new(), options)
            .with_tls()
            .set("TURN_EXTERNAL_IP", &options.relays.join(","))
            .set("TURN_REALM", REALM)
            .set("TURN_SECRET", SECRET)
            .set(
                "TURN_MAX_ALLOCATIONS_PER_USER",
                &options.quota.unwrap_or(0).to_string(),
            )
            .set("TURN_MAX_ALLOCATIONS", "0");
        let setup = if options.loopback {
            setup.set("TURN_ALLOW_PEERS", "127.0.0.0/8,::1/128")
        } else {
            setup
        };
        let setup = if options.answers_limited {
            setup
        } else {
            setup.set("TURN_UNAUTHENTICATED_PER_SECOND", "0")
        };
        let server = setup.start();
        let expires = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
            + 3000;
        let user = |number| {
            let name = format!("{expires}:{number}.1");
            let password = BASE64_STANDARD.encode(sha1(SECRET.as_bytes(), name.as_bytes()));
            (name, password)
        };
        Self {
            address: address(&server.setup, options.over),
            over: options.over,
            manners: Manners::default(),
            gone: Mutex::default(),
            users: (1..=USERS).map(user).collect(),
            setup: server.setup.clone(),
            program: Program::Ours(server),
        }
    }

    pub(crate) fn coturn(options: &Options) -> Self {
        // Another program may take a port between our look and the start.
        let started = (0..3).map(|_| Self::start_coturn(options));
        let mut answering = started.filter(Self::answers);
        answering.next().expect("turnserver does not answer")
    }

    fn start_coturn(options: &Options) -> Self {
        let setup = with_ports(Setup::new(), options).with_tls();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let write = |name: &str, text: String| {
            std::fs::write(setup.folder().join(name), text).unwrap();
        };
        write("chain.pem", made.cert.pem());
        write("key.pem", made.signing_key.serialize_pem());
        let user = |number| (format!("user{number}"), format!("password{number}"));
        let users: Vec<_> = (1..=USERS).map(user).collect();
        let mut command = installed("turnserver");
        command
            .args(["-n", "--no-dtls", "--no-cli", "--no-stdout-log"])
            .args(["--cert", "chain.pem", "--pkey", "key.pem"])
            .args(["--tls-listening-port", setup.get("TURN_TLS_PORT")])
            .args(["--simple-log", "--log-file", "log", "--pidfile", "pid"])
            .args(["--userdb", "users", "-a", "-r", REALM, "-L", "127.0.0.1"])
            .args(["-p", setup.get("TURN_PORT")])
            .args(["--min-port", setup.get("TURN_MIN_PORT")])
            .args(["--max-port", setup.get("TURN_MAX_PORT")])
            .args(options.relays.iter().flat_map(|relay| ["-E", relay]))
            .args(
                users
                    .iter()
                    .flat_map(|(name, password)| ["-u".to_owned(), format!("{name}:{password}")]),
            )
            .args(options.loopback.then_some("--allow-loopback-peers"))
            .args(options.quota.map(|quota| format!("--user-quota={quota}")))
            .current_dir(setup.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let program = Program::Coturn(command.spawn().unwrap());
        Self {
            address: address(&setup, options.over),
            over: options.over,
            manners: Manners::default(),
            gone: Mutex::default(),
            users,
            setup,
            program,
        }
    }

    /// Waits for the first answer.
    fn answers(&self) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address(&self.setup, Over::Udp)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            // Refused until it has bound its port.
            let _ = socket.send(&Message::new(BINDING, &[]).bytes);
            if socket.recv(&mut [0; 512]).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Keeps the port of a client that is gone.
    pub(crate) fn keep(&self, socket: &UdpSocket) {
        self.gone.lock().unwrap().push(socket.try_clone().unwrap());
    }

    /// The name and password of one user; there are eight.
    pub(crate) fn user(&self, number: usize) -> &(String, String) {
        &self.users[number]
    }

    /// A port from the settings, such as `TURN_MIN_PORT`.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.setup.get(name).parse().unwrap()
    }

    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.program, Program::Ours(_))
    }

    /// Memory that the process has in use, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let pid = match &self.program {
            Program::Ours(server) => server.pid(),
            Program::Coturn(child) => child.id(),
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        line.unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    }
}

/// Where a server is that was started like this.
fn address(setup: &Setup, over: Over) -> SocketAddr {
    let port = setup.get(if over == Over::Tls {
        "TURN_TLS_PORT"
    } else {
        "TURN_PORT"
    });
    format!("127.0.0.1:{port}").parse().unwrap()
}

fn with_ports(setup: Setup, options: &Options) -> Setup {
    let Some(ports) = options.ports else {
        return setup;
    };
    let first: u16 = setup.get("TURN_MIN_PORT").parse().unwrap();
    setup.set("TURN_MAX_PORT", &(first + ports - 1).to_string())
}
