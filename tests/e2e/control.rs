//! The control socket under clients that behave as they should not.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::relay::until;
use crate::server::{PATIENCE, Server, Setup};
use crate::turn_cli::turn;

fn socket(setup: &Setup) -> PathBuf {
    setup.folder().join("data/control.sock")
}

fn connect(server: &Server) -> UnixStream {
    let stream = UnixStream::connect(socket(&server.setup)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The next line that comes.
fn heard(stream: &UnixStream) -> Value {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("no object: {line:?}"))
}

fn say(mut stream: &UnixStream, line: &str) {
    // Who is being thrown out may not get everything said.
    let _ = stream.write_all(line.as_bytes());
}

fn is_well(server: &Server) {
    assert_eq!(
        turn(&server.setup, &["sessions"]),
        json!({ "sessions": [] })
    );
}

#[test]
fn the_socket_is_the_owners_alone_and_goes_with_the_server() {
    let server = Server::usual();
    let path = socket(&server.setup);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // Killed, it leaves the socket behind, which the next one replaces.
    let server = server.kill_and_start();
    is_well(&server);
    let (status, log) = server.terminate();
    assert!(status.success() && !path.exists(), "{log}");
}

#[test]
fn several_requests_on_one_connection_are_answered_in_order() {
    let server = Server::usual();
    let stream = connect(&server);
    let mut lines = BufReader::new(&stream).lines();
    say(
        &stream,
        "{\"turn\":\"sessions\"}\n{\"turn\":\"cred_list\"}\nnonsense\n{\"turn\":\"sessions\"}\n",
    );
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next(), json!({ "ok": { "sessions": [] } }));
    assert_eq!(next(), json!({ "ok": { "pairs": [] } }));
    assert_eq!(next()["error"]["code"], "bad_request");
    assert_eq!(next(), json!({ "ok": { "sessions": [] } }));
}

#[test]
fn a_client_that_makes_no_sense_harms_nobody() {
    let server = Server::usual();
    let endless = connect(&server);
    say(&endless, &"x".repeat(70_000));
    assert_eq!(heard(&endless)["error"]["code"], "too_long");
    let binary = connect(&server);
    (&binary).write_all(&[0xFF, 0x00, 0xC3, b'\n']).unwrap();
    assert_eq!(heard(&binary)["error"]["code"], "bad_request");
    let deep = connect(&server);
    say(&deep, &format!("{}\n", "[".repeat(60_000)));
    assert_eq!(heard(&deep)["error"]["code"], "bad_request");
    let half = connect(&server);
    say(&half, "{\"turn\":");
    drop(half);
    let gone = connect(&server);
    say(&gone, "{\"turn\":\"sessions\"}\n");
    drop(gone);
    let mut silent = connect(&server);
    is_well(&server);
    // One that says nothing is let go.
    let mut rest = Vec::new();
    assert_eq!(silent.read_to_end(&mut rest).unwrap(), 0);
    assert_eq!(server.get("/health").status, 200);
}

#[tokio::test]
async fn a_crowd_is_told_to_come_again_and_can() {
    let server = Server::usual();
    let crowd: Vec<UnixStream> = (0..16).map(|_| connect(&server)).collect();
    // Each has its place once it was answered.
    for stream in &crowd {
        say(stream, "{\"turn\":\"sessions\"}\n");
        assert_eq!(heard(stream), json!({ "ok": { "sessions": [] } }));
    }
    assert_eq!(heard(&connect(&server))["error"]["code"], "busy");
    drop(crowd);
    until("a free place", async || {
        let stream = connect(&server);
        say(&stream, "{\"turn\":\"sessions\"}\n");
        heard(&stream).get("ok").map(drop)
    })
    .await;
}

/// Needs root, which may become somebody else.
#[test]
fn another_user_is_turned_away_even_where_the_files_let_them_in() {
    let server = Server::usual();
    let own = fs::metadata(socket(&server.setup)).unwrap();
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return;
    }
    let folder = server.setup.folder();
    for (path, mode) in [
        (folder.to_owned(), 0o755),
        (folder.join("data"), 0o755),
        (socket(&server.setup), 0o666),
    ] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let script =
        "$SIG{PIPE} = q(IGNORE); my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!;
        print $s qq({\"turn\":\"sessions\"}\\n); $s->flush; print scalar <$s>;";
    let said = Command::new("perl")
        .args(["-MIO::Socket::UNIX", "-e", script])
        .arg(socket(&server.setup))
        .current_dir("/")
        .uid(65_534)
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(said["error"]["code"], "forbidden", "{said}");
    is_well(&server);
}

#[test]
fn a_data_folder_too_deep_for_a_socket_is_explained() {
    let deep = "d".repeat(100);
    let setup = Setup::new().set("DATA_DIR", &deep);
    for words in [&[][..], &["turn", "sessions"]] {
        let ended = setup.run(words, "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.complaint.contains("set DATA_DIR to a shorter one"),
            "{ended:?}"
        );
    }
}
