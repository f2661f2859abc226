//! Refresh tokens: each works once, and a second use ends the session, since
//! then two have it and one of them is not the person (RFC 9700 §4.14.2).

use std::time::Duration;

use payambar_signaling::account::Role;
use payambar_signaling::ids::{SessionId, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, now, sessions, standing};

/// The answer to a use may be lost; the same client is answered alike this long.
const AGAIN: Duration = Duration::from_secs(10);

/// SHA-256 of a refresh token.
pub type TokenHash = [u8; 32];

/// A use of a token.
#[derive(Debug, Clone)]
pub struct Use {
    /// The token's.
    pub hash: TokenHash,
    /// Random bytes to make the next one with.
    pub salt: [u8; 32],
    /// The hash of the next one, made with them.
    pub next: TokenHash,
    /// Where it was used.
    pub address: String,
    /// By which client.
    pub user_agent: String,
}

/// What came of a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// The next token is made of this one and the salt.
    Next {
        /// Of this session.
        session: SessionId,
        /// The same for the same client within ten seconds.
        salt: [u8; 32],
    },
    /// It was used before: its session has ended.
    Reused {
        /// Whose it was.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// There is no such token, or its session is over.
    Unknown,
}

/// Keeps the first token of a session.
pub fn insert(connection: &Connection, session: SessionId, hash: &TokenHash) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO refresh_tokens (hash, session_id) VALUES (?1, ?2)")?
        .execute(params![hash, session.0])?;
    Ok(())
}

struct Row {
    session: SessionId,
    user: UserId,
    used_at: Option<i64>,
    address: String,
    user_agent: String,
    salt: Option<[u8; 32]>,
}

fn find(connection: &Connection, hash: &TokenHash) -> Result<Option<Row>, Error> {
    let row = connection
        .prepare_cached(
            "SELECT t.session_id, s.user_id, t.used_at_ms, t.address, t.user_agent, t.salt
             FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
             WHERE t.hash = ?1 AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?2 AND u.status = 'active'",
        )?
        .query_row(params![hash, now().0], |row| {
            Ok(Row {
                session: SessionId(row.get(0)?),
                user: UserId(row.get(1)?),
                used_at: row.get(2)?,
                address: row.get(3)?,
                user_agent: row.get(4)?,
                salt: row.get(5)?,
            })
        })
        .optional()?;
    Ok(row)
}

/// Whether there is such a token: a guess must not cost a write.
pub fn is_known(connection: &Connection, hash: &TokenHash) -> Result<bool, Error> {
    Ok(find(connection, hash)?.is_some())
}

/// Uses a token.
pub fn rotate(connection: &Connection, used: &Use) -> Result<Rotated, Error> {
    let Some(found) = find(connection, &used.hash)? else {
        return Ok(Rotated::Unknown);
    };
    let at = now().0;
    let session = found.session;
    let Some(used_at) = found.used_at else {
        // What the one before was made with is not needed any more.
        connection
            .prepare_cached("UPDATE refresh_tokens SET salt = NULL WHERE session_id = ?1")?
            .execute([session.0])?;
        connection
            .prepare_cached(
                "UPDATE refresh_tokens SET used_at_ms = ?2, address = ?3, user_agent = ?4, salt = ?5 WHERE hash = ?1",
            )?
            .execute(params![used.hash, at, used.address, used.user_agent, used.salt])?;
        insert(connection, session, &used.next)?;
        sessions::touch(connection, session, &used.address)?;
        let salt = used.salt;
        return Ok(Rotated::Next { session, salt });
    };
    let is_soon = at - used_at < i64::try_from(AGAIN.as_millis()).unwrap_or(0);
    let is_same = found.address == used.address && found.user_agent == used.user_agent;
    if let Some(salt) = found.salt.filter(|_| is_soon && is_same) {
        return Ok(Rotated::Next { session, salt });
    }
    sessions::end(connection, session)?;
    let user = found.user;
    Ok(Rotated::Reused { user, session })
}

/// What a client that refreshes is told of its session besides tokens.
#[derive(Debug)]
pub struct About {
    /// What the person may do.
    pub role: Role,
    /// When the session ends if it is not used, in ms since 1970.
    pub ends_at_ms: i64,
    /// Whether the person has to choose a password before anything else.
    pub must_change: bool,
}

/// What the client of a session is told besides tokens.
pub fn about(connection: &Connection, session: SessionId) -> Result<Option<About>, Error> {
    let found = connection
        .prepare_cached(
            "SELECT u.role, s.expires_at_ms, u.must_change_password FROM sessions s
             JOIN users u ON u.id = s.user_id WHERE s.id = ?1",
        )?
        .query_row([session.0], |row| {
            Ok(About {
                role: standing::word(row, 0, Role::parse)?,
                ends_at_ms: row.get(1)?,
                must_change: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found)
}
