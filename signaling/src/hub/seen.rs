//! When people were last there. The time is the shell's, which has a calendar
//! and keeps it; here is who is told.

use super::{Effect, Hub};
use crate::ids::{ConnId, Timestamp, UserId};
use crate::wire::ServerFrame;

impl Hub {
    /// Asks when these were last there, for one socket.
    pub(super) fn ask_last_seen(&mut self, conn: ConnId, users: Vec<UserId>) {
        let Some(socket) = self.sockets.get(conn) else {
            return;
        };
        let viewer = socket.user;
        if !users.is_empty() && self.people.sees_last_seen(viewer) {
            self.effects.push_back(Effect::LastSeen {
                conn,
                viewer,
                users,
            });
        }
    }

    /// Tells the one socket that asked, or all who watch. Who has come back
    /// meanwhile is there, and who has hidden or blocked is told nothing.
    pub(super) fn last_seen(&mut self, conn: Option<ConnId>, seen: &[(UserId, Timestamp)]) {
        for &(user_id, at) in seen {
            if self.sockets.is_online(user_id) {
                continue;
            }
            let mut watchers = self.may_see(user_id, self.presence.watchers(user_id));
            watchers.retain(|watcher| {
                let socket = self.sockets.get(*watcher);
                conn.is_none_or(|conn| conn == *watcher)
                    && socket.is_some_and(|socket| self.people.sees_last_seen(socket.user))
            });
            let presence = ServerFrame::Presence {
                user_id,
                online: false,
                last_seen: Some(at),
            };
            self.send(watchers, presence, None);
        }
    }
}
