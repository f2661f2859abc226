//! What is measured: the server's release build or the floor, each on a copy
//! of the same database and loopback, ended when dropped.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who is signed in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Person {
    #[serde(rename = "user_id")]
    pub(crate) id: i64,
    pub(crate) token: String,
}

/// A database that is copied for each round.
pub(crate) struct Template {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) people: Vec<Person>,
    pub(crate) binary: PathBuf,
    /// Another build, to be compared with.
    pub(crate) other: Option<PathBuf>,
    /// What every sync of the disk takes longer.
    pub(crate) slow_sync: Duration,
}

impl Template {
    /// Seeds a database beside the binary, so that it lies on the disk that
    /// builds lie on and not in memory.
    pub(crate) fn seed(binary: &Path, people: usize, messages: usize) -> Self {
        let near = binary.parent().expect("a file has a folder");
        let folder = tempfile::Builder::new()
            .prefix("load-")
            .tempdir_in(near)
            .unwrap();
        let template = Self {
            folder,
            people: Vec::new(),
            binary: binary.to_owned(),
            other: None,
            slow_sync: Duration::ZERO,
        };
        let count = people.to_string();
        template.run(&[
            "dev",
            "seed",
            "--people",
            &count,
            "--messages",
            &messages.to_string(),
        ]);
        let tokens = template.run(&["dev", "tokens", "--people", &count]);
        let people = tokens
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        Self {
            people: people.collect(),
            ..template
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, words: &[&str]) -> String {
        let output = settings(Command::new(&self.binary), &self.data(), 0)
            .args(words)
            .output();
        let output = output.expect("the binary cannot be started");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::Builder::new()
            .prefix("round-")
            .tempdir_in(self.folder.path())
            .unwrap();
        copy_folder(&self.data(), copy.path());
        copy
    }

    /// The server on a copy.
    pub(crate) fn server(&self) -> Target {
        self.start("server", &self.binary)
    }

    /// The other build on a copy.
    pub(crate) fn beside(&self) -> Target {
        let other = self.other.as_ref().expect("no other build was named");
        self.start("beside", other)
    }

    /// Puts what is started on a disk that is as slow to sync as wanted.
    fn slowed<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if self.slow_sync.is_zero() {
            return command;
        }
        let library = self.folder.path().join("slow_sync.so");
        if !library.exists() {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("slow_sync.c");
            let mut compiler = Command::new("cc");
            compiler
                .args(["-O2", "-shared", "-fPIC", "-o"])
                .arg(&library);
            let built = compiler.arg(source).status();
            assert!(built.expect("there is no C compiler").success());
        }
        command
            .env("LD_PRELOAD", library)
            .env("SLOW_SYNC_US", self.slow_sync.as_micros().to_string())
    }

    fn start(&self, name: &'static str, binary: &Path) -> Target {
        let copy = self.copy();
        let port = free_port();
        let mut command = settings(Command::new(binary), copy.path(), port);
        let child = self.slowed(&mut command).spawn();
        let child = child.expect("the server cannot be started");
        Target::up(name, child, port, copy)
    }

    /// The floor on a copy.
    pub(crate) fn floor(&self) -> Target {
        let copy = self.copy();
        let port = free_port();
        let own = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(own);
        let child = self
            .slowed(&mut command)
            .args(["floor", "--port", &port.to_string(), "--database"])
            .arg(copy.path().join("payambar.db"))
            .stdout(Stdio::null())
            .spawn();
        Target::up(
            "floor",
            child.expect("the floor cannot be started"),
            port,
            copy,
        )
    }
}

/// The environment of a server that listens on loopback alone.
fn settings(mut command: Command, data: &Path, port: u16) -> Command {
    command
        .env_clear()
        .env("PORT", port.max(1).to_string())
        .env("LISTEN", "127.0.0.1")
        .env("DATA_DIR", data)
        .env("RATE_LIMIT", "off")
        .env("TURN_ENABLED", "false")
        .env("METRICS_LISTEN", "off")
        .env("LOG_LEVEL", "warn,payambar::store::readers=debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// Something that runs and can be asked.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    child: Child,
    folder: tempfile::TempDir,
    log: Option<std::thread::JoinHandle<f64>>,
}

impl Target {
    fn up(name: &'static str, mut child: Child, port: u16, folder: tempfile::TempDir) -> Self {
        let log = child
            .stderr
            .take()
            .map(|log| std::thread::spawn(move || follow(log)));
        let target = Self {
            name,
            port,
            child,
            folder,
            log,
        };
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "{name} does not come up");
            std::thread::sleep(Duration::from_millis(5));
        }
        target
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends it at once; says the longest query it logged, in milliseconds.
    pub(crate) fn kill(mut self) -> f64 {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.take().map_or(0.0, |log| log.join().unwrap_or(0.0))
    }

    /// Ends it as a host does (`clean`) or a failure does, and starts it again
    /// on the same data. Says how long it took until the path was answered.
    pub(crate) fn restart(
        &mut self,
        binary: &Path,
        clean: bool,
        answered: impl Fn(&str) -> bool,
    ) -> Duration {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).unwrap());
        let signal = if clean {
            nix::sys::signal::Signal::SIGTERM
        } else {
            nix::sys::signal::Signal::SIGKILL
        };
        nix::sys::signal::kill(pid, signal).unwrap();
        self.child.wait().unwrap();
        let began = Instant::now();
        let mut child = settings(Command::new(binary), self.folder.path(), self.port)
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        self.log = Some(std::thread::spawn(move || follow(log)));
        self.child = child;
        let address = self.address();
        while !answered(&address) {
            assert!(began.elapsed() < PATIENCE, "the server does not come up");
            std::thread::sleep(Duration::from_millis(1));
        }
        began.elapsed()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Passes on what is complained about; says the longest query that was logged.
#[expect(
    clippy::print_stderr,
    reason = "the server's complaints are the reader's"
)]
fn follow(log: std::process::ChildStderr) -> f64 {
    let mut longest = 0.0_f64;
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        match line.split_once("query_us=") {
            Some((_, took)) => {
                let took: f64 = took.trim().parse().unwrap_or(0.0);
                longest = longest.max(took / 1000.0);
            }
            None => eprintln!("{line}"),
        }
    }
    longest
}
