//! What the relay must remember over a restart: static pairs, and whose
//! credentials were taken back.

use std::time::Duration;

use payambar_signaling::ids::{SessionId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, now};

/// No time-limited credential lives longer, whatever `TURN_CREDENTIAL_TTL` was
/// when it was made.
const LONGEST: Duration = Duration::from_secs(3600);

/// A user name of the relay that does not expire.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticPair {
    /// Its name.
    pub name: String,
    /// The realm its key was made for.
    pub realm: String,
    /// What answers for name and password there (RFC 8489 §9.2.2).
    pub key: [u8; 16],
    /// When it was made.
    pub created_at: Timestamp,
}

/// Credentials that are refused although they have not expired: each entry has
/// the second since 1970 by which they all have.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Those of people, over all sessions.
    pub people: Vec<(UserId, u64)>,
    /// Those of sessions that have ended.
    pub sessions: Vec<(UserId, SessionId, u64)>,
}

/// Keeps a pair; `false`: there is one of that name.
pub fn add_static(connection: &Connection, pair: &StaticPair) -> Result<bool, Error> {
    let added = connection.execute(
        "INSERT INTO turn_static_pairs (name, realm, key, created_at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO NOTHING",
        params![pair.name, pair.realm, pair.key, pair.created_at.0],
    )?;
    Ok(added > 0)
}

/// Forgets a pair; `false`: there is none of that name.
pub fn remove_static(connection: &Connection, name: &str) -> Result<bool, Error> {
    let removed = connection.execute("DELETE FROM turn_static_pairs WHERE name = ?1", [name])?;
    Ok(removed > 0)
}

/// All pairs, by name.
pub fn static_pairs(connection: &Connection) -> Result<Vec<StaticPair>, Error> {
    let mut statement = connection
        .prepare("SELECT name, realm, key, created_at_ms FROM turn_static_pairs ORDER BY name")?;
    let pairs = statement.query_map([], |row| {
        Ok(StaticPair {
            name: row.get(0)?,
            realm: row.get(1)?,
            key: row.get(2)?,
            created_at: Timestamp(row.get(3)?),
        })
    })?;
    Ok(pairs.collect::<Result<_, _>>()?)
}

/// Writes down that a person's credentials that expire by `until` (seconds
/// since 1970) are refused. Never shortens what was said before.
pub fn revoke_person(connection: &Connection, user: UserId, until: u64) -> Result<(), Error> {
    // What refuses nothing any more goes.
    connection.execute(
        "DELETE FROM turn_revocations WHERE until_ms < ?1",
        [now().0],
    )?;
    connection.execute(
        "INSERT INTO turn_revocations (user_id, until_ms) VALUES (?1, ?2)
         ON CONFLICT (user_id) DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)",
        params![user.0, millis(until)],
    )?;
    Ok(())
}

/// Until when a person's credentials are refused.
pub fn revoked_until(connection: &Connection, user: UserId) -> Result<Option<u64>, Error> {
    let until: Option<i64> = connection
        .query_row(
            "SELECT until_ms FROM turn_revocations WHERE user_id = ?1",
            [user.0],
            |row| row.get(0),
        )
        .optional()?;
    Ok(until.map(seconds))
}

/// Everything a relay that starts now must refuse. `ttl` is the life of the
/// credentials that people get.
pub fn taken_back(connection: &Connection, ttl: Duration) -> Result<TakenBack, Error> {
    let at = now().0;
    let mut taken = TakenBack::default();
    let mut people = connection.prepare(
        "SELECT user_id, until_ms FROM turn_revocations WHERE until_ms >= ?1
         UNION ALL SELECT id, ?2 FROM users WHERE status <> 'active'",
    )?;
    // Nothing says when somebody was suspended, and nobody gets a credential
    // while being it.
    let suspended_until = millis(seconds(at).saturating_add(ttl.as_secs()));
    let rows = people.query_map([at, suspended_until], |row| {
        Ok((UserId(row.get(0)?), seconds(row.get(1)?)))
    })?;
    taken.people = rows.collect::<Result<_, _>>()?;
    let mut sessions = connection
        .prepare("SELECT user_id, id, ended_at_ms FROM sessions WHERE ended_at_ms > ?1")?;
    let longest = LONGEST.as_secs();
    let rows = sessions.query_map([at - millis(longest)], |row| {
        let ended = seconds(row.get(2)?);
        Ok((
            UserId(row.get(0)?),
            SessionId(row.get(1)?),
            ended.saturating_add(longest),
        ))
    })?;
    taken.sessions = rows.collect::<Result<_, _>>()?;
    Ok(taken)
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

/// Rounded up: what expires within that second is meant.
fn seconds(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::super::migrate::{MIGRATIONS, migrate};
    use super::*;

    const TTL: Duration = Duration::from_secs(600);

    fn database() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.db");
        let mut connection = Connection::open(&path).unwrap();
        migrate(&mut connection, &path, MIGRATIONS).unwrap();
        (dir, connection)
    }

    fn person(connection: &Connection, id: i64, status: &str) {
        connection
            .execute(
                "INSERT INTO users (id, uuid, username, username_key, password_hash, status, created_at_ms, updated_at_ms)
                 VALUES (?1, CAST(?1 AS BLOB), ?1, ?1, '', ?2, 0, 0)",
                params![id, status],
            )
            .unwrap();
    }

    fn session(connection: &Connection, id: i64, ended_s_ago: Option<i64>) {
        let ended = ended_s_ago.map(|ago| now().0 - ago * 1000);
        connection
            .execute(
                "INSERT INTO sessions (id, sid, user_id, user_agent, created_at_ms, used_at_ms, expires_at_ms, ended_at_ms)
                 VALUES (?1, ?1, 1, '', 0, 0, 0, ?2)",
                params![id, ended],
            )
            .unwrap();
    }

    #[test]
    fn a_pair_is_kept_once_by_its_name() {
        let (_dir, db) = database();
        let pair = StaticPair {
            name: "gateway".to_owned(),
            realm: "here".to_owned(),
            key: [7; 16],
            created_at: Timestamp(5),
        };
        let other = StaticPair {
            key: [8; 16],
            ..pair.clone()
        };
        assert!(add_static(&db, &pair).unwrap());
        assert!(!add_static(&db, &other).unwrap());
        assert!(static_pairs(&db).unwrap() == [pair]);
        assert!(remove_static(&db, "gateway").unwrap());
        assert!(!remove_static(&db, "gateway").unwrap());
        assert!(static_pairs(&db).unwrap().is_empty());
    }

    #[test]
    fn a_revocation_is_never_shortened_and_goes_when_it_is_over() {
        let (_dir, db) = database();
        let at = seconds(now().0);
        for until in [at + 100, at + 50] {
            revoke_person(&db, UserId(1), until).unwrap();
        }
        revoke_person(&db, UserId(2), at - 10).unwrap();
        assert_eq!(revoked_until(&db, UserId(1)).unwrap(), Some(at + 100));
        let people = taken_back(&db, TTL).unwrap().people;
        assert_eq!(people, [(UserId(1), at + 100)]);
        revoke_person(&db, UserId(3), at + 1).unwrap();
        assert_eq!(revoked_until(&db, UserId(2)).unwrap(), None);
    }

    #[test]
    fn sessions_that_ended_within_the_hour_and_suspended_people_are_taken_back() {
        let (_dir, db) = database();
        person(&db, 1, "active");
        person(&db, 2, "suspended");
        session(&db, 1, None);
        session(&db, 2, Some(3500));
        session(&db, 3, Some(3700));
        let at = seconds(now().0);
        let taken = taken_back(&db, TTL).unwrap();
        let [(UserId(2), until)] = taken.people[..] else {
            panic!("{taken:?}")
        };
        assert!((at + 600..at + 605).contains(&until), "{until}");
        let [(UserId(1), SessionId(2), until)] = taken.sessions[..] else {
            panic!("{taken:?}")
        };
        assert!((at + 95..at + 105).contains(&until), "{until}");
    }
}
