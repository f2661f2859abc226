//! Takes over a database of the earlier Payambar server, in place: recognised
//! by its tables, copied, and brought into ours in one transaction. Its columns
//! were added over the years with errors ignored, so each may be missing.

mod earlier;
mod files;
mod history;
mod people;

use std::io;
use std::path::{Path, PathBuf};

use payambar_signaling::ids::FileId;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::files::Kept;
use super::{Error, connect, damaged, migrate, now};
use earlier::{TABLES, recognised, set_aside};

/// What was taken over, and what had no place any more.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// The copy of the database as it was.
    pub copy: PathBuf,
    /// Accounts.
    pub people: u64,
    /// Accounts whose name another, older one has in other letters.
    pub twins: u64,
    /// Conversations.
    pub conversations: u64,
    /// Messages.
    pub messages: u64,
    /// Messages of accounts that are gone, or to oneself.
    pub messages_left: u64,
    /// Public keys of devices.
    pub device_keys: u64,
    /// Files of messages.
    pub files: u64,
    /// Pictures of people.
    pub avatars: u64,
    /// Messages whose file is not there any more; they name it.
    pub files_missing: u64,
    /// Where the files lay.
    pub moved: Vec<PathBuf>,
}

/// A file as the earlier server knew it.
#[derive(Debug)]
pub struct EarlierFile {
    /// Where it was written.
    pub path: String,
    /// The name its sender gave it.
    pub name: String,
    /// What its sender said it was.
    pub content_type: String,
}

/// Such a file among ours.
#[derive(Debug)]
pub struct Adopted {
    /// Its id from now on.
    pub public_id: FileId,
    /// Its bytes.
    pub kept: Kept,
    /// What they are.
    pub content_type: &'static str,
    /// The name to show.
    pub name: String,
    /// Its name in the folder of uploads, which goes when all is taken over.
    pub old: Option<PathBuf>,
}

/// Who takes files into our folders; `None` for what is not there any more.
pub trait Adopt {
    /// The file of a message.
    ///
    /// # Errors
    ///
    /// The system's.
    fn file(&self, file: &EarlierFile) -> io::Result<Option<Adopted>>;

    /// The picture of a person, by its address; `None` also for what is none.
    ///
    /// # Errors
    ///
    /// The system's.
    fn avatar(&self, address: &str) -> io::Result<Option<Adopted>>;
}

/// Takes the database over if it is one of the earlier server, else does
/// nothing. All or nothing: whatever fails, the file is as it was, and what was
/// adopted are files that nothing refers to.
///
/// # Errors
///
/// The file is damaged, another process has it open, or SQLite fails.
pub fn take_over(path: &Path, adopt: &dyn Adopt) -> Result<Option<Report>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let explain = |error| damaged(Error::Sqlite(error), path);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(explain)?;
    // What is no database at all is for the usual start to refuse.
    if !recognised(&connection).unwrap_or(false) {
        return Ok(None);
    }
    check(&connection, path)?;
    alone(&connection, path)?;
    let copy = copy(&connection, path)?;
    let report = transfer(&mut connection, adopt).map_err(|error| damaged(error, path))?;
    // Their bytes lie among ours now; erasing one must erase it.
    for path in &report.moved {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(%error, "a file that was taken over stays under its old name too");
        }
    }
    // What was erased or moved must not lie in free pages for years.
    connection.execute_batch("VACUUM").map_err(explain)?;
    Ok(Some(Report { copy, ..report }))
}

/// Whether the file is a database of the earlier server, which only a start
/// of the server takes over.
pub(super) fn is_earlier(connection: &Connection) -> Result<bool, Error> {
    Ok(recognised(connection)?)
}

fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let report: Result<String, _> =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    let broken = match report {
        Ok(report) if report == "ok" => return Ok(()),
        Ok(report) => report,
        Err(error) => error.to_string(),
    };
    Err(Error::Damaged {
        path: path.to_owned(),
        report: broken,
    })
}

/// Makes sure that nobody else has the file open: leaving the write-ahead log
/// is only possible then, and nobody can come back to it in the middle.
fn alone(connection: &Connection, path: &Path) -> Result<(), Error> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))
        .or_else(|_| connection.pragma_query_value(None, "journal_mode", |row| row.get(0)))?;
    if mode.eq_ignore_ascii_case("delete") {
        return Ok(());
    }
    Err(Error::InUse(path.to_owned()))
}

fn copy(connection: &Connection, path: &Path) -> Result<PathBuf, Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".before-takeover-{}", now().0));
    let copy = path.with_file_name(name);
    let explain = |cause: String| Error::Open {
        path: copy.clone(),
        cause,
    };
    connection
        .execute("VACUUM INTO ?1", [copy.to_string_lossy()])
        .map_err(|error| explain(error.to_string()))?;
    std::fs::File::open(&copy)
        .and_then(|file| file.sync_all())
        .map_err(|error| explain(error.to_string()))?;
    Ok(copy)
}

fn transfer(connection: &mut Connection, adopt: &dyn Adopt) -> Result<Report, Error> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
    set_aside(&tx)?;
    for migration in migrate::MIGRATIONS {
        migrate::apply_within(&tx, migration)?;
    }
    let mut report = Report::default();
    people::transfer(&tx, &mut report)?;
    history::transfer(&tx, &mut report)?;
    people::transfer_keys(&tx, &mut report)?;
    files::transfer(&tx, adopt, &mut report)?;
    files::transfer_avatars(&tx, adopt, &mut report)?;
    for table in TABLES {
        keep_counting(&tx, table)?;
        tx.execute_batch(&format!("DROP TABLE IF EXISTS earlier_{table}"))?;
    }
    if let Some(table) = migrate::dangling(&tx)? {
        return Err(Error::Untaken(table));
    }
    tx.commit()?;
    Ok(report)
}

/// An id that was given once is never given again, also when its row is gone.
fn keep_counting(connection: &Connection, table: &str) -> Result<(), Error> {
    let counts = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
    let highest: Option<i64> = connection
        .query_row(counts, [format!("earlier_{table}")], |row| row.get(0))
        .optional()?;
    if let Some(highest) = highest {
        connection.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1",
            rusqlite::params![table, highest],
        )?;
    }
    Ok(())
}
