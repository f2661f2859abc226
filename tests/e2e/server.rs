//! Starts the binary on free ports and a folder of its own, and ends it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A start or an end that takes longer has failed. Two cores share all tests,
/// and each start hashes passwords.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Relay ports of one server, and how many such ranges there are from 20000.
const RANGE: u16 = 300;
const RANGES: u16 = 33;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// Settings and a folder, from which servers and commands are started.
#[derive(Clone)]
pub(crate) struct Setup {
    settings: BTreeMap<String, String>,
    folder: Arc<tempfile::TempDir>,
    within: Vec<String>,
}

impl Setup {
    /// Everything on loopback and free ports, without rate limits.
    pub(crate) fn new() -> Self {
        let setup = Self {
            settings: BTreeMap::new(),
            folder: Arc::new(tempfile::tempdir().unwrap()),
            within: Vec::new(),
        };
        let pairs = [
            ("LISTEN", "127.0.0.1"),
            ("TURN_LISTEN", "127.0.0.1"),
            ("TURN_EXTERNAL_IP", "127.0.0.1"),
            ("RATE_LIMIT", "off"),
            ("METRICS_LISTEN", "off"),
            ("TURN_TLS_PORT", "off"),
        ];
        let setup = pairs
            .into_iter()
            .fold(setup, |setup, (name, value)| setup.set(name, value));
        // The same tests hold whichever way the relay does its work.
        let given = |name| std::env::var(name).ok().map(|value| (name, value));
        let given = ["MEDIA_IO", "MEDIA_SHARDS"].into_iter().filter_map(given);
        let setup = given.fold(setup, |setup, (name, value)| setup.set(name, &value));
        setup.with_free_ports()
    }

    pub(crate) fn with_free_ports(self) -> Self {
        let slot = TAKEN.fetch_add(1, Ordering::Relaxed);
        let own = u16::try_from(std::process::id() % u32::from(RANGES)).unwrap();
        let first = 20_000 + (own + slot) % RANGES * RANGE;
        let setup = if self
            .settings
            .get("TURN_TLS_PORT")
            .is_some_and(|port| port != "off")
        {
            self.with_tls()
        } else {
            self
        };
        setup
            .set("PORT", &free_tcp_port().to_string())
            .set("TURN_PORT", &free_turn_port().to_string())
            .set("TURN_MIN_PORT", &first.to_string())
            .set("TURN_MAX_PORT", &(first + RANGE - 1).to_string())
    }

    /// TURN over TLS on a free port, with a certificate of its own making.
    pub(crate) fn with_tls(self) -> Self {
        self.set("TURN_TLS_PORT", &free_tcp_port().to_string())
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.settings.remove(name);
        self
    }

    /// Everything is started by this command, which becomes what it starts.
    pub(crate) fn within(mut self, words: &[&str]) -> Self {
        self.within = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        &self.settings[name]
    }

    /// The folder in which everything is started.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder().join("data/payambar.db")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_payambar");
        let mut all = self.within.iter().map(String::as_str).chain([binary]);
        let mut command = Command::new(all.next().unwrap_or(binary));
        command
            .args(all)
            .args(words)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(&self.settings)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[&str], input: &str) -> Ended {
        let mut child = self.command(words).stdin(Stdio::piped()).spawn().unwrap();
        // A command that refuses before it reads has closed the pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let (pid, (done, ended)) = (child.id(), mpsc::channel());
        std::thread::spawn(move || done.send(child.wait_with_output().unwrap()));
        let Ok(output) = ended.recv_timeout(PATIENCE) else {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
            panic!("{words:?} does not end");
        };
        Ended::from(output)
    }

    /// Starts a server that must come up.
    pub(crate) fn start(&self) -> Server {
        let mut setup = self.clone();
        for _ in 0..3 {
            match Server::start(setup.clone()) {
                Ok(server) => return server,
                // Another program took the port between our look and the start.
                Err(log) if log.contains("in use") => setup = setup.with_free_ports(),
                Err(log) => panic!("the server did not start: {log}"),
            }
        }
        panic!("no free ports");
    }
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) complaint: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            complaint: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running server; it is killed when dropped.
pub(crate) struct Server {
    pub(crate) setup: Setup,
    child: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// A server with the usual settings.
    pub(crate) fn usual() -> Self {
        Setup::new().start()
    }

    fn start(setup: Setup) -> Result<Self, String> {
        let mut child = setup.command(&[]).spawn().unwrap();
        let (lines, log) = (mpsc::channel(), Arc::<Mutex<String>>::default());
        let readers = vec![
            follow(child.stderr.take().unwrap(), &log, lines.0.clone()),
            follow(child.stdout.take().unwrap(), &log, lines.0),
        ];
        let server = Self {
            setup,
            child,
            log,
            readers,
        };
        let end = Instant::now() + PATIENCE;
        loop {
            match lines
                .1
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains("web listens") => break,
                Ok(_) => {}
                Err(_) => return Err(server.log()),
            }
        }
        let health = server.get("/health");
        assert_eq!(health.status, 200, "{}", health.text);
        Ok(server)
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.setup.get("PORT"))
    }

    pub(crate) fn turn_address(&self) -> String {
        format!("127.0.0.1:{}", self.setup.get("TURN_PORT"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ends it at once, as `kill -9` would, and starts it on the same data.
    pub(crate) fn kill_and_start(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.setup.start()
    }

    /// Asks it to stop, as the host does; says how it ended and all it printed.
    pub(crate) fn terminate(self) -> (ExitStatus, String) {
        self.ask_to_stop();
        self.ended()
    }

    /// Asks it to stop and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        let order = format!("kill -TERM {}", self.pid());
        let sent = Command::new("sh").args(["-c", &order]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; says how it ended and all it printed.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, self.log())
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "shown with the failed test alone")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(
    from: impl Read + Send + 'static,
    log: &Arc<Mutex<String>>,
    lines: mpsc::Sender<String>,
) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.lock().unwrap().push_str(&format!("{line}\n"));
            // Nobody listens after the start.
            let _ = lines.send(line);
        }
    })
}

pub(crate) fn free_tcp_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A port that is free over UDP and TCP.
pub(crate) fn free_turn_port() -> u16 {
    let mut ports = std::iter::repeat_with(free_udp_port);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).unwrap()
}

pub(crate) fn free_udp_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}
