//! Codes that were mailed to people, by their hashes.

use payambar_signaling::ids::{Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::mails::Kind;
use super::{Error, now};

/// Keeps a code in place of an older one of the same kind.
pub fn insert(
    connection: &Connection,
    user: UserId,
    kind: Kind,
    hash: &[u8; 32],
    until: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO mail_codes (user_id, kind, hash, expires_at_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (user_id, kind) DO UPDATE SET hash = excluded.hash, expires_at_ms = excluded.expires_at_ms",
        )?
        .execute(params![user.0, kind.as_str(), hash, until.0])?;
    Ok(())
}

/// Whose code that is, if it is good.
pub fn whose(
    connection: &Connection,
    kind: Kind,
    hash: &[u8; 32],
) -> Result<Option<UserId>, Error> {
    let user = connection
        .prepare_cached(
            "SELECT user_id FROM mail_codes WHERE hash = ?1 AND kind = ?2 AND expires_at_ms > ?3",
        )?
        .query_row(params![hash, kind.as_str(), now().0], |row| {
            row.get(0).map(UserId)
        })
        .optional()?;
    Ok(user)
}

/// A person's code of that kind is not good any more.
pub fn remove(connection: &Connection, user: UserId, kind: Kind) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM mail_codes WHERE user_id = ?1 AND kind = ?2")?
        .execute(params![user.0, kind.as_str()])?;
    Ok(())
}
