//! What the hub knows of people who are online: whom they blocked and who
//! blocked them, whose calls they take, and which groups they are in. It is read before a socket joins
//! and kept up from outside, so that nothing here waits for the database.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::Hub;
use crate::chat::{Block, BlockChange, CallFacts, CallsFrom, may_call};
use crate::group::Role;
use crate::ids::{ConnId, ConversationId, UserId};
use crate::wire::{Code, ServerFrame};

/// Changes this young are applied again to what is read of a person: the
/// reading may have been before them.
const YOUNG: Duration = Duration::from_secs(60);

/// At most so many of them.
const MAX_YOUNG: usize = 4096;

/// What is kept of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Whom they blocked.
    pub blocks: BTreeSet<UserId>,
    /// Who blocked them.
    pub blocked_by: BTreeSet<UserId>,
    /// Whose calls they take.
    pub calls_from: CallsFrom,
    /// To whom they have written; needed where that decides about calls.
    pub contacts: BTreeSet<UserId>,
    /// They do not say when they were last there, and are not told of others.
    pub hides_last_seen: bool,
    /// The groups they are in, and as what.
    pub groups: BTreeMap<ConversationId, Role>,
}

/// What is known of everybody who is online.
#[derive(Debug, Default)]
pub(super) struct People {
    known: BTreeMap<UserId, Known>,
    /// The same turned round: of each group the members that are known.
    members: BTreeMap<ConversationId, BTreeSet<UserId>>,
    young: VecDeque<(Instant, Young)>,
}

/// A change that may be younger than what is read of a person.
#[derive(Debug, Clone, Copy)]
enum Young {
    Block(BlockChange),
    /// What somebody is in a group now; none is nothing.
    Member(ConversationId, UserId, Option<Role>),
    /// There is no such group any more.
    Ended(ConversationId),
}

impl Young {
    fn is_about(self, user: UserId) -> bool {
        match self {
            Self::Block(change) => change.by == user || change.whom == user,
            Self::Member(_, member, _) => member == user,
            Self::Ended(_) => true,
        }
    }
}

impl People {
    /// Between two people, seen from the first, as far as it is known.
    pub(super) fn block(&self, from: UserId, to: UserId) -> Block {
        let has = |of: UserId, set: fn(&Known) -> &BTreeSet<UserId>, whom: UserId| {
            self.known
                .get(&of)
                .is_some_and(|known| set(known).contains(&whom))
        };
        let blocked = |by, whom| has(by, |k| &k.blocks, whom) || has(whom, |k| &k.blocked_by, by);
        Block::of(blocked(from, to), blocked(to, from))
    }

    pub(super) fn is_apart(&self, a: UserId, b: UserId) -> bool {
        self.block(a, b) != Block::None
    }

    /// Whether a call may be tried. Of somebody who is away only a block is
    /// known here; the shell knows the rest before it wakes a device.
    pub(super) fn may_call(&self, caller: UserId, callee: UserId) -> Result<(), Code> {
        let known = self.known.get(&callee);
        may_call(&CallFacts {
            block: self.block(caller, callee),
            calls_from: known.map(|known| known.calls_from).unwrap_or_default(),
            contact: known.is_some_and(|known| known.contacts.contains(&caller)),
        })
    }

    /// Whether a person is told when others were last there.
    pub(super) fn sees_last_seen(&self, viewer: UserId) -> bool {
        self.known
            .get(&viewer)
            .is_some_and(|known| !known.hides_last_seen)
    }

    pub(super) fn wrote(&mut self, sender: UserId, receiver: UserId) {
        if let Some(known) = self.known.get_mut(&sender)
            && known.calls_from == CallsFrom::Contacts
        {
            known.contacts.insert(receiver);
        }
    }

    /// A socket of this person joins; what was read of them came before it.
    pub(super) fn join(&mut self, user: UserId, known: Known) {
        if !self.known.contains_key(&user) {
            self.put(user, known);
        }
    }

    pub(super) fn of(&self, user: UserId) -> Option<&Known> {
        self.known.get(&user)
    }

    pub(super) fn forget(&mut self, user: UserId) {
        let Some(known) = self.known.remove(&user) else {
            return;
        };
        for group in known.groups.into_keys() {
            self.out_of(group, user);
        }
    }

    fn put(&mut self, user: UserId, known: Known) {
        self.forget(user);
        for &group in known.groups.keys() {
            self.members.entry(group).or_default().insert(user);
        }
        self.known.insert(user, known);
    }

    fn out_of(&mut self, group: ConversationId, user: UserId) {
        if let Some(members) = self.members.get_mut(&group) {
            members.remove(&user);
            if members.is_empty() {
                self.members.remove(&group);
            }
        }
    }

    /// The members of a group who are online.
    pub(super) fn in_group(&self, group: ConversationId) -> Vec<UserId> {
        let members = self.members.get(&group);
        members.into_iter().flatten().copied().collect()
    }

    /// Whether this is a group of somebody who is online.
    pub(super) fn is_group(&self, conversation: ConversationId) -> bool {
        self.members.contains_key(&conversation)
    }

    /// What somebody who is online is in a group.
    pub(super) fn role_in(&self, group: ConversationId, user: UserId) -> Option<Role> {
        self.known.get(&user)?.groups.get(&group).copied()
    }

    /// Somebody is something else in a group from here on.
    pub(super) fn member(
        &mut self,
        group: ConversationId,
        user: UserId,
        role: Option<Role>,
        now: Instant,
    ) {
        self.change(Young::Member(group, user, role), now);
    }

    /// Nobody is in that group any more.
    pub(super) fn group_ended(&mut self, group: ConversationId, now: Instant) {
        self.change(Young::Ended(group), now);
    }

    fn learn(&mut self, user: UserId, known: Known, now: Instant) {
        self.put(user, known);
        let is_old = |at: Instant| now.saturating_duration_since(at) > YOUNG;
        while self.young.front().is_some_and(|(at, _)| is_old(*at)) {
            self.young.pop_front();
        }
        for n in 0..self.young.len() {
            if let Some((_, change)) = self.young.get(n).copied()
                && change.is_about(user)
            {
                self.apply(change);
            }
        }
    }

    fn change(&mut self, change: Young, now: Instant) {
        if self.young.len() >= MAX_YOUNG {
            self.young.pop_front();
        }
        self.young.push_back((now, change));
        self.apply(change);
    }

    fn apply(&mut self, change: Young) {
        match change {
            Young::Block(change) => self.apply_block(change),
            Young::Member(group, user, role) => self.apply_member(group, user, role),
            Young::Ended(group) => {
                for user in self.in_group(group) {
                    self.apply_member(group, user, None);
                }
            }
        }
    }

    fn apply_member(&mut self, group: ConversationId, user: UserId, role: Option<Role>) {
        let Some(known) = self.known.get_mut(&user) else {
            return;
        };
        match role {
            Some(role) => {
                known.groups.insert(group, role);
                self.members.entry(group).or_default().insert(user);
            }
            None => {
                known.groups.remove(&group);
                self.out_of(group, user);
            }
        }
    }

    fn apply_block(&mut self, change: BlockChange) {
        let BlockChange { by, whom, blocked } = change;
        let mut set = |of: UserId, pick: fn(&mut Known) -> &mut BTreeSet<UserId>, other: UserId| {
            if let Some(known) = self.known.get_mut(&of) {
                if blocked {
                    pick(known).insert(other);
                } else {
                    pick(known).remove(&other);
                }
            }
        };
        set(by, |known| &mut known.blocks, whom);
        set(whom, |known| &mut known.blocked_by, by);
    }
}

impl Hub {
    /// A person is about to join, or has changed what they want.
    pub(super) fn known(&mut self, user: UserId, known: Known, now: Instant) {
        self.people.learn(user, known, now);
    }

    /// From here on nothing passes between the two, or everything again.
    pub(super) fn block_changed(&mut self, change: BlockChange, now: Instant) {
        let (by, whom) = (change.by, change.whom);
        if change.blocked {
            self.typing_between(by, whom);
            self.call_cut(by, whom, now);
        }
        let before = self.people.is_apart(by, whom);
        self.people.change(Young::Block(change), now);
        if change.blocked {
            self.rooms_parted(by, whom, now);
        }
        if before != self.people.is_apart(by, whom) {
            self.show_again(by, whom);
            self.show_again(whom, by);
        }
    }

    /// Shows a person to the sockets of one who watches them.
    fn show_again(&mut self, user: UserId, to: UserId) {
        if !self.sockets.is_online(user) {
            return;
        }
        let mut watchers = self.presence.watchers(user);
        watchers.retain(|conn| self.sockets.get(*conn).is_some_and(|s| s.user == to));
        let online = !self.people.is_apart(user, to);
        let user_id = user;
        let presence = ServerFrame::Presence {
            user_id,
            online,
            last_seen: None,
        };
        self.send(watchers, presence, None);
    }

    /// Those of the sockets whose people may see this one come and go.
    pub(super) fn may_see(&self, user: UserId, mut sockets: Vec<ConnId>) -> Vec<ConnId> {
        sockets.retain(|conn| {
            let watcher = self.sockets.get(*conn).map(|socket| socket.user);
            watcher.is_some_and(|watcher| !self.people.is_apart(watcher, user))
        });
        sockets
    }
}
