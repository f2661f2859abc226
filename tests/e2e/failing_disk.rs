//! A disk that fails: nothing is acknowledged that is not on it, and what was
//! acknowledged stays readable. `strace` lets the syncs of the running server
//! fail, and the full disk is a small file system in a mount namespace of its
//! own; both need root, so `PAYAMBAR_WITHOUT_ROOT=1` leaves them out as well.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Person, Socket};
use crate::server::{Server, Setup};

pub(crate) fn skipped() -> bool {
    std::env::var_os("PAYAMBAR_WITHOUT_ROOT").is_some_and(|value| value == "1")
}

/// While it lives, every sync of the server fails. A server is ended with `kill`,
/// which a process that is being traced obeys too.
struct FailingSyncs(Child);

impl FailingSyncs {
    fn of(server: &Server) -> Self {
        let pid = server.pid().to_string();
        let inject = "inject=fsync,fdatasync,msync:error=EIO";
        let mut strace = Command::new("strace")
            .args(["-f", "-p", &pid, "-e", inject])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
        // "Process N attached with M threads": the writer's is among them.
        loop {
            let line = said.next().unwrap().unwrap();
            if line.contains("attached") {
                break;
            }
            assert!(!line.contains("not permitted"), "{line}");
        }
        // What it says from now on must not fill the pipe and stop it.
        std::thread::spawn(move || said.for_each(drop));
        Self(strace)
    }

    /// Lets go of the server, which runs on.
    fn end(mut self) {
        let order = format!("kill -INT {}", self.0.id());
        let sent = Command::new("sh").args(["-c", &order]).status().unwrap();
        assert!(sent.success());
        self.0.wait().unwrap();
    }
}

impl Drop for FailingSyncs {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(to: &Person, name: &str) -> Value {
    json!({ "type": "message", "receiver_id": to.id, "content": name, "client_message_id": name })
}

/// What the history of two people says, oldest first.
fn contents(server: &Server, me: &Person, other: &Person) -> Vec<String> {
    let path = format!("/api/messages?user_id={}&limit=100", other.id);
    let body = server.get_as(me, &path).json();
    let messages = body["messages"].as_array().unwrap();
    let content = |message: &Value| message["content"].as_str().unwrap().to_owned();
    messages.iter().map(content).collect()
}

/// Sends until one is refused; says what was acknowledged.
async fn until_refused(socket: &mut Socket, to: &Person, size: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0..5_000 {
        let name = format!("{n}");
        let mut frame = text(to, &name);
        frame["content"] = format!("{name} {}", "x".repeat(size)).into();
        socket.send(&frame).await;
        let answer = loop {
            let frame = socket.frame().await;
            if frame["type"] == "error" || frame["client_message_id"] == name {
                break frame;
            }
        };
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "storage_failed");
            assert_eq!(answer["ref"]["client_message_id"], name);
            return acknowledged;
        }
        acknowledged.push(answer["content"].as_str().unwrap().to_owned());
    }
    panic!("the disk is never full")
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_disk_does_not_sync() {
    if skipped() {
        return;
    }
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let mut his = server.socket(&omid).await;
    hers.say(&omid, "before").await;
    for round in 0..3 {
        let failing = FailingSyncs::of(&server);
        let names: Vec<String> = (0..20).map(|n| format!("{round}-{n}")).collect();
        for name in &names {
            assert_eq!(hers.refused(&text(&omid, name)).await, "storage_failed");
        }
        failing.end();
        // The same again is stored now, each once and in order.
        for name in &names {
            hers.send(&text(&omid, name)).await;
            assert_eq!(hers.frame_of("message").await["client_message_id"], **name);
        }
    }
    let mut expected = vec!["before".to_owned()];
    expected.extend((0..3).flat_map(|round| (0..20).map(move |n| format!("{round}-{n}"))));
    // He saw what was acknowledged, in its order, and nothing before its time.
    for content in &expected {
        assert_eq!(his.frame_of("message").await["content"], **content);
    }
    assert_eq!(contents(&server, &sara, &omid), expected);
    let server = server.kill_and_start();
    assert_eq!(contents(&server, &sara, &omid), expected);
}

/// A server whose data lies on a file system of `size`, and the way there.
pub(crate) fn on_a_small_disk(setup: Setup, size: &str) -> (Server, PathBuf) {
    let setup = setup.within(&[
        "unshare",
        "--mount",
        "sh",
        "-c",
        &format!("mkdir -p data && mount -t tmpfs -o size={size} none data && exec \"$@\""),
        "sh",
    ]);
    let server = setup.start();
    let folder = server.setup.folder().join("data");
    let inside = format!("/proc/{}/root{}", server.pid(), folder.display());
    (server, PathBuf::from(inside))
}

/// Fills the disk to its last page.
fn fill(folder: &Path) -> PathBuf {
    let filler = folder.join("filler");
    let full = fs::write(&filler, vec![0; 64 << 20]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    filler
}

#[tokio::test]
async fn a_full_disk_refuses_writes_serves_reads_and_recovers() {
    if skipped() {
        return;
    }
    let (server, disk) = on_a_small_disk(Setup::new(), "16m");
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    hers.say(&omid, "before").await;
    let filler = fill(&disk);
    let mut expected = vec!["before".to_owned()];
    expected.extend(until_refused(&mut hers, &omid, 4_000).await);
    assert_eq!(contents(&server, &omid, &sara), expected);
    assert_eq!(server.get("/health").status, 200);
    let (status, code) = server.sign("register", "mina", "a good password").refusal();
    assert_eq!((status, code.as_str()), (503, "storage_failed"));
    fs::remove_file(filler).unwrap();
    let after = hers.say(&omid, "after").await;
    assert_eq!(after["seq"], expected.len() + 1);
    expected.push("after".to_owned());
    assert_eq!(contents(&server, &omid, &sara), expected);
}
