//! Connections to the relay over TCP (feature T3): what is counted of them, and
//! what happens when there are more than the system has files for.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;

use crate::metrics::{ask, measured, value};
use crate::relay::until;
use crate::server::{PATIENCE, Server};

const BINDING: &[u8; 20] = b"\x00\x01\0\0\x21\x12\xA4\x42transaction!";

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.turn_address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Waits for a Binding success.
fn hears_answer(mut stream: &TcpStream) {
    let mut answer = [0; 32];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(
        (answer[..2].to_vec(), &answer[8..20]),
        (vec![1, 1], &BINDING[8..])
    );
}

fn read(server: &Server, name: &str) -> u64 {
    value(&ask(server, "GET", "/metrics").text, name)
}

#[tokio::test]
async fn connections_are_counted_while_they_last_and_by_how_they_end() {
    const OPEN: &str = "payambar_turn_streams{transport=\"tcp\"}";
    const SILENT: &str = "payambar_turn_streams_silent";
    let ended = |reason: &str| format!("payambar_turn_streams_closed_total{{reason=\"{reason}\"}}");
    let server = measured();
    let (mut first, mut second) = (connect(&server), connect(&server));
    first.write_all(BINDING).unwrap();
    hears_answer(&first);
    until("both", async || {
        let seen = [OPEN, SILENT].map(|name| read(&server, name));
        (seen == [2, 1]).then_some(())
    })
    .await;
    second.write_all(&[0xFF; 20]).unwrap();
    assert_eq!(second.read(&mut [0; 16]).unwrap_or(0), 0);
    first.shutdown(Shutdown::Both).unwrap();
    until("both ends", async || {
        let seen = [ended("client"), ended("foreign"), OPEN.to_owned()];
        let seen = seen.map(|name| read(&server, &name));
        (seen == [1, 1, 0]).then_some(())
    })
    .await;
}

#[test]
fn without_files_nobody_new_is_taken_in_until_there_are_some() {
    let server = measured();
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    let limit = files.count() + 10;
    let set = Command::new("prlimit")
        .args(["--pid", &server.pid().to_string()])
        .arg(format!("--nofile={limit}:{limit}"))
        .status();
    assert!(set.unwrap().success());
    let mut all: Vec<TcpStream> = (0..30).map(|_| connect(&server)).collect();
    for stream in &mut all {
        stream.write_all(BINDING).unwrap();
    }
    let (first, last) = (all.remove(0), all.pop().unwrap());
    hears_answer(&first);
    drop(all);
    hears_answer(&last);
    (&first).write_all(BINDING).unwrap();
    hears_answer(&first);
    let failed = read(&server, "payambar_turn_accept_errors_total");
    // Looked at once a second, and not as fast as it can be.
    assert!((1..100).contains(&failed), "{failed}");
}
