//! The database of the earlier server: how it is told from others, and how
//! its columns are read, of which any may be missing or hold anything.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

/// Its tables.
pub(super) const TABLES: [&str; 7] = [
    "users",
    "conversations",
    "conversation_participants",
    "messages",
    "files",
    "user_device_keys",
    "push_subscriptions",
];

/// What no other program's tables of these names would have.
const MARKS: [(&str, &[&str]); 3] = [
    ("users", &["id", "username", "password_hash"]),
    ("conversation_participants", &["conversation_id", "user_id"]),
    ("messages", &["id", "sender_id", "receiver_id", "content"]),
];

pub(super) fn recognised(connection: &Connection) -> rusqlite::Result<bool> {
    if !columns(connection, "schema_migrations")?.is_empty() {
        return Ok(false);
    }
    for (table, marks) in MARKS {
        let there = columns(connection, table)?;
        if !marks
            .iter()
            .all(|mark| there.iter().any(|name| name == mark))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The columns of a table, none if there is no such table.
pub(super) fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT name FROM pragma_table_info(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect()
}

/// Gives the tables other names, under which they are read from now on.
pub(super) fn set_aside(connection: &Connection) -> rusqlite::Result<()> {
    let others: Vec<(String, String)> = connection
        .prepare(
            "SELECT type, name FROM sqlite_schema
             WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (kind, name) in others {
        let name = name.replace('"', "\"\"");
        connection.execute_batch(&format!("DROP {kind} IF EXISTS \"{name}\""))?;
    }
    for table in TABLES {
        if !columns(connection, table)?.is_empty() {
            connection.execute_batch(&format!("ALTER TABLE {table} RENAME TO earlier_{table}"))?;
        }
    }
    Ok(())
}

/// Reads these columns of a table that was set aside, NULL for those it lacks.
/// `None` when there is no such table. A name that ends in `_at` becomes unix
/// milliseconds.
pub(super) fn select(
    connection: &Connection,
    table: &str,
    wanted: &[&str],
) -> rusqlite::Result<Option<String>> {
    let table = format!("earlier_{table}");
    let there = columns(connection, &table)?;
    if there.is_empty() {
        return Ok(None);
    }
    let column = |name: &&str| match there.iter().any(|column| column == name) {
        false => format!("NULL AS {name}"),
        true if name.ends_with("_at") => format!("{} AS {name}", time(name)),
        true => (*name).to_owned(),
    };
    let columns: Vec<String> = wanted.iter().map(column).collect();
    Ok(Some(format!("SELECT {} FROM {table}", columns.join(", "))))
}

/// Its times are text in UTC, to the second or finer, with more or less behind.
fn time(column: &str) -> String {
    format!(
        "CASE typeof({column}) WHEN 'text' THEN CAST(round(1000 * coalesce(unixepoch({column}, 'subsec'),
         unixepoch(substr({column}, 1, 23), 'subsec'), unixepoch(substr({column}, 1, 19)))) AS INTEGER) END"
    )
}

/// Text, whatever type the value has; empty for NULL.
pub(super) fn text(row: &Row<'_>, column: &str) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
    })
}

/// Text that says something.
pub(super) fn some_text(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<String>> {
    Ok(Some(text(row, column)?).filter(|text| !text.is_empty()))
}

/// A number, 0 for what is none.
pub(super) fn number(row: &Row<'_>, column: &str) -> rusqlite::Result<i64> {
    Ok(row.get_ref(column)?.as_i64().unwrap_or(0))
}

/// A time in unix milliseconds, if there is one.
pub(super) fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<i64>> {
    Ok(row.get_ref(column)?.as_i64().ok())
}
