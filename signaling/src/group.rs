//! Groups: who may do what in them, and what their members are told of
//! changes. The store finds the facts, the rules are here.

use serde::{Deserialize, Serialize};

use crate::chat::{Block, Party, StoredMessage};
use crate::ids::{ConversationId, UserId};
use crate::wire::Code;

/// A group has at most so many members.
pub const MAX_MEMBERS: usize = 128;

/// A person is in at most so many groups.
pub const MAX_GROUPS: usize = 500;

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything; each group has one.
    Owner,
    /// Look after the group and its members.
    Admin,
    /// Write, read and leave.
    Member,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }

    /// The role of this word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// What happened in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// It was made.
    Created,
    /// It has another name.
    Renamed,
    /// Somebody came in by the link.
    Joined,
    /// Somebody was taken in.
    Added,
    /// Somebody went.
    Left,
    /// Somebody was put out.
    Kicked,
    /// Somebody has another role.
    Role,
}

/// The entry of a change in a group's history; its sender did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub change: Happening,
    /// To whom.
    pub user_id: UserId,
    /// The new role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A change of a group, after it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which group.
    pub conversation: ConversationId,
    /// Its name now.
    pub name: String,
    /// What changed.
    pub what: What,
    /// What is left of it in the history.
    pub entry: Option<StoredMessage>,
}

/// What changed about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Its name.
    Name,
    /// Who is in it, or as what.
    Member(Box<MemberChange>),
    /// It is gone with everything that was said in it.
    Deleted,
}

/// Somebody came, went, or is something else now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberChange {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub username: String,
    /// Their name to show.
    pub display_name: Option<String>,
    /// What they are now; none is no member any more.
    pub role: Option<Role>,
    /// What happened.
    pub how: Happening,
    /// Whose doing it was.
    pub by: UserId,
}

/// Decides whether somebody may look after a group: its name, its link.
///
/// # Errors
///
/// [`Code::NotMember`], [`Code::NotModerator`].
pub const fn may_moderate(role: Option<Role>) -> Result<(), Code> {
    match role {
        Some(Role::Owner | Role::Admin) => Ok(()),
        Some(Role::Member) => Err(Code::NotModerator),
        None => Err(Code::NotMember),
    }
}

/// Decides whether somebody may dispose of a group.
///
/// # Errors
///
/// [`Code::NotMember`], [`Code::NotOwner`].
pub const fn may_own(role: Option<Role>) -> Result<(), Code> {
    match role {
        Some(Role::Owner) => Ok(()),
        Some(Role::Admin | Role::Member) => Err(Code::NotOwner),
        None => Err(Code::NotMember),
    }
}

/// Decides whether a member of this role, or nobody of the group, may write in
/// it.
///
/// # Errors
///
/// [`Code::NotMember`]; [`Code::AccountSuspended`], [`Code::UserNotFound`] of
/// one whose account is shut.
pub const fn may_write(role: Option<Role>, sender: Party) -> Result<(), Code> {
    match (sender, role) {
        (Party::Missing, _) => Err(Code::UserNotFound),
        (Party::Suspended, _) => Err(Code::AccountSuspended),
        (Party::Active, Some(_)) => Ok(()),
        (Party::Active, None) => Err(Code::NotMember),
    }
}

/// What decides whether somebody is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddFacts {
    /// What who asks is.
    pub role: Option<Role>,
    /// The account of who is to come in.
    pub whom: Party,
    /// Between the two, seen from who asks.
    pub block: Block,
    /// How many are in.
    pub members: usize,
    /// In how many groups the person is.
    pub groups: usize,
}

/// Decides whether somebody who is no member is taken in. Who has blocked one
/// is not to be brought together with one by a third thing either.
///
/// # Errors
///
/// What [`may_moderate`], [`Block::pass`] and [`may_enter`] refuse,
/// [`Code::UserNotFound`].
pub fn may_add(facts: &AddFacts) -> Result<(), Code> {
    may_moderate(facts.role)?;
    if facts.whom == Party::Missing {
        return Err(Code::UserNotFound);
    }
    facts.block.pass()?;
    may_enter(facts.members, facts.groups)
}

/// Decides whether there is room for one more in a group, for somebody who is
/// in so many.
///
/// # Errors
///
/// [`Code::GroupFull`], [`Code::TooManyGroups`].
pub const fn may_enter(members: usize, groups: usize) -> Result<(), Code> {
    if members >= MAX_MEMBERS {
        return Err(Code::GroupFull);
    }
    if groups >= MAX_GROUPS {
        return Err(Code::TooManyGroups);
    }
    Ok(())
}

/// Decides whether somebody may go.
///
/// # Errors
///
/// [`Code::NotMember`], [`Code::OwnerMustStay`].
pub const fn may_leave(role: Option<Role>) -> Result<(), Code> {
    match role {
        Some(Role::Admin | Role::Member) => Ok(()),
        Some(Role::Owner) => Err(Code::OwnerMustStay),
        None => Err(Code::NotMember),
    }
}

/// Decides whether somebody may put another out.
///
/// # Errors
///
/// What [`may_moderate`] refuses, [`Code::UserNotFound`] of one who is not in,
/// [`Code::NotOwner`] where only the owner may.
pub const fn may_kick(mine: Option<Role>, theirs: Option<Role>) -> Result<(), Code> {
    match (mine, theirs) {
        (None, _) => Err(Code::NotMember),
        (Some(Role::Member), _) => Err(Code::NotModerator),
        (Some(Role::Owner | Role::Admin), None) => Err(Code::UserNotFound),
        (Some(Role::Owner), Some(_)) | (Some(Role::Admin), Some(Role::Member)) => Ok(()),
        (Some(Role::Admin), Some(Role::Owner | Role::Admin)) => Err(Code::NotOwner),
    }
}

/// Decides whether somebody may give another a role. The owner hands over and
/// cannot become less otherwise, or nobody would be left to do so.
///
/// # Errors
///
/// What [`may_own`] refuses, [`Code::UserNotFound`], [`Code::OwnerMustStay`].
pub fn may_set_role(
    (me, mine): (UserId, Option<Role>),
    (whom, theirs): (UserId, Option<Role>),
    role: Role,
) -> Result<(), Code> {
    may_own(mine)?;
    if theirs.is_none() {
        return Err(Code::UserNotFound);
    }
    if me == whom && role != Role::Owner {
        return Err(Code::OwnerMustStay);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Option<Role>; 4] = [
        Some(Role::Owner),
        Some(Role::Admin),
        Some(Role::Member),
        None,
    ];
    const ME: UserId = UserId(1);
    const YOU: UserId = UserId(2);

    #[test]
    fn owner_and_admins_look_after_a_group_and_its_owner_disposes_of_it() {
        let moderate = ROLES.map(may_moderate);
        let (member, stranger) = (Err(Code::NotModerator), Err(Code::NotMember));
        assert_eq!(moderate, [Ok(()), Ok(()), member, stranger]);
        let (no, stranger) = (Err(Code::NotOwner), Err(Code::NotMember));
        assert_eq!(ROLES.map(may_own), [Ok(()), no, no, stranger]);
    }

    #[test]
    fn every_member_writes_and_nobody_else() {
        let active = ROLES.map(|role| may_write(role, Party::Active));
        assert_eq!(active, [Ok(()), Ok(()), Ok(()), Err(Code::NotMember)]);
        let shut = may_write(Some(Role::Owner), Party::Suspended);
        assert_eq!(shut, Err(Code::AccountSuspended));
    }

    #[test]
    fn somebody_is_taken_in_by_those_who_may_as_long_as_there_is_room() {
        let facts = |role, whom, block, members| {
            may_add(&AddFacts {
                role,
                whom,
                block,
                members,
                groups: 499,
            })
        };
        let admin = Some(Role::Admin);
        let free = Block::None;
        assert_eq!(facts(admin, Party::Active, free, 127), Ok(()));
        assert_eq!(facts(admin, Party::Suspended, free, 1), Ok(()));
        let full = facts(admin, Party::Active, free, 128);
        assert_eq!(full, Err(Code::GroupFull));
        let nobody = facts(admin, Party::Missing, free, 1);
        assert_eq!(nobody, Err(Code::UserNotFound));
        let unwanted = facts(admin, Party::Active, Block::Theirs, 1);
        assert_eq!(unwanted, Err(Code::NotAllowed));
        let own = facts(admin, Party::Active, Block::Own, 1);
        assert_eq!(own, Err(Code::BlockedByYou));
        let member = facts(Some(Role::Member), Party::Active, free, 1);
        assert_eq!(member, Err(Code::NotModerator));
    }

    #[test]
    fn nobody_is_in_more_than_500_groups() {
        assert_eq!(may_enter(0, 499), Ok(()));
        assert_eq!(may_enter(0, 500), Err(Code::TooManyGroups));
    }

    #[test]
    fn the_owner_puts_out_everybody_and_an_admin_members() {
        let by = |mine: Role| ROLES.map(|theirs| may_kick(Some(mine), theirs));
        let gone = Err(Code::UserNotFound);
        assert_eq!(by(Role::Owner), [Ok(()), Ok(()), Ok(()), gone]);
        let no = Err(Code::NotOwner);
        assert_eq!(by(Role::Admin), [no, no, Ok(()), gone]);
        assert_eq!(by(Role::Member), [Err(Code::NotModerator); 4]);
        assert_eq!(may_kick(None, Some(Role::Member)), Err(Code::NotMember));
    }

    #[test]
    fn everybody_goes_but_the_owner() {
        let stay = Err(Code::OwnerMustStay);
        let stranger = Err(Code::NotMember);
        assert_eq!(ROLES.map(may_leave), [stay, Ok(()), Ok(()), stranger]);
    }

    #[test]
    fn only_the_owner_gives_roles_and_stays_owner_until_another_is() {
        let owner = (ME, Some(Role::Owner));
        let other = (YOU, Some(Role::Member));
        for role in Role::ALL {
            assert_eq!(may_set_role(owner, other, role), Ok(()));
        }
        let less = may_set_role(owner, owner, Role::Admin);
        assert_eq!(less, Err(Code::OwnerMustStay));
        assert_eq!(may_set_role(owner, owner, Role::Owner), Ok(()));
        let admin = (ME, Some(Role::Admin));
        let no = may_set_role(admin, other, Role::Admin);
        assert_eq!(no, Err(Code::NotOwner));
        let nobody = may_set_role(owner, (YOU, None), Role::Admin);
        assert_eq!(nobody, Err(Code::UserNotFound));
    }

    #[test]
    fn roles_read_back_from_their_words() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("boss"), None);
    }
}
