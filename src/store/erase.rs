//! Taking messages back (rows M13, M14): erased for both people, or hidden for
//! one. An erased message leaves its place, so that seq has no gap; an erased
//! conversation leaves nothing.

use payambar_signaling::chat::{
    Deletion, Destination, MessageFacts, Place, Scope, may_delete, may_delete_conversation,
};
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Error, files, groups};

/// Which messages `m` of conversation ?1 person ?2 may see.
pub(super) const VISIBLE: &str = "m.conversation_id = ?1 AND m.deleted_at_ms IS NULL
     AND m.seq > (SELECT cleared_seq FROM members WHERE user_id = ?2 AND conversation_id = ?1)
     AND NOT EXISTS (SELECT 1 FROM hidden_messages h WHERE h.user_id = ?2 AND h.conversation_id = ?1 AND h.seq = m.seq)";

/// Messages of an erased conversation that go in one transaction. Measured on a
/// busy machine: 50,000 at once hold up everybody who writes for 150 to 270 ms;
/// in such steps another writer waits 5 ms in the middle and 49 at worst.
const STEP: u32 = 500;

/// A message as the rules ask for it.
struct Found {
    place: Place,
    event: bool,
    erased: bool,
}

impl Found {
    fn facts(&self, connection: &Connection, me: UserId) -> Result<MessageFacts, Error> {
        let sender = self.place.sender;
        Ok(MessageFacts {
            sender,
            read: match self.place.to {
                Destination::Person(receiver) => me == sender || me == receiver,
                Destination::Group(group) => groups::role_in(connection, me, group)?.is_some(),
            },
            event: self.event,
            erased: self.erased,
        })
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
    let facts = found.as_ref().map(|found| found.facts(connection, me));
    may_delete(me, facts.transpose()?, scope).map_err(Error::Refused)?;
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
                    CASE c.pair_low WHEN m.sender_id THEN c.pair_high ELSE c.pair_low END, m.kind = 'event'
             FROM messages m JOIN conversations c ON c.id = m.conversation_id AND c.kind <> 'gone' WHERE m.id = ?1",
        )?
        .query_row([id.0], |row| {
            let conversation = ConversationId(row.get(0)?);
            Ok(Found {
                place: Place {
                    message: id,
                    conversation,
                    seq: Seq(row.get(1)?),
                    sender: UserId(row.get(2)?),
                    to: match row.get::<_, Option<i64>>(5)? {
                        Some(receiver) => Destination::Person(UserId(receiver)),
                        None => Destination::Group(conversation),
                    },
                    client_message_id: row.get(3)?,
                },
                event: row.get(6)?,
                erased: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// Leaves a message's place and nothing of what it said. The sender's own name
/// for it stays, or an outbox that sends it again would bring it back.
pub(super) fn erase(connection: &Connection, id: MessageId, at: Timestamp) -> Result<(), Error> {
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

/// Deletes a conversation for both people or for this person. For both, it is
/// out of everybody's reach with the commit, and its first [`STEP`] messages are
/// gone; [`step`] takes the others.
///
/// # Errors
///
/// What [`may_delete_conversation`] refuses.
pub fn conversation(
    connection: &Connection,
    me: UserId,
    conversation: ConversationId,
    scope: Scope,
) -> Result<Deletion, Error> {
    let found = connection
        .prepare_cached(
            "SELECT pair_low, pair_high, last_seq FROM conversations WHERE id = ?1 AND pair_low IS NOT NULL",
        )?
        .query_row([conversation.0], |row| {
            let pair = (UserId(row.get(0)?), UserId(row.get(1)?));
            Ok((pair, Seq(row.get(2)?)))
        })
        .optional()?;
    let pair = found.map(|(pair, _)| pair);
    let other = may_delete_conversation(me, pair).map_err(Error::Refused)?;
    match scope {
        Scope::Everyone => {
            doom(connection, conversation, [me, other])?;
            erase_some(connection, conversation)?;
            let pair = (me, other);
            Ok(Deletion::Conversation { conversation, pair })
        }
        Scope::Me => {
            let seq = found.map_or(Seq(0), |(_, last)| last);
            connection
                .prepare_cached("UPDATE members SET cleared_seq = ?3 WHERE user_id = ?1 AND conversation_id = ?2")?
                .execute([me.0, conversation.0, seq.0])?;
            show_nothing_hidden(connection, me, conversation)?;
            Ok(Deletion::Cleared {
                conversation,
                user: me,
                other,
                seq,
            })
        }
    }
}

/// Takes a conversation from its two people, who may begin another.
pub(super) fn doom(
    connection: &Connection,
    conversation: ConversationId,
    people: [UserId; 2],
) -> Result<(), Error> {
    give_up(connection, conversation)?;
    for user in people {
        connection
            .prepare_cached("DELETE FROM members WHERE user_id = ?1 AND conversation_id = ?2")?
            .execute([user.0, conversation.0])?;
        show_nothing_hidden(connection, user, conversation)?;
    }
    Ok(())
}

/// A conversation is nobody's from here on; [`step`] erases it.
pub(super) fn give_up(connection: &Connection, conversation: ConversationId) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE conversations SET kind = 'gone', pair_low = NULL, pair_high = NULL, name = NULL, join_code = NULL WHERE id = ?1",
        )?
        .execute([conversation.0])?;
    Ok(())
}

/// What is gone altogether need not be hidden one by one.
pub(super) fn show_nothing_hidden(
    connection: &Connection,
    user: UserId,
    conversation: ConversationId,
) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM hidden_messages WHERE user_id = ?1 AND conversation_id = ?2")?
        .execute([user.0, conversation.0])?;
    Ok(())
}

/// Erases the next messages of a conversation that is nobody's, and it with the
/// last of them; says whether there may be more to do.
pub fn step(connection: &Connection) -> Result<bool, Error> {
    let doomed = connection
        .prepare_cached("SELECT id FROM conversations WHERE kind = 'gone' LIMIT 1")?
        .query_row([], |row| row.get(0).map(ConversationId))
        .optional()?;
    match doomed {
        Some(doomed) => erase_some(connection, doomed).map(|()| true),
        None => Ok(false),
    }
}

fn erase_some(connection: &Connection, doomed: ConversationId) -> Result<(), Error> {
    let erased = connection
        .prepare_cached(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE conversation_id = ?1 ORDER BY seq LIMIT ?2)
             RETURNING file_id",
        )?
        .query_map(params![doomed.0, STEP], |row| row.get(0))?
        .collect::<Result<Vec<Option<i64>>, _>>()?;
    for &file in erased.iter().flatten() {
        files::release(connection, file)?;
    }
    if erased.len() < STEP as usize {
        connection
            .prepare_cached("DELETE FROM conversations WHERE id = ?1")?
            .execute([doomed.0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use payambar_signaling::chat::{Body, NewMessage};
    use payambar_signaling::ids::Ticket;
    use payambar_signaling::wire::Code;

    use super::*;
    use crate::store::bench::{OMID, SARA, bench};
    use crate::store::{conversations, messages, now, push};

    fn say(db: &Connection, sender: UserId, receiver: UserId) -> MessageId {
        let new = NewMessage {
            ticket: Ticket(0),
            sender,
            to: receiver.into(),
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

    fn number(db: &Connection, sql: &str) -> i64 {
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    const HERE: ConversationId = ConversationId(1);
    const MESSAGES: &str = "SELECT count(*) FROM messages WHERE conversation_id = 1";

    #[test]
    fn a_large_conversation_is_out_of_reach_at_once_and_goes_in_steps() {
        let db = bench();
        for _ in 0..1_200 {
            say(&db, SARA, OMID);
        }
        message(&db, OMID, MessageId(7), Scope::Me, now()).unwrap();
        conversation(&db, OMID, HERE, Scope::Everyone).unwrap();
        for person in [SARA, OMID] {
            assert_eq!(conversations::list(&db, person).unwrap(), []);
            assert_eq!(messages::catch_up(&db, person).unwrap(), []);
        }
        assert_eq!(conversations::find_pair(&db, SARA, OMID).unwrap(), None);
        assert_eq!(number(&db, MESSAGES), 700);
        assert_eq!(number(&db, "SELECT count(*) FROM hidden_messages"), 0);
        let again = conversation(&db, OMID, HERE, Scope::Everyone);
        assert!(matches!(
            again,
            Err(Error::Refused(Code::ConversationNotFound))
        ));
        let left = message(&db, SARA, MessageId(1_200), Scope::Everyone, now());
        assert!(matches!(left, Err(Error::Refused(Code::MessageNotFound))));
        let fresh = say(&db, OMID, SARA);
        let mut steps = 0;
        while step(&db).unwrap() {
            steps += 1;
        }
        assert_eq!((steps, number(&db, MESSAGES)), (2, 0));
        assert_eq!(
            number(&db, "SELECT count(*) FROM conversations WHERE id = 1"),
            0
        );
        let listed = conversations::list(&db, SARA).unwrap();
        let last = listed[0].last_message.as_ref().unwrap();
        assert_eq!((last.message.id, last.message.seq), (fresh, Seq(1)));
    }

    #[test]
    fn a_small_conversation_is_erased_with_the_commit_whatever_else_waits() {
        let db = bench();
        for _ in 0..600 {
            say(&db, SARA, OMID);
        }
        conversation(&db, SARA, HERE, Scope::Everyone).unwrap();
        say(&db, SARA, OMID);
        conversation(&db, SARA, ConversationId(2), Scope::Everyone).unwrap();
        assert_eq!(
            number(
                &db,
                "SELECT count(*) FROM messages WHERE conversation_id = 2"
            ),
            0
        );
        assert_eq!(number(&db, MESSAGES), 100);
    }

    #[test]
    fn a_message_sent_again_while_its_conversation_is_erased_stays_erased() {
        let db = bench();
        for _ in 0..500 {
            say(&db, SARA, OMID);
        }
        let new = NewMessage {
            ticket: Ticket(0),
            sender: SARA,
            to: OMID.into(),
            client_message_id: Some("n".to_owned()),
            body: Body::Text("x".to_owned()),
        };
        messages::insert(&db, &new, now()).unwrap();
        conversation(&db, OMID, HERE, Scope::Everyone).unwrap();
        assert_eq!(number(&db, MESSAGES), 1);
        let again = messages::insert(&db, &new, now()).unwrap();
        assert!(again.repeated && again.erased);
        assert_eq!(again.message.to, OMID.into());
    }

    #[test]
    fn what_was_cleared_is_unread_nowhere_and_not_caught_up_with() {
        let db = bench();
        say(&db, SARA, OMID);
        conversation(&db, OMID, HERE, Scope::Me).unwrap();
        assert_eq!(conversations::list(&db, OMID).unwrap(), []);
        let badge = || push::addressee(&db, OMID, SARA).unwrap().unread;
        assert_eq!(badge(), 0);
        say(&db, SARA, OMID);
        assert_eq!(badge(), 1);
        assert_eq!(
            conversations::list(&db, OMID).unwrap()[0]
                .conversation
                .unread,
            1
        );
        assert_eq!(messages::catch_up(&db, OMID).unwrap().len(), 1);
        assert_eq!(conversations::list(&db, SARA).unwrap()[0].last_seq, Seq(2));
    }
}
