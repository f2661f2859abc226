//! Passwords that replace others, and those that were made for somebody.

use payambar_signaling::ids::UserId;
use rusqlite::{Connection, params};

use super::{Error, now};

/// Replaces a password by one that was made for its person, who has to choose
/// their own before anything else.
pub fn lend(connection: &Connection, id: UserId, hash: &str) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE users SET password_hash = ?2, must_change_password = 1, updated_at_ms = ?3 WHERE id = ?1",
        )?
        .execute(params![id.0, hash, now().0])?;
    Ok(())
}

/// Replaces the password by one its person chose, who proved otherwise who they
/// are.
pub fn reset(connection: &Connection, id: UserId, hash: &str) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE users SET password_hash = ?2, must_change_password = 0, updated_at_ms = ?3 WHERE id = ?1",
        )?
        .execute(params![id.0, hash, now().0])?;
    Ok(())
}

/// Replaces the password by one its person chose, if it still is `old`. `false`:
/// it was changed meanwhile.
pub fn choose(connection: &Connection, id: UserId, old: &str, new: &str) -> Result<bool, Error> {
    let replaced = connection
        .prepare_cached(
            "UPDATE users SET password_hash = ?3, must_change_password = 0, updated_at_ms = ?4
             WHERE id = ?1 AND password_hash = ?2",
        )?
        .execute(params![id.0, old, new, now().0])?;
    Ok(replaced > 0)
}
