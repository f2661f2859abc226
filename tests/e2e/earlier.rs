//! Databases of the earlier Payambar server, as its tables were: made here,
//! since none is ours to keep.

use std::fs;

use rusqlite::{Connection, params};

use crate::client::PASSWORD;
use crate::server::Setup;

/// Its tables when it was last seen.
pub(crate) const TABLES: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL,
        display_name TEXT, avatar_url TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE conversation_participants (
        conversation_id INTEGER NOT NULL, user_id INTEGER NOT NULL, joined_at DATETIME DEFAULT CURRENT_TIMESTAMP,
        PRIMARY KEY (conversation_id, user_id), FOREIGN KEY (user_id) REFERENCES users (id));
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, sender_id INTEGER NOT NULL, receiver_id INTEGER NOT NULL, content TEXT NOT NULL,
        encrypted INTEGER NOT NULL DEFAULT 0, e2ee_v INTEGER, alg TEXT, sender_device_id TEXT, key_id TEXT, iv TEXT,
        ciphertext TEXT, aad TEXT, status TEXT DEFAULT 'sent', created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
        delivered_at DATETIME, read_at DATETIME, FOREIGN KEY (sender_id) REFERENCES users (id));
    CREATE TABLE files (
        id INTEGER PRIMARY KEY AUTOINCREMENT, message_id INTEGER NOT NULL, file_name TEXT NOT NULL, file_path TEXT NOT NULL,
        file_size INTEGER, content_type TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE user_device_keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, device_id TEXT NOT NULL, algorithm TEXT NOT NULL,
        public_key TEXT NOT NULL, key_id TEXT NOT NULL, enc_private_key TEXT, enc_private_key_iv TEXT, kdf_salt TEXT,
        kdf_iterations INTEGER, kdf_alg TEXT, key_wrap_version INTEGER, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
        created_at DATETIME DEFAULT CURRENT_TIMESTAMP, revoked_at DATETIME, UNIQUE (user_id, device_id, key_id));
    CREATE TABLE push_subscriptions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, endpoint TEXT UNIQUE NOT NULL, p256dh TEXT NOT NULL,
        auth TEXT NOT NULL, user_agent TEXT, device_label TEXT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP, revoked_at DATETIME);
    CREATE INDEX idx_messages_sender ON messages (sender_id);
    CREATE INDEX idx_messages_receiver ON messages (receiver_id);";

/// Its tables when it was first seen.
pub(crate) const FIRST_TABLES: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL,
        created_at DATETIME DEFAULT CURRENT_TIMESTAMP, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE conversations (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at DATETIME DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE conversation_participants (conversation_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (conversation_id, user_id));
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, sender_id INTEGER NOT NULL, receiver_id INTEGER NOT NULL, content TEXT NOT NULL,
        status TEXT DEFAULT 'sent', created_at DATETIME DEFAULT CURRENT_TIMESTAMP);";

/// A data folder with an earlier database in it, not yet filled.
pub(crate) fn earlier(tables: &str) -> (Setup, Connection) {
    let setup = Setup::new();
    fs::create_dir(setup.folder().join("data")).unwrap();
    let connection = Connection::open(setup.database()).unwrap();
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    connection.execute_batch(tables).unwrap();
    (setup, connection)
}

/// An account with [`PASSWORD`], hashed as the earlier server did.
pub(crate) fn account(connection: &Connection, id: i64, name: &str) {
    let hash = bcrypt::hash_with_result(PASSWORD, 10).unwrap();
    let hash = hash.format_for_version(bcrypt::Version::TwoA);
    connection
        .execute(
            "INSERT INTO users (id, username, password_hash, created_at) VALUES (?1, ?2, ?3, '2024-05-01 10:00:00')",
            params![id, name, hash],
        )
        .unwrap();
}

/// A conversation of two.
pub(crate) fn conversation(connection: &Connection, id: i64, people: [i64; 2]) {
    connection
        .execute(
            "INSERT INTO conversations (id, created_at) VALUES (?1, '2024-05-02 10:00:00')",
            [id],
        )
        .unwrap();
    for person in people {
        connection
            .execute(
                "INSERT INTO conversation_participants (conversation_id, user_id) VALUES (?1, ?2)",
                [id, person],
            )
            .unwrap();
    }
}

/// A plain text.
pub(crate) fn text(
    connection: &Connection,
    from: i64,
    to: i64,
    words: &str,
    status: &str,
    at: &str,
) -> i64 {
    connection
        .execute(
            "INSERT INTO messages (sender_id, receiver_id, content, status, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![from, to, words, status, at],
        )
        .unwrap();
    connection.last_insert_rowid()
}
