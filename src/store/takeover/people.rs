//! Accounts and the keys of their devices. Sessions there were none, and
//! browsers subscribe to pushes again when their people have signed in.

use std::collections::HashSet;

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Report;
use super::earlier::{moment, number, select, some_text, text};
use crate::store::{Error, now, users};

const ACCOUNT: [&str; 6] = [
    "id",
    "username",
    "password_hash",
    "display_name",
    "created_at",
    "updated_at",
];

/// A new UUIDv7 of that time.
pub(super) fn uuid(at_ms: i64) -> Uuid {
    let ms = u64::try_from(at_ms).unwrap_or(0);
    let nanos = u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        ms / 1000,
        nanos,
    ))
}

pub(super) fn transfer(connection: &Connection, report: &mut Report) -> Result<(), Error> {
    let Some(select) = select(connection, "users", &ACCOUNT)? else {
        return Ok(());
    };
    let mut accounts = connection.prepare(&format!("{select} ORDER BY id"))?;
    let mut insert = connection.prepare(
        "INSERT INTO users (id, uuid, username, username_key, password_hash, display_name, created_at_ms, updated_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut taken = HashSet::new();
    let mut rows = accounts.query([])?;
    while let Some(row) = rows.next()? {
        let name = text(row, "username")?.trim().to_owned();
        // Its names differed by case alone, ours may not: the oldest account has
        // the name, and each other one is found by its own letters exactly.
        let mut key = users::key(&name);
        if !taken.insert(key.clone()) {
            key = users::exact_key(&name);
            taken.insert(key.clone());
            report.twins += 1;
        }
        let created = moment(row, "created_at")?.unwrap_or_else(|| now().0);
        insert.execute(params![
            number(row, "id")?,
            uuid(created).as_bytes(),
            name,
            key,
            text(row, "password_hash")?,
            some_text(row, "display_name")?,
            created,
            moment(row, "updated_at")?.unwrap_or(created),
        ])?;
        report.people += 1;
    }
    Ok(())
}

const KEY: [&str; 15] = [
    "user_id",
    "device_id",
    "algorithm",
    "public_key",
    "key_id",
    "enc_private_key",
    "enc_private_key_iv",
    "kdf_salt",
    "kdf_iterations",
    "kdf_alg",
    "key_wrap_version",
    "created_at",
    "updated_at",
    "revoked_at",
    "id",
];

pub(super) fn transfer_keys(connection: &Connection, report: &mut Report) -> Result<(), Error> {
    let Some(select) = select(connection, "user_device_keys", &KEY)? else {
        return Ok(());
    };
    let mut keys = connection.prepare(&format!(
        "{select} WHERE user_id IN (SELECT id FROM users) ORDER BY id"
    ))?;
    let mut insert = connection.prepare(
        "INSERT INTO device_keys (user_id, device_id, algorithm, public_key, key_id, enc_private_key, enc_private_key_iv,
                                  kdf_salt, kdf_iterations, kdf_alg, key_wrap_version, created_at_ms, updated_at_ms, revoked_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (user_id, device_id, key_id) DO NOTHING",
    )?;
    let mut rows = keys.query([])?;
    while let Some(row) = rows.next()? {
        let created = moment(row, "created_at")?.unwrap_or_else(|| now().0);
        let count = |column| Ok::<_, Error>(Some(number(row, column)?).filter(|&n| n > 0));
        insert.execute(params![
            number(row, "user_id")?,
            text(row, "device_id")?,
            text(row, "algorithm")?,
            text(row, "public_key")?,
            text(row, "key_id")?,
            some_text(row, "enc_private_key")?,
            some_text(row, "enc_private_key_iv")?,
            some_text(row, "kdf_salt")?,
            count("kdf_iterations")?,
            some_text(row, "kdf_alg")?,
            count("key_wrap_version")?,
            created,
            moment(row, "updated_at")?.unwrap_or(created),
            moment(row, "revoked_at")?,
        ])?;
        report.device_keys += 1;
    }
    Ok(())
}
