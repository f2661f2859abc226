//! Mails that wait to be handed over. There are few: who may cause one is
//! limited, and each is gone after a day.

use payambar_signaling::ids::{Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Error, now, standing};
use crate::i18n::Lang;

/// Mails kept at most. Who asks for one more gets none: the server that should
/// take them has been away for long, or somebody floods us.
const MOST: i64 = 10_000;

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A code that proves the address.
    Verify,
    /// A code that opens the way to a new password.
    Reset,
    /// The account has another address now.
    Moved,
    /// The account has no address any more.
    Removed,
    /// The account was let in.
    LetIn,
    /// The account was not let in.
    NotLetIn,
    /// Somebody waits to be let in; for the operator.
    Waiting,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Verify,
        Self::Reset,
        Self::Moved,
        Self::Removed,
        Self::LetIn,
        Self::NotLetIn,
        Self::Waiting,
    ];

    /// The word for it, here and in the catalogues.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::LetIn => "let_in",
            Self::NotLetIn => "not_let_in",
            Self::Waiting => "waiting",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A mail to be kept.
#[derive(Debug, Clone)]
pub struct NewMail<'a> {
    /// Whose account it is about.
    pub user: Option<UserId>,
    /// What it is about.
    pub kind: Kind,
    /// Where it goes.
    pub address: &'a str,
    /// What it is written in.
    pub lang: Lang,
    /// What its code is made of.
    pub salt: Option<[u8; 32]>,
    /// When nobody needs it any more.
    pub until: Timestamp,
}

/// A mail that waits. It has an address, so it has no `Debug`.
pub struct Letter {
    /// Integer key.
    pub id: i64,
    /// Whose account it is about.
    pub user: Option<UserId>,
    /// What it is about.
    pub kind: Kind,
    /// Where it goes.
    pub address: String,
    /// What it is written in.
    pub lang: Lang,
    /// What its code is made of.
    pub salt: Option<[u8; 32]>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was written.
    pub made_at: Timestamp,
    /// When nobody needs it any more.
    pub until: Timestamp,
}

const COLUMNS: &str =
    "id, user_id, kind, address, language, salt, attempts, created_at_ms, until_ms";

fn letter(row: &Row<'_>) -> rusqlite::Result<Letter> {
    Ok(Letter {
        id: row.get(0)?,
        user: row.get::<_, Option<i64>>(1)?.map(UserId),
        kind: standing::word(row, 2, Kind::parse)?,
        address: row.get(3)?,
        lang: standing::word(row, 4, Lang::parse)?,
        salt: row.get(5)?,
        attempts: row.get(6)?,
        made_at: Timestamp(row.get(7)?),
        until: Timestamp(row.get(8)?),
    })
}

/// Keeps a mail. One of the same kind about the same account that still waits
/// has nothing to say any more.
pub fn insert(connection: &Connection, new: &NewMail<'_>) -> Result<(), Error> {
    let user = new.user.map(|user| user.0);
    connection
        .prepare_cached("DELETE FROM mails WHERE user_id = ?1 AND kind = ?2")?
        .execute(params![user, new.kind.as_str()])?;
    let waiting: i64 = connection
        .prepare_cached("SELECT count(*) FROM mails")?
        .query_row([], |row| row.get(0))?;
    if waiting >= MOST {
        tracing::error!(
            kind = new.kind.as_str(),
            "too many mails wait; one is not kept"
        );
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO mails (user_id, kind, address, language, salt, created_at_ms, next_at_ms, until_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
        )?
        .execute(params![
            user,
            new.kind.as_str(),
            new.address,
            new.lang.as_str(),
            new.salt,
            now().0,
            new.until.0
        ])?;
    Ok(())
}

/// Has the operator told at that time who waits to be let in, unless that is
/// about to be said anyway.
pub fn insert_waiting(
    connection: &Connection,
    address: &str,
    lang: Lang,
    at: Timestamp,
    until: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO mails (kind, address, language, created_at_ms, next_at_ms, until_ms)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6
             WHERE NOT EXISTS (SELECT 1 FROM mails WHERE user_id IS NULL AND kind = ?1)",
        )?
        .execute(params![
            Kind::Waiting.as_str(),
            address,
            lang.as_str(),
            now().0,
            at.0,
            until.0
        ])?;
    Ok(())
}

/// Mails whose time has come, the one that waits longest first.
pub fn due(connection: &Connection, at: Timestamp, limit: u32) -> Result<Vec<Letter>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM mails WHERE next_at_ms <= ?1 ORDER BY next_at_ms, id LIMIT ?2"
    ))?;
    let found = statement.query_map(params![at.0, limit], letter)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// When the next mail's time comes.
pub fn next(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let next = connection
        .prepare_cached("SELECT next_at_ms FROM mails ORDER BY next_at_ms LIMIT 1")?
        .query_row([], |row| row.get(0).map(Timestamp))
        .optional()?;
    Ok(next)
}

/// A mail does not wait any more.
pub fn remove(connection: &Connection, id: i64) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM mails WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// A mail was not taken and is tried again at that time.
pub fn later(connection: &Connection, id: i64, at: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE mails SET attempts = attempts + 1, next_at_ms = ?2 WHERE id = ?1")?
        .execute(params![id, at.0])?;
    Ok(())
}
