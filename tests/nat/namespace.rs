//! Network namespaces, and work done inside them.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};

/// A host of its own. It has no name and lives as long as this handle, a
/// socket or a process inside it: nothing stays behind, however a test ends.
pub(crate) struct Namespace {
    handle: File,
}

impl Namespace {
    /// One with nothing but loopback.
    pub(crate) fn new() -> Self {
        let making = || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap_or_else(|why| {
                panic!(
                    "no network namespace can be made here ({why}): these tests need root with \
                     CAP_SYS_ADMIN and CAP_NET_ADMIN; PAYAMBAR_WITHOUT_ROOT=1 leaves them out"
                )
            });
            File::open("/proc/thread-self/ns/net").unwrap()
        };
        let namespace = Self {
            handle: on_a_thread(making),
        };
        namespace.ip("link set lo up");
        namespace
    }

    /// Does the work on a thread inside. A socket made there and a process
    /// started there stay inside for good.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        on_a_thread(|| {
            setns(&self.handle, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        })
    }

    /// By what name `ip` knows it.
    pub(crate) fn path(&self) -> String {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.handle.as_raw_fd()
        )
    }

    /// Runs lines of `ip`.
    pub(crate) fn ip(&self, lines: &str) {
        self.run("ip", "iproute2", &["-batch", "-"], lines);
    }

    /// Runs `nft`; says what it answers.
    pub(crate) fn nft(&self, words: &[&str], rules: &str) -> String {
        self.run("nft", "nftables", words, rules)
    }

    fn run(&self, program: &str, package: &str, words: &[&str], input: &str) -> String {
        let spawned = self.inside(|| {
            Command::new(program)
                .args(words)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        });
        let mut child = spawned.unwrap_or_else(|why| {
            panic!("{program} does not start ({why}): scripts/setup installs {package}")
        });
        // One that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {input}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A UDP socket inside, with room for what comes while this process waits
    /// for its turn.
    pub(crate) fn socket(&self, ip: Ipv4Addr) -> tokio::net::UdpSocket {
        let socket = self.inside(|| UdpSocket::bind(SocketAddr::from((ip, 0))).unwrap());
        setsockopt(&socket, RcvBufForce, &(4 << 20)).unwrap();
        socket.set_nonblocking(true).unwrap();
        tokio::net::UdpSocket::from_std(socket).unwrap()
    }
}

/// A namespace belongs to a thread, so the one that changes it must end with
/// the work.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
