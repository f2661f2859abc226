//! Groups (rows G1 to G5): what is changed about them. Each change is judged by
//! the rules of `signaling::group` and leaves an entry in the group's history.
//! What is read of them is in [`view`].

mod view;

use payambar_signaling::chat::{Body, Destination, NewMessage, StoredMessage};
use payambar_signaling::group::{
    AddFacts, Change, Event, Happening, MemberChange, Role, What, may_add, may_enter, may_kick,
    may_leave, may_moderate, may_own, may_set_role,
};
use payambar_signaling::ids::{ConversationId, Seq, Ticket, Timestamp, UserId};
use payambar_signaling::wire::Code;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::{Error, erase, messages, now, people};
pub use view::{
    Group, Member, Preview, Welcome, by_code, find, link, list, members, name_for, of, role_in,
    write_facts,
};

/// Changes that were written, for everybody they concern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The group.
    pub group: ConversationId,
    /// What there is to tell, in order; nothing if it was so already.
    pub changes: Vec<Change>,
}

impl AsRef<[Change]> for Changed {
    fn as_ref(&self) -> &[Change] {
        &self.changes
    }
}

/// Makes a group with one member, its owner.
///
/// # Errors
///
/// What [`may_enter`] refuses.
pub fn create(connection: &Connection, me: UserId, name: &str) -> Result<Changed, Error> {
    may_enter(0, of(connection, me)?.len()).map_err(Error::Refused)?;
    let at = now();
    let group = connection
        .prepare_cached(
            "INSERT INTO conversations (uuid, kind, last_seq, last_message_at_ms, created_at_ms, name)
             VALUES (?1, 'group', 0, ?2, ?2, ?3) RETURNING id",
        )?
        .query_row(params![Uuid::now_v7().as_bytes(), at.0, name], |row| {
            row.get(0).map(ConversationId)
        })?;
    enter(connection, group, me, Role::Owner, at)?;
    let entry = Entry::of(Happening::Created, me).named(name);
    let created = changed_member(connection, group, (me, Some(Role::Owner)), entry, me, at)?;
    let changes = vec![created];
    Ok(Changed { group, changes })
}

/// Gives a group another name.
///
/// # Errors
///
/// What [`may_moderate`] refuses.
pub fn rename(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
    name: &str,
) -> Result<Changed, Error> {
    may_moderate(role_in(connection, me, group)?).map_err(Error::Refused)?;
    if view::name(connection, group)? == name {
        return Ok(Changed {
            group,
            changes: Vec::new(),
        });
    }
    connection
        .prepare_cached("UPDATE conversations SET name = ?2 WHERE id = ?1")?
        .execute(params![group.0, name])?;
    let entry = Entry::of(Happening::Renamed, me).named(name);
    let renamed = Change {
        conversation: group,
        name: name.to_owned(),
        what: What::Name,
        entry: Some(entry.write(connection, group, me, now())?),
    };
    let changes = vec![renamed];
    Ok(Changed { group, changes })
}

/// Takes somebody in; nothing happens to who is in already.
///
/// # Errors
///
/// What [`may_add`] refuses.
pub fn add(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
    whom: UserId,
) -> Result<Changed, Error> {
    let role = role_in(connection, me, group)?;
    if role.is_some() && role_in(connection, whom, group)?.is_some() {
        return Ok(Changed {
            group,
            changes: Vec::new(),
        });
    }
    let facts = people::send_facts(connection, me, whom)?;
    let facts = AddFacts {
        role,
        whom: facts.receiver,
        block: facts.block,
        members: view::count(connection, group)?,
        groups: of(connection, whom)?.len(),
    };
    may_add(&facts).map_err(Error::Refused)?;
    let changes = vec![come(connection, group, whom, Happening::Added, me)?];
    Ok(Changed { group, changes })
}

/// Comes in by the link; nothing happens to who is in already.
///
/// # Errors
///
/// [`Code::GroupLinkInvalid`], and what [`may_enter`] refuses.
pub fn join(connection: &Connection, me: UserId, code: &str) -> Result<Changed, Error> {
    let Welcome { group, members, .. } = by_code(connection, code)?;
    let mut changes = Vec::new();
    if role_in(connection, me, group)?.is_none() {
        may_enter(members, of(connection, me)?.len()).map_err(Error::Refused)?;
        changes.push(come(connection, group, me, Happening::Joined, me)?);
    }
    Ok(Changed { group, changes })
}

/// Puts somebody out; oneself is leaving.
///
/// # Errors
///
/// What [`may_kick`] and [`may_leave`] refuse.
pub fn remove(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
    whom: UserId,
) -> Result<Changed, Error> {
    let mine = role_in(connection, me, group)?;
    let how = if me == whom {
        may_leave(mine).map_err(Error::Refused)?;
        Happening::Left
    } else {
        may_kick(mine, role_in(connection, whom, group)?).map_err(Error::Refused)?;
        Happening::Kicked
    };
    let changes = vec![go(connection, group, whom, how, me)?];
    Ok(Changed { group, changes })
}

/// Gives a member a role. A group has one owner: who hands it over is an admin
/// then.
///
/// # Errors
///
/// What [`may_set_role`] refuses.
pub fn set_role(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
    whom: UserId,
    role: Role,
) -> Result<Changed, Error> {
    let mine = role_in(connection, me, group)?;
    let theirs = role_in(connection, whom, group)?;
    may_set_role((me, mine), (whom, theirs), role).map_err(Error::Refused)?;
    let mut changes = Vec::new();
    if theirs != Some(role) {
        if role == Role::Owner {
            changes.push(give_role(connection, group, me, Role::Admin, me)?);
        }
        changes.push(give_role(connection, group, whom, role, me)?);
    }
    Ok(Changed { group, changes })
}

/// Deletes a group with everything that was said in it: it is out of everybody's
/// reach with the commit, and [`erase::step`] takes what is left.
///
/// # Errors
///
/// What [`may_own`] refuses.
pub fn delete(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
) -> Result<Changed, Error> {
    may_own(role_in(connection, me, group)?).map_err(Error::Refused)?;
    let changes = vec![end(connection, group)?];
    Ok(Changed { group, changes })
}

/// Makes a link into a group; the one before ends.
///
/// # Errors
///
/// What [`may_moderate`] refuses.
pub fn set_link(
    connection: &Connection,
    me: UserId,
    group: ConversationId,
    code: Option<&str>,
) -> Result<(), Error> {
    may_moderate(role_in(connection, me, group)?).map_err(Error::Refused)?;
    connection
        .prepare_cached("UPDATE conversations SET join_code = ?2 WHERE id = ?1")?
        .execute(params![group.0, code])?;
    Ok(())
}

/// Takes somebody whose account is deleted out of all groups. A group of theirs
/// goes to the admin who is in it longest, else to such a member; one that has
/// nobody else is gone.
pub(super) fn farewell(connection: &Connection, me: UserId) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for (group, role) in of(connection, me)? {
        if role == Role::Owner {
            let heir = connection
                .prepare_cached(
                    "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
                     WHERE m.conversation_id = ?1 AND m.user_id <> ?2
                     ORDER BY u.status <> 'active', m.role <> 'admin', m.joined_at_ms, m.user_id LIMIT 1",
                )?
                .query_row([group.0, me.0], |row| row.get(0).map(UserId))
                .optional()?;
            let Some(heir) = heir else {
                changes.push(end(connection, group)?);
                continue;
            };
            changes.push(give_role(connection, group, heir, Role::Owner, me)?);
        }
        changes.push(go(connection, group, me, Happening::Left, me)?);
    }
    Ok(changes)
}

/// Somebody is a member from here on.
fn come(
    connection: &Connection,
    group: ConversationId,
    whom: UserId,
    how: Happening,
    by: UserId,
) -> Result<Change, Error> {
    let at = now();
    enter(connection, group, whom, Role::Member, at)?;
    let member = (whom, Some(Role::Member));
    changed_member(connection, group, member, Entry::of(how, whom), by, at)
}

/// Who comes sees what is said from here on.
fn enter(
    connection: &Connection,
    group: ConversationId,
    whom: UserId,
    role: Role,
    at: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO members (user_id, conversation_id, role, joined_at_ms, recv_seq, read_seq, cleared_seq)
             SELECT ?1, id, ?3, ?4, last_seq, last_seq, last_seq FROM conversations WHERE id = ?2",
        )?
        .execute(params![whom.0, group.0, role.as_str(), at.0])?;
    Ok(())
}

/// Somebody is no member from here on.
fn go(
    connection: &Connection,
    group: ConversationId,
    whom: UserId,
    how: Happening,
    by: UserId,
) -> Result<Change, Error> {
    connection
        .prepare_cached("DELETE FROM members WHERE user_id = ?1 AND conversation_id = ?2")?
        .execute([whom.0, group.0])?;
    connection
        .prepare_cached(
            "INSERT INTO past_members (user_id, conversation_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute([whom.0, group.0])?;
    erase::show_nothing_hidden(connection, whom, group)?;
    changed_member(
        connection,
        group,
        (whom, None),
        Entry::of(how, whom),
        by,
        now(),
    )
}

/// A member has another role from here on.
fn give_role(
    connection: &Connection,
    group: ConversationId,
    whom: UserId,
    role: Role,
    by: UserId,
) -> Result<Change, Error> {
    connection
        .prepare_cached("UPDATE members SET role = ?3 WHERE user_id = ?1 AND conversation_id = ?2")?
        .execute(params![whom.0, group.0, role.as_str()])?;
    let entry = Entry::of(Happening::Role, whom).with(role);
    changed_member(connection, group, (whom, Some(role)), entry, by, now())
}

/// A group is nobody's from here on.
fn end(connection: &Connection, group: ConversationId) -> Result<Change, Error> {
    let name = view::name(connection, group)?;
    for member in members(connection, group)? {
        erase::show_nothing_hidden(connection, member, group)?;
    }
    connection
        .prepare_cached("DELETE FROM members WHERE conversation_id = ?1")?
        .execute([group.0])?;
    erase::give_up(connection, group)?;
    Ok(Change {
        conversation: group,
        name,
        what: What::Deleted,
        entry: None,
    })
}

/// A change of who is in, with its entry in the history.
fn changed_member(
    connection: &Connection,
    group: ConversationId,
    (user, role): (UserId, Option<Role>),
    entry: Entry,
    by: UserId,
    at: Timestamp,
) -> Result<Change, Error> {
    let (username, display_name) = connection
        .prepare_cached("SELECT username, display_name FROM users WHERE id = ?1")?
        .query_row([user.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let how = entry.0.change;
    Ok(Change {
        conversation: group,
        name: view::name(connection, group)?,
        what: What::Member(Box::new(MemberChange {
            user,
            username,
            display_name,
            role,
            how,
            by,
        })),
        entry: Some(entry.write(connection, group, by, at)?),
    })
}

/// What is left of a change in the history.
struct Entry(Event);

impl Entry {
    const fn of(change: Happening, user_id: UserId) -> Self {
        Self(Event {
            change,
            user_id,
            role: None,
            name: None,
        })
    }

    fn named(mut self, name: &str) -> Self {
        self.0.name = Some(name.to_owned());
        self
    }

    const fn with(mut self, role: Role) -> Self {
        self.0.role = Some(role);
        self
    }

    fn write(
        self,
        connection: &Connection,
        group: ConversationId,
        by: UserId,
        at: Timestamp,
    ) -> Result<StoredMessage, Error> {
        let entry = NewMessage {
            ticket: Ticket(0),
            sender: by,
            to: Destination::Group(group),
            client_message_id: None,
            body: Body::Event(Box::new(self.0)),
        };
        messages::write(connection, &entry, None, at)
    }
}

/// The newest place in a group.
///
/// # Errors
///
/// [`Code::NotMember`]: there is no such group.
pub(super) fn last_seq(connection: &Connection, group: ConversationId) -> Result<Seq, Error> {
    connection
        .prepare_cached("SELECT last_seq FROM conversations WHERE id = ?1 AND kind = 'group'")?
        .query_row([group.0], |row| row.get(0).map(Seq))
        .optional()?
        .ok_or(Error::Refused(Code::NotMember))
}

#[cfg(test)]
mod tests;
