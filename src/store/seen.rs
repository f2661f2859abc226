//! When people were last there (row P2): written when their last socket ends,
//! read by those who may know.

use std::collections::{BTreeMap, BTreeSet};

use payambar_signaling::ids::{Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, User, now, people};

/// When person `u` was last there, if ?1 may know: both say so of themselves,
/// neither blocked the other, and the account is in use.
pub(super) const LAST_SEEN: &str = "CASE WHEN u.status = 'active' AND u.show_last_seen = 1
     AND (SELECT show_last_seen FROM users WHERE id = ?1) = 1
     AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker_id = ?1 AND blocked_id = u.id)
     AND NOT EXISTS (SELECT 1 FROM blocks WHERE blocker_id = u.id AND blocked_id = ?1)
     THEN u.last_seen_ms END";

/// Of these people, when each was last there, as far as `viewer` may know.
pub fn of(
    connection: &Connection,
    viewer: UserId,
    users: &[UserId],
) -> Result<BTreeMap<UserId, Timestamp>, Error> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {LAST_SEEN} FROM users u WHERE u.id = ?2"))?;
    let mut seen = BTreeMap::new();
    for &user in users {
        let at: Option<Option<i64>> = statement
            .query_row([viewer.0, user.0], |row| row.get(0))
            .optional()?;
        seen.extend(at.flatten().map(|at| (user, Timestamp(at))));
    }
    Ok(seen)
}

/// People as somebody may see them.
#[derive(Debug)]
pub struct View {
    /// Who.
    pub people: Vec<User>,
    /// Of whom it may not be seen whether they are online.
    pub apart: BTreeSet<UserId>,
    /// When they were last there, as far as that may be known.
    pub last_seen: BTreeMap<UserId, Timestamp>,
}

/// These people as `viewer` may see them.
pub fn view(connection: &Connection, viewer: UserId, people: Vec<User>) -> Result<View, Error> {
    let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
    Ok(View {
        apart: people::apart_from(connection, viewer)?,
        last_seen: of(connection, viewer, &ids)?,
        people,
    })
}

/// Writes down that these were there until then, and says of whom others may
/// know. A later time that is known already stays.
pub fn left(
    connection: &Connection,
    left: &[(UserId, Timestamp)],
) -> Result<Vec<(UserId, Timestamp)>, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE users SET last_seen_ms = max(ifnull(last_seen_ms, 0), ?2)
         WHERE id = ?1 AND status <> 'deleted'
         RETURNING last_seen_ms, status = 'active' AND show_last_seen = 1",
    )?;
    let mut told = Vec::new();
    for &(user, at) in left {
        let kept: Option<(i64, bool)> = statement
            .query_row([user.0, at.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((at, true)) = kept {
            told.push((user, Timestamp(at)));
        }
    }
    Ok(told)
}

/// Whether a person says when they were last there.
pub fn shows(connection: &Connection, user: UserId) -> Result<bool, Error> {
    let shows: Option<bool> = connection
        .prepare_cached("SELECT show_last_seen FROM users WHERE id = ?1")?
        .query_row([user.0], |row| row.get(0))
        .optional()?;
    Ok(shows.unwrap_or_default())
}

/// Sets whether a person says when they were last there.
pub fn set_shows(connection: &Connection, user: UserId, shows: bool) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE users SET show_last_seen = ?2, updated_at_ms = ?3 WHERE id = ?1")?
        .execute(params![user.0, shows, now().0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use payambar_signaling::chat::BlockChange;

    use super::*;
    use crate::store::bench::{OMID, SARA, bench};
    use crate::store::farewell;

    const AT: Timestamp = Timestamp(1_000);

    fn seen(db: &Connection) -> Option<Timestamp> {
        of(db, SARA, &[OMID]).unwrap().remove(&OMID)
    }

    #[test]
    fn the_latest_time_stays_whatever_order_the_writes_come_in() {
        let db = bench();
        assert_eq!(seen(&db), None, "never there");
        for at in [2_000, 1_000] {
            let told = left(&db, &[(OMID, Timestamp(at)), (UserId(9), AT)]).unwrap();
            assert_eq!(told, [(OMID, Timestamp(2_000))]);
        }
        assert_eq!(seen(&db), Some(Timestamp(2_000)));
    }

    #[test]
    fn who_hides_it_is_not_seen_and_does_not_see() {
        for who in [SARA, OMID] {
            let db = bench();
            left(&db, &[(OMID, AT)]).unwrap();
            set_shows(&db, who, false).unwrap();
            assert_eq!(seen(&db), None, "{who} hides");
            let told = left(&db, &[(OMID, AT)]).unwrap();
            assert_eq!(told.is_empty(), who == OMID);
            assert!(people::known(&db, who).unwrap().hides_last_seen);
            set_shows(&db, who, true).unwrap();
            assert_eq!(seen(&db), Some(AT));
        }
    }

    #[test]
    fn blocked_people_and_those_shut_out_are_not_seen() {
        for (by, whom) in [(SARA, OMID), (OMID, SARA)] {
            let db = bench();
            left(&db, &[(OMID, AT)]).unwrap();
            let blocked = true;
            people::change_block(&db, BlockChange { by, whom, blocked }).unwrap();
            assert_eq!(seen(&db), None, "{by} blocked {whom}");
        }
        let db = bench();
        left(&db, &[(OMID, AT)]).unwrap();
        db.execute("UPDATE users SET status = 'suspended' WHERE id = 2", [])
            .unwrap();
        assert_eq!(seen(&db), None);
        assert_eq!(left(&db, &[(OMID, AT)]).unwrap(), []);
    }

    #[test]
    fn nothing_of_it_stays_or_comes_back_of_a_deleted_account() {
        let db = bench();
        left(&db, &[(OMID, AT)]).unwrap();
        farewell::account(&db, OMID, 0, now()).unwrap();
        let kept = |db: &Connection| -> Option<i64> {
            db.query_row("SELECT last_seen_ms FROM users WHERE id = 2", [], |row| {
                row.get(0)
            })
            .unwrap()
        };
        assert_eq!(kept(&db), None);
        assert_eq!(left(&db, &[(OMID, AT)]).unwrap(), []);
        assert_eq!((kept(&db), seen(&db)), (None, None));
    }
}
