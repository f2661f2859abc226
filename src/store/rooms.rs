//! What decides about voice rooms: who belongs to a conversation and what they
//! may do. The rules are in `signaling::room`.

use payambar_signaling::group::Role;
use payambar_signaling::ids::{ConversationId, FileId, UserId};
use payambar_signaling::room::{Member, Person, Rank, RoomFacts};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{Error, now};

/// What is kept of a conversation and of this person, who need not belong to
/// it. `picture` says where the picture of a person is.
///
/// # Errors
///
/// The database's.
pub fn facts(
    connection: &Connection,
    conversation: ConversationId,
    about: UserId,
    picture: fn(FileId) -> String,
) -> Result<Option<RoomFacts>, Error> {
    let kind: Option<(String, Option<String>)> = connection
        .prepare_cached("SELECT kind, name FROM conversations WHERE id = ?1 AND kind <> 'gone'")?
        .query_row([conversation.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((kind, name)) = kind else {
        return Ok(None);
    };
    let members = connection
        .prepare_cached(
            "SELECT u.id, u.username, u.display_name, (SELECT public_id FROM files WHERE files.id = u.avatar_id), m.role
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.conversation_id = ?1 AND u.status <> 'deleted'",
        )?
        .query_map([conversation.0], |row| {
            let role: String = row.get(4)?;
            Ok(Member {
                person: person(row, picture)?,
                rank: Role::parse(&role).map_or(Rank::Member, Rank::from),
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let about = connection
        .prepare_cached(
            "SELECT id, username, display_name, (SELECT public_id FROM files WHERE files.id = avatar_id)
             FROM users WHERE id = ?1 AND status = 'active'",
        )?
        .query_row([about.0], |row| person(row, picture))
        .optional()?;
    Ok(Some(RoomFacts {
        pair: kind == "pair",
        name,
        members,
        about,
        at: now(),
    }))
}

fn person(row: &Row<'_>, picture: fn(FileId) -> String) -> rusqlite::Result<Person> {
    let avatar: Option<[u8; 16]> = row.get(3)?;
    Ok(Person {
        user: UserId(row.get(0)?),
        username: row.get(1)?,
        display_name: row.get(2)?,
        avatar_url: avatar.map(FileId::from_bytes).map(picture),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bench::{OMID, SARA, bench};
    use crate::store::{NewUser, conversations, groups, users};

    fn at(id: FileId) -> String {
        format!("at {id}")
    }

    fn ranks(facts: &RoomFacts) -> Vec<(UserId, Rank)> {
        let members = facts.members.iter();
        members
            .map(|member| (member.person.user, member.rank))
            .collect()
    }

    #[test]
    fn a_pair_has_its_two_people_and_names_whoever_is_asked_about() {
        let db = bench();
        let id = conversations::open_pair(&db, SARA, OMID).unwrap().id;
        let new = NewUser {
            username: "Mina".to_owned(),
            password_hash: "hash".to_owned(),
        };
        let mina = users::insert(&db, &new).unwrap().id;
        db.execute(
            "UPDATE users SET display_name = 'مینا' WHERE id = ?1",
            [mina.0],
        )
        .unwrap();
        let facts = facts(&db, id, mina, at).unwrap().unwrap();
        assert!(facts.pair && facts.name.is_none());
        assert_eq!(ranks(&facts), [(SARA, Rank::Member), (OMID, Rank::Member)]);
        let about = facts.about.unwrap();
        assert_eq!((about.user, about.username.as_str()), (mina, "Mina"));
        assert_eq!(about.display_name.as_deref(), Some("مینا"));
        assert_eq!(about.avatar_url, None);
    }

    #[test]
    fn a_group_has_its_name_and_ranks_and_a_picture_its_address() {
        let db = bench();
        let id = groups::create(&db, SARA, "home").unwrap().group;
        groups::add(&db, SARA, id, OMID).unwrap();
        groups::set_role(&db, SARA, id, OMID, Role::Admin).unwrap();
        db.execute_batch(
            "INSERT INTO blobs (id, name, sha256, size_bytes) VALUES (1, 'b', x'00', 1);
             INSERT INTO files (public_id, owner_id, purpose, state, blob_id, name, content_type, size_bytes, created_at_ms)
             VALUES (x'00112233445566778899aabbccddeeff', 1, 'avatar', 'ready', 1, 'a', 'image/png', 1, 0)",
        )
        .unwrap();
        db.execute(
            "UPDATE users SET avatar_id = (SELECT id FROM files) WHERE id = 1",
            [],
        )
        .unwrap();
        let facts = facts(&db, id, SARA, at).unwrap().unwrap();
        assert_eq!(ranks(&facts), [(SARA, Rank::Owner), (OMID, Rank::Admin)]);
        assert!(!facts.pair && facts.name.as_deref() == Some("home"));
        let picture = facts.about.unwrap().avatar_url;
        assert_eq!(
            picture.as_deref(),
            Some("at 00112233445566778899aabbccddeeff")
        );
    }

    #[test]
    fn who_is_shut_out_may_not_be_asked_and_who_is_gone_is_no_member() {
        let db = bench();
        let id = conversations::open_pair(&db, SARA, OMID).unwrap().id;
        for (status, members) in [("active", 2), ("suspended", 2), ("deleted", 1)] {
            db.execute("UPDATE users SET status = ?1 WHERE id = 2", [status])
                .unwrap();
            let read = facts(&db, id, OMID, at).unwrap().unwrap();
            assert_eq!(read.members.len(), members, "{status}");
            assert_eq!(read.about.is_some(), status == "active", "{status}");
        }
        assert_eq!(facts(&db, ConversationId(99), SARA, at).unwrap(), None);
    }
}
