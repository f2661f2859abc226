//! What is read of groups.

use std::collections::{BTreeMap, BTreeSet};

use payambar_signaling::chat::{Destination, Party};
use payambar_signaling::group::{Role, may_moderate};
use payambar_signaling::ids::{ConversationId, FileId, Seq, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::messages::{self, HistoryItem};
use crate::store::standing::word;
use crate::store::{Error, conversations, people, users};

/// Groups in one list.
const LISTED: u32 = 500;

/// A group as a member sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its conversation.
    pub id: ConversationId,
    /// Its name.
    pub name: String,
    /// What this person is in it.
    pub role: Role,
    /// Who is in it, in the order in which they came.
    pub members: Vec<Member>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Seq of its newest message.
    pub last_seq: Seq,
    /// How far this person has read.
    pub my_read_seq: Seq,
    /// Of whom it may not be seen whether they are online.
    pub apart: BTreeSet<UserId>,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub id: UserId,
    /// Their name.
    pub username: String,
    /// Their name to show.
    pub display_name: Option<String>,
    /// Their picture.
    pub avatar: Option<FileId>,
    /// What they are.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// How far messages have reached them.
    pub recv_seq: Seq,
    /// How far they have read.
    pub read_seq: Seq,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Its conversation.
    pub id: ConversationId,
    /// Its name.
    pub name: String,
    /// What this person is in it.
    pub role: Role,
    /// How many are in it.
    pub members: u32,
    /// Time of the newest message.
    pub last_message_at: Timestamp,
    /// Seq of the newest message.
    pub last_seq: Seq,
    /// How far this person has read.
    pub my_read_seq: Seq,
    /// The newest message this person may see.
    pub last_message: Option<HistoryItem>,
    /// Messages of others that were not read, up to a bound.
    pub unread: u32,
}

/// What a link leads into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The group.
    pub group: ConversationId,
    /// Its name.
    pub name: String,
    /// How many are in it.
    pub members: usize,
}

/// What somebody is in a group; none also where there is no such group.
pub fn role_in(
    connection: &Connection,
    user: UserId,
    group: ConversationId,
) -> Result<Option<Role>, Error> {
    let role = connection
        .prepare_cached(
            "SELECT m.role FROM members m JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'group'
             WHERE m.user_id = ?1 AND m.conversation_id = ?2",
        )?
        .query_row([user.0, group.0], |row| word(row, 0, Role::parse))
        .optional()?;
    Ok(role)
}

/// What decides whether somebody may write in a group.
pub fn write_facts(
    connection: &Connection,
    user: UserId,
    group: ConversationId,
) -> Result<(Option<Role>, Party), Error> {
    let role = role_in(connection, user, group)?;
    Ok((role, users::party(connection, user)?))
}

/// The groups a person is in, and as what.
pub fn of(connection: &Connection, user: UserId) -> Result<BTreeMap<ConversationId, Role>, Error> {
    let groups = connection
        .prepare_cached(
            "SELECT c.id, m.role FROM members m JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'group'
             WHERE m.user_id = ?1",
        )?
        .query_map([user.0], |row| {
            Ok((ConversationId(row.get(0)?), word(row, 1, Role::parse)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(groups)
}

/// Who is in a group.
pub fn members(connection: &Connection, group: ConversationId) -> Result<Vec<UserId>, Error> {
    let members = connection
        .prepare_cached("SELECT user_id FROM members WHERE conversation_id = ?1")?
        .query_map([group.0], |row| row.get(0).map(UserId))?
        .collect::<Result<_, _>>()?;
    Ok(members)
}

/// How many are in a group.
pub(super) fn count(connection: &Connection, group: ConversationId) -> Result<usize, Error> {
    let count = connection
        .prepare_cached("SELECT count(*) FROM members WHERE conversation_id = ?1")?
        .query_row([group.0], |row| row.get::<_, u32>(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// What a group is called.
pub(super) fn name(connection: &Connection, group: ConversationId) -> Result<String, Error> {
    let name = connection
        .prepare_cached("SELECT name FROM conversations WHERE id = ?1 AND kind = 'group'")?
        .query_row([group.0], |row| row.get(0))
        .optional()?;
    name.ok_or(Error::Refused(Code::NotMember))
}

/// What a group is called, for one of its members.
///
/// # Errors
///
/// [`Code::NotMember`].
pub fn name_for(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
) -> Result<String, Error> {
    match role_in(connection, me, group)? {
        Some(_) => name(connection, group),
        None => Err(Error::Refused(Code::NotMember)),
    }
}

/// A group as this member sees it.
///
/// # Errors
///
/// [`Code::NotMember`].
pub fn find(connection: &Connection, me: UserId, group: ConversationId) -> Result<Group, Error> {
    let mut found = connection
        .prepare_cached(
            "SELECT c.name, m.role, c.created_at_ms, c.last_seq, m.read_seq
             FROM members m JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'group'
             WHERE m.user_id = ?1 AND m.conversation_id = ?2",
        )?
        .query_row([me.0, group.0], |row| {
            Ok(Group {
                id: group,
                name: row.get(0)?,
                role: word(row, 1, Role::parse)?,
                members: Vec::new(),
                created_at: Timestamp(row.get(2)?),
                last_seq: Seq(row.get(3)?),
                my_read_seq: Seq(row.get(4)?),
                apart: BTreeSet::new(),
            })
        })
        .optional()?
        .ok_or(Error::Refused(Code::NotMember))?;
    found.apart = people::apart_from(connection, me)?;
    found.members = connection
        .prepare_cached(
            "SELECT u.id, u.username, u.display_name, (SELECT public_id FROM files WHERE files.id = u.avatar_id),
                    m.role, m.joined_at_ms, m.recv_seq, m.read_seq
             FROM members m JOIN users u ON u.id = m.user_id WHERE m.conversation_id = ?1
             ORDER BY m.joined_at_ms, u.id",
        )?
        .query_map([group.0], |row| {
            Ok(Member {
                id: UserId(row.get(0)?),
                username: row.get(1)?,
                display_name: row.get(2)?,
                avatar: row.get::<_, Option<[u8; 16]>>(3)?.map(FileId::from_bytes),
                role: word(row, 4, Role::parse)?,
                joined_at: Timestamp(row.get(5)?),
                recv_seq: Seq(row.get(6)?),
                read_seq: Seq(row.get(7)?),
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(found)
}

/// The groups a person is in, newest first.
pub fn list(connection: &Connection, me: UserId) -> Result<Vec<Preview>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT c.id, c.name, m.role, (SELECT count(*) FROM members o WHERE o.conversation_id = c.id),
                c.last_message_at_ms, c.last_seq, m.read_seq
         FROM members m JOIN conversations c ON c.id = m.conversation_id AND c.kind = 'group'
         WHERE m.user_id = ?1 ORDER BY c.last_message_at_ms DESC, c.id DESC LIMIT ?2",
    )?;
    let mut previews = statement
        .query_map(params![me.0, LISTED], |row| {
            Ok(Preview {
                id: ConversationId(row.get(0)?),
                name: row.get(1)?,
                role: word(row, 2, Role::parse)?,
                members: row.get(3)?,
                last_message_at: Timestamp(row.get(4)?),
                last_seq: Seq(row.get(5)?),
                my_read_seq: Seq(row.get(6)?),
                last_message: None,
                unread: 0,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for preview in &mut previews {
        let group = Destination::Group(preview.id);
        preview.last_message = messages::newest(connection, preview.id, me, group)?;
        preview.unread = conversations::unread(connection, preview.id, me, preview.my_read_seq)?;
    }
    Ok(previews)
}

/// The code of a group's link.
///
/// # Errors
///
/// What [`may_moderate`] refuses; [`Code::GroupLinkInvalid`]: there is none.
pub fn link(connection: &Connection, me: UserId, group: ConversationId) -> Result<String, Error> {
    may_moderate(role_in(connection, me, group)?).map_err(Error::Refused)?;
    let code: Option<String> = connection
        .prepare_cached("SELECT join_code FROM conversations WHERE id = ?1")?
        .query_row([group.0], |row| row.get(0))?;
    code.ok_or(Error::Refused(Code::GroupLinkInvalid))
}

/// What the link with this code leads into.
///
/// # Errors
///
/// [`Code::GroupLinkInvalid`].
pub fn by_code(connection: &Connection, code: &str) -> Result<Welcome, Error> {
    let found = connection
        .prepare_cached("SELECT id, name FROM conversations WHERE join_code = ?1")?
        .query_row([code], |row| Ok((ConversationId(row.get(0)?), row.get(1)?)))
        .optional()?;
    let (group, name) = found.ok_or(Error::Refused(Code::GroupLinkInvalid))?;
    Ok(Welcome {
        group,
        name,
        members: count(connection, group)?,
    })
}
