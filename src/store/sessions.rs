//! Sessions: one per log-in, and the life of every token bound to it.

use std::time::Duration;

use payambar_signaling::ids::{SessionId, Timestamp, UserId};
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
    /// Where it comes from.
    pub address: String,
}

/// A living session in its person's list of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Integer key.
    pub id: SessionId,
    /// When the person logged in.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub used_at: Timestamp,
    /// Where it was then; empty for sessions of an older version.
    pub address: String,
    /// What the browser calls itself.
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
    /// Whether that person has to choose a password before anything else.
    pub must_change: bool,
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
            "INSERT INTO sessions (sid, user_id, user_agent, address, created_at_ms, used_at_ms, expires_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) RETURNING id",
        )?
        .query_row(
            params![new.sid, new.user.0, agent, new.address, at, at + millis(LIFETIME)],
            |row| row.get(0),
        )?;
    Ok(SessionId(id))
}

/// The session of that `sid`, if it lives and its account may be used.
pub fn find(connection: &Connection, sid: &str) -> Result<Option<Session>, Error> {
    let at = now().0;
    let session = connection
        .prepare_cached(
            "SELECT s.id, s.user_id, u.username, s.used_at_ms, u.must_change_password FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.sid = ?1 AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?2 AND u.status = 'active'",
        )?
        .query_row(params![sid, at], |row| {
            Ok(Session {
                id: SessionId(row.get(0)?),
                user: UserId(row.get(1)?),
                username: row.get(2)?,
                must_change: row.get(4)?,
                stale: row.get::<_, i64>(3)? < at - millis(TOUCH_EVERY),
            })
        })
        .optional()?;
    Ok(session)
}

/// Whether a session that was found a moment ago still lives.
pub fn lives(connection: &Connection, id: SessionId) -> Result<bool, Error> {
    let lives = connection
        .prepare_cached(
            "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = ?1 AND s.ended_at_ms IS NULL AND u.status = 'active'",
        )?
        .exists([id.0])?;
    Ok(lives)
}

/// Whose session that is, and its `sid`.
pub fn whose(connection: &Connection, id: SessionId) -> Result<Option<(UserId, String)>, Error> {
    let found = connection
        .prepare_cached("SELECT user_id, sid FROM sessions WHERE id = ?1")?
        .query_row([id.0], |row| Ok((UserId(row.get(0)?), row.get(1)?)))
        .optional()?;
    Ok(found)
}

/// A person's living sessions, the one used last first.
pub fn of_user(connection: &Connection, user: UserId) -> Result<Vec<Device>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, created_at_ms, used_at_ms, address, user_agent FROM sessions
         WHERE user_id = ?1 AND ended_at_ms IS NULL AND expires_at_ms > ?2
         ORDER BY used_at_ms DESC, id DESC",
    )?;
    let devices = statement.query_map(params![user.0, now().0], |row| {
        Ok(Device {
            id: SessionId(row.get(0)?),
            created_at: Timestamp(row.get(1)?),
            used_at: Timestamp(row.get(2)?),
            address: row.get(3)?,
            user_agent: row.get(4)?,
        })
    })?;
    Ok(devices.collect::<Result<_, _>>()?)
}

/// Whose this session is, if it lives and its account may be used.
pub fn person(connection: &Connection, id: SessionId) -> Result<Option<UserId>, Error> {
    let person = connection
        .prepare_cached(
            "SELECT u.id FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = ?1 AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?2 AND u.status = 'active'",
        )?
        .query_row([id.0, now().0], |row| row.get(0).map(UserId))
        .optional()?;
    Ok(person)
}

/// Writes down that a session is in use and where, which prolongs it.
pub fn touch(connection: &Connection, id: SessionId, address: &str) -> Result<(), Error> {
    let at = now().0;
    connection
        .prepare_cached(
            "UPDATE sessions SET used_at_ms = ?2, expires_at_ms = ?3, address = ?4
             WHERE id = ?1 AND ended_at_ms IS NULL",
        )?
        .execute(params![id.0, at, at + millis(LIFETIME), address])?;
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

/// Ends a person's sessions, all or all but one; says which.
pub fn end_all(
    connection: &Connection,
    user: UserId,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE sessions SET ended_at_ms = ?3
         WHERE user_id = ?1 AND id IS NOT ?2 AND ended_at_ms IS NULL RETURNING id",
    )?;
    let except = except.map(|id| id.0);
    let ended = statement.query_map(params![user.0, except, now().0], |row| {
        Ok(SessionId(row.get(0)?))
    })?;
    Ok(ended.collect::<Result<_, _>>()?)
}

/// Ends one session of a person; `false`: that person has no such session.
pub fn end_one(connection: &Connection, user: UserId, id: SessionId) -> Result<bool, Error> {
    let ended = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at_ms = ?3
             WHERE id = ?1 AND user_id = ?2 AND ended_at_ms IS NULL AND expires_at_ms > ?3",
        )?
        .execute(params![id.0, user.0, now().0])?;
    Ok(ended > 0)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
