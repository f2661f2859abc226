//! The end of an account (row A17). Its row stays without anything that tells
//! of its person, so that others keep their own words and the places in their
//! conversations; everything else of the person goes.

use payambar_signaling::chat::Deletion;
use payambar_signaling::group::Change;
use payambar_signaling::ids::{ConversationId, MessageId, Seq, SessionId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, emails, erase, files, groups, sessions, standing, turn};

/// Shown where a name was, to clients that know no deleted accounts.
const NAME: &str = "حساب حذف‌شده";

/// Messages looked at in one transaction: see [`erase`].
const STEP: u32 = 500;

/// What became of an account.
#[derive(Debug)]
pub struct Farewell {
    /// The sessions that ended.
    pub ended: Vec<SessionId>,
    /// What others have to be told.
    pub deletion: Deletion,
    /// What became of the person's groups.
    pub groups: Vec<Change>,
}

impl AsRef<[Change]> for Farewell {
    fn as_ref(&self) -> &[Change] {
        &self.groups
    }
}

/// Deletes an account; its name is free with the commit, and nobody can come in
/// by it. What it wrote is erased by [`step`].
/// `until` (seconds since 1970) is when the last relay credential expires.
///
/// # Errors
///
/// [`payambar_signaling::wire::Code::LastAdmin`].
pub fn account(
    connection: &Connection,
    me: UserId,
    until: u64,
    at: Timestamp,
) -> Result<Farewell, Error> {
    standing::spare_last_admin_of(connection, me)?;
    let ended = sessions::end_all(connection, me, None)?;
    turn::revoke_person(connection, me, until)?;
    files::remove_avatar(connection, me)?;
    emails::forget(connection, me)?;
    for sql in [
        "DELETE FROM sessions WHERE user_id = ?1",
        "DELETE FROM push_subscriptions WHERE user_id = ?1",
        "DELETE FROM push_settings WHERE user_id = ?1",
        "DELETE FROM device_keys WHERE user_id = ?1",
        "DELETE FROM blocks WHERE blocker_id = ?1",
        "DELETE FROM blocks WHERE blocked_id = ?1",
        "DELETE FROM hidden_messages WHERE user_id = ?1",
        "DELETE FROM people_grams WHERE user_id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([me.0])?;
    }
    // No name has these signs, so nobody can take or find it; it only tells
    // one deleted account from another.
    let (name, key) = (format!("deleted-{}", me.0), format!("!-{}", me.0));
    connection
        .prepare_cached(
            "UPDATE users SET status = 'deleted', username = ?5, username_key = ?2, password_hash = '', display_name = ?3,
                    bio = '', language = NULL, last_seen_ms = NULL, role = 'user', findable = 0, must_change_password = 0, state_reason = '',
                    state_since_ms = ?4, updated_at_ms = ?4 WHERE id = ?1",
        )?
        .execute(params![me.0, key, NAME, at.0, name.as_str()])?;
    connection
        .prepare_cached(
            "INSERT INTO account_erasures (user_id) VALUES (?1) ON CONFLICT DO NOTHING",
        )?
        .execute([me.0])?;
    let others = connection
        .prepare_cached(
            "SELECT CASE c.pair_low WHEN ?1 THEN c.pair_high ELSE c.pair_low END
             FROM members m JOIN conversations c ON c.id = m.conversation_id
             WHERE m.user_id = ?1 AND c.kind = 'pair'
             UNION SELECT o.user_id FROM members m
             JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'group'
             JOIN members o ON o.conversation_id = c.id AND o.user_id <> ?1 WHERE m.user_id = ?1",
        )?
        .query_map([me.0], |row| row.get(0).map(UserId))?
        .collect::<Result<_, _>>()?;
    let deletion = Deletion::Account {
        user: me,
        name,
        others,
    };
    let groups = groups::farewell(connection, me)?;
    Ok(Farewell {
        ended,
        deletion,
        groups,
    })
}

/// How far the words of somebody who left are erased.
struct Erasure {
    user: UserId,
    conversation: ConversationId,
    seq: Seq,
}

/// Erases the next words of somebody who left; says whether there may be more
/// to do.
pub fn step(connection: &Connection, at: Timestamp) -> Result<bool, Error> {
    let next = connection
        .prepare_cached("SELECT user_id, conversation_id, seq FROM account_erasures LIMIT 1")?
        .query_row([], |row| {
            Ok(Erasure {
                user: UserId(row.get(0)?),
                conversation: ConversationId(row.get(1)?),
                seq: Seq(row.get(2)?),
            })
        })
        .optional()?;
    match next {
        Some(next) => go_on(connection, &next, at).map(|()| true),
        None => Ok(false),
    }
}

fn go_on(connection: &Connection, from: &Erasure, at: Timestamp) -> Result<(), Error> {
    let messages = connection
        .prepare_cached(
            "SELECT id, seq, sender_id = ?3 AND deleted_at_ms IS NULL FROM messages
             WHERE conversation_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?4",
        )?
        .query_map(
            params![from.conversation.0, from.seq.0, from.user.0, STEP],
            |row| Ok((MessageId(row.get(0)?), row.get(1)?, row.get(2)?)),
        )?
        .collect::<Result<Vec<(MessageId, i64, bool)>, _>>()?;
    for (id, _, own) in &messages {
        if *own {
            erase::erase(connection, *id, at)?;
        }
    }
    if let Some((_, seq, _)) = messages.last() {
        connection
            .prepare_cached("UPDATE account_erasures SET seq = ?2 WHERE user_id = ?1")?
            .execute([from.user.0, *seq])?;
        return Ok(());
    }
    leave_to_nobody(connection, from)?;
    let next: Option<i64> = connection
        .prepare_cached(
            "SELECT min(conversation_id) FROM (
                 SELECT conversation_id FROM members WHERE user_id = ?1 AND conversation_id > ?2
                 UNION ALL SELECT conversation_id FROM past_members WHERE user_id = ?1 AND conversation_id > ?2)",
        )?
        .query_row([from.user.0, from.conversation.0], |row| row.get(0))?;
    match next {
        Some(next) => connection
            .prepare_cached(
                "UPDATE account_erasures SET conversation_id = ?2, seq = 0 WHERE user_id = ?1",
            )?
            .execute([from.user.0, next])?,
        None => connection
            .prepare_cached("DELETE FROM account_erasures WHERE user_id = ?1")?
            .execute([from.user.0])?,
    };
    Ok(())
}

/// A conversation whose two people are both gone goes too.
fn leave_to_nobody(connection: &Connection, from: &Erasure) -> Result<(), Error> {
    let pair: Option<[i64; 2]> = connection
        .prepare_cached(
            "SELECT c.pair_low, c.pair_high FROM conversations c
             JOIN users l ON l.id = c.pair_low AND l.status = 'deleted'
             JOIN users h ON h.id = c.pair_high AND h.status = 'deleted' WHERE c.id = ?1",
        )?
        .query_row([from.conversation.0], |row| Ok([row.get(0)?, row.get(1)?]))
        .optional()?;
    match pair {
        Some(pair) => erase::doom(connection, from.conversation, pair.map(UserId)),
        None => Ok(()),
    }
}
