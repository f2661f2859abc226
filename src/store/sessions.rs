//! Sessions: one per log-in, and the life of every token bound to it.

use std::time::Duration;

use payambar_signaling::ids::{SessionId, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, now};

/// How long a session lives after it was last used (R3).
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// A session's use is written down at most this often.
const TOUCH_EVERY: Duration = Duration::from_secs(3600);

/// A session to be made.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose it is.
    pub user: UserId,
    /// 128 random bits in hex.
    pub sid: String,
    /// What the browser calls itself, for the person's list of devices.
    pub user_agent: String,
}

/// A living session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Integer key.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// That person's name.
    pub username: String,
    /// Whether its use should be written down ([`touch`]).
    pub stale: bool,
}

/// Makes a session.
pub fn insert(connection: &Connection, new: &NewSession) -> Result<SessionId, Error> {
    let at = now().0;
    let agent: String = new
        .user_agent
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    let id = connection
        .prepare_cached(
            "INSERT INTO sessions (sid, user_id, user_agent, created_at_ms, used_at_ms, expires_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5) RETURNING id",
        )?
        .query_row(params![new.sid, new.user.0, agent, at, at + millis(LIFETIME)], |row| row.get(0))?;
    Ok(SessionId(id))
}

/// The session of that `sid`, if it lives and its account may be used.
pub fn find(connection: &Connection, sid: &str) -> Result<Option<Session>, Error> {
    let at = now().0;
    let session = connection
        .prepare_cached(
            "SELECT s.id, s.user_id, u.username, s.used_at_ms FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.sid = ?1 AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?2 AND u.status = 'active'",
        )?
        .query_row(params![sid, at], |row| {
            Ok(Session {
                id: SessionId(row.get(0)?),
                user: UserId(row.get(1)?),
                username: row.get(2)?,
                stale: row.get::<_, i64>(3)? < at - millis(TOUCH_EVERY),
            })
        })
        .optional()?;
    Ok(session)
}

/// Writes down that a session is in use, which prolongs it.
pub fn touch(connection: &Connection, id: SessionId) -> Result<(), Error> {
    let at = now().0;
    connection
        .prepare_cached("UPDATE sessions SET used_at_ms = ?2, expires_at_ms = ?3 WHERE id = ?1 AND ended_at_ms IS NULL")?
        .execute(params![id.0, at, at + millis(LIFETIME)])?;
    Ok(())
}

/// Ends a session; no token of it is good any more.
pub fn end(connection: &Connection, id: SessionId) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE sessions SET ended_at_ms = ?2 WHERE id = ?1 AND ended_at_ms IS NULL",
        )?
        .execute(params![id.0, now().0])?;
    Ok(())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
