//! A database of the earlier Payambar server is taken over in place (O9).

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::client::Person;
use crate::earlier::{FIRST_TABLES, TABLES, account, conversation, earlier, text};
use crate::server::{Server, Setup};

fn history(server: &Server, me: &Person, other: i64) -> Vec<Value> {
    let answer = server.get_as(me, &format!("/api/messages?user_id={other}&limit=100"));
    answer.json()["messages"].as_array().unwrap().clone()
}

fn conversations(server: &Server, me: &Person) -> Vec<Value> {
    let answer = server.get_as(me, "/api/conversations").json();
    answer["conversations"].as_array().unwrap().clone()
}

fn copies(setup: &Setup) -> Vec<PathBuf> {
    let files = fs::read_dir(setup.folder().join("data")).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".before-takeover-"))
        .collect()
}

/// A picture of one pixel.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

/// The beginning of a picture.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

/// A file of Omid's to Mina, as the earlier server kept it.
pub(crate) fn attach(
    setup: &Setup,
    db: &Connection,
    from: i64,
    name: &str,
    kind: &str,
    bytes: Option<&[u8]>,
) {
    let uploads = setup.folder().join("data/uploads");
    fs::create_dir_all(&uploads).unwrap();
    let stored = format!("1714723200000000000_{name}");
    if let Some(bytes) = bytes {
        fs::write(uploads.join(&stored), bytes).unwrap();
    }
    let message = text(db, from, 9, "[فایل]", "sent", "2024-05-04 10:00:00");
    db.execute(
        "INSERT INTO files (message_id, file_name, file_path, file_size, content_type) VALUES (?1, ?2, ?3, 1, ?4)",
        params![message, name, format!("/data/uploads/{stored}"), kind],
    )
    .unwrap();
}

/// Sara and Omid have talked, Mina has not been answered.
fn lived_in() -> Setup {
    let (setup, db) = earlier(TABLES);
    for (id, name) in [(3, "Sara"), (5, "omid"), (9, "mina")] {
        account(&db, id, name);
    }
    db.execute("UPDATE users SET display_name = 'سارا' WHERE id = 3", [])
        .unwrap();
    conversation(&db, 7, [3, 5]);
    text(&db, 3, 5, "سلام", "read", "2024-05-03 08:00:00");
    text(&db, 5, 3, "hello", "delivered", "2024-05-03 08:00:00");
    text(
        &db,
        3,
        5,
        "are you there?",
        "sent",
        "2024-05-03T09:30:15.250Z",
    );
    db.execute(
        "INSERT INTO messages (sender_id, receiver_id, content, encrypted, e2ee_v, alg, sender_device_id, key_id, iv, ciphertext, created_at)
         VALUES (5, 3, '', 1, 1, 'AES-256-GCM', 'd-1', 'k-1', 'aXY', 'c2VhbGVk', '2024-05-03 09:31:00.123456789 +0000 UTC')",
        [],
    )
    .unwrap();
    // No row of a conversation: the earlier server showed these to nobody.
    text(&db, 9, 3, "it is me, Mina", "sent", "2024-05-04 00:00:00");
    text(&db, 3, 3, "a note to myself", "sent", "2024-05-04 00:00:00");
    text(
        &db,
        3,
        44,
        "to somebody who is gone",
        "sent",
        "2024-05-04 00:00:00",
    );
    let picture = setup.folder().join("data/uploads/avatar_3_1714723200.gif");
    fs::create_dir_all(picture.parent().unwrap()).unwrap();
    fs::write(picture, GIF).unwrap();
    db.execute(
        "UPDATE users SET avatar_url = '/api/files/avatar_3_1714723200.gif' WHERE id = 3",
        [],
    )
    .unwrap();
    attach(&setup, &db, 5, "گربه.png", "image/png", Some(PNG));
    attach(
        &setup,
        &db,
        5,
        "page.html",
        "text/html",
        Some(b"<script>alert(1)</script>"),
    );
    attach(&setup, &db, 5, "lost.pdf", "application/pdf", None);
    db.execute("INSERT INTO messages (id, sender_id, receiver_id, content) VALUES (900, 3, 5, 'deleted later')", [])
        .unwrap();
    db.execute("DELETE FROM messages WHERE id = 900", [])
        .unwrap();
    db.execute(
        "INSERT INTO user_device_keys (user_id, device_id, algorithm, public_key, key_id, enc_private_key, enc_private_key_iv,
                                       kdf_salt, kdf_iterations, kdf_alg, key_wrap_version)
         VALUES (5, 'd-1', 'ECDH-P256', 'cHVibGlj', 'k-1', 'd3JhcHBlZA', 'aXY', 'c2FsdA', 150000, 'PBKDF2-SHA256', 1)",
        [],
    )
    .unwrap();
    db.execute(
        "INSERT INTO push_subscriptions (user_id, endpoint, p256dh, auth) VALUES (5, 'https://push.example/1', 'a', 'b')",
        [],
    )
    .unwrap();
    db.close().unwrap();
    setup
}

#[test]
fn people_sign_in_with_their_passwords_and_find_what_was_said() {
    let server = lived_in().start();
    let (sara, omid) = (server.log_in("sara"), server.log_in("omid"));
    assert_eq!((sara.id, sara.name.as_str(), omid.id), (3, "Sara", 5));
    let profile = server.get_as(&sara, "/api/profile").json();
    assert_eq!(
        (&profile["display_name"], &profile["created_at"]),
        (&json!("سارا"), &json!("2024-05-01T10:00:00.000Z"))
    );
    let said = history(&server, &sara, 5);
    let told: Vec<Value> = said
        .iter()
        .map(|m| {
            json!([
                m["id"],
                m["seq"],
                m["sender_id"],
                m["content"],
                m["status"],
                m["created_at"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!([1, 1, 3, "سلام", "read", "2024-05-03T08:00:00.000Z"]),
            json!([2, 2, 5, "hello", "delivered", "2024-05-03T08:00:00.000Z"]),
            json!([
                3,
                3,
                3,
                "are you there?",
                "sent",
                "2024-05-03T09:30:15.250Z"
            ]),
            json!([4, 4, 5, "", "sent", "2024-05-03T09:31:00.123Z"]),
        ]
    );
    let sealed = &said[3];
    assert_eq!(
        json!([
            sealed["encrypted"],
            sealed["e2ee_v"],
            sealed["alg"],
            sealed["sender_device_id"],
            sealed["key_id"],
            sealed["iv"],
            sealed["ciphertext"]
        ]),
        json!([true, 1, "AES-256-GCM", "d-1", "k-1", "aXY", "c2VhbGVk"])
    );
}

#[test]
fn conversations_are_listed_with_what_was_not_read() {
    let server = lived_in().start();
    let sara = server.log_in("sara");
    let list: Vec<Value> = conversations(&server, &sara)
        .iter()
        .map(|c| json!([c["user_id"], c["unread_count"], c["last_message_at"]]))
        .collect();
    assert_eq!(
        list,
        [
            json!([9, 1, "2024-05-04T00:00:00.000Z"]),
            json!([5, 2, "2024-05-03T09:31:00.123Z"]),
        ]
    );
    assert_eq!(conversations(&server, &server.log_in("omid"))[1]["id"], 7);
    assert_eq!(
        history(&server, &server.log_in("mina"), 3)[0]["content"],
        "it is me, Mina"
    );
}

#[tokio::test]
async fn the_talk_goes_on_under_ids_that_were_never_given() {
    let server = lived_in().start();
    let (sara, omid) = (server.log_in("sara"), server.log_in("omid"));
    let mut hers = server.socket(&sara).await;
    let said = hers.say(&omid, "we have moved").await;
    assert_eq!(
        (&said["message_id"], &said["seq"]),
        (&json!(901), &json!(5))
    );
    let found = server.get_as(&omid, "/api/users?q=sar").json();
    assert_eq!(found[0]["id"], 3);
}

#[test]
fn whom_one_has_written_to_may_call() {
    let server = lived_in().start();
    let (sara, mina) = (server.log_in("sara"), server.log_in("mina"));
    let db = Connection::open(server.setup.database()).unwrap();
    let wrote: (bool, bool) = db
        .query_row(
            "SELECT low_wrote, high_wrote FROM conversations WHERE pair_low = ?1 AND pair_high = ?2",
            [sara.id, mina.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(wrote, (false, true));
}

#[test]
fn device_keys_and_their_wrapped_halves_are_there() {
    let server = lived_in().start();
    let (sara, omid) = (server.log_in("sara"), server.log_in("omid"));
    let keys = server.get_as(&sara, "/api/keys/users/5/devices").json();
    assert_eq!(
        keys["devices"],
        json!([{ "device_id": "d-1", "algorithm": "ECDH-P256", "public_key": "cHVibGlj", "key_id": "k-1" }])
    );
    let own = server.get_as(&omid, "/api/keys/devices/self").json();
    assert_eq!(
        json!([
            own["devices"][0]["enc_private_key"],
            own["devices"][0]["kdf_iterations"]
        ]),
        json!(["d3JhcHBlZA", 150_000])
    );
}

#[test]
fn files_are_had_by_their_two_people_and_by_nobody_under_their_old_names() {
    let setup = lived_in();
    let server = setup.start();
    let (omid, mina) = (server.log_in("omid"), server.log_in("mina"));
    let said = history(&server, &mina, 5);
    let told: Vec<Value> = said
        .iter()
        .map(|m| json!([m["file_name"], m["file_content_type"], m["content"]]))
        .collect();
    assert_eq!(
        told,
        [
            json!(["گربه.png", "image/png", "[فایل]"]),
            json!(["page.html", "application/octet-stream", "[فایل]"]),
            json!([null, null, "📎 lost.pdf"]),
        ]
    );
    let address = said[1]["file_url"].as_str().unwrap();
    let page = server.get(address);
    assert_eq!(
        (page.status, page.text.as_str()),
        (200, "<script>alert(1)</script>")
    );
    assert!(page.header("content-disposition").starts_with("attachment"));
    let (bare, _) = address.split_once('?').unwrap();
    assert_eq!(server.get_as(&omid, bare).status, 200);
    assert_eq!(server.get_as(&server.log_in("sara"), bare).status, 404);
    let face = server.get_as(&mina, "/api/users/sara").json()["avatar_url"].clone();
    let face = server.call("HEAD", face.as_str().unwrap()).send();
    assert_eq!(face.status, 200);
    assert!(
        face.header("content-type").starts_with("image/"),
        "{face:?}"
    );
    let left = fs::read_dir(setup.folder().join("data/uploads")).unwrap();
    let left: Vec<_> = left
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn it_is_taken_over_once_and_a_copy_stays_as_it_was() {
    let setup = lived_in();
    let server = setup.start();
    let log = server.log();
    assert!(
        log.contains("taken over") && log.contains("messages=8") && log.contains("files=2"),
        "{log}"
    );
    let [copy] = copies(&setup).try_into().unwrap();
    let copy = Connection::open(copy).unwrap();
    let kept: i64 = copy
        .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 10);
    let server = server.kill_and_start();
    assert!(!server.log().contains("taken over"));
    assert_eq!(copies(&setup).len(), 1);
    assert_eq!(history(&server, &server.log_in("sara"), 5).len(), 4);
    // Nothing of the earlier tables is left, nor in free pages.
    let db = Connection::open(setup.database()).unwrap();
    let left: i64 = db
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'earlier%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    let bytes = fs::read(setup.database()).unwrap();
    assert!(
        !bytes
            .windows(16)
            .any(|window| window == b"a note to myself")
    );
}

#[test]
fn a_database_of_the_first_days_lacks_columns_and_is_taken_over_too() {
    let (setup, db) = earlier(FIRST_TABLES);
    account(&db, 1, "sara");
    account(&db, 2, "omid");
    text(&db, 1, 2, "the first word", "read", "2023-01-01 00:00:00");
    db.close().unwrap();
    let server = setup.start();
    let omid = server.log_in("omid");
    let said = history(&server, &omid, 1);
    assert_eq!(
        (said.len(), &said[0]["content"], &said[0]["status"]),
        (1, &json!("the first word"), &json!("read"))
    );
}

#[test]
fn names_that_differ_by_case_alone_are_each_typed_exactly() {
    let (setup, db) = earlier(TABLES);
    for (id, name) in [(1, "Sara"), (2, "sara"), (3, "SARA")] {
        account(&db, id, name);
    }
    db.close().unwrap();
    let server = setup.start();
    assert!(server.log().contains("case alone"));
    for (name, id) in [("Sara", 1), ("sara", 2), ("SARA", 3), ("sARA", 1)] {
        assert_eq!(server.log_in(name).id, id, "{name}");
    }
    let (status, code) = server.sign("register", "saRA", "a good password").refusal();
    assert_eq!((status, code.as_str()), (400, "username_taken"));
}

/// The server must refuse the database and leave it as it is.
fn refused(setup: &Setup, words: &str) {
    let before = fs::read(setup.database()).unwrap();
    let ended = setup.run(&[], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.complaint.contains(words), "{ended:?}");
    assert!(
        fs::read(setup.database()).unwrap() == before,
        "the file was changed"
    );
}

#[test]
fn a_damaged_one_is_refused_with_words() {
    let setup = lived_in();
    let mut bytes = fs::read(setup.database()).unwrap();
    let from = bytes
        .windows(4)
        .rposition(|window| window == b"hell")
        .unwrap()
        & !0xfff;
    bytes[from..from + 64].fill(0xff);
    fs::write(setup.database(), bytes).unwrap();
    refused(&setup, "is damaged");
    assert!(copies(&setup).is_empty());
}

#[test]
fn one_that_the_earlier_server_has_open_is_refused_with_words() {
    let setup = lived_in();
    let db = Connection::open(setup.database()).unwrap();
    let people: i64 = db
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(people, 3);
    refused(&setup, "stop the earlier Payambar server");
    db.close().unwrap();
    assert_eq!(setup.start().log_in("sara").id, 3);
}

#[test]
fn a_command_leaves_it_to_the_server() {
    let setup = lived_in();
    let ended = setup.run(
        &["user", "add", "reza", "--password-stdin"],
        "a good password\n",
    );
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.complaint.contains("start the server"), "{ended:?}");
}

#[test]
fn a_take_over_that_is_killed_anywhere_begins_anew() {
    let (setup, db) = earlier(TABLES);
    account(&db, 1, "sara");
    account(&db, 2, "omid");
    db.execute_batch(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 30000)
         INSERT INTO messages (sender_id, receiver_id, content, status, created_at)
         SELECT 1 + n % 2, 2 - n % 2, 'message ' || n, 'read', '2024-05-03 08:00:00' FROM n",
    )
    .unwrap();
    db.close().unwrap();
    // From the moment the copy is there to after the end, wherever that falls.
    for delay_ms in [0, 5, 15, 40, 80, 160, 320] {
        if ours(&setup) {
            break;
        }
        let before = copies(&setup).len();
        let mut child = setup.command(&[]).spawn().unwrap();
        while copies(&setup).len() == before {
            assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        let db = Connection::open(setup.database()).unwrap();
        let kept: i64 = db
            .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 30_000, "after {delay_ms} ms");
    }
    let server = setup.start();
    let sara = server.log_in("sara");
    let last = history(&server, &sara, 2);
    assert_eq!(
        (&last[99]["seq"], &last[99]["content"]),
        (&json!(30_000), &json!("message 30000"))
    );
}

/// Whether the database is taken over already.
fn ours(setup: &Setup) -> bool {
    let db = Connection::open(setup.database()).unwrap();
    let table = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'";
    db.query_row(table, [], |row| row.get::<_, i64>(0)).unwrap() > 0
}
