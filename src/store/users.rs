//! Accounts.

use payambar_signaling::account::State;
use payambar_signaling::chat::Party;
use payambar_signaling::ids::{FileId, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{Error, now, search, standing};
use crate::i18n::Lang;

/// An account as others may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Integer key.
    pub id: UserId,
    /// The name as it was registered.
    pub username: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Their picture.
    pub avatar: Option<FileId>,
}

/// An account as log-in needs it.
#[derive(Debug)]
pub struct Found {
    /// The account.
    pub user: User,
    /// Its password hash.
    pub password_hash: String,
    /// Whether that was made for the person, who has to choose another.
    pub must_change: bool,
    /// Whether it may be used.
    pub state: State,
}

/// An account to be made; the name has been checked.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name as typed.
    pub username: String,
    /// Hash of the password.
    pub password_hash: String,
}

/// What [`user`] reads.
pub(super) const COLUMNS: &str = "id, username, display_name, created_at_ms, (SELECT public_id FROM files WHERE files.id = avatar_id)";

pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        username: row.get(1)?,
        display_name: row.get(2)?,
        created_at: Timestamp(row.get(3)?),
        avatar: row.get::<_, Option<[u8; 16]>>(4)?.map(FileId::from_bytes),
    })
}

/// Makes an account that may be used at once.
///
/// # Errors
///
/// [`Code::UsernameTaken`], also when only the case differs.
pub fn insert(connection: &Connection, new: &NewUser) -> Result<User, Error> {
    insert_as(connection, new, State::Active)
}

/// Makes an account in that state.
///
/// # Errors
///
/// As [`insert`].
pub fn insert_as(connection: &Connection, new: &NewUser, state: State) -> Result<User, Error> {
    let at = now();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO users (uuid, username, username_key, password_hash, status, created_at_ms, updated_at_ms, state_since_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)
             ON CONFLICT (username_key) DO NOTHING RETURNING id",
        )?
        .query_row(
            params![Uuid::now_v7().as_bytes(), new.username, key(&new.username), new.password_hash, state.as_str(), at.0],
            |row| row.get(0),
        )
        .optional()?;
    let id = inserted
        .map(UserId)
        .ok_or(Error::Refused(Code::UsernameTaken))?;
    search::index(connection, id, &new.username, None)?;
    Ok(User {
        id,
        username: new.username.clone(),
        display_name: None,
        created_at: at,
        avatar: None,
    })
}

/// The account of that name, whatever its case, but first one in these letters.
pub fn by_name(connection: &Connection, username: &str) -> Result<Option<Found>, Error> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, password_hash, status, must_change_password FROM users
             WHERE username_key IN (?1, ?2) ORDER BY username_key LIMIT 1"
        ))?
        .query_row([exact_key(username), key(username)], |row| {
            Ok(Found {
                user: user(row)?,
                password_hash: row.get(5)?,
                state: standing::word(row, 6, State::parse)?,
                must_change: row.get(7)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// What a person says about themselves, and the language they want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Some words, or none.
    pub bio: String,
    /// The language, if they chose one.
    pub language: Option<String>,
}

/// Reads what a person says about themselves.
pub fn about(connection: &Connection, id: UserId) -> Result<About, Error> {
    let about = connection
        .prepare_cached("SELECT bio, language FROM users WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok(About {
                bio: row.get(0)?,
                language: row.get(1)?,
            })
        })
        .optional()?;
    Ok(about.unwrap_or_default())
}

/// The language a person chose.
pub fn language(connection: &Connection, id: UserId) -> Result<Option<Lang>, Error> {
    let language = about(connection, id)?.language;
    Ok(language.as_deref().and_then(Lang::parse))
}

/// Replaces what a person says about themselves; what is none stays.
pub fn set_about(
    connection: &Connection,
    id: UserId,
    bio: Option<&str>,
    language: Option<Lang>,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE users SET bio = coalesce(?2, bio), language = coalesce(?3, language), updated_at_ms = ?4
             WHERE id = ?1",
        )?
        .execute(params![id.0, bio, language.map(Lang::as_str), now().0])?;
    Ok(())
}

/// Lets people find this person by a part of their names, or by the whole name
/// alone.
pub fn set_findable(connection: &Connection, id: UserId, findable: bool) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE users SET findable = ?2, updated_at_ms = ?3 WHERE id = ?1")?
        .execute(params![id.0, findable, now().0])?;
    Ok(())
}

/// Whether people find this person by a part of their names.
pub fn is_findable(connection: &Connection, id: UserId) -> Result<bool, Error> {
    let findable: Option<bool> = connection
        .prepare_cached("SELECT findable FROM users WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(findable.unwrap_or_default())
}

/// The account of that id, if it may be used.
pub fn active(connection: &Connection, id: UserId) -> Result<Option<User>, Error> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users WHERE id = ?1 AND status = 'active'"
        ))?
        .query_row([id.0], user)
        .optional()?;
    Ok(found)
}

/// The account of that id, unless it was never let in.
pub fn by_id(connection: &Connection, id: UserId) -> Result<Option<User>, Error> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users WHERE id = ?1 AND status NOT IN ('pending', 'rejected', 'deleted')"
        ))?
        .query_row([id.0], user)
        .optional()?;
    Ok(found)
}

/// The name of an account that is not deleted.
pub fn name(connection: &Connection, id: UserId) -> Result<Option<String>, Error> {
    let name = connection
        .prepare_cached("SELECT username FROM users WHERE id = ?1 AND status <> 'deleted'")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(name)
}

/// What the rules need to know of a person.
pub fn party(connection: &Connection, id: UserId) -> Result<Party, Error> {
    let status: Option<String> = connection
        .prepare_cached("SELECT status FROM users WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(party_of(status.as_deref()))
}

/// An account in that state, for the rules. Nobody writes to an account that
/// was never opened, or is gone.
pub(super) fn party_of(status: Option<&str>) -> Party {
    match status {
        Some("active") => Party::Active,
        Some("suspended") => Party::Suspended,
        None | Some(_) => Party::Missing,
    }
}

/// Replaces the name to show; an empty one removes it.
pub fn set_display_name(connection: &Connection, id: UserId, name: &str) -> Result<(), Error> {
    let name = (!name.is_empty()).then_some(name);
    let username: Option<String> = connection
        .prepare_cached("UPDATE users SET display_name = ?2, updated_at_ms = ?3 WHERE id = ?1 RETURNING username")?
        .query_row(params![id.0, name, now().0], |row| row.get(0))
        .optional()?;
    match username {
        Some(username) => search::index(connection, id, &username, name),
        None => Ok(()),
    }
}

/// The password hash of an account.
pub fn password_hash(connection: &Connection, id: UserId) -> Result<Option<String>, Error> {
    let hash = connection
        .prepare_cached("SELECT password_hash FROM users WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(hash)
}

/// Replaces the password hash, if it still is `old`: a rehash at log-in must
/// not undo a change of password made meanwhile. `false`: it was another.
pub fn rehash(connection: &Connection, id: UserId, old: &str, new: &str) -> Result<bool, Error> {
    let replaced = connection
        .prepare_cached("UPDATE users SET password_hash = ?3, updated_at_ms = ?4 WHERE id = ?1 AND password_hash = ?2")?
        .execute(params![id.0, old, new, now().0])?;
    Ok(replaced > 0)
}

/// What makes a name one of a kind: its letters without their case.
pub(super) fn key(username: &str) -> String {
    username.to_ascii_lowercase()
}

/// The key of an account from before names had to differ by more than case,
/// whose [`key`] an older account has: found by its own letters alone. No name
/// has this sign, and it sorts before all that names have.
pub(super) fn exact_key(username: &str) -> String {
    format!("!{username}")
}
