//! What accounts are and may do: their state, their role, and the end of those
//! who were not let in.

use std::time::Duration;

use payambar_signaling::account::{Role, State, Step};
use payambar_signaling::ids::{Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Error, now, users};

/// How long somebody waits for approval, and how long a name stays refused.
const OUTSIDE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Accounts removed in one transaction, so that nobody waits long behind it.
const SWEPT: i64 = 4;

/// An account as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Integer key.
    pub id: UserId,
    /// The name as it was registered.
    pub username: String,
    /// What it may do.
    pub role: Role,
    /// What it is.
    pub state: State,
    /// Why, where somebody said so.
    pub reason: String,
    /// When it was made.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, username, role, status, state_reason, created_at_ms";

/// Reads a word that one of our enums has.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| {
        let cause = format!("{text} is unknown").into();
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, cause)
    })
}

fn standing(row: &Row<'_>) -> rusqlite::Result<Standing> {
    Ok(Standing {
        id: UserId(row.get(0)?),
        username: row.get(1)?,
        role: word(row, 2, Role::parse)?,
        state: word(row, 3, State::parse)?,
        reason: row.get(4)?,
        created_at: Timestamp(row.get(5)?),
    })
}

/// Accounts in that state, or all; the newest first.
pub fn list(connection: &Connection, state: Option<State>) -> Result<Vec<Standing>, Error> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM users WHERE ?1 IS NULL OR status = ?1 ORDER BY id DESC"
    ))?;
    let found = statement.query_map([state.map(State::as_str)], standing)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Names of those who wait to be let in, the one who waits longest first.
pub fn waiting(connection: &Connection, limit: u32) -> Result<Vec<String>, Error> {
    let mut statement = connection
        .prepare("SELECT username FROM users WHERE status = 'pending' ORDER BY id LIMIT ?1")?;
    let names = statement.query_map([limit], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The account of that name.
///
/// # Errors
///
/// [`Code::UserNotFound`].
pub fn by_name(connection: &Connection, username: &str) -> Result<Standing, Error> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM users WHERE username_key IN (?1, ?2) ORDER BY username_key LIMIT 1"
    ))?;
    let keys = [users::exact_key(username), users::key(username)];
    let mut found = statement.query_map(keys, standing)?;
    found
        .next()
        .transpose()?
        .ok_or(Error::Refused(Code::UserNotFound))
}

/// Moves the account of that name one step on; says what it is now.
///
/// # Errors
///
/// [`Code::UserNotFound`], [`Code::InvalidState`], or [`Code::LastAdmin`]:
/// nobody would be left to let anybody in again.
pub fn step(
    connection: &Connection,
    username: &str,
    step: Step,
    reason: &str,
) -> Result<Standing, Error> {
    let found = by_name(connection, username)?;
    let state = found.state.after(step).map_err(Error::Refused)?;
    if step == Step::Suspend {
        spare_last_admin(connection, &found)?;
    }
    connection.execute(
        "UPDATE users SET status = ?2, state_reason = ?3, state_since_ms = ?4, updated_at_ms = ?4 WHERE id = ?1",
        params![found.id.0, state.as_str(), reason, now().0],
    )?;
    Ok(Standing {
        state,
        reason: reason.to_owned(),
        ..found
    })
}

/// Gives the account of that name a role.
///
/// # Errors
///
/// [`Code::UserNotFound`], [`Code::LastAdmin`].
pub fn set_role(connection: &Connection, username: &str, role: Role) -> Result<Standing, Error> {
    let found = by_name(connection, username)?;
    if role != Role::Admin {
        spare_last_admin(connection, &found)?;
    }
    connection.execute(
        "UPDATE users SET role = ?2, updated_at_ms = ?3 WHERE id = ?1",
        params![found.id.0, role.as_str(), now().0],
    )?;
    Ok(Standing { role, ..found })
}

/// The same for the account of that id.
///
/// # Errors
///
/// [`Code::LastAdmin`].
pub(super) fn spare_last_admin_of(connection: &Connection, id: UserId) -> Result<(), Error> {
    let found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE id = ?1"))?
        .query_row([id.0], standing)
        .optional()?;
    found.map_or(Ok(()), |found| spare_last_admin(connection, &found))
}

fn spare_last_admin(connection: &Connection, found: &Standing) -> Result<(), Error> {
    let others = connection
        .prepare("SELECT 1 FROM users WHERE role = 'admin' AND status = 'active' AND id <> ?1")?
        .exists([found.id.0])?;
    let is_admin = found.role == Role::Admin && found.state == State::Active;
    if is_admin && !others {
        return Err(Error::Refused(Code::LastAdmin));
    }
    Ok(())
}

/// Removes who has waited for too long, and frees the names of those who were
/// rejected long enough ago; says how many there were. To be called until there
/// are none: SQLite looks through all messages for each of them.
pub fn sweep(connection: &Connection) -> Result<usize, Error> {
    let before = now().0 - i64::try_from(OUTSIDE.as_millis()).unwrap_or(i64::MAX);
    // Nobody could write to them, so nothing refers to them.
    let removed = connection.execute(
        "DELETE FROM users WHERE id IN
             (SELECT id FROM users WHERE status IN ('pending', 'rejected') AND state_since_ms < ?1 LIMIT ?2)",
        params![before, SWEPT],
    )?;
    Ok(removed)
}
