//! Sockets come and go: whose each is, how much it may say, and who is online.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{Effect, Hub, Limits, close_code};
use crate::chat::{Deletion, StoredMessage};
use crate::ids::{ConnId, SessionId, UserId};
use crate::rate::Bucket;
use crate::wire::ServerFrame;

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    /// It was told what its person missed, and rings from then on.
    pub(super) caught_up: bool,
    /// Its tab is hidden or frozen: nobody looks at it.
    pub(super) asleep: bool,
    /// Messages to its person that came before it was told: sent after what
    /// was missed, so that nothing comes twice or out of order.
    pub(super) waiting: Vec<StoredMessage>,
    /// What was deleted meanwhile and is not to be sent.
    pub(super) deletions: Vec<Deletion>,
    /// Messages and marks the store has not answered yet.
    pub(super) in_flight: usize,
    call_frames: Option<Bucket>,
    other_frames: Option<Bucket>,
    typing_frames: Option<Bucket>,
}

impl Socket {
    fn new(user: UserId, session: SessionId, limits: &Limits, now: Instant) -> Self {
        Self {
            user,
            session,
            caught_up: false,
            asleep: false,
            waiting: Vec::new(),
            deletions: Vec::new(),
            in_flight: 0,
            call_frames: limits.call_frames.map(|rate| Bucket::new(rate, now)),
            other_frames: limits.other_frames.map(|rate| Bucket::new(rate, now)),
            typing_frames: limits.typing_frames.map(|rate| Bucket::new(rate, now)),
        }
    }

    /// Counts a frame; false if it is over the limit.
    pub(super) fn may_speak(&mut self, of_call: bool, now: Instant) -> bool {
        let bucket = if of_call {
            &mut self.call_frames
        } else {
            &mut self.other_frames
        };
        bucket.as_mut().is_none_or(|bucket| bucket.take(now))
    }

    /// Counts a word of somebody writing; false if it is over the limit.
    pub(super) fn may_tell_of_typing(&mut self, now: Instant) -> bool {
        let bucket = self.typing_frames.as_mut();
        bucket.is_none_or(|bucket| bucket.take(now))
    }
}

/// All sockets, by id, person and session.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    all: BTreeMap<ConnId, Socket>,
    by_user: BTreeMap<UserId, BTreeSet<ConnId>>,
    by_session: BTreeMap<SessionId, BTreeSet<ConnId>>,
}

impl Sockets {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn users_online(&self) -> usize {
        self.by_user.len()
    }

    pub(super) fn is_online(&self, user: UserId) -> bool {
        self.by_user.contains_key(&user)
    }

    pub(super) fn get(&self, conn: ConnId) -> Option<&Socket> {
        self.all.get(&conn)
    }

    pub(super) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Socket> {
        self.all.get_mut(&conn)
    }

    /// The sockets of a person.
    pub(super) fn of(&self, user: UserId) -> Vec<ConnId> {
        let sockets = self.by_user.get(&user);
        sockets.into_iter().flatten().copied().collect()
    }

    /// The sessions of a person with a socket that does not sleep.
    pub(super) fn awake_sessions(&self, user: UserId) -> Vec<SessionId> {
        let sockets = self.by_user.get(&user).into_iter().flatten();
        let awake = sockets
            .filter_map(|conn| self.all.get(conn))
            .filter(|socket| !socket.asleep);
        let sessions: BTreeSet<SessionId> = awake.map(|socket| socket.session).collect();
        sessions.into_iter().collect()
    }

    fn count_of(&self, user: UserId) -> usize {
        self.by_user.get(&user).map_or(0, BTreeSet::len)
    }

    fn of_session(&self, session: SessionId) -> Vec<ConnId> {
        let sockets = self.by_session.get(&session);
        sockets.into_iter().flatten().copied().collect()
    }

    /// Adds a socket; true if it is the person's first.
    fn add(&mut self, conn: ConnId, socket: Socket) -> bool {
        let of_session = self.by_session.entry(socket.session).or_default();
        of_session.insert(conn);
        let of_user = self.by_user.entry(socket.user).or_default();
        of_user.insert(conn);
        let first = of_user.len() == 1;
        self.all.insert(conn, socket);
        first
    }

    /// Removes a socket; says whose it was, and whether it was the last one.
    fn remove(&mut self, conn: ConnId) -> Option<(UserId, bool)> {
        let socket = self.all.remove(&conn)?;
        let last = remove_from(&mut self.by_user, socket.user, conn);
        remove_from(&mut self.by_session, socket.session, conn);
        Some((socket.user, last))
    }
}

/// Takes a socket out of an index; true if the key has none left.
fn remove_from<K: Ord>(index: &mut BTreeMap<K, BTreeSet<ConnId>>, key: K, conn: ConnId) -> bool {
    let Some(sockets) = index.get_mut(&key) else {
        return true;
    };
    sockets.remove(&conn);
    let none_left = sockets.is_empty();
    if none_left {
        index.remove(&key);
    }
    none_left
}

impl Hub {
    pub(super) fn connected(
        &mut self,
        conn: ConnId,
        user: UserId,
        session: SessionId,
        now: Instant,
    ) {
        // The same id twice: the first socket must be gone, but not what was
        // read for the second.
        let known = self.people.of(user).cloned().unwrap_or_default();
        self.disconnected(conn, now);
        if self.sockets.count_of(user) >= self.limits.sockets_per_user {
            let code = close_code::TRY_AGAIN_LATER;
            return self.effects.push_back(Effect::Close { conn, code });
        }
        let socket = Socket::new(user, session, &self.limits, now);
        let first = self.sockets.add(conn, socket);
        self.people.join(user, known);
        let hello = ServerFrame::Hello {
            user_id: user,
            version: self.version.clone(),
        };
        self.send(vec![conn], hello, None);
        self.show_rooms(conn, user);
        self.effects.push_back(Effect::CatchUp { conn, user });
        if first {
            self.tell_presence(user, true);
        }
    }

    pub(super) fn disconnected(&mut self, conn: ConnId, now: Instant) {
        let Some((user, last)) = self.sockets.remove(conn) else {
            return;
        };
        self.presence.forget(conn);
        self.typing_ended(conn);
        self.call_left(user, conn, now);
        self.room_socket_gone(user, conn, now);
        if last {
            self.receipts.forget(user);
            self.tell_presence(user, false);
            self.people.forget(user);
        }
    }

    /// Ends the session's calls and seats, then its sockets.
    pub(super) fn session_ended(&mut self, session: SessionId, now: Instant) {
        self.end_calls_of(session, now);
        self.end_seats_of(session, now);
        for conn in self.sockets.of_session(session) {
            let code = close_code::SESSION_ENDED;
            self.effects.push_back(Effect::Close { conn, code });
            self.disconnected(conn, now);
        }
    }

    pub(super) fn presence_subscribe(&mut self, conn: ConnId, users: Vec<UserId>) {
        let users: BTreeSet<UserId> = users.into_iter().collect();
        let me = self.sockets.get(conn).map(|socket| socket.user);
        let mut away = Vec::new();
        for &user_id in &users {
            let apart = me.is_some_and(|me| self.people.is_apart(me, user_id));
            let online = !apart && self.sockets.is_online(user_id);
            let presence = ServerFrame::Presence {
                user_id,
                online,
                last_seen: None,
            };
            self.send(vec![conn], presence, None);
            if !apart && !online {
                away.push(user_id);
            }
        }
        self.presence.watch(conn, users);
        self.ask_last_seen(conn, away);
    }

    fn tell_presence(&mut self, user: UserId, online: bool) {
        self.effects.push_back(Effect::Online { user, online });
        let watchers = self.may_see(user, self.presence.watchers(user));
        let presence = ServerFrame::Presence {
            user_id: user,
            online,
            last_seen: None,
        };
        self.send(watchers, presence, None);
    }
}
