//! Codes that let somebody register where not everybody may.

use payambar_signaling::ids::Timestamp;
use payambar_signaling::wire::Code;
use rusqlite::{Connection, params};

use super::{Error, now};

/// A code and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// What is passed on.
    pub code: String,
    /// How many people may register with it.
    pub max_uses: u32,
    /// How many have.
    pub uses: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// Keeps a new code.
pub fn insert(connection: &Connection, invite: &Invite) -> Result<(), Error> {
    connection.execute(
        "INSERT INTO invites (code, max_uses, created_at_ms, expires_at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![invite.code, invite.max_uses, invite.created_at.0, invite.expires_at.0],
    )?;
    Ok(())
}

/// All codes, the newest first.
pub fn list(connection: &Connection) -> Result<Vec<Invite>, Error> {
    let mut statement = connection.prepare(
        "SELECT code, max_uses, uses, created_at_ms, expires_at_ms, revoked_at_ms IS NOT NULL
         FROM invites ORDER BY created_at_ms DESC, code",
    )?;
    let invites = statement.query_map([], |row| {
        Ok(Invite {
            code: row.get(0)?,
            max_uses: row.get(1)?,
            uses: row.get(2)?,
            created_at: Timestamp(row.get(3)?),
            expires_at: Timestamp(row.get(4)?),
            revoked: row.get(5)?,
        })
    })?;
    Ok(invites.collect::<Result<_, _>>()?)
}

/// Takes a code back; `false`: there is none, or it was taken back before.
pub fn revoke(connection: &Connection, code: &str) -> Result<bool, Error> {
    let revoked = connection.execute(
        "UPDATE invites SET revoked_at_ms = ?2 WHERE code = ?1 AND revoked_at_ms IS NULL",
        params![code, now().0],
    )?;
    Ok(revoked > 0)
}

/// Checks that a code lets somebody in now.
///
/// # Errors
///
/// [`Code::InviteInvalid`].
pub fn check(connection: &Connection, code: &str) -> Result<(), Error> {
    let good = connection
        .prepare_cached(
            "SELECT 1 FROM invites
             WHERE code = ?1 AND uses < max_uses AND revoked_at_ms IS NULL AND expires_at_ms > ?2",
        )?
        .exists(params![code, now().0])?;
    good.then_some(())
        .ok_or(Error::Refused(Code::InviteInvalid))
}

/// Counts a use of a code that was checked in the same transaction.
pub fn spend(connection: &Connection, code: &str) -> Result<(), Error> {
    connection.execute("UPDATE invites SET uses = uses + 1 WHERE code = ?1", [code])?;
    Ok(())
}
