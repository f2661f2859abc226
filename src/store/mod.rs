//! Everything that is kept: one SQLite file, one writer thread, several
//! readers. All SQL of the project is in this folder.

pub mod audit;
#[cfg(test)]
mod bench;
pub mod codes;
pub mod conversations;
pub mod emails;
pub mod erase;
pub mod farewell;
pub mod files;
pub mod groups;
pub mod invites;
pub mod keys;
pub mod mails;
pub mod messages;
mod migrate;
pub mod passwords;
pub mod people;
pub mod pictures;
pub mod push;
mod readers;
pub mod refresh;
pub mod rooms;
pub mod search;
pub mod seed;
pub mod seen;
pub mod sessions;
pub mod standing;
pub mod status;
mod takeover;
pub mod turn;
pub mod users;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payambar_signaling::chat::{BlockChange, NewMark, NewMessage, Stored};
use payambar_signaling::group::Change;
use payambar_signaling::ids::{Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use conversations::{Conversation, Preview};
pub use invites::Invite;
pub use messages::{HistoryItem, Page};
pub use push::{Addressee, NewSubscription, Subscription, SubscriptionId};
pub use sessions::{Device, NewSession, Session};
pub use standing::Standing;
pub use takeover::{Adopt, Adopted, EarlierFile, take_over};
pub use turn::{StaticPair, TakenBack};
pub use users::{NewUser, User};
pub use writer::Outcome;

use readers::Readers;
use writer::Writer;

/// How long a process waits for another one's write, such as the server for a
/// command that adds an account.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What may go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule of the domain says no; nothing was written.
    #[error("refused: {}", .0.as_str())]
    Refused(Code),
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file or its folder cannot be opened.
    #[error("cannot open the database {path}: {cause}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The file was made by a newer version.
    #[error(
        "{path} is at version {found}, this binary knows {newest}; start the newer version, or restore the copy taken before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: i64,
        /// Newest version this binary knows.
        newest: i64,
    },
    /// A recorded migration is not the one this binary has.
    #[error(
        "migration {0} was recorded with other contents than this binary has; the database is of another build"
    )]
    Edited(i64),
    /// A migration left rows that refer to nothing; it was undone.
    #[error(
        "migration {migration} would leave rows of {table} that refer to nothing; nothing was changed"
    )]
    Dangling {
        /// Its number.
        migration: i64,
        /// Where the rows are.
        table: String,
    },
    /// The file is of the earlier server, and this is no start of the server.
    #[error(
        "{0} is a database of the earlier Payambar server; start the server, which takes it over"
    )]
    Earlier(PathBuf),
    /// Another process has the file open, which nobody else may now.
    #[error(
        "{0} is open in another process; stop the earlier Payambar server, then start this one again"
    )]
    InUse(PathBuf),
    /// A take-over left rows that refer to nothing; it was undone.
    #[error(
        "the database of the earlier server cannot be taken over: rows of {0} refer to nothing; nothing was changed"
    )]
    Untaken(String),
    /// The file has tables, but none of ours.
    #[error("{0} is a database of another program; set DATABASE_PATH to a file of its own")]
    Foreign(PathBuf),
    /// The file is damaged.
    #[error("{path} is damaged ({report}); restore a backup or set DATABASE_PATH to a sound file")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        report: String,
    },
    /// The writer or the readers have ended.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// The code a client is told; the text stays in the log.
    pub const fn code(&self) -> Code {
        match self {
            Self::Refused(code) => *code,
            Self::Sqlite(_) | Self::Closed => Code::StorageFailed,
            Self::Open { .. }
            | Self::Newer { .. }
            | Self::Edited(_)
            | Self::Dangling { .. }
            | Self::Earlier(_)
            | Self::InUse(_)
            | Self::Untaken(_)
            | Self::Foreign(_)
            | Self::Damaged { .. } => Code::Internal,
        }
    }
}

/// Answers of one commit, in the order in which the jobs were given.
pub type OnBatch = Box<dyn Fn(Vec<Outcome>) + Send>;

/// The open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

impl Store {
    /// Opens the file, making it and migrating it as needed. `on_batch` is
    /// called on the writer's thread after each commit with the answers to
    /// [`Self::store`] and [`Self::mark`].
    ///
    /// # Errors
    ///
    /// The file cannot be opened or is not one of ours.
    pub fn open(path: &Path, on_batch: OnBatch) -> Result<Self, Error> {
        let explain = |cause: String| Error::Open {
            path: path.to_owned(),
            cause,
        };
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            crate::secrets::private_dir(folder).map_err(|error| explain(error.to_string()))?;
        }
        let mut connection = connect(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        )
        .map_err(|error| explain(error.to_string()))?;
        if let Some(copy) = prepare(&mut connection, path).map_err(|error| damaged(error, path))? {
            tracing::info!(copy = %copy.display(), "a copy of the database was taken before the upgrade");
        }
        search::fill(&mut connection)?;
        let readers = Readers::open(|| connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY))?;
        Ok(Self {
            writer: Arc::new(Writer::start(connection, on_batch)),
            readers: Arc::new(readers),
        })
    }

    /// Stores a message; the answer comes with its batch.
    pub fn store(&self, message: NewMessage) {
        self.writer.store(message);
    }

    /// Moves a watermark; the answer comes with its batch.
    pub fn mark(&self, mark: NewMark) {
        self.writer.mark(mark);
    }

    /// Runs `work` in the writer's next transaction and answers after its
    /// commit. `work` runs again, alone, when the transaction it shared failed;
    /// it must not write anything before it refuses.
    ///
    /// # Errors
    ///
    /// What `work` refused, or the failure of the write or the commit.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        self.writer.run(work).await
    }

    /// Like [`Self::write`] for work that posts a message: it is told among the
    /// answers of its batch, in the order in which messages were stored.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub async fn post<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static + AsRef<Stored>,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        self.writer.post(work).await
    }

    /// Blocks somebody, or takes it back: see [`people::change_block`]. It is told
    /// among the answers of its batch, so that of two changes the one that was
    /// written last is told last.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub async fn change_block(&self, change: BlockChange) -> Result<(), Error> {
        self.writer.change_block(change).await
    }

    /// Like [`Self::write`] for work that changes what a person wants of others:
    /// what is known of them then is told among the answers of its batch.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub async fn change_wishes<T, F>(&self, user: UserId, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        self.writer.change_wishes(user, work).await
    }

    /// Like [`Self::write`] for work that changes groups: the changes are told
    /// among the answers of their batch.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub async fn change_groups<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static + AsRef<[Change]>,
        F: FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    {
        self.writer.change_groups(work).await
    }

    /// Runs `query` on a read-only connection, off the async threads.
    ///
    /// # Errors
    ///
    /// What `query` returns.
    pub async fn read<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        self.readers.run(query).await
    }

    /// Erases what is left of deleted accounts and conversations, in steps between
    /// which others write. What a stop interrupts goes on at the next start.
    pub async fn finish_erasing(&self) {
        loop {
            let step = |connection: &Connection| {
                Ok(farewell::step(connection, now())? || erase::step(connection)?)
            };
            match self.write(step).await {
                Ok(true) => {}
                Ok(false) | Err(Error::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "what was deleted is not erased yet");
                    return;
                }
            }
        }
    }

    /// Commits what is waiting and closes the file.
    pub fn close(&self) {
        self.writer.close();
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Makes a file ours and current. Whose it is comes first: the file of another
/// program is refused as it was.
fn prepare(connection: &mut Connection, path: &Path) -> Result<Option<PathBuf>, Error> {
    migrate::examine(connection, path, migrate::MIGRATIONS)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is erased is overwritten, on pages that become free as well (FAST
    // leaves those, measured). Inserting costs the same with it, deleting up to
    // half more. The write-ahead log keeps the words until its pages are
    // written over, at the latest when the server stops.
    connection.pragma_update(None, "secure_delete", true)?;
    migrate::migrate(connection, path, migrate::MIGRATIONS)
}

/// Names the file and what to do where SQLite says only that it is broken.
fn damaged(error: Error, path: &Path) -> Error {
    let Error::Sqlite(cause) = error else {
        return error;
    };
    let broken = matches!(
        cause.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    );
    if broken {
        return Error::Damaged {
            path: path.to_owned(),
            report: cause.to_string(),
        };
    }
    Error::Sqlite(cause)
}

/// The wall clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod plans;
#[cfg(test)]
mod tests;
