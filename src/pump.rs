//! Runs the hub's effects: the one place where hub, store, sockets and relay
//! meet. It decides nothing; it carries inputs in and effects out, in order.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use payambar_media::RelayHandle;
use payambar_signaling::chat::Marked;
use payambar_signaling::hub::{Effect, Hub, Input, Limits};
use payambar_signaling::ids::{ConnId, ConversationId, Seq, SessionId, UserId};
use payambar_signaling::wire::ServerFrame;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::i18n::{Catalogue, Lang};
use crate::store::{Outcome, Store, messages};

/// Frames that wait for one slow reader before its socket is closed.
pub const OUTBOX: usize = 1024;

/// Events that wait for the pump before the sockets they come from do.
const EVENTS: usize = 4096;

/// Events taken in one turn.
const TURN: usize = 256;

/// Close code of a reader that was too slow (RFC 6455 §7.4.1, "try again later").
const TOO_SLOW: u16 = 1013;

/// Close code of a server that goes away.
const GOING_AWAY: u16 = 1001;

/// One frame for a socket.
#[derive(Debug)]
pub struct Outgoing {
    /// The text, shared between all sockets it goes to.
    pub text: Utf8Bytes,
    /// What the hub wants to know was written.
    pub receipt: Option<(ConversationId, Seq)>,
}

/// The pump's end of a socket.
#[derive(Debug)]
pub struct Outbox {
    /// Frames, bounded by [`OUTBOX`].
    pub frames: mpsc::Sender<Outgoing>,
    /// Closes the socket with this code.
    pub close: oneshot::Sender<u16>,
    /// Language of the person at the other end.
    pub lang: Lang,
}

enum Event {
    Attach {
        conn: ConnId,
        user: UserId,
        session: SessionId,
        outbox: Outbox,
    },
    Input(Input),
    SessionEnded {
        user: UserId,
        session: SessionId,
    },
    Stop(oneshot::Sender<()>),
}

/// The pump's handle.
#[derive(Clone)]
pub struct Pump {
    events: mpsc::Sender<Event>,
    online: Arc<RwLock<HashSet<UserId>>>,
    next_conn: Arc<AtomicU64>,
}

/// Where the store's answers come in: see [`Store::open`].
pub type Outcomes = mpsc::UnboundedReceiver<Vec<Outcome>>;

/// What the pump needs to run.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// Its answers.
    pub outcomes: Outcomes,
    /// The relay, if it is switched on.
    pub relay: Option<Arc<RelayHandle>>,
    /// Texts of errors.
    pub catalogue: Arc<Catalogue>,
    /// Limits on frames.
    pub limits: Limits,
}

impl Pump {
    /// Starts the pump.
    pub fn start(parts: Parts) -> Self {
        let (events, incoming) = mpsc::channel(EVENTS);
        let online = Arc::<RwLock<HashSet<UserId>>>::default();
        let random = SystemRandom::new();
        let entropy = Box::new(move || {
            let mut bytes = [0; 16];
            // The system's generator fails only before it was seeded at boot;
            // an id of zeros would then clash and the call be refused.
            let _ = random.fill(&mut bytes);
            bytes
        });
        let hub = Hub::new(env!("CARGO_PKG_VERSION").to_owned(), parts.limits, entropy);
        let (late, late_inputs) = mpsc::unbounded_channel();
        let worker = Worker {
            hub,
            sockets: BTreeMap::new(),
            store: parts.store,
            relay: parts.relay,
            catalogue: parts.catalogue,
            online: Arc::clone(&online),
            late,
        };
        tokio::spawn(worker.run(incoming, parts.outcomes, late_inputs));
        Self {
            events,
            online,
            next_conn: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Takes in a new socket and names it.
    pub async fn attach(&self, user: UserId, session: SessionId, outbox: Outbox) -> ConnId {
        let conn = ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed));
        self.send(Event::Attach {
            conn,
            user,
            session,
            outbox,
        })
        .await;
        conn
    }

    /// Hands the hub what happened on a socket. Waits while the pump is behind,
    /// which slows that socket down and nobody else.
    pub async fn input(&self, input: Input) {
        self.send(Event::Input(input)).await;
    }

    /// Tells everybody concerned of a mark that was made over REST.
    pub async fn marked(&self, marked: Marked) {
        self.send(Event::Input(Input::MarkedOutside(marked))).await;
    }

    /// Ends a session's sockets, calls and relay allocations.
    pub async fn session_ended(&self, user: UserId, session: SessionId) {
        self.send(Event::SessionEnded { user, session }).await;
    }

    /// Whether a person has a socket.
    pub fn is_online(&self, user: UserId) -> bool {
        self.online
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&user)
    }

    /// Closes every socket and ends the pump.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        self.send(Event::Stop(done)).await;
        let _ = stopped.await;
    }

    async fn send(&self, event: Event) {
        // Fails only after `stop`, when nobody listens any more.
        let _ = self.events.send(event).await;
    }
}

struct Worker {
    hub: Hub,
    sockets: BTreeMap<ConnId, Outbox>,
    store: Store,
    relay: Option<Arc<RelayHandle>>,
    catalogue: Arc<Catalogue>,
    online: Arc<RwLock<HashSet<UserId>>>,
    /// Answers of reads that run beside the pump.
    late: mpsc::UnboundedSender<Input>,
}

impl Worker {
    async fn run(
        mut self,
        mut events: mpsc::Receiver<Event>,
        mut outcomes: Outcomes,
        mut late: mpsc::UnboundedReceiver<Input>,
    ) {
        let mut turn = Vec::with_capacity(TURN);
        loop {
            let wake_up = self.hub.poll_timeout();
            tokio::select! {
                biased;
                Some(batch) = outcomes.recv() => batch.into_iter().for_each(|outcome| self.outcome(outcome)),
                Some(input) = late.recv() => self.input(input),
                taken = events.recv_many(&mut turn, TURN) => {
                    if taken == 0 {
                        return;
                    }
                    for event in turn.drain(..) {
                        if let Event::Stop(done) = event {
                            self.stop();
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
                outbox,
            } => {
                self.sockets.insert(conn, outbox);
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
            Event::SessionEnded { user, session } => {
                self.input(Input::SessionEnded { session });
                if let Some(relay) = &self.relay {
                    relay.revoke_session(user.0, session.0);
                }
            }
            Event::Stop(_) => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.input(match outcome {
            Outcome::Stored(ticket, result) => Input::Stored { ticket, result },
            Outcome::Marked(ticket, result) => Input::Marked { ticket, result },
        });
    }

    fn input(&mut self, input: Input) {
        self.hub.handle_input(input, Instant::now());
        self.run_effects();
    }

    fn run_effects(&mut self) {
        while let Some(effect) = self.hub.poll_effect() {
            match effect {
                Effect::Send { to, frame, receipt } => self.send(&to, frame, receipt),
                Effect::Close { conn, code } => self.close(conn, code),
                Effect::Store(message) => self.store.store(message),
                Effect::Mark(mark) => self.store.mark(mark),
                Effect::CatchUp { conn, user } => self.catch_up(conn, user),
                Effect::Online { user, online } => {
                    let mut people = self.online.write().unwrap_or_else(PoisonError::into_inner);
                    if online {
                        people.insert(user)
                    } else {
                        people.remove(&user)
                    };
                }
            }
        }
    }

    fn send(
        &mut self,
        to: &[ConnId],
        mut frame: ServerFrame,
        receipt: Option<(ConversationId, Seq)>,
    ) {
        if let (ServerFrame::Error { code, error, .. }, Some(outbox)) = (
            &mut frame,
            to.first().and_then(|conn| self.sockets.get(conn)),
        ) {
            self.catalogue.error(*code, outbox.lang).clone_into(error);
        }
        let text = Utf8Bytes::from(frame.to_json());
        for conn in to {
            let Some(outbox) = self.sockets.get(conn) else {
                continue;
            };
            if outbox
                .frames
                .try_send(Outgoing {
                    text: text.clone(),
                    receipt,
                })
                .is_err()
            {
                // Never a silent gap: the socket ends, and its client comes
                // back for what it missed.
                self.close(*conn, TOO_SLOW);
                self.hub
                    .handle_input(Input::Disconnected { conn: *conn }, Instant::now());
            }
        }
    }

    fn close(&mut self, conn: ConnId, code: u16) {
        if let Some(outbox) = self.sockets.remove(&conn) {
            let _ = outbox.close.send(code);
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

    fn stop(&mut self) {
        for (_, outbox) in std::mem::take(&mut self.sockets) {
            let _ = outbox.close.send(GOING_AWAY);
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
