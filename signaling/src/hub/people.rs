//! What the hub knows of people who are online: whom they blocked and who
//! blocked them, and whose calls they take. It is read before a socket joins
//! and kept up from outside, so that nothing here waits for the database.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::Hub;
use crate::chat::{Block, BlockChange, CallFacts, CallsFrom, may_call};
use crate::ids::{ConnId, UserId};
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
}

/// What is known of everybody who is online.
#[derive(Debug, Default)]
pub(super) struct People {
    known: BTreeMap<UserId, Known>,
    young: VecDeque<(Instant, BlockChange)>,
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
        self.known.entry(user).or_insert(known);
    }

    pub(super) fn of(&self, user: UserId) -> Option<&Known> {
        self.known.get(&user)
    }

    pub(super) fn forget(&mut self, user: UserId) {
        self.known.remove(&user);
    }

    fn learn(&mut self, user: UserId, known: Known, now: Instant) {
        self.known.insert(user, known);
        let is_old = |at: Instant| now.saturating_duration_since(at) > YOUNG;
        while self.young.front().is_some_and(|(at, _)| is_old(*at)) {
            self.young.pop_front();
        }
        for n in 0..self.young.len() {
            if let Some((_, change)) = self.young.get(n).copied()
                && (change.by == user || change.whom == user)
            {
                self.apply(change);
            }
        }
    }

    fn change(&mut self, change: BlockChange, now: Instant) {
        if self.young.len() >= MAX_YOUNG {
            self.young.pop_front();
        }
        self.young.push_back((now, change));
        self.apply(change);
    }

    fn apply(&mut self, change: BlockChange) {
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
        self.people.change(change, now);
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
