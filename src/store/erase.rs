//! Taking messages back (rows M13, M14): erased for both people, or hidden for
//! one. An erased message leaves its place, so that seq has no gap.

use payambar_signaling::chat::{Deletion, MessageFacts, Place, Scope, may_delete};
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, files};

/// Which messages `m` of conversation ?1 person ?2 may see.
pub(super) const VISIBLE: &str = "m.conversation_id = ?1 AND m.deleted_at_ms IS NULL
     AND m.seq > (SELECT cleared_seq FROM members WHERE user_id = ?2 AND conversation_id = ?1)
     AND NOT EXISTS (SELECT 1 FROM hidden_messages h WHERE h.user_id = ?2 AND h.conversation_id = ?1 AND h.seq = m.seq)";

/// A message as the rules ask for it.
struct Found {
    place: Place,
    erased: bool,
}

impl Found {
    fn facts(&self) -> MessageFacts {
        MessageFacts {
            sender: self.place.sender,
            receiver: self.place.receiver,
            erased: self.erased,
        }
    }
}

/// Deletes a message for everyone or for this person. Its words, its envelope
/// and its file are gone with the commit.
///
/// # Errors
///
/// What [`may_delete`] refuses.
pub fn message(
    connection: &Connection,
    me: UserId,
    id: MessageId,
    scope: Scope,
    at: Timestamp,
) -> Result<Deletion, Error> {
    let found = find(connection, id)?;
    may_delete(me, found.as_ref().map(Found::facts), scope).map_err(Error::Refused)?;
    let place = found.ok_or(Error::Closed)?.place;
    match scope {
        Scope::Everyone => {
            erase(connection, id, at)?;
            Ok(Deletion::Erased(place))
        }
        Scope::Me => {
            connection
                .prepare_cached(
                    "INSERT INTO hidden_messages (user_id, conversation_id, seq) VALUES (?1, ?2, ?3)
                     ON CONFLICT (user_id, conversation_id, seq) DO NOTHING",
                )?
                .execute([me.0, place.conversation.0, place.seq.0])?;
            Ok(Deletion::Hidden(me, place))
        }
    }
}

fn find(connection: &Connection, id: MessageId) -> Result<Option<Found>, Error> {
    let found = connection
        .prepare_cached(
            "SELECT m.conversation_id, m.seq, m.sender_id, m.client_message_id, m.deleted_at_ms IS NOT NULL,
                    CASE c.pair_low WHEN m.sender_id THEN c.pair_high ELSE c.pair_low END
             FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.id = ?1",
        )?
        .query_row([id.0], |row| {
            Ok(Found {
                place: Place {
                    message: id,
                    conversation: ConversationId(row.get(0)?),
                    seq: Seq(row.get(1)?),
                    sender: UserId(row.get(2)?),
                    receiver: UserId(row.get(5)?),
                    client_message_id: row.get(3)?,
                },
                erased: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// Leaves a message's place and nothing of what it said. The sender's own name
/// for it stays, or an outbox that sends it again would bring it back.
fn erase(connection: &Connection, id: MessageId, at: Timestamp) -> Result<(), Error> {
    let file: Option<i64> = connection
        .prepare_cached("SELECT file_id FROM messages WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    connection
        .prepare_cached(
            "UPDATE messages SET content = '', envelope = NULL, call_outcome = NULL, call_duration_s = NULL,
                    file_id = NULL, deleted_at_ms = ?2 WHERE id = ?1",
        )?
        .execute(params![id.0, at.0])?;
    match file {
        Some(file) => files::release(connection, file),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use payambar_signaling::chat::{Body, NewMessage};
    use payambar_signaling::ids::Ticket;

    use super::*;
    use crate::store::{NewUser, messages, migrate, now, push, users};

    const SARA: UserId = UserId(1);
    const OMID: UserId = UserId(2);

    fn bench() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        let path = std::path::Path::new(":memory:");
        migrate::migrate(&mut connection, path, migrate::MIGRATIONS).unwrap();
        for name in ["sara", "omid"] {
            let new = NewUser {
                username: name.to_owned(),
                password_hash: "hash".to_owned(),
            };
            users::insert(&connection, &new).unwrap();
        }
        connection
    }

    fn say(db: &Connection, sender: UserId, receiver: UserId) -> MessageId {
        let new = NewMessage {
            ticket: Ticket(0),
            sender,
            receiver,
            client_message_id: None,
            body: Body::Text("x".to_owned()),
        };
        messages::insert(db, &new, now()).unwrap().message.id
    }

    #[test]
    fn what_is_erased_or_hidden_is_in_no_badge_of_a_push() {
        let db = bench();
        let sent = [
            say(&db, SARA, OMID),
            say(&db, SARA, OMID),
            say(&db, SARA, OMID),
        ];
        let badge = || push::addressee(&db, OMID, SARA).unwrap().unread;
        assert_eq!(badge(), 3);
        message(&db, SARA, sent[0], Scope::Everyone, now()).unwrap();
        assert_eq!(badge(), 2);
        message(&db, OMID, sent[1], Scope::Me, now()).unwrap();
        assert_eq!(badge(), 1);
        message(&db, SARA, sent[2], Scope::Me, now()).unwrap();
        assert_eq!(badge(), 1, "hidden for her is not hidden for him");
    }

    #[test]
    fn a_page_of_what_may_be_seen_is_read_from_its_place_in_the_index() {
        let db = bench();
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT id FROM messages m WHERE {VISIBLE} AND m.seq < 9 ORDER BY m.seq DESC LIMIT 9"
        );
        let mut statement = db.prepare(&sql).unwrap();
        let plan: Vec<String> = statement
            .query_map([1, 1], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let plan = plan.join("\n");
        assert!(
            plan.contains("SEARCH m USING INDEX sqlite_autoindex_messages_1 (conversation_id=? AND seq>? AND seq<?)"),
            "{plan}"
        );
        assert!(
            plan.contains("SEARCH h USING PRIMARY KEY (user_id=? AND conversation_id=? AND seq=?)"),
            "{plan}"
        );
        assert!(
            !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}
