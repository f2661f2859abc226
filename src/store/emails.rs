//! Addresses of people (A12). They are shown to nobody but their person.

use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Error;
use crate::mail::Address;

/// A person's addresses. They are told to nobody, so it has no `Debug`.
#[derive(Default)]
pub struct Emails {
    /// The one that is proved.
    pub proved: Option<String>,
    /// The one that waits for it.
    pub waiting: Option<String>,
}

/// A person's addresses.
pub fn of(connection: &Connection, user: UserId) -> Result<Emails, Error> {
    let mut statement =
        connection.prepare_cached("SELECT proved, address FROM emails WHERE user_id = ?1")?;
    let mut rows = statement.query([user.0])?;
    let mut emails = Emails::default();
    while let Some(row) = rows.next()? {
        let address = Some(row.get(1)?);
        if row.get(0)? {
            emails.proved = address;
        } else {
            emails.waiting = address;
        }
    }
    Ok(emails)
}

/// Keeps an address that is not proved yet, in place of another such one.
pub fn propose(connection: &Connection, user: UserId, address: &Address) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO emails (user_id, proved, address, key) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (user_id, proved) DO UPDATE SET address = excluded.address, key = excluded.key",
        )?
        .execute(params![user.0, address.as_str(), address.key()])?;
    Ok(())
}

/// The address that waits is proved; says which one it took the place of.
///
/// # Errors
///
/// [`Code::EmailTaken`]: it is another account's by now. [`Code::CodeInvalid`]:
/// none waits.
pub fn prove(connection: &Connection, user: UserId) -> Result<Option<String>, Error> {
    let Emails { proved, waiting } = of(connection, user)?;
    let key = waiting
        .map(|waiting| waiting.to_ascii_lowercase())
        .ok_or(Error::Refused(Code::CodeInvalid))?;
    if owner(connection, &key)?.is_some_and(|owner| owner != user) {
        return Err(Error::Refused(Code::EmailTaken));
    }
    connection
        .prepare_cached("DELETE FROM emails WHERE user_id = ?1 AND proved = 1")?
        .execute([user.0])?;
    connection
        .prepare_cached("UPDATE emails SET proved = 1 WHERE user_id = ?1")?
        .execute([user.0])?;
    Ok(proved.filter(|before| before.to_ascii_lowercase() != key))
}

/// Whose proved address that is, by its [`Address::key`].
pub fn owner(connection: &Connection, key: &str) -> Result<Option<UserId>, Error> {
    let owner = connection
        .prepare_cached("SELECT user_id FROM emails WHERE key = ?1 AND proved = 1")?
        .query_row([key], |row| row.get(0).map(UserId))
        .optional()?;
    Ok(owner)
}

/// Forgets a person's addresses, what was mailed and what is to be.
pub fn forget(connection: &Connection, user: UserId) -> Result<(), Error> {
    for sql in [
        "DELETE FROM emails WHERE user_id = ?1",
        "DELETE FROM mail_codes WHERE user_id = ?1",
        "DELETE FROM mails WHERE user_id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([user.0])?;
    }
    Ok(())
}
