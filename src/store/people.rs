//! Who may reach whom: blocks, and whose calls somebody takes. The rules are in
//! `signaling::chat`; here are the facts they decide by.

use std::collections::BTreeSet;

use payambar_signaling::chat::{Block, BlockChange, CallFacts, CallsFrom, Party, SendFacts};
use payambar_signaling::hub::Known;
use payambar_signaling::ids::{Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, conversations, groups, now, seen, users};

/// Somebody in a person's list of blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub username: String,
    /// Their name to show.
    pub display_name: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// What decides whether a message may be sent.
pub(super) fn send_facts(
    connection: &Connection,
    sender: UserId,
    receiver: UserId,
) -> Result<SendFacts, Error> {
    let facts = connection
        .prepare_cached(
            "SELECT (SELECT status FROM users WHERE id = ?1), (SELECT status FROM users WHERE id = ?2),
                    EXISTS (SELECT 1 FROM blocks WHERE blocker_id = ?1 AND blocked_id = ?2),
                    EXISTS (SELECT 1 FROM blocks WHERE blocker_id = ?2 AND blocked_id = ?1)",
        )?
        .query_row([sender.0, receiver.0], |row| {
            let party = |status: Option<&str>| users::party_of(status);
            Ok(SendFacts {
                sender: party(row.get_ref(0)?.as_str_or_null()?),
                receiver: party(row.get_ref(1)?.as_str_or_null()?),
                block: Block::of(row.get(2)?, row.get(3)?),
            })
        })?;
    Ok(facts)
}

/// What stands between two people, seen from the first.
pub fn block_between(connection: &Connection, from: UserId, to: UserId) -> Result<Block, Error> {
    Ok(send_facts(connection, from, to)?.block)
}

/// What decides whether one may call the other.
pub fn call_facts(
    connection: &Connection,
    caller: UserId,
    callee: UserId,
) -> Result<CallFacts, Error> {
    let (low, high) = conversations::pair(caller, callee);
    let wrote: Option<(bool, bool)> = connection
        .prepare_cached("SELECT low_wrote, high_wrote FROM conversations WHERE pair_low = ?1 AND pair_high = ?2")?
        .query_row([low.0, high.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (low_wrote, high_wrote) = wrote.unwrap_or_default();
    Ok(CallFacts {
        block: block_between(connection, caller, callee)?,
        calls_from: calls_from(connection, callee)?,
        contact: if callee == low { low_wrote } else { high_wrote },
    })
}

/// Whose calls a person takes.
pub fn calls_from(connection: &Connection, user: UserId) -> Result<CallsFrom, Error> {
    let word: Option<String> = connection
        .prepare_cached("SELECT calls_from FROM users WHERE id = ?1")?
        .query_row([user.0], |row| row.get(0))
        .optional()?;
    Ok(word
        .and_then(|word| CallsFrom::parse(&word))
        .unwrap_or_default())
}

/// Sets whose calls a person takes.
pub fn set_calls_from(
    connection: &Connection,
    user: UserId,
    calls_from: CallsFrom,
) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE users SET calls_from = ?2, updated_at_ms = ?3 WHERE id = ?1")?
        .execute(params![user.0, calls_from.as_str(), now().0])?;
    Ok(())
}

/// Blocks somebody, or takes it back; both also when it is so already.
///
/// # Errors
///
/// [`Code::UserNotFound`] for a block of nobody, [`Code::BadRequest`] of
/// oneself.
pub fn change_block(connection: &Connection, change: BlockChange) -> Result<(), Error> {
    let BlockChange { by, whom, blocked } = change;
    if by == whom {
        return Err(Error::Refused(Code::BadRequest));
    }
    if !blocked {
        connection
            .prepare_cached("DELETE FROM blocks WHERE blocker_id = ?1 AND blocked_id = ?2")?
            .execute([by.0, whom.0])?;
        return Ok(());
    }
    if users::party(connection, whom)? == Party::Missing {
        return Err(Error::Refused(Code::UserNotFound));
    }
    connection
        .prepare_cached(
            "INSERT INTO blocks (blocker_id, blocked_id, created_at_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (blocker_id, blocked_id) DO NOTHING",
        )?
        .execute(params![by.0, whom.0, now().0])?;
    Ok(())
}

/// Whom a person has blocked, the newest first.
pub fn blocks(connection: &Connection, by: UserId) -> Result<Vec<Blocked>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT u.id, u.username, u.display_name, b.created_at_ms
         FROM blocks b JOIN users u ON u.id = b.blocked_id
         WHERE b.blocker_id = ?1 ORDER BY b.created_at_ms DESC, u.id DESC",
    )?;
    let blocked = statement.query_map([by.0], |row| {
        Ok(Blocked {
            id: UserId(row.get(0)?),
            username: row.get(1)?,
            display_name: row.get(2)?,
            at: Timestamp(row.get(3)?),
        })
    })?;
    Ok(blocked.collect::<Result<_, _>>()?)
}

/// What the hub needs to know of a person who joins.
pub fn known(connection: &Connection, user: UserId) -> Result<Known, Error> {
    let calls_from = calls_from(connection, user)?;
    Ok(Known {
        blocks: set(
            connection,
            "SELECT blocked_id FROM blocks WHERE blocker_id = ?1",
            user,
        )?,
        blocked_by: set(
            connection,
            "SELECT blocker_id FROM blocks WHERE blocked_id = ?1",
            user,
        )?,
        contacts: match calls_from {
            CallsFrom::Contacts => set(connection, CONTACTS, user)?,
            CallsFrom::Everyone | CallsFrom::Nobody => BTreeSet::new(),
        },
        calls_from,
        hides_last_seen: !seen::shows(connection, user)?,
        groups: groups::of(connection, user)?,
    })
}

/// To whom a person has ever written.
const CONTACTS: &str = "SELECT CASE c.pair_low WHEN ?1 THEN c.pair_high ELSE c.pair_low END
     FROM members m JOIN conversations c ON c.id = m.conversation_id
     WHERE m.user_id = ?1 AND CASE c.pair_low WHEN ?1 THEN c.low_wrote ELSE c.high_wrote END";

/// Everybody whom a person may not see come and go, or who may not see them.
pub fn apart_from(connection: &Connection, user: UserId) -> Result<BTreeSet<UserId>, Error> {
    set(
        connection,
        "SELECT blocked_id FROM blocks WHERE blocker_id = ?1
         UNION ALL SELECT blocker_id FROM blocks WHERE blocked_id = ?1",
        user,
    )
}

fn set(connection: &Connection, sql: &str, user: UserId) -> Result<BTreeSet<UserId>, Error> {
    let mut statement = connection.prepare_cached(sql)?;
    let people = statement.query_map([user.0], |row| row.get(0).map(UserId))?;
    Ok(people.collect::<Result<_, _>>()?)
}
