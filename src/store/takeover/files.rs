//! Files of messages, and pictures of people: their bytes are adopted, and
//! messages and people refer to them.

use std::io;

use payambar_signaling::file::WORDS;
use payambar_signaling::ids::UserId;
use rusqlite::{Connection, params};

use super::earlier::{moment, number, select, some_text, text};
use super::{Adopt, EarlierFile, Report};
use crate::store::files::{Kept, NewAvatar, keep, set_avatar, signed};
use crate::store::{Error, now, pictures};

const FILE: [&str; 5] = [
    "message_id",
    "file_name",
    "file_path",
    "content_type",
    "created_at",
];

pub(super) fn transfer(
    connection: &Connection,
    adopt: &dyn Adopt,
    report: &mut Report,
) -> Result<(), Error> {
    let Some(select) = select(connection, "files", &FILE)? else {
        return Ok(());
    };
    let mut sent =
        connection.prepare("SELECT sender_id FROM messages WHERE id = ?1 AND kind = 'text'")?;
    // A message had one file; should it have more, the first is shown.
    let mut all = connection.prepare(&format!("{select} ORDER BY id"))?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let message = number(row, "message_id")?;
        let Some(sender) = sent
            .query_map([message], |row| row.get::<_, i64>(0))?
            .next()
            .transpose()?
        else {
            continue;
        };
        let file = EarlierFile {
            path: text(row, "file_path")?,
            name: text(row, "file_name")?,
            content_type: text(row, "content_type")?,
        };
        let at = moment(row, "created_at")?.unwrap_or_else(|| now().0);
        let adopted = adopt
            .file(&file)
            .map_err(|error| explain(&file.path, &error))?;
        let Some(adopted) = adopted else {
            connection
                .prepare_cached("UPDATE messages SET content = ?2 WHERE id = ?1")?
                .execute(params![message, format!("📎 {}", file.name)])?;
            report.files_missing += 1;
            continue;
        };
        let blob = blob(connection, &adopted.kept)?;
        let id: i64 = connection
            .prepare_cached(
                "INSERT INTO files (public_id, owner_id, purpose, state, blob_id, name, content_type, size_bytes, created_at_ms)
                 VALUES (?1, ?2, 'message', 'ready', ?3, ?4, ?5, ?6, ?7) RETURNING id",
            )?
            .query_row(
                params![
                    adopted.public_id.as_bytes(),
                    sender,
                    blob,
                    adopted.name,
                    adopted.content_type,
                    signed(adopted.kept.size_bytes),
                    at,
                ],
                |row| row.get(0),
            )?;
        if adopted.content_type.starts_with("image/") {
            pictures::enlist(connection, id)?;
        }
        connection
            .prepare_cached(
                "UPDATE messages SET kind = 'file', content = ?2, file_id = ?3 WHERE id = ?1",
            )?
            .execute(params![message, WORDS, id])?;
        report.files += 1;
        report.moved.extend(adopted.old);
    }
    Ok(())
}

/// Pictures of people, made anew as ours are.
pub(super) fn transfer_avatars(
    connection: &Connection,
    adopt: &dyn Adopt,
    report: &mut Report,
) -> Result<(), Error> {
    let Some(select) = select(connection, "users", &["id", "avatar_url"])? else {
        return Ok(());
    };
    let mut people = connection.prepare(&select)?;
    let mut rows = people.query([])?;
    while let Some(row) = rows.next()? {
        let Some(address) = some_text(row, "avatar_url")? else {
            continue;
        };
        let adopted = adopt.avatar(&address);
        let Some(adopted) = adopted.map_err(|error| explain(&address, &error))? else {
            continue;
        };
        let new = NewAvatar {
            owner: UserId(number(row, "id")?),
            id: adopted.public_id,
            content_type: adopted.content_type,
            bytes: adopted.kept,
        };
        set_avatar(connection, &new)?;
        report.avatars += 1;
        report.moved.extend(adopted.old);
    }
    Ok(())
}

fn explain(path: &str, error: &io::Error) -> Error {
    Error::Open {
        path: path.into(),
        cause: error.to_string(),
    }
}

/// The bytes' row; equal ones are kept once, and what is spare is collected as
/// a file that nothing refers to.
fn blob(connection: &Connection, kept: &Kept) -> Result<i64, Error> {
    keep(connection, kept, &mut Vec::new())
}
