//! Pictures that nobody has looked at yet (row F4): those that came with the
//! database of an earlier server. The list of them is kept, so that what a stop
//! interrupts goes on at the next start.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Error;
use super::files::{Kept, keep};

/// A picture to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Which file.
    pub file: i64,
    /// The name of its bytes on disk.
    pub blob: String,
}

/// What was found out about one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its sides, as it is shown.
    pub sides: (u32, u32),
    /// A small one of it.
    pub thumb: Option<Kept>,
}

/// Puts a file on the list.
pub(super) fn enlist(connection: &Connection, file: i64) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO unseen_pictures (file_id) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([file])?;
    Ok(())
}

/// The next one.
pub fn unseen(connection: &Connection) -> Result<Option<Unseen>, Error> {
    let next = connection
        .prepare_cached(
            "SELECT f.id, b.name FROM unseen_pictures u JOIN files f ON f.id = u.file_id
             JOIN blobs b ON b.id = f.blob_id ORDER BY u.file_id LIMIT 1",
        )?
        .query_row([], |row| {
            Ok(Unseen {
                file: row.get(0)?,
                blob: row.get(1)?,
            })
        });
    Ok(next.optional()?)
}

/// Keeps what was found out, if anything was, and takes the picture from the
/// list; says which names on disk are not needed.
pub fn seen(
    connection: &Connection,
    file: i64,
    found: Option<&Found>,
) -> Result<Vec<String>, Error> {
    let mut spare = Vec::new();
    // Gone with its message while it was being looked at.
    let is_there = connection
        .prepare_cached("DELETE FROM unseen_pictures WHERE file_id = ?1")?
        .execute([file])?
        > 0;
    let Some(Found { sides, thumb }) = found else {
        return Ok(spare);
    };
    if !is_there {
        spare.extend(thumb.iter().map(|thumb| thumb.name.clone()));
        return Ok(spare);
    }
    let thumb = match thumb {
        Some(thumb) => Some(keep(connection, thumb, &mut spare)?),
        None => None,
    };
    connection
        .prepare_cached("UPDATE files SET width = ?2, height = ?3, thumb_id = ?4 WHERE id = ?1")?
        .execute(params![file, sides.0, sides.1, thumb])?;
    Ok(spare)
}
