//! Finding people by a part of their names without looking at every account:
//! each name is cut into pieces of one, two and three letters, kept in the
//! order of the answer. A query of up to three letters is one piece; a longer
//! one is looked for among the people who have its rarest piece.

use std::collections::BTreeSet;

use payambar_signaling::ids::UserId;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::users::{COLUMNS, key, user};
use super::{Error, User};
use crate::fold::{VERSION, fold};

/// The longest piece.
const LONGEST: usize = 3;

/// Pieces of a query that are compared for the rarest.
const COMPARED: usize = 16;

/// Whether a piece is rarer than another is counted up to here.
const COUNTED: u32 = 256;

/// People with the rarest piece of a long query who are looked at. Where more
/// have it, the query says too little and the answer may lack some.
const LOOKED_AT: u32 = 4096;

/// Cuts a person's names into pieces again, in the write that changed them.
pub(super) fn index(
    connection: &Connection,
    id: UserId,
    username: &str,
    display_name: Option<&str>,
) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM people_grams WHERE user_id = ?1")?
        .execute([id.0])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO people_grams (listed, gram, username_key, user_id)
         SELECT status = 'active' AND findable = 1, ?2, username_key, id FROM users WHERE id = ?1",
    )?;
    let mut grams = BTreeSet::from([String::new()]);
    for name in [Some(username), display_name].into_iter().flatten() {
        let letters: Vec<char> = fold(name).chars().collect();
        for length in 1..=LONGEST {
            grams.extend(letters.windows(length).map(String::from_iter));
        }
    }
    for gram in grams {
        insert.execute(params![id.0, gram])?;
    }
    Ok(())
}

/// People whose name or display name contains `wanted`, without `except`, by
/// name. A whole name finds its person also where pieces do not.
pub fn find(
    connection: &Connection,
    wanted: &str,
    except: UserId,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let folded = fold(wanted);
    let mut found = if folded.chars().count() <= LONGEST {
        having(connection, &folded, except, limit)?
    } else {
        containing(connection, &folded, except, limit)?
    };
    let exact = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM users WHERE username_key = ?1 AND status = 'active' AND id <> ?2"
        ))?
        .query_row(params![key(wanted), except.0], user)
        .optional()?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    if let Some(exact) = exact.filter(|exact| found.iter().all(|other| other.id != exact.id)) {
        found.truncate(most.saturating_sub(1));
        let place = found.partition_point(|other| key(&other.username) < key(&exact.username));
        found.insert(place, exact);
    }
    Ok(found)
}

/// The first people who have a piece.
fn having(
    connection: &Connection,
    gram: &str,
    except: UserId,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let found = connection
        .prepare_cached(&people_with())?
        .query_map(params![gram, except.0, limit], user)?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// The first people who have the whole of a query that is longer than a piece.
fn containing(
    connection: &Connection,
    folded: &str,
    except: UserId,
    limit: u32,
) -> Result<Vec<User>, Error> {
    let rarest = rarest(connection, folded)?;
    let mut statement = connection.prepare_cached(&people_with())?;
    let mut rows = statement.query(params![rarest, except.0, LOOKED_AT])?;
    let mut found = Vec::new();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    while found.len() < most
        && let Some(row) = rows.next()?
    {
        let person = user(row)?;
        let has = |name: &str| fold(name).contains(folded);
        if has(&person.username) || person.display_name.as_deref().is_some_and(has) {
            found.push(person);
        }
    }
    Ok(found)
}

/// The piece of a query that the fewest people have.
fn rarest(connection: &Connection, folded: &str) -> Result<String, Error> {
    let letters: Vec<char> = folded.chars().collect();
    let mut count = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM people_grams WHERE listed = 1 AND gram = ?1 LIMIT ?2)",
    )?;
    let mut rarest = (u32::MAX, String::new());
    let step = (letters.len() + 1 - LONGEST).div_ceil(COMPARED).max(1);
    for piece in letters.windows(LONGEST).step_by(step) {
        let gram = String::from_iter(piece);
        let people: u32 = count.query_row(params![gram, COUNTED], |row| row.get(0))?;
        if people < rarest.0 {
            rarest = (people, gram);
        }
    }
    Ok(rarest.1)
}

/// Reads the people who have a piece, in the order of their names. The join is
/// written so that SQLite cannot begin with the accounts.
fn people_with() -> String {
    format!(
        "SELECT {COLUMNS} FROM people_grams g CROSS JOIN users u ON u.id = g.user_id
         WHERE g.listed = 1 AND g.gram = ?1 AND g.user_id <> ?2 ORDER BY g.username_key LIMIT ?3"
    )
}

/// Cuts everybody's names that were cut under other rules, or never.
pub(super) fn fill(connection: &mut Connection) -> Result<(), Error> {
    if folded_by(connection)? == Some(VERSION) {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if folded_by(&tx)? == Some(VERSION) {
        return Ok(());
    }
    {
        let mut everybody =
            tx.prepare("SELECT id, username, display_name FROM users WHERE status <> 'deleted'")?;
        let mut rows = everybody.query([])?;
        while let Some(row) = rows.next()? {
            let (username, display_name): (String, Option<String>) = (row.get(1)?, row.get(2)?);
            index(&tx, UserId(row.get(0)?), &username, display_name.as_deref())?;
        }
    }
    tx.execute("DELETE FROM people_fold", [])?;
    tx.execute("INSERT INTO people_fold (version) VALUES (?1)", [VERSION])?;
    tx.commit()?;
    Ok(())
}

fn folded_by(connection: &Connection) -> Result<Option<i64>, Error> {
    let version = connection
        .query_row("SELECT version FROM people_fold", [], |row| row.get(0))
        .optional()?;
    Ok(version)
}

#[cfg(test)]
mod tests;
