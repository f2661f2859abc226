//! The task behind [`super::Pushes`]: notices in, pushes out, one turn after
//! another. The queue decides; here the database is asked and the network is
//! used.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use payambar_signaling::chat::{StoredMessage, may_call};
use payambar_signaling::hub::{Input, Notice, RingingEnd};
use payambar_signaling::ids::{CallId, ConversationId, SessionId, UserId};
use tokio::sync::{mpsc, oneshot, watch};

use super::queue::{Counts, Effect, JobId, Kind, Outcome, Push, Queue};
use super::sender::Sender;
use super::vapid::Tokens;
use super::words::{self, Writer};
use crate::i18n::Catalogue;
use crate::store::{
    self, Addressee, Store, Subscription, SubscriptionId, groups, now, people, push,
};

/// What the task is told besides notices.
#[derive(Debug)]
pub(super) enum Order {
    SessionEnded(SessionId),
    Forget(Vec<SubscriptionId>),
    Stop(oneshot::Sender<()>),
}

/// Of which message it is told.
#[derive(Debug)]
pub(super) enum News {
    /// To this person.
    Message(UserId, StoredMessage),
    /// To the members of a group, but for those who are looking.
    Group(Box<StoredMessage>, Vec<UserId>),
}

/// Where the task is told of everything.
pub(super) struct Incoming {
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) calls: mpsc::Receiver<(UserId, Notice)>,
    pub(super) messages: mpsc::Receiver<News>,
}

pub(super) struct Worker {
    pub(super) queue: Queue,
    /// Who has a subscription, or had one.
    pub(super) subscribers: Arc<RwLock<HashSet<UserId>>>,
    pub(super) store: Store,
    pub(super) sender: Arc<Sender>,
    pub(super) tokens: Tokens,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) origin: String,
    /// To the hub: whether a call rings.
    pub(super) woken: mpsc::UnboundedSender<Input>,
    pub(super) counts: watch::Sender<Counts>,
    pub(super) answers: mpsc::UnboundedSender<(JobId, Outcome)>,
}

impl Worker {
    pub(super) async fn run(
        mut self,
        mut incoming: Incoming,
        mut answers: mpsc::UnboundedReceiver<(JobId, Outcome)>,
    ) {
        loop {
            let wake_up = self.queue.poll_timeout();
            // Whoever left goes first, then calls: they cannot wait.
            tokio::select! {
                biased;
                order = incoming.orders.recv() => match order {
                    Some(Order::SessionEnded(session)) => self.queue.forget_session(session),
                    Some(Order::Forget(gone)) => gone.into_iter().for_each(|id| self.queue.forget(id)),
                    Some(Order::Stop(done)) => {
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                Some((job, outcome)) = answers.recv() => self.queue.answered(job, outcome, Instant::now()),
                Some((user, notice)) = incoming.calls.recv() => self.notice(user, notice).await,
                Some(news) = incoming.messages.recv() => match news {
                    News::Message(user, message) => self.message(user, &message, Of::Message).await,
                    News::Group(message, awake) => self.group_message(&message, &awake).await,
                },
                () = sleep_until(wake_up) => self.queue.handle_timeout(Instant::now()),
            }
            self.run_effects();
            self.counts.send_replace(self.queue.counts());
        }
    }

    async fn notice(&mut self, user: UserId, notice: Notice) {
        match notice {
            Notice::Message(message) => self.message(user, &message, Of::Message).await,
            Notice::Ringing {
                call,
                caller,
                awake,
            }
            | Notice::Invited {
                ring: call,
                inviter: caller,
                awake,
            } => self.ringing(user, call, caller, &awake).await,
            Notice::RingingOver {
                call,
                caller,
                end,
                by,
            }
            | Notice::InvitedNoMore {
                ring: call,
                inviter: caller,
                end,
                by,
            } => self.ringing_over(user, caller, (call, end), by).await,
        }
    }

    async fn message(&mut self, user: UserId, message: &StoredMessage, of: Of) {
        let Some(to) = addressee(&self.store, user, message.sender, of).await else {
            return;
        };
        let news = words::News::Message(message);
        for subscription in &to.subscriptions {
            let push = self.push(news, Kind::Message, &to, subscription);
            self.queue.add(push, Instant::now());
        }
    }

    async fn group_message(&mut self, message: &StoredMessage, awake: &[UserId]) {
        let group = message.conversation;
        let members = self
            .store
            .read(move |connection| groups::members(connection, group));
        let mut members = match members.await {
            Ok(members) => members,
            Err(error) => return tracing::error!(%error, "the members of a group cannot be read"),
        };
        {
            let subscribers = self
                .subscribers
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            members.retain(|member| {
                *member != message.sender && !awake.contains(member) && subscribers.contains(member)
            });
        }
        for member in members {
            self.message(member, message, Of::Group(group)).await;
        }
    }

    async fn ringing(&mut self, user: UserId, call: CallId, caller: UserId, awake: &[SessionId]) {
        let to = addressee(&self.store, user, caller, Of::Call).await;
        let subscriptions = to.iter().flat_map(|to| &to.subscriptions);
        let asleep = subscriptions.filter(|of| !awake.contains(&of.session));
        let asleep: Vec<&Subscription> = asleep.collect();
        let kind = Kind::Ringing(call);
        let pushes = to.as_ref().map(|to| {
            let pushes = asleep.into_iter();
            let push = |of| self.push(words::News::Ringing(call), kind, to, of);
            pushes.map(push).collect()
        });
        self.queue
            .ring(call, pushes.unwrap_or_default(), Instant::now());
    }

    async fn ringing_over(
        &mut self,
        user: UserId,
        caller: UserId,
        (call, end): (CallId, RingingEnd),
        by: Option<SessionId>,
    ) {
        let told: BTreeSet<SubscriptionId> = self.queue.ringing_over(call, end, Instant::now());
        if told.is_empty() {
            return;
        }
        // Asked again: who has logged out meanwhile is told nothing more.
        let Some(to) = addressee(&self.store, user, caller, Of::Call).await else {
            return;
        };
        let news = words::News::Over(call, end);
        for of in to.subscriptions.iter().filter(|of| told.contains(&of.id)) {
            if Some(of.session) != by {
                let push = self.push(news, Kind::RingingOver, &to, of);
                self.queue.add(push, Instant::now());
            }
        }
    }

    fn push(&self, news: words::News<'_>, kind: Kind, to: &Addressee, of: &Subscription) -> Push {
        let writer = Writer {
            catalogue: &self.catalogue,
            origin: &self.origin,
        };
        let text = writer.write(news, to, of.lang).to_string();
        let topic = format!("{} {}", of.user, news.tag());
        Push {
            to: Arc::new(of.clone()),
            kind,
            topic: self.tokens.pair().topic(&topic),
            ttl: news.ttl(),
            text: text.into_bytes().into(),
        }
    }

    fn run_effects(&mut self) {
        while let Some(effect) = self.queue.poll_effect() {
            match effect {
                Effect::Send(job, push) => self.send(job, push),
                Effect::Remove(id) => self.remove(id),
                Effect::Rung(call, reached) => {
                    let _ = self.woken.send(Input::Woken { call, reached });
                }
            }
        }
    }

    fn send(&mut self, job: JobId, push: Push) {
        let origin = self.sender.origin(&push.to.endpoint);
        let authorization = origin.and_then(|origin| self.tokens.authorization(&origin, now()));
        let (sender, answers) = (Arc::clone(&self.sender), self.answers.clone());
        tokio::spawn(async move {
            let outcome = match authorization {
                Some(authorization) => sender.send(&push, &authorization).await,
                None => Outcome::Forbidden,
            };
            tracing::debug!(?outcome, "a push was sent");
            // Nobody waits for it once the server stops.
            let _ = answers.send((job, outcome));
        });
    }

    fn remove(&self, id: SubscriptionId) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let removed = store.write(move |connection| push::remove(connection, id));
            if let Err(error) = removed.await {
                tracing::error!(%error, "a subscription that is gone cannot be removed");
            }
        });
    }
}

/// Of what a person is to be told.
#[derive(Debug, Clone, Copy)]
enum Of {
    Message,
    Group(ConversationId),
    Call,
}

/// All that is needed to tell a person of another; none if that would reach
/// nobody, or if the person does not want to hear of the other.
async fn addressee(store: &Store, user: UserId, other: UserId, of: Of) -> Option<Addressee> {
    let found = store
        .read(move |connection| {
            match of {
                Of::Message | Of::Group(_) => {
                    people::block_between(connection, other, user)?.pass()
                }
                Of::Call => may_call(&people::call_facts(connection, other, user)?),
            }
            .map_err(store::Error::Refused)?;
            let mut to = push::addressee(connection, user, other)?;
            if let Of::Group(group) = of {
                // Who is no member any more is told nothing.
                to.group = Some((group, groups::name_for(connection, user, group)?));
            }
            Ok(to)
        })
        .await;
    match found {
        Ok(found) if found.subscriptions.is_empty() => None,
        Ok(found) => Some(found),
        Err(store::Error::Refused(_)) => None,
        Err(error) => {
            tracing::error!(%error, "a person's subscriptions cannot be read");
            None
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
