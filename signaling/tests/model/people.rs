//! What people may know of each other: who writes to whom, who is there, and
//! what passes between people of whom one has blocked the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use payambar_signaling::hub::{Input, Known};
use payambar_signaling::ids::{ConnId, Timestamp, UserId};
use payambar_signaling::wire::ServerFrame;
use serde_json::Value;

use super::steps::owner;

/// How long somebody counts as writing.
const TYPING: Duration = Duration::from_secs(5);

/// Who does not say when they were last there.
const HIDES: UserId = UserId(3);

/// What was said of people, and what each socket was told.
#[derive(Default)]
pub(crate) struct People {
    /// When somebody said last that they write to somebody.
    typed: BTreeMap<(UserId, UserId), Instant>,
    /// What each socket shows.
    shown: BTreeSet<(ConnId, UserId)>,
    /// Who has blocked whom.
    blocks: BTreeSet<(UserId, UserId)>,
    /// Of whom it was asked when they were last there.
    asked: Vec<(ConnId, Vec<UserId>)>,
}

impl People {
    pub(crate) fn block(&mut self, by: UserId, whom: UserId, blocked: bool) {
        if blocked {
            self.blocks.insert((by, whom));
        } else {
            self.blocks.remove(&(by, whom));
        }
    }

    /// What the database would say of a person.
    pub(crate) fn known(&self, user: UserId) -> Known {
        let blocks = self.blocks.iter();
        Known {
            blocks: blocks
                .clone()
                .filter(|b| b.0 == user)
                .map(|b| b.1)
                .collect(),
            blocked_by: blocks.filter(|b| b.1 == user).map(|b| b.0).collect(),
            hides_last_seen: user == HIDES,
            ..Known::default()
        }
    }

    pub(crate) fn asked(&mut self, conn: ConnId, users: Vec<UserId>) {
        assert_ne!(owner(conn), HIDES, "{conn} asks and hides");
        self.asked.push((conn, users));
    }

    /// The answer to one question, whatever has come between; for the one socket
    /// or, as when somebody has gone, for all.
    pub(crate) fn answer(&mut self, n: usize, all: bool) -> Option<Input> {
        let n = n.checked_rem(self.asked.len())?;
        let (conn, users) = self.asked.swap_remove(n);
        Some(Input::LastSeen {
            conn: (!all).then_some(conn),
            seen: users.into_iter().map(|user| (user, Timestamp(0))).collect(),
        })
    }

    /// A socket is told whether somebody is here, and when they were last.
    pub(crate) fn presence(&self, conn: ConnId, frame: &ServerFrame, here: &BTreeSet<UserId>) {
        let ServerFrame::Presence {
            user_id,
            online,
            last_seen,
        } = frame
        else {
            return;
        };
        if *online || last_seen.is_some() {
            self.passes(conn, *user_id, "presence");
        }
        if last_seen.is_some() {
            assert_ne!(owner(conn), HIDES, "{conn} hides and is told");
            assert!(!online && !here.contains(user_id), "{user_id} is here");
        }
    }

    pub(crate) fn are_apart(&self, a: UserId, b: UserId) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    /// Nothing passes between people of whom one has blocked the other.
    pub(crate) fn passes(&self, conn: ConnId, from: UserId, what: &str) {
        assert!(
            !self.are_apart(owner(conn), from),
            "{conn} gets {what} of {from}"
        );
    }

    pub(crate) fn said(&mut self, sender: UserId, text: &str, now: Instant) {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        let receiver = frame["receiver_id"].as_i64().map(UserId);
        if let ("typing", Some(true), Some(receiver)) = (
            frame["type"].as_str().unwrap_or_default(),
            frame["active"].as_bool(),
            receiver,
        ) {
            self.typed.insert((sender, receiver), now);
        }
    }

    /// A socket is told that somebody writes, or has stopped.
    pub(crate) fn typing(&mut self, conn: ConnId, sender: UserId, active: bool, now: Instant) {
        let me = owner(conn);
        assert_ne!(me, sender, "{conn} is told of itself");
        if active {
            self.passes(conn, sender, "typing");
            let said = self.typed.get(&(sender, me));
            let said = said.unwrap_or_else(|| panic!("{sender} never wrote to {me}"));
            assert!(now - *said < TYPING, "{sender} wrote long ago");
            self.shown.insert((conn, sender));
        } else {
            self.shown.remove(&(conn, sender));
        }
    }

    /// Nothing is shown for longer than it lasts.
    pub(crate) fn look(&mut self, now: Instant, alive: &BTreeSet<ConnId>) {
        self.shown.retain(|(conn, _)| alive.contains(conn));
        for &(conn, sender) in &self.shown {
            let said = self.typed[&(sender, owner(conn))];
            assert!(now - said < TYPING, "{conn} still shows {sender}");
        }
    }
}
