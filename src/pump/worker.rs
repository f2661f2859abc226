//! The pump's task: one turn after another, inputs in, effects out.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use payambar_media::RelayHandle;
use payambar_signaling::hub::{Effect, Hub, Input};
use payambar_signaling::ids::{ConnId, ConversationId, Seq, SessionId, Ticket, Timestamp, UserId};
use payambar_signaling::wire::ServerFrame;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::rooms as media;
use super::{Event, OUTBOX, Outbox, Outcomes, Outgoing};
use crate::files::{self, Files, Links};
use crate::i18n::Catalogue;
use crate::push::Pushes;
use crate::store::{Outcome, Store, messages, now, rooms, seen};

/// Events taken in one turn.
const TURN: usize = 256;

/// How long sockets may take to close when the server stops.
const STOP: Duration = Duration::from_secs(5);

/// Close code of a reader that was too slow (RFC 6455 §7.4.1, "try again later").
const TOO_SLOW: u16 = 1013;

/// Close code of a server that goes away.
const GOING_AWAY: u16 = 1001;

pub(super) struct Worker {
    pub(super) hub: Hub,
    pub(super) sockets: BTreeMap<ConnId, Outbox>,
    pub(super) store: Store,
    pub(super) relay: Option<Arc<RelayHandle>>,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) files: Arc<Files>,
    pub(super) online: Arc<RwLock<HashSet<UserId>>>,
    /// Answers of reads that run beside the pump.
    pub(super) late: mpsc::UnboundedSender<Input>,
    pub(super) pushes: Pushes,
    /// Writes of when people went, for a stop to wait for.
    pub(super) leaving: JoinSet<()>,
}

/// Where the pump is told of everything.
pub(super) struct Incoming {
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) outcomes: Outcomes,
    pub(super) late: mpsc::UnboundedReceiver<Input>,
    pub(super) woken: mpsc::UnboundedReceiver<Input>,
}

impl Worker {
    pub(super) async fn run(mut self, mut from: Incoming) {
        let mut turn = Vec::with_capacity(TURN);
        loop {
            let wake_up = self.hub.poll_timeout();
            tokio::select! {
                biased;
                Some(batch) = from.outcomes.recv() => batch.into_iter().for_each(|outcome| self.outcome(outcome)),
                Some(input) = from.late.recv() => self.input(input),
                Some(input) = from.woken.recv() => self.input(input),
                taken = from.events.recv_many(&mut turn, TURN) => {
                    if taken == 0 {
                        return;
                    }
                    // What was answered before these came holds for them.
                    while let Ok(batch) = from.outcomes.try_recv() {
                        batch.into_iter().for_each(|outcome| self.outcome(outcome));
                    }
                    for event in turn.drain(..) {
                        if let Event::Stop(done) = event {
                            self.stop().await;
                            let _ = done.send(());
                            return;
                        }
                        self.event(event);
                    }
                }
                () = sleep_until(wake_up) => {
                    self.hub.handle_timeout(Instant::now());
                    self.run_effects();
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Attach {
                conn,
                user,
                session,
                known,
                outbox,
            } => {
                self.sockets.insert(conn, outbox);
                self.input(Input::Known { user, known });
                self.input(Input::Connected {
                    conn,
                    user,
                    session,
                });
            }
            Event::Input(input) => {
                if let Input::Disconnected { conn } = &input {
                    self.sockets.remove(conn);
                }
                self.input(input);
            }
            Event::AccountEnded(user) => {
                if let Some(relay) = &self.relay {
                    relay.revoke_user(user.0);
                }
            }
            Event::SessionEnded { user, session } => {
                self.input(Input::SessionEnded { session });
                self.pushes.session_ended(session);
                if let Some(relay) = &self.relay {
                    relay.revoke_session(user.0, session.0);
                }
            }
            Event::Rooms(answer) => drop(answer.send(self.hub.rooms())),
            Event::Stop(_) => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.input(match outcome {
            Outcome::Stored(ticket, result) => Input::Stored { ticket, result },
            Outcome::Marked(ticket, result) => Input::Marked { ticket, result },
            Outcome::Posted(stored) => Input::StoredOutside(stored),
            Outcome::BlockChanged(change) => Input::BlockChanged(change),
            // Of somebody who is away it is read when they come.
            Outcome::Known(user, _) if !self.hub.is_online(user) => return,
            Outcome::Known(user, known) => Input::Known { user, known },
            Outcome::GroupsChanged(changes) => {
                for change in changes {
                    self.input(Input::GroupChanged(Box::new(change)));
                }
                return;
            }
        });
    }

    fn input(&mut self, input: Input) {
        self.hub.handle_input(input, Instant::now());
        self.run_effects();
    }

    fn run_effects(&mut self) {
        // A message goes to its receiver and to its sender: the same words,
        // written once.
        let mut last = None;
        while let Some(effect) = self.hub.poll_effect() {
            match effect {
                Effect::Send { to, frame, receipt } => self.send(&to, frame, receipt, &mut last),
                Effect::Close { conn, code } => self.close(conn, code),
                Effect::Store(message) => self.store.store(message),
                Effect::Mark(mark) => self.store.mark(mark),
                Effect::CatchUp { conn, user } => self.catch_up(conn, user),
                Effect::RoomFacts {
                    ticket,
                    conversation,
                    about,
                } => self.room_facts(ticket, conversation, about),
                Effect::Media(command) => {
                    // Without a relay the hub has no rooms.
                    if let Some(relay) = &self.relay {
                        media::command(relay, command);
                    }
                }
                Effect::Notify { user, notice } => self.pushes.notice(user, notice),
                Effect::NotifyGroup { message, awake } => {
                    self.pushes.group_message(*message, awake)
                }
                Effect::Online { user, online } => {
                    self.set_online(user, online);
                    if !online {
                        self.left(user);
                    }
                }
                Effect::LastSeen {
                    conn,
                    viewer,
                    users,
                } => self.last_seen(conn, viewer, users),
            }
        }
    }

    fn send(
        &mut self,
        to: &[ConnId],
        mut frame: ServerFrame,
        receipt: Option<(ConversationId, Seq)>,
        last: &mut Option<(ServerFrame, Text)>,
    ) {
        if let (ServerFrame::Error { code, error, .. }, Some(outbox)) = (
            &mut frame,
            to.first().and_then(|conn| self.sockets.get(conn)),
        ) {
            self.catalogue.error(*code, outbox.lang).clone_into(error);
        }
        let lossy = frame.may_be_lost();
        let (frame, mut text) = match last.take() {
            Some((same, text)) if same == frame => (same, text),
            Some(_) | None => {
                let text = Text::new(&frame);
                (frame, text)
            }
        };
        for conn in to {
            let Some(outbox) = self.sockets.get(conn) else {
                continue;
            };
            if !has_room(outbox.frames.room(), lossy) {
                continue;
            }
            let text = text.of(outbox.session, &self.files.links);
            if outbox.frames.try_send(Outgoing { text, receipt }).is_err() {
                // Never a silent gap: the socket ends, and its client comes
                // back for what it missed.
                self.close(*conn, TOO_SLOW);
                self.hub
                    .handle_input(Input::Disconnected { conn: *conn }, Instant::now());
            }
        }
        *last = Some((frame, text));
    }

    fn set_online(&self, user: UserId, online: bool) {
        let mut people = self.online.write().unwrap_or_else(PoisonError::into_inner);
        if online {
            people.insert(user);
        } else {
            people.remove(&user);
        }
    }

    /// Keeps when a person went, and tells those who watch.
    fn left(&mut self, user: UserId) {
        while self.leaving.try_join_next().is_some() {}
        let (store, late, left) = (self.store.clone(), self.late.clone(), [(user, now())]);
        self.leaving.spawn(async move {
            match store
                .write(move |connection| seen::left(connection, &left))
                .await
            {
                Ok(seen) => drop(late.send(Input::LastSeen { conn: None, seen })),
                Err(error) => tracing::error!(%error, "when somebody went was not kept"),
            }
        });
    }

    fn last_seen(&self, conn: ConnId, viewer: UserId, users: Vec<UserId>) {
        let (store, late) = (self.store.clone(), self.late.clone());
        tokio::spawn(async move {
            let read = store.read(move |connection| seen::of(connection, viewer, &users));
            match read.await {
                Ok(seen) => {
                    let (conn, seen) = (Some(conn), seen.into_iter().collect());
                    let _ = late.send(Input::LastSeen { conn, seen });
                }
                Err(error) => tracing::error!(%error, "when people were last there is not known"),
            }
        });
    }

    fn room_facts(&self, ticket: Ticket, conversation: ConversationId, about: UserId) {
        let (store, late) = (self.store.clone(), self.late.clone());
        tokio::spawn(async move {
            let read = store.read(move |connection| {
                rooms::facts(connection, conversation, about, files::picture_of)
            });
            let result = read.await.map_err(|error| {
                tracing::error!(%error, "what a room needs to know is not known");
                error.code()
            });
            let _ = late.send(Input::RoomFacts { ticket, result });
        });
    }

    fn close(&mut self, conn: ConnId, code: u16) {
        if let Some(outbox) = self.sockets.remove(&conn) {
            outbox.frames.close(code);
        }
    }

    fn catch_up(&self, conn: ConnId, user: UserId) {
        let (store, late) = (self.store.clone(), self.late.clone());
        tokio::spawn(async move {
            let result = store
                .read(move |connection| messages::catch_up(connection, user))
                .await
                .map_err(|error| {
                    tracing::error!(%error, "catching up failed");
                    error.code()
                });
            let _ = late.send(Input::CatchUp { conn, result });
        });
    }

    /// Closes every socket and waits until each has said so to its client.
    async fn stop(&mut self) {
        let mut closing = Vec::with_capacity(self.sockets.len());
        for (_, outbox) in std::mem::take(&mut self.sockets) {
            outbox.frames.close(GOING_AWAY);
            closing.push(outbox.frames);
        }
        let closed = async {
            for frames in &closing {
                frames.closed().await;
            }
        };
        if tokio::time::timeout(STOP, closed).await.is_err() {
            tracing::warn!("sockets that did not close in time were cut off");
        }
        self.everybody_left().await;
    }

    /// Keeps that those who are here were so until now, in one write.
    async fn everybody_left(&mut self) {
        while self.leaving.join_next().await.is_some() {}
        let at = now();
        let here: Vec<(UserId, Timestamp)> = {
            let people = self.online.read().unwrap_or_else(PoisonError::into_inner);
            people.iter().map(|&user| (user, at)).collect()
        };
        let kept = self
            .store
            .write(move |connection| seen::left(connection, &here));
        if let Err(error) = kept.await {
            tracing::error!(%error, "when people went was not kept");
        }
    }
}

/// A reader that is behind keeps its room for what may not be lost.
const fn has_room(free: usize, may_be_lost: bool) -> bool {
    !may_be_lost || free > OUTBOX / 2
}

/// A frame in writing: the same for all, but where it has the address of a
/// file, which is made for each session.
enum Text {
    Shared(Utf8Bytes),
    Own(ServerFrame),
}

impl Text {
    fn new(frame: &ServerFrame) -> Self {
        if let ServerFrame::Message(message) | ServerFrame::GroupMessage(message) = frame
            && message.file.is_some()
        {
            return Self::Own(frame.clone());
        }
        Self::Shared(Utf8Bytes::from(frame.to_json()))
    }

    fn of(&mut self, session: SessionId, links: &Links) -> Utf8Bytes {
        match self {
            Self::Shared(text) => text.clone(),
            Self::Own(frame) => {
                if let ServerFrame::Message(message) | ServerFrame::GroupMessage(message) = frame
                    && let Some(file) = &mut message.file
                {
                    files::fill(links, file, session);
                }
                Utf8Bytes::from(frame.to_json())
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_lost_leaves_half_of_the_room_to_the_rest() {
        assert!(has_room(OUTBOX, true));
        assert!(!has_room(OUTBOX / 2, true));
        assert!(has_room(0, false), "the rest closes a socket that is full");
    }
}
