//! What nobody has a use for is removed (row F9), and only that: after a crash,
//! and when a message is gone.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Instant;

use crate::form::Form;
use crate::server::{PATIENCE, Server};
use crate::uploads::fetch;

/// Waits until so many files are on the disk.
pub(crate) fn await_files(server: &Server, wanted: usize) {
    let end = Instant::now() + PATIENCE;
    while server.setup.uploads().len() != wanted {
        assert!(Instant::now() < end, "{:?}", server.setup.uploads());
        std::thread::yield_now();
    }
}

#[test]
fn a_crash_in_mid_upload_leaves_nothing() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let whole = Form::to(&omid, "whole.bin", b"whole").send(&server, &sara);
    let body = Form::to(&omid, "half.bin", &[7; 300_000]).bytes();
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        sara.token,
        Form::kind(),
        body.len()
    );
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..250_000]).unwrap();
    await_files(&server, 2);
    // What a crash between the disk and the database leaves.
    let orphan = server.setup.folder().join("data/uploads/blobs/ab/abcdef");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "orphan").unwrap();

    let server = server.kill_and_start();
    await_files(&server, 1);
    assert!(!orphan.exists());
    let path = format!("/api/messages?user_id={}", sara.id);
    let kept = server.get_as(&omid, &path).json();
    assert_eq!(kept["messages"].as_array().unwrap().len(), 1);
    assert_eq!(kept["messages"][0]["file_name"], "whole.bin");
    assert_eq!(fetch(&server, &whole.json()).text, "whole");
}

#[test]
fn the_bytes_go_with_the_last_message_that_has_them() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let send = |name| {
        Form::to(&omid, name, b"the same")
            .send(&server, &sara)
            .json()
    };
    let (first, second) = (send("a"), send("b"));
    assert_eq!(server.setup.uploads().len(), 1);
    let erase = |server: Server, told: &serde_json::Value| {
        let database = rusqlite::Connection::open(server.setup.database()).unwrap();
        let message = told["message_id"].as_i64().unwrap();
        let erased = database.execute(
            "UPDATE messages SET file_id = NULL WHERE id = ?1",
            [message],
        );
        assert_eq!(erased.unwrap(), 1);
        drop(database);
        server.kill_and_start()
    };
    let server = erase(server, &first);
    assert_eq!(fetch(&server, &first).status, 404);
    assert_eq!(fetch(&server, &second).text, "the same");
    let server = erase(server, &second);
    await_files(&server, 0);
    assert_eq!(fetch(&server, &second).status, 404);
}
