//! Files and the bytes behind them. What lies on disk is named here; the bytes
//! themselves are the business of [`crate::files`].

use payambar_signaling::chat::{Body, Destination, NewMessage, Stored};
use payambar_signaling::file::{FileEntry, Picture, Voice};
use payambar_signaling::ids::{FileId, Ticket, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Error, messages, now};

/// Bytes that lie on disk under a name of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name.
    pub name: String,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many there are.
    pub size_bytes: u64,
}

/// A file that somebody sends.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Who sends it.
    pub sender: UserId,
    /// To whom.
    pub to: Destination,
    /// The sender's own name for the message.
    pub client_message_id: Option<String>,
    /// What is known of it.
    pub entry: FileEntry,
    /// Its bytes.
    pub bytes: Kept,
    /// Those of its small picture.
    pub thumb: Option<Kept>,
    /// So many bytes the sender's files may have together.
    pub quota: Option<u64>,
}

/// A picture that a person gives themselves.
#[derive(Debug, Clone)]
pub struct NewAvatar {
    /// Whose.
    pub owner: UserId,
    /// Its id.
    pub id: FileId,
    /// What its bytes are.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Kept,
}

/// What became of a [`NewFile`].
#[derive(Debug)]
pub struct Posted {
    /// The message.
    pub stored: Stored,
    /// Names on disk that are not needed: the same bytes were there already.
    pub spare: Vec<String>,
}

impl AsRef<Stored> for Posted {
    fn as_ref(&self) -> &Stored {
        &self.stored
    }
}

/// Makes file and message visible together.
///
/// # Errors
///
/// As for any other message.
pub fn post(connection: &Connection, new: &NewFile) -> Result<Posted, Error> {
    let at = now();
    let message = NewMessage {
        ticket: Ticket(0),
        sender: new.sender,
        to: new.to,
        client_message_id: new.client_message_id.clone(),
        body: Body::File(Box::new(new.entry.clone())),
    };
    if let Some(first) = messages::admit(connection, &message)? {
        let names = [Some(&new.bytes), new.thumb.as_ref()];
        return Ok(Posted {
            stored: first,
            spare: names
                .into_iter()
                .flatten()
                .map(|kept| kept.name.clone())
                .collect(),
        });
    }
    check_quota(connection, new)?;
    let mut spare = Vec::new();
    let blob = keep(connection, &new.bytes, &mut spare)?;
    let thumb = match &new.thumb {
        Some(thumb) => Some(keep(connection, thumb, &mut spare)?),
        None => None,
    };
    let file = insert(connection, new, blob, thumb, at)?;
    let message = messages::write(connection, &message, Some(file), at)?;
    Ok(Posted {
        stored: Stored {
            message,
            repeated: false,
            erased: false,
        },
        spare,
    })
}

/// Whether one more file fits into what its sender may have. Equal bytes count
/// each time: a count that knows of others would tell of them.
fn check_quota(connection: &Connection, new: &NewFile) -> Result<(), Error> {
    let Some(quota) = new.quota else {
        return Ok(());
    };
    let used: i64 = connection
        .prepare_cached("SELECT coalesce(sum(size_bytes), 0) FROM files WHERE owner_id = ?1")?
        .query_row([new.sender.0], |row| row.get(0))?;
    if used.unsigned_abs().saturating_add(new.bytes.size_bytes) > quota {
        return Err(Error::Refused(Code::QuotaExceeded));
    }
    Ok(())
}

/// Gives a person a picture in place of the old one; says which names on disk
/// are not needed.
pub fn set_avatar(connection: &Connection, new: &NewAvatar) -> Result<Vec<String>, Error> {
    let mut spare = Vec::new();
    let blob = keep(connection, &new.bytes, &mut spare)?;
    let file: i64 = connection
        .prepare_cached(
            "INSERT INTO files (public_id, owner_id, purpose, state, blob_id, name, content_type, size_bytes, created_at_ms)
             VALUES (?1, ?2, 'avatar', 'ready', ?3, 'avatar', ?4, ?5, ?6) RETURNING id",
        )?
        .query_row(
            params![
                new.id.as_bytes(),
                new.owner.0,
                blob,
                new.content_type,
                signed(new.bytes.size_bytes),
                now().0
            ],
            |row| row.get(0),
        )?;
    replace_avatar(connection, new.owner, Some(file))?;
    Ok(spare)
}

/// Takes a person's picture away; also for whoever erases an account.
pub fn remove_avatar(connection: &Connection, owner: UserId) -> Result<(), Error> {
    replace_avatar(connection, owner, None)
}

fn replace_avatar(connection: &Connection, owner: UserId, new: Option<i64>) -> Result<(), Error> {
    let old: Option<i64> = connection
        .prepare_cached("SELECT avatar_id FROM users WHERE id = ?1")?
        .query_row([owner.0], |row| row.get(0))
        .optional()?
        .flatten();
    connection
        .prepare_cached("UPDATE users SET avatar_id = ?2, updated_at_ms = ?3 WHERE id = ?1")?
        .execute(params![owner.0, new, now().0])?;
    match old {
        Some(old) => release(connection, old),
        None => Ok(()),
    }
}

fn insert(
    connection: &Connection,
    new: &NewFile,
    blob: i64,
    thumb: Option<i64>,
    at: Timestamp,
) -> Result<i64, Error> {
    let entry = &new.entry;
    let id = connection
        .prepare_cached(
            "INSERT INTO files (public_id, owner_id, purpose, state, blob_id, thumb_id, name, content_type,
                                size_bytes, width, height, duration_ms, waveform, created_at_ms)
             VALUES (?1, ?2, 'message', 'ready', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING id",
        )?
        .query_row(
            params![
                entry.id.as_bytes(),
                new.sender.0,
                blob,
                thumb,
                entry.name,
                entry.content_type,
                signed(entry.size_bytes),
                entry.picture.map(|picture| picture.width),
                entry.picture.map(|picture| picture.height),
                entry.voice.as_ref().map(|voice| voice.duration_ms),
                entry.voice.as_ref().map(|voice| &voice.waveform),
                at.0,
            ],
            |row| row.get(0),
        )?;
    Ok(id)
}

/// The bytes' row; they go to `spare` when equal ones are there.
pub(super) fn keep(
    connection: &Connection,
    kept: &Kept,
    spare: &mut Vec<String>,
) -> Result<i64, Error> {
    let known = connection
        .prepare_cached("SELECT id FROM blobs WHERE sha256 = ?1 AND size_bytes = ?2")?
        .query_row(params![kept.sha256, signed(kept.size_bytes)], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(id) = known {
        spare.push(kept.name.clone());
        return Ok(id);
    }
    let id = connection
        .prepare_cached(
            "INSERT INTO blobs (name, sha256, size_bytes) VALUES (?1, ?2, ?3) RETURNING id",
        )?
        .query_row(
            params![kept.name, kept.sha256, signed(kept.size_bytes)],
            |row| row.get(0),
        )?;
    Ok(id)
}

/// Forgets a file (`messages.file_id`) unless something still refers to it. To
/// be called by whoever erases a message or a picture, in the same transaction,
/// after the reference is gone. Its bytes leave the disk soon after.
pub fn release(connection: &Connection, file: i64) -> Result<(), Error> {
    let blobs: Option<[Option<i64>; 2]> = connection
        .prepare_cached(
            "DELETE FROM files WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM messages WHERE file_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = files.owner_id AND avatar_id = ?1)
             RETURNING blob_id, thumb_id",
        )?
        .query_row([file], |row| Ok([row.get(0)?, row.get(1)?]))
        .optional()?;
    for blob in blobs.into_iter().flatten().flatten() {
        let name: Option<String> = connection
            .prepare_cached(
                "DELETE FROM blobs WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM files WHERE blob_id = ?1)
                    AND NOT EXISTS (SELECT 1 FROM files WHERE thumb_id = ?1) RETURNING name",
            )?
            .query_row([blob], |row| row.get(0))
            .optional()?;
        if let Some(name) = name {
            connection
                .prepare_cached("INSERT INTO dead_blobs (name) VALUES (?1) ON CONFLICT DO NOTHING")?
                .execute([name])?;
        }
    }
    Ok(())
}

/// Bytes to be removed from the disk, at most `limit`.
pub fn dead(connection: &Connection, limit: u32) -> Result<Vec<String>, Error> {
    let names = connection
        .prepare_cached("SELECT name FROM dead_blobs LIMIT ?1")?
        .query_map([limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}

/// They are removed.
pub fn buried(connection: &Connection, names: &[String]) -> Result<(), Error> {
    let mut delete = connection.prepare_cached("DELETE FROM dead_blobs WHERE name = ?1")?;
    for name in names {
        delete.execute([name])?;
    }
    Ok(())
}

/// Which of these names on disk nothing knows of.
pub fn unknown(connection: &Connection, names: Vec<String>) -> Result<Vec<String>, Error> {
    let mut known = connection.prepare_cached("SELECT 1 FROM blobs WHERE name = ?1")?;
    let mut unknown = Vec::new();
    for name in names {
        if !known.exists([&name])? {
            unknown.push(name);
        }
    }
    Ok(unknown)
}

/// Files after `after` that nothing refers to, of the next `batch` there are;
/// and the last one looked at, `None` at the end.
pub fn unused(
    connection: &Connection,
    after: i64,
    batch: u32,
) -> Result<(Vec<i64>, Option<i64>), Error> {
    let rows = connection
        .prepare_cached(
            "SELECT id, EXISTS (SELECT 1 FROM messages WHERE file_id = files.id)
                OR EXISTS (SELECT 1 FROM users WHERE users.id = files.owner_id AND avatar_id = files.id)
             FROM files WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?
        .query_map(params![after, batch], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, bool)>, _>>()?;
    let last = rows.last().map(|(id, _)| *id);
    let unused = rows.into_iter().filter(|(_, used)| !used).map(|(id, _)| id);
    Ok((unused.collect(), last))
}

/// A file as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The name of its bytes on disk.
    pub blob: String,
    /// How many there are.
    pub size_bytes: u64,
    /// The name to show.
    pub name: String,
    /// What they are.
    pub content_type: String,
    /// The picture of a person, which everybody may see.
    pub is_avatar: bool,
}

/// The file of that id, or its small picture, if this person may have it: one
/// of the people of a conversation in which it was sent, or anybody if it is
/// the picture of a person.
pub fn find(
    connection: &Connection,
    id: FileId,
    reader: Option<UserId>,
    thumb: bool,
) -> Result<Option<Served>, Error> {
    let served = connection
        .prepare_cached(
            "SELECT b.name, b.size_bytes, f.name, f.content_type, f.purpose = 'avatar'
             FROM files f JOIN blobs b ON b.id = CASE WHEN ?3 THEN f.thumb_id ELSE f.blob_id END
             WHERE f.public_id = ?1 AND f.state = 'ready' AND (EXISTS (
                SELECT 1 FROM messages m JOIN members p ON p.conversation_id = m.conversation_id AND p.user_id = ?2
                WHERE m.file_id = f.id AND m.deleted_at_ms IS NULL)
               OR EXISTS (SELECT 1 FROM users u WHERE u.id = f.owner_id AND u.avatar_id = f.id))",
        )?
        .query_row(
            params![id.as_bytes(), reader.map(|reader| reader.0), thumb],
            |row| {
                Ok(Served {
                    blob: row.get(0)?,
                    size_bytes: row.get::<_, i64>(1)?.unsigned_abs(),
                    name: row.get(2)?,
                    content_type: row.get(3)?,
                    is_avatar: row.get(4)?,
                })
            },
        )
        .optional()?;
    Ok(served)
}

/// What [`entry`] reads of `files f`.
pub(super) const COLUMNS: &str = "f.public_id, f.name, f.size_bytes, f.content_type, f.width, f.height, f.thumb_id, f.duration_ms, f.waveform";

/// Reads [`COLUMNS`] from the column `first` on; none where there is no file.
pub(super) fn entry(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<FileEntry>> {
    let Some(id) = row.get::<_, Option<[u8; 16]>>(first)? else {
        return Ok(None);
    };
    let (width, height) = (row.get(first + 4)?, row.get(first + 5)?);
    let has_thumb = row.get::<_, Option<i64>>(first + 6)?.is_some();
    let picture = |(width, height)| Picture {
        width,
        height,
        thumb: has_thumb,
    };
    let voice = |duration_ms, waveform: Option<String>| Voice {
        duration_ms,
        waveform: waveform.unwrap_or_default(),
    };
    let duration: Option<u32> = row.get(first + 7)?;
    let waveform = row.get(first + 8)?;
    Ok(Some(FileEntry {
        id: FileId::from_bytes(id),
        name: row.get(first + 1)?,
        size_bytes: row.get::<_, i64>(first + 2)?.unsigned_abs(),
        content_type: row.get(first + 3)?,
        picture: Option::zip(width, height).map(picture),
        voice: duration.map(|duration_ms| voice(duration_ms, waveform)),
    }))
}

/// SQLite counts in 63 bits; no file is larger.
pub(super) fn signed(size_bytes: u64) -> i64 {
    i64::try_from(size_bytes).unwrap_or(i64::MAX)
}
