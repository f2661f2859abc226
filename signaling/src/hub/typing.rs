//! Who is writing to whom: at most one person per socket, for a few seconds at
//! a time. Nothing of it is stored, and all of it may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Hub;
use crate::ids::{ConnId, UserId};
use crate::wire::ServerFrame;

/// How long somebody counts as writing after the last word of it.
const LASTS: Duration = Duration::from_secs(5);

/// A repeated word of it is passed on this often, for sockets that came
/// meanwhile and for clients with a clock of their own.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
struct Writing {
    sender: UserId,
    receiver: UserId,
    until: Instant,
    told: Instant,
}

/// The sockets at which somebody writes, and when each of them runs out.
#[derive(Debug, Default)]
pub(super) struct Typing {
    all: BTreeMap<ConnId, Writing>,
    due: BTreeSet<(Instant, ConnId)>,
}

impl Typing {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<ConnId> {
        let &(_, conn) = self.due.first().filter(|(at, _)| *at <= now)?;
        Some(conn)
    }

    fn put(&mut self, conn: ConnId, writing: Writing) {
        self.remove(conn);
        self.due.insert((writing.until, conn));
        self.all.insert(conn, writing);
    }

    fn remove(&mut self, conn: ConnId) -> Option<Writing> {
        let writing = self.all.remove(&conn)?;
        self.due.remove(&(writing.until, conn));
        Some(writing)
    }

    /// Whether the same person writes to the same one at another socket.
    fn elsewhere(&self, of: &Writing) -> bool {
        let same = |w: &Writing| (w.sender, w.receiver) == (of.sender, of.receiver);
        self.all.values().any(same)
    }
}

impl Hub {
    /// Somebody writes, or has stopped. Never refused: who may not be told is
    /// not told.
    pub(super) fn typing(&mut self, conn: ConnId, receiver: UserId, active: bool, now: Instant) {
        let Some(socket) = self.sockets.get_mut(conn) else {
            return;
        };
        let sender = socket.user;
        if !socket.may_tell_of_typing(now) || sender == receiver {
            return;
        }
        let before = self.typing.all.get(&conn).copied();
        let same = before.filter(|writing| writing.receiver == receiver);
        if !active {
            if same.is_some() {
                self.typing_ended(conn);
            }
            return;
        }
        if same.is_none() {
            self.typing_ended(conn);
        }
        if !self.sockets.is_online(receiver) || self.people.is_apart(sender, receiver) {
            return;
        }
        let told = same.map(|writing| writing.told);
        let tell = told.is_none_or(|at| now.saturating_duration_since(at) >= AGAIN);
        let writing = Writing {
            sender,
            receiver,
            until: now + LASTS,
            told: if tell { now } else { told.unwrap_or(now) },
        };
        self.typing.put(conn, writing);
        if tell {
            self.tell_typing(&writing, true);
        }
    }

    /// Nobody writes at this socket any more.
    pub(super) fn typing_ended(&mut self, conn: ConnId) {
        if let Some(writing) = self.typing.remove(conn)
            && !self.typing.elsewhere(&writing)
        {
            self.tell_typing(&writing, false);
        }
    }

    /// Neither of the two writes to the other any more.
    pub(super) fn typing_between(&mut self, a: UserId, b: UserId) {
        let between = |w: &Writing| [(a, b), (b, a)].contains(&(w.sender, w.receiver));
        let at = self
            .typing
            .all
            .iter()
            .filter(|(_, writing)| between(writing));
        let at: Vec<ConnId> = at.map(|(conn, _)| *conn).collect();
        for conn in at {
            self.typing_ended(conn);
        }
    }

    fn tell_typing(&mut self, writing: &Writing, active: bool) {
        let frame = ServerFrame::Typing {
            sender_id: writing.sender,
            active,
        };
        self.send(self.sockets.of(writing.receiver), frame, None);
    }
}
