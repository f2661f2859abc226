//! `payambar status` (K2): the keys of the core dialect, whether the server
//! runs or not, and with nothing there at all.

use std::fs;

use serde_json::{Value, json};

use crate::form::Form;
use crate::server::{Server, Setup};

fn status(setup: &Setup, word: &str) -> Value {
    let ended = setup.run(&["status", word], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

#[tokio::test]
async fn it_counts_beside_the_running_server_and_after_its_end() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let mut hers = server.socket(&sara).await;
    let sent = hers.say(&omid, "one").await;
    hers.say(&omid, "two").await;
    let folder = server.setup.folder().join("data/uploads/in");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), [0; 1536]).unwrap();

    let running = status(&server.setup, "--json");
    assert_eq!(running["running"], true);
    let setup = server.setup.clone();
    let (ended, _) = server.terminate();
    assert!(ended.success());
    let stopped = status(&setup, "-j");
    assert_eq!(stopped["running"], false);
    for seen in [&running, &stopped] {
        let metrics = &seen["metrics"];
        let counted = [
            "users",
            "conversations",
            "messages",
            "unread_messages",
            "sessions",
        ]
        .map(|key| metrics[key].as_i64().unwrap());
        assert_eq!(counted, [2, 1, 2, 2, 2], "{seen}");
        assert_eq!(metrics["messages_last_24h"], 2);
        assert!(metrics["latest_message_at"].as_str() >= sent["created_at"].as_str());
        assert_eq!(seen["metrics_ready"], true);
        assert_eq!(seen["port"], *setup.get("PORT"));
        assert_eq!(seen["environment"], "development");
        assert_eq!(seen["version"], env!("CARGO_PKG_VERSION"));
        let storage = &seen["storage"];
        assert_eq!(
            (
                &storage["upload_dir_bytes"],
                &storage["upload_dir_hum"],
                &storage["upload_file_count"]
            ),
            (&json!(1536), &json!("1.5 KiB"), &json!(1))
        );
        let part = |key: &str| storage[key].as_u64().unwrap();
        assert!(part("db_file_bytes") > 0);
        assert_eq!(
            part("db_footprint_bytes"),
            part("db_file_bytes") + part("db_wal_bytes") + part("db_shm_bytes")
        );
        assert_eq!(seen["warnings"], json!({ "database": "", "storage": null }));
    }
    assert!(running["storage"]["db_wal_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn a_file_that_was_sent_is_counted_with_its_bytes() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let sent = Form::to(&omid, "notes.txt", &[b'x'; 100]).send(&server, &sara);
    assert_eq!(sent.status, 200, "{sent:?}");
    let metrics = &status(&server.setup, "--json")["metrics"];
    assert_eq!(
        (&metrics["files"], &metrics["uploaded_bytes_db"]),
        (&json!(1), &json!(100))
    );
    assert_eq!(metrics["uploaded_bytes_hum"], "100 B");
}

#[test]
fn nothing_there_is_a_warning_and_makes_nothing() {
    let setup = Setup::new();
    let seen = status(&setup, "--json");
    assert_eq!(seen["metrics_ready"], false);
    assert_eq!(seen["metrics"]["latest_message_at"], "n/a");
    assert_eq!(seen["metrics"]["uploaded_bytes_hum"], "0 B");
    let warning = seen["warnings"]["database"].as_str().unwrap();
    assert!(warning.contains("does not exist"), "{warning}");
    assert_eq!(seen["warnings"]["storage"].as_array().unwrap().len(), 1);
    let words = setup.run(&["status"], "");
    assert_eq!(words.code, Some(0), "{words:?}");
    assert!(words.out.contains("Warning"), "{words:?}");
    assert!(!setup.folder().join("data").exists());
}

#[test]
fn a_file_that_is_no_database_is_a_warning_too() {
    let setup = Setup::new();
    fs::create_dir(setup.folder().join("data")).unwrap();
    fs::write(
        setup.database(),
        "no database, but long enough to have a head\n".repeat(50),
    )
    .unwrap();
    let seen = status(&setup, "--json");
    assert_eq!(seen["metrics_ready"], false);
    let warning = seen["warnings"]["database"].as_str().unwrap();
    assert!(warning.contains("not a database"), "{warning}");
}
