//! How much there is of everything, read beside whoever works on the file. It
//! changes nothing: an older file is not migrated for it.

use std::path::Path;

use payambar_signaling::ids::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::{Error, connect, migrate, now};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The whole index is walked, which takes 20 ms for a million messages.
const MESSAGES: &str = "SELECT count(*) FROM messages";

/// Looks only at what lies behind somebody's watermark; the crosses keep the
/// order of the tables, which SQLite would turn round.
const UNREAD: &str = "SELECT count(*) FROM members m
     CROSS JOIN conversations c ON c.id = m.conversation_id AND c.last_seq > m.read_seq
     CROSS JOIN messages x ON x.conversation_id = c.id AND x.seq > m.read_seq
     WHERE x.sender_id <> m.user_id AND x.silent = 0 AND x.deleted_at_ms IS NULL";

/// There is no index by time. Ids go the same way, so the day is walked back
/// from its end and nothing else is looked at.
const BEFORE_THE_DAY: &str =
    "SELECT id FROM messages WHERE created_at_ms < ?1 ORDER BY id DESC LIMIT 1";

const SINCE: &str = "SELECT count(*) FROM messages WHERE id > ?1";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Accounts that were not deleted.
    pub users: i64,
    /// Conversations.
    pub conversations: i64,
    /// Messages, with those of which only the place is left.
    pub messages: i64,
    /// Messages that their receivers have not read.
    pub unread_messages: i64,
    /// Files of messages and pictures of people.
    pub files: i64,
    /// Their bytes, as they were uploaded.
    pub uploaded_bytes: i64,
    /// Messages of the last 24 hours.
    pub messages_last_24h: i64,
    /// When the newest message was stored.
    pub latest_message_at: Option<Timestamp>,
    /// Log-ins that live.
    pub sessions: i64,
}

/// Counts everything in this file; `None` if there is no file.
///
/// # Errors
///
/// The file is not one of ours, of another version, damaged or not readable.
pub fn read(path: &Path) -> Result<Option<Metrics>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    migrate::examine(&connection, path, migrate::MIGRATIONS)?;
    // One snapshot, so that the numbers belong together.
    let tx = connection.unchecked_transaction()?;
    let metrics = count(&tx)?;
    tx.finish()?;
    Ok(Some(metrics))
}

fn count(connection: &Connection) -> Result<Metrics, Error> {
    let at = now().0;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let before: Option<i64> = connection
        .query_row(BEFORE_THE_DAY, [at - DAY_MS], |row| row.get(0))
        .optional()?;
    let (files, uploaded_bytes) = connection.query_row(
        "SELECT count(*), coalesce(sum(size_bytes), 0) FROM files",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let latest = "SELECT created_at_ms FROM messages ORDER BY id DESC LIMIT 1";
    Ok(Metrics {
        users: number("SELECT count(*) FROM users WHERE status <> 'deleted'")?,
        conversations: number("SELECT count(*) FROM conversations")?,
        messages: number(MESSAGES)?,
        unread_messages: number(UNREAD)?,
        files,
        uploaded_bytes,
        messages_last_24h: connection.query_row(SINCE, [before.unwrap_or(0)], |row| row.get(0))?,
        latest_message_at: connection
            .query_row(latest, [], |row| row.get(0).map(Timestamp))
            .optional()?,
        sessions: connection.query_row(
            "SELECT count(*) FROM sessions WHERE ended_at_ms IS NULL AND expires_at_ms > ?1",
            [at],
            |row| row.get(0),
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::seed::{self, Line};
    use crate::store::{NewUser, Store, users};
    use payambar_signaling::chat::Mark;
    use payambar_signaling::ids::UserId;

    fn write<T: Send + 'static>(
        store: &Store,
        work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(store.write(work)).unwrap()
    }

    fn people(connection: &Connection) -> Result<(UserId, UserId), Error> {
        let add = |username: &str| {
            let new = NewUser {
                username: username.to_owned(),
                password_hash: "hash".to_owned(),
            };
            users::insert(connection, &new).map(|user| user.id)
        };
        Ok((add("sara")?, add("omid")?))
    }

    fn line(sender: UserId, receiver: UserId, at: i64) -> Line {
        Line {
            sender,
            receiver,
            client_message_id: format!("{sender}-{at}"),
            at: Timestamp(at),
            text: "words".to_owned(),
        }
    }

    #[test]
    fn messages_are_counted_by_age_and_by_what_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        assert_eq!(read(&path).unwrap(), None);
        let store = Store::open(&path, Box::new(|_| {})).unwrap();
        assert_eq!(read(&path).unwrap(), Some(Metrics::default()));
        let (sara, omid) = write(&store, people);
        let newest = now().0;
        let two_days_ago = newest - 2 * DAY_MS;
        write(&store, move |connection| {
            for at in [two_days_ago, two_days_ago + 1, newest - 2] {
                seed::write(connection, line(sara, omid, at))?;
            }
            let read = seed::write(connection, line(omid, sara, newest - 1))?;
            seed::mark(connection, sara, read, Mark::Read, Timestamp(newest))?;
            seed::write(connection, line(omid, sara, newest))
        });
        let expected = Metrics {
            users: 2,
            conversations: 1,
            messages: 5,
            unread_messages: 4,
            files: 0,
            uploaded_bytes: 0,
            messages_last_24h: 3,
            latest_message_at: Some(Timestamp(newest)),
            sessions: 0,
        };
        assert_eq!(read(&path).unwrap(), Some(expected));
    }

    #[test]
    fn nothing_but_the_count_itself_walks_all_messages() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        let store = Store::open(&path, Box::new(|_| {})).unwrap();
        let plan = |sql: &'static str| {
            let steps = write(&store, move |connection| {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let count = statement.parameter_count();
                let steps = statement
                    .query_map(rusqlite::params_from_iter(vec![1; count]), |row| {
                        row.get::<_, String>(3)
                    })?;
                Ok(steps.collect::<Result<Vec<_>, _>>()?)
            });
            steps.join("; ")
        };
        assert!(
            plan(MESSAGES).contains("USING COVERING INDEX"),
            "{}",
            plan(MESSAGES)
        );
        assert!(
            plan(UNREAD).contains(
                "SEARCH x USING INDEX sqlite_autoindex_messages_1 (conversation_id=? AND seq>?)"
            ),
            "{}",
            plan(UNREAD)
        );
        // By id from its end: no sorting.
        assert_eq!(plan(BEFORE_THE_DAY), "SCAN messages");
        assert!(plan(SINCE).contains("(rowid>?)"), "{}", plan(SINCE));
    }
}
