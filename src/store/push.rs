//! Push subscriptions, what a notification may show, and what it says.

use payambar_signaling::ids::{ConversationId, SessionId, UserId};
use payambar_signaling::wire::Code;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Error, now};
use crate::i18n::Lang;
use crate::push::{Keys, Privacy};

/// Subscriptions of one person; a further one takes the place of the oldest.
const EACH: u32 = 16;

/// Unread messages are counted up to here.
const COUNTED: u32 = 999;

/// A subscription's key; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionId(pub i64);

/// A browser that wants to be woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Integer key.
    pub id: SubscriptionId,
    /// Whose it is.
    pub user: UserId,
    /// The log-in it was made in, and ends with.
    pub session: SessionId,
    /// Where the push service takes its pushes.
    pub endpoint: String,
    /// What they are encrypted with.
    pub keys: Keys,
    /// In which language.
    pub lang: Lang,
}

/// A subscription to be made.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    /// Whose it is.
    pub user: UserId,
    /// The log-in it is made in.
    pub session: SessionId,
    /// Where.
    pub endpoint: String,
    /// What with.
    pub keys: Keys,
    /// In which language.
    pub lang: Lang,
}

/// All that a push to one person needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Their browsers.
    pub subscriptions: Vec<Subscription>,
    /// What may be shown.
    pub privacy: Privacy,
    /// Who wrote or calls: name, and name to show.
    pub other: (String, Option<String>),
    /// The group it is in, and its name.
    pub group: Option<(ConversationId, String)>,
    /// Messages they have not read, up to a bound.
    pub unread: u32,
}

/// Keeps a subscription. The endpoint's former one, whosever it was, is
/// replaced. Returns those that are no more because of it.
///
/// # Errors
///
/// [`Code::InvalidToken`] when the session ended meanwhile.
pub fn subscribe(
    connection: &Connection,
    new: &NewSubscription,
) -> Result<Vec<SubscriptionId>, Error> {
    let alive = connection
        .prepare_cached(
            "SELECT 1 FROM sessions WHERE id = ?1 AND user_id = ?2 AND ended_at_ms IS NULL",
        )?
        .exists([new.session.0, new.user.0])?;
    if !alive {
        return Err(Error::Refused(Code::InvalidToken));
    }
    let replaced = connection
        .prepare_cached("DELETE FROM push_subscriptions WHERE endpoint = ?1 RETURNING id")?
        .query_row([&new.endpoint], id)
        .optional()?;
    connection
        .prepare_cached(
            "INSERT INTO push_subscriptions (user_id, session_id, endpoint, p256dh, auth, lang, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            new.user.0,
            new.session.0,
            new.endpoint,
            new.keys.p256dh,
            new.keys.auth,
            new.lang.as_str(),
            now().0,
        ])?;
    let mut oldest = connection.prepare_cached(
        "DELETE FROM push_subscriptions WHERE user_id = ?1 AND id NOT IN
             (SELECT id FROM push_subscriptions WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2)
         RETURNING id",
    )?;
    let mut gone = oldest
        .query_map(params![new.user.0, EACH], id)?
        .collect::<Result<Vec<_>, _>>()?;
    gone.extend(replaced);
    Ok(gone)
}

/// Ends a person's own subscription, if there is one of that address.
pub fn unsubscribe(
    connection: &Connection,
    user: UserId,
    endpoint: &str,
) -> Result<Option<SubscriptionId>, Error> {
    let removed = connection
        .prepare_cached(
            "DELETE FROM push_subscriptions WHERE user_id = ?1 AND endpoint = ?2 RETURNING id",
        )?
        .query_row(params![user.0, endpoint], id)
        .optional()?;
    Ok(removed)
}

/// Forgets a subscription that its push service does not know any more.
pub fn remove(connection: &Connection, id: SubscriptionId) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM push_subscriptions WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Everybody with a subscription.
pub fn subscribers(connection: &Connection) -> Result<Vec<UserId>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT user_id FROM push_subscriptions")?;
    let people = statement
        .query_map([], |row| row.get(0).map(UserId))?
        .collect::<Result<_, _>>()?;
    Ok(people)
}

/// What a push to `user` about `other` needs: nothing goes to an account that
/// is suspended or to a session whose time is over.
///
/// # Errors
///
/// [`Code::UserNotFound`] when `other` is gone.
pub fn addressee(connection: &Connection, user: UserId, other: UserId) -> Result<Addressee, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT p.id, p.user_id, p.session_id, p.endpoint, p.p256dh, p.auth, p.lang
         FROM push_subscriptions p
         JOIN sessions s ON s.id = p.session_id AND s.ended_at_ms IS NULL AND s.expires_at_ms > ?2
         JOIN users u ON u.id = p.user_id AND u.status = 'active'
         WHERE p.user_id = ?1 ORDER BY p.id",
    )?;
    let subscriptions = statement
        .query_map(params![user.0, now().0], subscription)?
        .collect::<Result<_, _>>()?;
    let other = connection
        .prepare_cached("SELECT username, display_name FROM users WHERE id = ?1")?
        .query_row([other.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(Error::Refused(Code::UserNotFound))?;
    Ok(Addressee {
        subscriptions,
        privacy: privacy(connection, user)?,
        other,
        group: None,
        unread: unread(connection, user)?,
    })
}

/// What a person's notifications may show.
pub fn privacy(connection: &Connection, user: UserId) -> Result<Privacy, Error> {
    let word: Option<String> = connection
        .prepare_cached("SELECT privacy FROM push_settings WHERE user_id = ?1")?
        .query_row([user.0], |row| row.get(0))
        .optional()?;
    Ok(word
        .and_then(|word| Privacy::parse(&word))
        .unwrap_or_default())
}

/// Sets what a person's notifications may show.
pub fn set_privacy(connection: &Connection, user: UserId, privacy: Privacy) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO push_settings (user_id, privacy) VALUES (?1, ?2)
             ON CONFLICT (user_id) DO UPDATE SET privacy = excluded.privacy",
        )?
        .execute(params![user.0, privacy.as_str()])?;
    Ok(())
}

/// Messages of others that a person has not read, in all conversations.
fn unread(connection: &Connection, user: UserId) -> Result<u32, Error> {
    let count = connection
        .prepare_cached(
            "SELECT count(*) FROM (
                 SELECT 1 FROM members m
                 JOIN conversations c ON c.id = m.conversation_id AND c.last_seq > m.read_seq
                 JOIN messages x ON x.conversation_id = c.id AND x.seq > m.read_seq
                 WHERE m.user_id = ?1 AND x.sender_id <> ?1 AND x.silent = 0 AND x.deleted_at_ms IS NULL AND x.seq > m.cleared_seq
                 AND NOT EXISTS (SELECT 1 FROM hidden_messages h WHERE h.user_id = ?1 AND h.conversation_id = c.id AND h.seq = x.seq)
                 LIMIT ?2)",
        )?
        .query_row(params![user.0, COUNTED], |row| row.get(0))?;
    Ok(count)
}

fn id(row: &Row<'_>) -> rusqlite::Result<SubscriptionId> {
    row.get(0).map(SubscriptionId)
}

fn subscription(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        id: id(row)?,
        user: UserId(row.get(1)?),
        session: SessionId(row.get(2)?),
        endpoint: row.get(3)?,
        keys: Keys {
            p256dh: bytes(row, 4)?,
            auth: bytes(row, 5)?,
        },
        lang: Lang::parse(row.get_ref(6)?.as_str()?).unwrap_or_default(),
    })
}

/// A value of a fixed length, as the table promises it.
fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    let value = row.get_ref(column)?.as_blob()?;
    value.try_into().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error))
    })
}

#[cfg(test)]
mod tests;
