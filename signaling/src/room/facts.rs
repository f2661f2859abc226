//! What is read of a conversation, and who may come into its room.

use std::collections::BTreeMap;

use super::Room;
use crate::chat::Block;
use crate::group::Role;
use crate::ids::{Timestamp, UserId};
use crate::wire::Code;

/// What somebody may do in a room, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Was asked to come without being a member.
    Guest,
    /// A member of the conversation.
    Member,
    /// Runs the group with its owner.
    Admin,
    /// Owns the group.
    Owner,
}

impl From<Role> for Rank {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

/// Somebody, as others in a room see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: String,
    /// Their name to show.
    pub display_name: Option<String>,
    /// Where their picture is.
    pub avatar_url: Option<String>,
}

/// Somebody who belongs to the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// What they may do.
    pub rank: Rank,
}

/// What is kept of a conversation, as far as its room needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFacts {
    /// It is one of two people; their ranks say nothing.
    pub pair: bool,
    /// The name of a group.
    pub name: Option<String>,
    /// Its members.
    pub members: Vec<Member>,
    /// The person the question was about, if there is such an account.
    pub about: Option<Person>,
    /// When it was read.
    pub at: Timestamp,
}

impl RoomFacts {
    pub(super) fn members_by_id(&self) -> BTreeMap<UserId, Member> {
        let members = self.members.iter();
        members
            .map(|member| (member.person.user, member.clone()))
            .collect()
    }

    fn rank(&self, user: UserId) -> Option<Rank> {
        let mut members = self.members.iter();
        let member = members.find(|member| member.person.user == user);
        member.map(|member| member.rank)
    }

    /// The other of a pair.
    pub(crate) fn other(&self, user: UserId) -> Option<UserId> {
        let others = self.members.iter().map(|member| member.person.user);
        self.pair.then_some(())?;
        others.into_iter().find(|&other| other != user)
    }
}

/// Who wants to come into a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) user: UserId,
    /// Between the two people of a pair, seen from this one.
    pub(crate) block: Block,
    /// A guest would sit with somebody who is blocked, or who has blocked them.
    pub(crate) apart: bool,
    /// People in a room at most.
    pub(crate) max: usize,
}

/// Decides whether somebody may come in. `room` is there when it is not empty.
///
/// # Errors
///
/// [`Code::NotMember`], [`Code::NotAllowed`], [`Code::BlockedByYou`],
/// [`Code::RoomLocked`], [`Code::RoomFull`].
pub(crate) fn may_enter(room: Option<&Room>, facts: &RoomFacts, entry: &Entry) -> Result<(), Code> {
    let user = entry.user;
    let rank = facts.rank(user);
    match rank {
        Some(_) if facts.pair => entry.block.pass()?,
        Some(_) => {}
        None if !room.is_some_and(|room| room.was_asked(user)) => return Err(Code::NotMember),
        None if entry.apart => return Err(Code::NotAllowed),
        None => {}
    }
    let Some(room) = room else {
        return Ok(());
    };
    if room.seat_of(user).is_some() {
        return Ok(());
    }
    let passes_locks = rank.is_some_and(|rank| facts.pair || rank >= Rank::Admin);
    if room.locked && !passes_locks {
        return Err(Code::RoomLocked);
    }
    if room.people() >= entry.max {
        return Err(Code::RoomFull);
    }
    Ok(())
}
