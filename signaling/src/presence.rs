//! Who watches whom: each socket's list, and the sockets that watch a person.
//! Whether a person is online is the hub's knowledge.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{ConnId, UserId};

/// The lists of all sockets, and the same turned round.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    lists: BTreeMap<ConnId, BTreeSet<UserId>>,
    watchers: BTreeMap<UserId, BTreeSet<ConnId>>,
}

impl Presence {
    /// Replaces the list of a socket.
    pub(crate) fn watch(&mut self, conn: ConnId, users: BTreeSet<UserId>) {
        self.forget(conn);
        for &user in &users {
            self.watchers.entry(user).or_default().insert(conn);
        }
        if !users.is_empty() {
            self.lists.insert(conn, users);
        }
    }

    /// Drops the list of a socket.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        for user in self.lists.remove(&conn).unwrap_or_default() {
            if let Some(watchers) = self.watchers.get_mut(&user) {
                watchers.remove(&conn);
                if watchers.is_empty() {
                    self.watchers.remove(&user);
                }
            }
        }
    }

    /// The sockets that watch this person.
    pub(crate) fn watchers(&self, user: UserId) -> Vec<ConnId> {
        let watchers = self.watchers.get(&user);
        watchers.into_iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(users: &[i64]) -> BTreeSet<UserId> {
        users.iter().copied().map(UserId).collect()
    }

    #[test]
    fn a_new_list_replaces_the_old_one() {
        let mut presence = Presence::default();
        presence.watch(ConnId(1), list(&[1, 2]));
        presence.watch(ConnId(2), list(&[2]));
        presence.watch(ConnId(1), list(&[3]));
        assert_eq!(presence.watchers(UserId(1)), []);
        assert_eq!(presence.watchers(UserId(2)), [ConnId(2)]);
        assert_eq!(presence.watchers(UserId(3)), [ConnId(1)]);
    }

    #[test]
    fn nothing_is_left_of_a_socket_that_is_forgotten() {
        let mut presence = Presence::default();
        presence.watch(ConnId(1), list(&[1, 2]));
        presence.watch(ConnId(2), list(&[]));
        presence.forget(ConnId(1));
        presence.forget(ConnId(9));
        assert!(presence.lists.is_empty() && presence.watchers.is_empty());
    }
}
