//! Runs the hub's effects: the one place where hub, store, sockets and relay
//! meet. It decides nothing; it carries inputs in and effects out, in order.
//! Here is its handle; what runs is in [`worker`].

mod outbox;
mod rooms;
mod worker;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use payambar_media::RelayHandle;
use payambar_signaling::chat::{Deletion, Marked};
use payambar_signaling::hub::{Hub, Input, Known, Limits};
use payambar_signaling::ids::{ConnId, SessionId, UserId};
use payambar_signaling::wire::RoomState;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::files::Files;
use crate::i18n::{Catalogue, Lang};
use crate::push::Pushes;
use crate::store::{Outcome, Store};
pub use outbox::{FrameReceiver, FrameSender, OUTBOX, Outgoing, Taken, channel};
use worker::{Incoming, Worker};

/// Events that wait for the pump before the sockets they come from do.
const EVENTS: usize = 4096;

/// The pump's end of a socket.
#[derive(Debug)]
pub struct Outbox {
    /// Where its frames are put.
    pub frames: FrameSender,
    /// Language of the person at the other end.
    pub lang: Lang,
    /// The session, for which addresses of files are made.
    pub session: SessionId,
}

enum Event {
    Attach {
        conn: ConnId,
        user: UserId,
        session: SessionId,
        known: Box<Known>,
        outbox: Outbox,
    },
    Input(Input),
    AccountEnded(UserId),
    SessionEnded {
        user: UserId,
        session: SessionId,
    },
    Rooms(oneshot::Sender<Vec<RoomState>>),
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
    /// Makes addresses of files.
    pub files: Arc<Files>,
    /// Limits on frames.
    pub limits: Limits,
    /// The way to sleeping devices.
    pub pushes: Pushes,
    /// What it says about calls.
    pub woken: mpsc::UnboundedReceiver<Input>,
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
        if let Some(relay) = &parts.relay {
            let late = late.clone();
            relay.on_room_event(move |event| {
                // Fails only after the end, when nobody listens any more.
                let _ = late.send(Input::Media(rooms::event(event)));
            });
        }
        let worker = Worker {
            hub,
            sockets: BTreeMap::new(),
            store: parts.store,
            relay: parts.relay,
            catalogue: parts.catalogue,
            files: parts.files,
            online: Arc::clone(&online),
            late,
            pushes: parts.pushes,
            leaving: JoinSet::new(),
        };
        let incoming = Incoming {
            events: incoming,
            outcomes: parts.outcomes,
            late: late_inputs,
            woken: parts.woken,
        };
        tokio::spawn(worker.run(incoming));
        Self {
            events,
            online,
            next_conn: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Takes in a new socket and names it.
    pub async fn attach(
        &self,
        user: UserId,
        session: SessionId,
        known: Known,
        outbox: Outbox,
    ) -> ConnId {
        let conn = ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed));
        self.send(Event::Attach {
            conn,
            user,
            session,
            known: Box::new(known),
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

    /// Tells everybody concerned of what was deleted over REST.
    pub async fn deleted(&self, deletion: Deletion) {
        self.send(Event::Input(Input::Deleted(deletion))).await;
    }

    /// Ends what was allocated with any credential of a person whose account is
    /// gone; its sessions end one by one.
    pub async fn account_ended(&self, user: UserId) {
        self.send(Event::AccountEnded(user)).await;
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

    /// Who is in which voice room.
    pub async fn rooms(&self) -> Vec<RoomState> {
        let (answer, rooms) = oneshot::channel();
        self.send(Event::Rooms(answer)).await;
        rooms.await.unwrap_or_default()
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
