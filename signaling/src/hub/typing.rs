//! Who is writing to whom: at most one person or group per socket, for a few
//! seconds at a time. Nothing of it is stored, and all of it may be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Hub;
use crate::chat::Destination;
use crate::ids::{ConnId, ConversationId, UserId};
use crate::wire::ServerFrame;

/// How long somebody counts as writing after the last word of it.
const LASTS: Duration = Duration::from_secs(5);

/// A repeated word of it is passed on this often, for sockets that came
/// meanwhile and for clients with a clock of their own.
const AGAIN: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
struct Writing {
    sender: UserId,
    to: Destination,
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

    /// Whether the same person writes there at another socket.
    fn elsewhere(&self, of: &Writing) -> bool {
        let same = |w: &Writing| (w.sender, w.to) == (of.sender, of.to);
        self.all.values().any(same)
    }
}

impl Hub {
    /// Somebody writes, or has stopped. Never refused: who may not be told is
    /// not told.
    pub(super) fn typing(&mut self, conn: ConnId, to: Destination, active: bool, now: Instant) {
        let Some(socket) = self.sockets.get_mut(conn) else {
            return;
        };
        let sender = socket.user;
        if !socket.may_tell_of_typing(now) || to == Destination::Person(sender) {
            return;
        }
        let before = self.typing.all.get(&conn).copied();
        let same = before.filter(|writing| writing.to == to);
        if !active {
            if same.is_some() {
                self.typing_ended(conn);
            }
            return;
        }
        if same.is_none() {
            self.typing_ended(conn);
        }
        if self.who_sees_typing(sender, to).is_empty() {
            return;
        }
        let told = same.map(|writing| writing.told);
        let tell = told.is_none_or(|at| now.saturating_duration_since(at) >= AGAIN);
        let writing = Writing {
            sender,
            to,
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
        let (to_a, to_b) = (Destination::Person(a), Destination::Person(b));
        self.typing_ended_where(|w| [(a, to_b), (b, to_a)].contains(&(w.sender, w.to)));
    }

    /// Somebody does not write in that group any more.
    pub(super) fn typing_in(&mut self, group: ConversationId, sender: UserId) {
        let there = (sender, Destination::Group(group));
        self.typing_ended_where(|writing| (writing.sender, writing.to) == there);
    }

    fn typing_ended_where(&mut self, is_meant: impl Fn(&Writing) -> bool) {
        let all = self.typing.all.iter();
        let at = all.filter(|(_, writing)| is_meant(writing));
        let at: Vec<ConnId> = at.map(|(conn, _)| *conn).collect();
        for conn in at {
            self.typing_ended(conn);
        }
    }

    /// The sockets that are told of it. In a group, too, nobody sees those they
    /// do not want to see, and only members are seen.
    fn who_sees_typing(&self, sender: UserId, to: Destination) -> Vec<ConnId> {
        let mut readers = match to {
            Destination::Person(receiver) => vec![receiver],
            Destination::Group(group) if self.people.role_in(group, sender).is_none() => vec![],
            Destination::Group(group) => self.people.in_group(group),
        };
        readers.retain(|&reader| reader != sender && !self.people.is_apart(sender, reader));
        let sockets = readers.into_iter().map(|reader| self.sockets.of(reader));
        sockets.flatten().collect()
    }

    fn tell_typing(&mut self, writing: &Writing, active: bool) {
        let frame = ServerFrame::Typing {
            sender_id: writing.sender,
            conversation_id: match writing.to {
                Destination::Person(_) => None,
                Destination::Group(group) => Some(group),
            },
            active,
        };
        let to = self.who_sees_typing(writing.sender, writing.to);
        self.send(to, frame, None);
    }
}
