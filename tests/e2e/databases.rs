//! What lies in the data folder: secrets, and files that are not ours to open.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use crate::server::{Server, Setup};

#[test]
fn secrets_are_the_owners_alone_and_a_token_outlives_a_restart() {
    let server = Server::usual();
    let sara = server.register("sara");
    let data = server.setup.folder().join("data");
    let look = || {
        ["jwt", "turn", "vapid"].map(|name| {
            let path = data.join("secrets").join(name);
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
            fs::read_to_string(path).unwrap()
        })
    };
    for folder in [data.clone(), data.join("secrets"), data.join("uploads")] {
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{folder:?}");
    }
    let before = look();
    let server = server.kill_and_start();
    assert_eq!(look(), before);
    assert_eq!(server.get_as(&sara, "/api/profile").json()["id"], sara.id);
}

/// The database as it is must be refused, by server and command alike.
fn refused(setup: &Setup, words: &str) {
    for command in [&[][..], &["user", "add", "omid", "--password-stdin"]] {
        let ended = setup.run(command, "a good password\n");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.complaint.contains(words), "{ended:?}");
        assert!(ended.complaint.contains("payambar.db"), "{ended:?}");
        assert!(!ended.complaint.contains("web listens"), "{ended:?}");
    }
}

/// A setup whose database was made by a server that stopped.
fn used() -> Setup {
    let server = Server::usual();
    server.register("sara");
    let setup = server.setup.clone();
    let (status, _) = server.terminate();
    assert!(status.success());
    setup
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let setup = used();
    let connection = Connection::open(setup.database()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    connection.close().unwrap();
    let before = fs::read(setup.database()).unwrap();
    refused(&setup, "is at version 99");
    assert!(
        fs::read(setup.database()).unwrap() == before,
        "the file was changed"
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    let setup = Setup::new();
    fs::create_dir(setup.folder().join("data")).unwrap();
    let connection = Connection::open(setup.database()).unwrap();
    connection
        .execute_batch("CREATE TABLE theirs (x INTEGER)")
        .unwrap();
    connection.close().unwrap();
    let before = fs::read(setup.database()).unwrap();
    refused(&setup, "another program");
    assert!(
        fs::read(setup.database()).unwrap() == before,
        "the file was changed"
    );
    let connection = Connection::open(setup.database()).unwrap();
    let tables = "SELECT group_concat(name) FROM sqlite_schema";
    let tables: String = connection.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, "theirs");
}

#[test]
fn a_database_whose_schema_is_damaged_is_refused() {
    let setup = used();
    let mut bytes = fs::read(setup.database()).unwrap();
    bytes[100..512].fill(0x5a);
    fs::write(setup.database(), bytes).unwrap();
    refused(&setup, "is damaged");
}

#[test]
fn a_database_that_is_cut_short_is_refused() {
    let setup = used();
    let bytes = fs::read(setup.database()).unwrap();
    fs::write(setup.database(), &bytes[..bytes.len() / 2]).unwrap();
    refused(&setup, "is damaged");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let setup = Setup::new();
    fs::create_dir(setup.folder().join("data")).unwrap();
    fs::write(
        setup.database(),
        "just a text, and long enough to be read as a header\n".repeat(100),
    )
    .unwrap();
    refused(&setup, "database");
}

#[test]
fn a_database_elsewhere_is_used_and_kept() {
    let setup = Setup::new();
    let elsewhere = setup.folder().join("elsewhere/chat.db");
    let setup = setup.set("DATABASE_PATH", elsewhere.to_str().unwrap());
    let server = setup.start();
    let sara = server.register("sara");
    assert!(elsewhere.exists());
    assert!(!server.setup.database().exists());
    let server = server.kill_and_start();
    assert_eq!(server.log_in("sara").id, sara.id);
}
