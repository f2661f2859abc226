//! Web Push without a third party in between: wakes the browsers of people
//! who are not looking (RFC 8030, 8291, 8292). This is the handle; what goes
//! out when is decided in `queue`, what it says in `words`.

mod encrypt;
mod endpoint;
mod queue;
mod sender;
mod vapid;
mod words;
mod worker;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use payambar_signaling::chat::StoredMessage;
use payambar_signaling::hub::{Input, Notice};
use payambar_signaling::ids::{SessionId, UserId};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{mpsc, oneshot, watch};

pub use encrypt::Keys;
pub use endpoint::{AllowedHosts, Endpoint, Refusal};
pub use queue::Counts;
pub use vapid::Pair;

use crate::i18n::Catalogue;
use crate::store::{self, Store, SubscriptionId, push};
use queue::Queue;
use sender::Sender;
use vapid::Tokens;
use worker::{Incoming, News, Order, Worker};

/// Notices of calls that wait to be looked at.
const CALLS: usize = 1024;

/// The same of messages.
const MESSAGES: usize = 4096;

/// What a notification may show (N4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Privacy {
    /// Who wrote, and the beginning of it.
    Full,
    /// Who wrote.
    #[default]
    Name,
    /// That somebody wrote.
    Neutral,
}

impl Privacy {
    const ALL: [Self; 3] = [Self::Full, Self::Name, Self::Neutral];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Name => "name",
            Self::Neutral => "neutral",
        }
    }

    /// The level of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// What push needs to run.
pub struct Parts {
    /// The store.
    pub store: Store,
    /// Who we are to push services.
    pub pair: Pair,
    /// How they find the operator.
    pub subject: String,
    /// Hosts that development may push to.
    pub allowed: AllowedHosts,
    /// Words.
    pub catalogue: Arc<Catalogue>,
    /// Scheme and host of the web app; empty where it is not known.
    pub origin: String,
    /// Where the hub hears whether a call rings.
    pub woken: mpsc::UnboundedSender<Input>,
}

/// Why push cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store's.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The TLS library's.
    #[error("TLS for push cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// The handle of the task that pushes. Clones share it.
#[derive(Clone)]
pub struct Pushes {
    orders: mpsc::UnboundedSender<Order>,
    calls: mpsc::Sender<(UserId, Notice)>,
    messages: mpsc::Sender<News>,
    woken: mpsc::UnboundedSender<Input>,
    /// Who has a subscription, or had one: nobody else costs anything.
    subscribers: Arc<RwLock<HashSet<UserId>>>,
    dropped: Arc<AtomicU64>,
    counts: watch::Receiver<Counts>,
    sender: Arc<Sender>,
    key: Arc<str>,
}

impl Pushes {
    /// Starts the task.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        let sender = Arc::new(Sender::new(parts.allowed)?);
        let people = parts.store.read(push::subscribers).await?;
        let subscribers = Arc::new(RwLock::new(people.into_iter().collect()));
        let (orders, orders_in) = mpsc::unbounded_channel();
        let (calls, calls_in) = mpsc::channel(CALLS);
        let (messages, messages_in) = mpsc::channel(MESSAGES);
        let (answers, answers_in) = mpsc::unbounded_channel();
        let (counts_out, counts) = watch::channel(Counts::default());
        let random = SystemRandom::new();
        let random = Box::new(move || {
            let mut bytes = [0; 2];
            // Without randomness tries are not spread; nothing else is lost.
            let _ = random.fill(&mut bytes);
            u16::from_ne_bytes(bytes)
        });
        let handle = Self {
            orders,
            calls,
            messages,
            woken: parts.woken.clone(),
            subscribers: Arc::clone(&subscribers),
            dropped: Arc::default(),
            counts,
            sender: Arc::clone(&sender),
            key: parts.pair.public().into(),
        };
        let worker = Worker {
            queue: Queue::new(random),
            subscribers,
            store: parts.store,
            sender,
            tokens: Tokens::new(parts.pair, parts.subject),
            catalogue: parts.catalogue,
            origin: parts.origin,
            woken: parts.woken,
            counts: counts_out,
            answers,
        };
        let incoming = Incoming {
            orders: orders_in,
            calls: calls_in,
            messages: messages_in,
        };
        tokio::spawn(worker.run(incoming, answers_in));
        Ok(handle)
    }

    /// Tells a person's sleeping devices of something. Never waits: what is
    /// too much is dropped and counted.
    pub fn notice(&self, user: UserId, notice: Notice) {
        let ringing = match &notice {
            Notice::Ringing { call, .. } => Some(*call),
            Notice::Message(_)
            | Notice::RingingOver { .. }
            | Notice::Invited { .. }
            | Notice::InvitedNoMore { .. } => None,
        };
        let known = self.has_subscription(user);
        let taken = |notice| match notice {
            Notice::Message(message) => {
                self.messages.try_send(News::Message(user, message)).is_ok()
            }
            Notice::Ringing { .. }
            | Notice::RingingOver { .. }
            | Notice::Invited { .. }
            | Notice::InvitedNoMore { .. } => self.calls.try_send((user, notice)).is_ok(),
        };
        if known && taken(notice) {
            return;
        }
        if known {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(call) = ringing {
            let _ = self.woken.send(Input::Woken {
                call,
                reached: false,
            });
        }
    }

    /// Tells the members of a group of a message who are not looking. Never
    /// waits, as above.
    pub fn group_message(&self, message: StoredMessage, awake: Vec<UserId>) {
        let anybody = !self.subscribed_people().is_empty();
        let news = News::Group(Box::new(message), awake);
        if anybody && self.messages.try_send(news).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn subscribed_people(&self) -> RwLockReadGuard<'_, HashSet<UserId>> {
        self.subscribers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn has_subscription(&self, user: UserId) -> bool {
        self.subscribed_people().contains(&user)
    }

    /// A person has subscribed; those subscriptions are no more because of it.
    pub fn subscribed(&self, user: UserId, gone: Vec<SubscriptionId>) {
        self.subscribers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(user);
        self.forget(gone);
    }

    /// These subscriptions ended.
    pub fn forget(&self, gone: Vec<SubscriptionId>) {
        let _ = self.orders.send(Order::Forget(gone));
    }

    /// A session ended, and with it what waits for its browser.
    pub fn session_ended(&self, session: SessionId) {
        let _ = self.orders.send(Order::SessionEnded(session));
    }

    /// Reads an address a browser named, and looks whether its host is public.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub async fn examine(&self, address: &str) -> Result<Endpoint, Refusal> {
        self.sender.examine(address).await
    }

    /// Our public key, for browsers that subscribe.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What became of the pushes since the start.
    pub fn counts(&self) -> Counts {
        let mut counts = *self.counts.borrow();
        counts.queue_full += self.dropped.load(Ordering::Relaxed);
        counts
    }

    /// Ends the task. What waits or is under way is lost.
    pub async fn stop(&self) {
        let (done, stopped) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).is_ok() {
            let _ = stopped.await;
        }
    }
}
