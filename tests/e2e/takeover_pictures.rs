//! Pictures of the earlier server get their sides and a small one after the
//! take-over (rows F4, O9), beside everything else that goes on.

use std::time::Instant;

use image::ImageFormat;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::earlier::{TABLES, account, conversation, earlier};
use crate::pictures::{picture, sides};
use crate::server::{PATIENCE, Server};
use crate::takeover::attach;

/// What the history says of the pictures, in their order: name, sides, whether
/// there is a small one.
fn told(server: &Server) -> (Vec<Value>, Vec<Value>) {
    let mina = server.log_in("mina");
    let history = server.get_as(&mina, "/api/messages?user_id=5").json();
    let messages = history["messages"].as_array().unwrap().clone();
    let said = |message: &Value| {
        let small = message["thumb_url"].is_string();
        json!([
            message["file_name"],
            message["width"],
            message["height"],
            small
        ])
    };
    (messages.iter().map(said).collect(), messages)
}

/// Waits until nothing is left to be looked at.
fn until_all_are_seen(server: &Server) {
    let database = Connection::open(server.setup.database()).unwrap();
    let end = Instant::now() + PATIENCE;
    let left = || -> i64 {
        let count = "SELECT count(*) FROM unseen_pictures";
        database.query_row(count, [], |row| row.get(0)).unwrap()
    };
    while left() > 0 {
        assert!(Instant::now() < end, "{} are never looked at", left());
        std::thread::yield_now();
    }
}

#[test]
fn pictures_of_the_earlier_server_get_sides_and_small_ones_in_the_end() {
    let (setup, db) = earlier(TABLES);
    for (id, name) in [(5, "omid"), (9, "mina")] {
        account(&db, id, name);
    }
    conversation(&db, 1, [5, 9]);
    let large = picture(1000, 500, ImageFormat::Png);
    attach(&setup, &db, 5, "large.png", "image/png", Some(&large));
    attach(&setup, &db, 5, "cut.png", "image/png", Some(&large[..200]));
    attach(&setup, &db, 5, "words.txt", "text/plain", Some(b"hello"));
    let small = picture(30, 20, ImageFormat::Jpeg);
    attach(&setup, &db, 5, "small.jpg", "image/jpeg", Some(&small));
    drop(db);
    let server = setup.start();
    until_all_are_seen(&server);
    let due = vec![
        json!(["large.png", 1000, 500, true]),
        json!(["cut.png", 1000, 500, false]),
        json!(["words.txt", null, null, false]),
        json!(["small.jpg", 30, 20, false]),
    ];
    let (said, messages) = told(&server);
    assert_eq!(said, due);
    let thumb = server.get(messages[0]["thumb_url"].as_str().unwrap());
    assert_eq!(sides(&thumb), (480, 240));

    // As if the server had been stopped before it came to that.
    let setup = server.setup.clone();
    server.terminate();
    let database = Connection::open(setup.database()).unwrap();
    let undo = "UPDATE files SET width = NULL, height = NULL, thumb_id = NULL;
        INSERT INTO unseen_pictures (file_id) SELECT id FROM files WHERE content_type LIKE 'image/%'";
    database.execute_batch(undo).unwrap();
    drop(database);
    let server = setup.start();
    until_all_are_seen(&server);
    assert_eq!(told(&server).0, due);
}
