//! Numbered SQL files, each applied in one transaction and recorded with its
//! checksum. A shipped file is never edited; a file that this binary does not
//! know is refused, not touched.

use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{Error, now, takeover};

/// One migration: its number, its name and what it runs.
pub struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "people_and_messages",
        sql: include_str!("migrations/0001_people_and_messages.sql"),
    },
    Migration {
        version: 2,
        name: "turn_credentials",
        sql: include_str!("migrations/0002_turn_credentials.sql"),
    },
    Migration {
        version: 3,
        name: "push",
        sql: include_str!("migrations/0003_push.sql"),
    },
    Migration {
        version: 4,
        name: "wider_tables",
        sql: include_str!("migrations/0004_wider_tables.sql"),
    },
    Migration {
        version: 5,
        name: "device_keys",
        sql: include_str!("migrations/0005_device_keys.sql"),
    },
    Migration {
        version: 6,
        name: "session_address",
        sql: include_str!("migrations/0006_session_address.sql"),
    },
    Migration {
        version: 7,
        name: "search",
        sql: include_str!("migrations/0007_search.sql"),
    },
    Migration {
        version: 8,
        name: "files",
        sql: include_str!("migrations/0008_files.sql"),
    },
    Migration {
        version: 9,
        name: "registration",
        sql: include_str!("migrations/0009_registration.sql"),
    },
    Migration {
        version: 10,
        name: "deletions",
        sql: include_str!("migrations/0010_deletions.sql"),
    },
    Migration {
        version: 11,
        name: "refresh_tokens",
        sql: include_str!("migrations/0011_refresh_tokens.sql"),
    },
    Migration {
        version: 12,
        name: "blocks",
        sql: include_str!("migrations/0012_blocks.sql"),
    },
    Migration {
        version: 13,
        name: "audit",
        sql: include_str!("migrations/0013_audit.sql"),
    },
    Migration {
        version: 14,
        name: "profile",
        sql: include_str!("migrations/0014_profile.sql"),
    },
    Migration {
        version: 15,
        name: "account_erasures",
        sql: include_str!("migrations/0015_account_erasures.sql"),
    },
    Migration {
        version: 16,
        name: "last_seen",
        sql: include_str!("migrations/0016_last_seen.sql"),
    },
    Migration {
        version: 17,
        name: "temporary_password",
        sql: include_str!("migrations/0017_temporary_password.sql"),
    },
    Migration {
        version: 18,
        name: "mail",
        sql: include_str!("migrations/0018_mail.sql"),
    },
    Migration {
        version: 19,
        name: "unseen_pictures",
        sql: include_str!("migrations/0019_unseen_pictures.sql"),
    },
    Migration {
        version: 20,
        name: "groups",
        sql: include_str!("migrations/0020_groups.sql"),
    },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version       INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    checksum      TEXT NOT NULL,
    applied_at_ms INTEGER NOT NULL
) STRICT";

/// Brings the database to the newest version. Returns the copy that was taken
/// before an existing database was changed.
///
/// # Errors
///
/// The file is of another program or of a newer version, a recorded migration
/// differs from ours, or SQLite fails; nothing is changed then.
pub fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<Option<PathBuf>, Error> {
    let Span { found, newest } = examine(connection, path, migrations)?;
    let mut copy = None;
    if found > 0 && found < newest {
        copy = Some(copy_beside(connection, path, found)?);
    }
    let references: bool = connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))?;
    // A table is rebuilt by dropping it, which must not take what refers to it
    // along. Within a transaction the switch has no effect.
    connection.pragma_update(None, "foreign_keys", false)?;
    let applied = migrations
        .iter()
        .try_for_each(|migration| apply(connection, migration));
    connection.pragma_update(None, "foreign_keys", references)?;
    applied.map(|()| copy)
}

/// From which version to which a file has to be brought.
pub struct Span {
    found: i64,
    newest: i64,
}

/// Looks whose file it is and how new, without writing to it.
///
/// # Errors
///
/// The file is of another program or of a newer version.
pub fn examine(
    connection: &Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<Span, Error> {
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
        [],
        |row| row.get(0),
    )?;
    let ours: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if ours.is_none() && takeover::is_earlier(connection)? {
        return Err(Error::Earlier(path.to_owned()));
    }
    if tables > 0 && ours.is_none() {
        return Err(Error::Foreign(path.to_owned()));
    }
    let newest = migrations.iter().map(|m| m.version).max().unwrap_or(0);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > newest {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            newest,
        });
    }
    Ok(Span { found, newest })
}

/// Applies one migration unless it is recorded. Runs under the write lock, so
/// that two processes which start together do not both apply it.
fn apply(connection: &mut Connection, migration: &Migration) -> Result<(), Error> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !apply_within(&tx, migration)? {
        return Ok(());
    }
    tx.commit()?;
    tracing::info!(
        version = migration.version,
        name = migration.name,
        "database migrated"
    );
    Ok(())
}

/// The same within a transaction of the caller's; says whether it was needed.
///
/// # Errors
///
/// Those of [`migrate`].
pub(super) fn apply_within(connection: &Connection, migration: &Migration) -> Result<bool, Error> {
    let checksum: String = digest(&SHA256, migration.sql.as_bytes())
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    connection.execute_batch(TABLE)?;
    let recorded: Option<String> = connection
        .query_row(
            "SELECT checksum FROM schema_migrations WHERE version = ?1",
            [migration.version],
            |row| row.get(0),
        )
        .optional()?;
    match recorded {
        Some(recorded) if recorded == checksum => return Ok(false),
        Some(_) => return Err(Error::Edited(migration.version)),
        None => {}
    }
    connection.execute_batch(migration.sql)?;
    if let Some(table) = dangling(connection)? {
        return Err(Error::Dangling {
            migration: migration.version,
            table,
        });
    }
    connection.execute(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at_ms) VALUES (?1, ?2, ?3, ?4)",
        params![migration.version, migration.name, checksum, now().0],
    )?;
    connection.pragma_update(None, "user_version", migration.version)?;
    Ok(true)
}

/// A table with rows that refer to nothing.
pub(super) fn dangling(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("PRAGMA foreign_key_check", [], |row| row.get(0))
        .optional()
}

fn copy_beside(connection: &Connection, path: &Path, version: i64) -> Result<PathBuf, Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".before-v{}-{}", version + 1, now().0));
    let copy = path.with_file_name(name);
    connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration {
        version: 1,
        name: "one",
        sql: "CREATE TABLE a (x INTEGER NOT NULL) STRICT; INSERT INTO a (x) VALUES (7);",
    };
    const TWO: Migration = Migration {
        version: 2,
        name: "two",
        sql: "CREATE TABLE b (y INTEGER NOT NULL) STRICT;",
    };
    const BROKEN: Migration = Migration {
        version: 2,
        name: "two",
        sql: "CREATE TABLE b (y INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;",
    };

    fn open() -> (tempfile::TempDir, PathBuf, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        let connection = Connection::open(&path).unwrap();
        (dir, path, connection)
    }

    fn version(connection: &Connection) -> i64 {
        connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn migrations_run_once_and_in_order() {
        let (_dir, path, mut db) = open();
        assert_eq!(migrate(&mut db, &path, &[ONE, TWO]).unwrap(), None);
        assert_eq!(migrate(&mut db, &path, &[ONE, TWO]).unwrap(), None);
        assert_eq!(version(&db), 2);
        assert_eq!(
            db.query_row("SELECT count(*) FROM a", [], |r| r.get::<_, i64>(0))
                .unwrap(),
            1
        );
    }

    #[test]
    fn a_copy_is_taken_before_an_existing_database_changes() {
        let (_dir, path, mut db) = open();
        migrate(&mut db, &path, &[ONE]).unwrap();
        let copy = migrate(&mut db, &path, &[ONE, TWO]).unwrap().unwrap();
        let copy = Connection::open(copy).unwrap();
        assert_eq!(version(&copy), 1);
        assert_eq!(
            copy.query_row("SELECT x FROM a", [], |r| r.get::<_, i64>(0))
                .unwrap(),
            7
        );
    }

    #[test]
    fn a_database_of_any_earlier_version_keeps_its_people() {
        for shipped in 1..MIGRATIONS.len() {
            let (_dir, path, mut db) = open();
            migrate(&mut db, &path, &MIGRATIONS[..shipped]).unwrap();
            db.execute(
                "INSERT INTO users (uuid, username, username_key, password_hash, created_at_ms, updated_at_ms)
                 VALUES (x'01', 'Sara', 'sara', 'hash', 1, 1)",
                [],
            )
            .unwrap();
            migrate(&mut db, &path, MIGRATIONS).unwrap();
            assert_eq!(version(&db), MIGRATIONS.last().unwrap().version);
            let name: String = db
                .query_row("SELECT username FROM users", [], |row| row.get(0))
                .unwrap();
            assert_eq!(name, "Sara", "from version {shipped}");
        }
    }

    #[test]
    fn a_rebuilt_table_keeps_what_refers_to_it() {
        let (_dir, path, mut db) = open();
        db.pragma_update(None, "foreign_keys", true).unwrap();
        migrate(&mut db, &path, &MIGRATIONS[..3]).unwrap();
        db.execute_batch(
            "INSERT INTO users (uuid, username, username_key, password_hash, created_at_ms, updated_at_ms)
             VALUES (x'01', 'Sara', 'sara', 'hash', 1, 1), (x'02', 'Reza', 'reza', 'hash', 1, 1);
             INSERT INTO sessions (sid, user_id, user_agent, created_at_ms, used_at_ms, expires_at_ms)
             VALUES ('s', 1, '', 1, 1, 1);
             INSERT INTO conversations (uuid, kind, pair_low, pair_high, last_seq, last_message_at_ms, created_at_ms)
             VALUES (x'03', 'pair', 1, 2, 1, 1, 1);
             INSERT INTO members (user_id, conversation_id, role, joined_at_ms) VALUES (1, 1, 'member', 1), (2, 1, 'member', 1);
             INSERT INTO messages (uuid, conversation_id, seq, sender_id, client_message_id, kind, content, silent, created_at_ms)
             VALUES (x'04', 1, 1, 1, 'c', 'text', 'hello', 0, 1);",
        )
        .unwrap();
        migrate(&mut db, &path, MIGRATIONS).unwrap();
        let kept: (i64, i64, String) = db
            .query_row(
                "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM members), content FROM messages",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!(kept, (1, 2, "hello".to_owned()));
        // The switch is on again, and the references are those of the new tables.
        assert!(db.execute("DELETE FROM users WHERE id = 2", []).is_err());
    }

    #[test]
    fn what_was_being_erased_goes_on_and_no_id_of_a_conversation_is_given_again() {
        let (_dir, path, mut db) = open();
        migrate(&mut db, &path, &MIGRATIONS[..19]).unwrap();
        db.execute_batch(
            "INSERT INTO conversations (id, uuid, kind, last_seq, last_message_at_ms, created_at_ms)
             VALUES (7, x'07', 'pair', 1, 1, 1), (9, x'09', 'pair', 1, 1, 1);
             DELETE FROM conversations WHERE id = 9;",
        )
        .unwrap();
        migrate(&mut db, &path, MIGRATIONS).unwrap();
        let word: String = db
            .query_row("SELECT kind FROM conversations WHERE id = 7", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(word, "gone");
        db.execute(
            "INSERT INTO conversations (uuid, kind, name, last_seq, last_message_at_ms, created_at_ms)
             VALUES (x'0a', 'group', 'us', 0, 1, 1)",
            [],
        )
        .unwrap();
        assert_eq!(db.last_insert_rowid(), 10);
    }

    #[test]
    fn a_migration_that_leaves_a_reference_in_the_air_is_undone() {
        const DANGLING: Migration = Migration {
            version: 2,
            name: "two",
            sql: "CREATE TABLE b (a INTEGER REFERENCES a (rowid)) STRICT; INSERT INTO b (a) VALUES (99);",
        };
        const PARENT: Migration = Migration {
            version: 1,
            name: "one",
            sql: "CREATE TABLE a (rowid INTEGER PRIMARY KEY) STRICT;",
        };
        let (_dir, path, mut db) = open();
        let refused = migrate(&mut db, &path, &[PARENT, DANGLING]);
        assert!(
            matches!(&refused, Err(Error::Dangling { migration: 2, table }) if table == "b"),
            "{refused:?}"
        );
        assert_eq!(version(&db), 1);
    }

    #[test]
    fn a_failing_migration_leaves_nothing_behind() {
        let (_dir, path, mut db) = open();
        migrate(&mut db, &path, &[ONE]).unwrap();
        assert!(migrate(&mut db, &path, &[ONE, BROKEN]).is_err());
        assert_eq!(version(&db), 1);
        assert!(
            db.query_row("SELECT count(*) FROM b", [], |r| r.get::<_, i64>(0))
                .is_err()
        );
    }

    #[test]
    fn a_newer_file_is_refused_untouched() {
        let (_dir, path, mut db) = open();
        migrate(&mut db, &path, &[ONE, TWO]).unwrap();
        assert!(matches!(
            migrate(&mut db, &path, &[ONE]),
            Err(Error::Newer {
                found: 2,
                newest: 1,
                ..
            })
        ));
    }

    #[test]
    fn an_edited_migration_is_refused() {
        let (_dir, path, mut db) = open();
        migrate(&mut db, &path, &[ONE]).unwrap();
        let edited = Migration {
            version: 1,
            name: "one",
            sql: "CREATE TABLE c (x INTEGER) STRICT;",
        };
        assert!(matches!(
            migrate(&mut db, &path, &[edited]),
            Err(Error::Edited(1))
        ));
    }

    #[test]
    fn a_foreign_database_is_refused() {
        let (_dir, path, mut db) = open();
        db.execute_batch("CREATE TABLE somebody_elses (x INTEGER)")
            .unwrap();
        assert!(matches!(
            migrate(&mut db, &path, &[ONE]),
            Err(Error::Foreign(_))
        ));
    }

    #[test]
    fn the_shipped_migrations_apply_to_an_empty_file() {
        let (_dir, path, mut db) = open();
        migrate(&mut db, &path, MIGRATIONS).unwrap();
        assert_eq!(
            db.query_row("PRAGMA integrity_check", [], |r| r.get::<_, String>(0))
                .unwrap(),
            "ok"
        );
    }
}
