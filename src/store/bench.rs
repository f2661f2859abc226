//! A database in memory with two people, for tests of the store.

use std::path::Path;

use payambar_signaling::ids::UserId;
use rusqlite::Connection;

use super::{NewUser, migrate, users};

pub(super) const SARA: UserId = UserId(1);
pub(super) const OMID: UserId = UserId(2);

/// Sara and Omid have accounts, and references hold, as in the server.
pub(super) fn bench() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    let path = Path::new(":memory:");
    migrate::migrate(&mut connection, path, migrate::MIGRATIONS).unwrap();
    for name in ["sara", "omid"] {
        let new = NewUser {
            username: name.to_owned(),
            password_hash: "hash".to_owned(),
        };
        users::insert(&connection, &new).unwrap();
    }
    connection
}
