//! Which push goes out when: one at a time to a device, urgent ones first, a
//! newer one instead of an older one of the same topic, again after a failure
//! but not for ever. No socket, no clock: inputs and `now` go in, effects come
//! out.

mod calls;
mod counts;
mod device;
mod push;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use payambar_signaling::hub::RingingEnd;
use payambar_signaling::ids::{CallId, SessionId, UserId};

use crate::store::SubscriptionId;
use calls::Calls;
pub use counts::Counts;
use device::Device;
pub use push::{Effect, JobId, Kind, Outcome, Push};

/// Pushes that wait, of all people.
const WAITING: usize = 8_192;

/// Pushes that wait for one device; with topics these are 32 conversations.
const WAITING_EACH: usize = 32;

/// Pushes under way at a time; a few more places are for urgent ones alone.
const FLYING: usize = 48;
const FLYING_URGENT: usize = 64;

/// Of these for one person, who may own push services that never answer.
const FLYING_EACH: usize = 4;

/// Tries before a push is given up.
const TRIES: u32 = 5;

/// How long a message may wait here, while its push service has trouble.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Devices remembered before those at rest are forgotten.
const CROWD: usize = 256;

/// A push on its way through the queue.
#[derive(Debug)]
struct Job {
    push: Push,
    due: Instant,
    deadline: Instant,
    tries: u32,
}

/// How many wait.
#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    urgent: usize,
}

impl Waiting {
    fn more_like(&mut self, kind: Kind) {
        self.all += 1;
        self.urgent += usize::from(kind.is_urgent());
    }

    fn less(&mut self, job: &Job) {
        self.all -= 1;
        self.urgent -= usize::from(job.push.kind.is_urgent());
    }
}

/// All pushes that wait or are under way.
pub struct Queue {
    random: Box<dyn FnMut() -> u16 + Send>,
    effects: VecDeque<Effect>,
    devices: BTreeMap<SubscriptionId, Device>,
    /// Devices with something to send that may be sent from then on.
    due: BTreeSet<(Instant, SubscriptionId)>,
    flying: BTreeMap<JobId, SubscriptionId>,
    flying_of: BTreeMap<UserId, usize>,
    calls: Calls,
    waiting: Waiting,
    last: u64,
    /// What was due until then is sent, or waits for a place.
    launched: Option<Instant>,
    /// With so many devices it is time to forget those at rest.
    crowd: usize,
    counts: Counts,
}

impl Queue {
    /// An empty queue; `random` spreads tries that would come all at once.
    pub fn new(random: Box<dyn FnMut() -> u16 + Send>) -> Self {
        Self {
            random,
            effects: VecDeque::new(),
            devices: BTreeMap::new(),
            due: BTreeSet::new(),
            flying: BTreeMap::new(),
            flying_of: BTreeMap::new(),
            calls: Calls::default(),
            waiting: Waiting::default(),
            last: 0,
            launched: None,
            crowd: CROWD,
            counts: Counts::default(),
        }
    }

    /// What became of the pushes so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes in a push.
    pub fn add(&mut self, push: Push, now: Instant) {
        let (id, kind) = (push.to.id, push.kind);
        let device = self.device(id, now);
        device.subscription = Some(Arc::clone(&push.to));
        device.forgotten = false;
        let job = Job {
            due: now,
            deadline: now + push.ttl.min(PATIENCE),
            tries: 0,
            push,
        };
        if let Some(older) = device.older(&job.push.topic) {
            let older = std::mem::replace(older, job);
            self.waiting.less(&older);
            self.waiting.more_like(kind);
            self.counts.replaced += 1;
        } else if device.waiting.len() >= WAITING_EACH || self.waiting.all >= WAITING {
            self.counts.queue_full += 1;
        } else if let Some(device) = self.devices.get_mut(&id) {
            device.waiting.push_back(job);
            self.waiting.more_like(kind);
        }
        self.plan(id, now);
        self.launch(now);
    }

    /// A call rings on these devices. Says with [`Effect::Rung`] once one of
    /// them took the push, or none can.
    pub fn ring(&mut self, call: CallId, pushes: Vec<Push>, now: Instant) {
        let mut rings = Vec::new();
        for push in pushes {
            if self.device(push.to.id, now).calls.take(now) {
                rings.push(push);
            } else {
                self.counts.too_often += 1;
            }
        }
        self.calls
            .begin(call, rings.iter().map(|push| push.to.id).collect(), now);
        for push in rings {
            let id = push.to.id;
            let before = self.counts.queue_full;
            self.add(push, now);
            if self.counts.queue_full > before {
                self.calls.failed(call, id);
            }
        }
        self.settle(call);
    }

    /// The call rings no longer: takes back what was not sent, and says which
    /// devices are to be told.
    pub fn ringing_over(
        &mut self,
        call: CallId,
        end: RingingEnd,
        now: Instant,
    ) -> BTreeSet<SubscriptionId> {
        let Some(devices) = self.calls.end(call) else {
            return BTreeSet::new();
        };
        let mut to_tell = devices.clone();
        for id in devices {
            let Some(device) = self.devices.get_mut(&id) else {
                continue;
            };
            let unsent = device.take_back(|push| push.kind == Kind::Ringing(call));
            unsent.iter().for_each(|job| self.waiting.less(job));
            let was_tried = unsent.iter().any(|job| job.tries > 0);
            // A call that was missed is news; that another device took one of
            // which this one never heard is none.
            if end != RingingEnd::Missed && !unsent.is_empty() && !was_tried {
                to_tell.remove(&id);
            }
            self.plan(id, now);
        }
        to_tell
    }

    /// The session ended, and with it what it should have been told.
    pub fn forget_session(&mut self, session: SessionId) {
        let of_session = |device: &Device| {
            let subscription = device.subscription.as_ref();
            subscription.is_some_and(|subscription| subscription.session == session)
        };
        let devices = self.devices.iter();
        let ended = devices.filter(|(_, device)| of_session(device));
        let ended: Vec<SubscriptionId> = ended.map(|(id, _)| *id).collect();
        for id in ended {
            self.forget(id);
        }
    }

    /// The subscription ended.
    pub fn forget(&mut self, id: SubscriptionId) {
        let Some(device) = self.devices.get_mut(&id) else {
            return;
        };
        let dropped = device.take_back(|_| true);
        device.forgotten = device.flying.is_some();
        self.due.remove(&(device.due_at, id));
        if !device.forgotten {
            self.devices.remove(&id);
        }
        dropped.iter().for_each(|job| self.waiting.less(job));
        self.counts.forgotten += u64::try_from(dropped.len()).unwrap_or(0);
        for call in self.calls.forget(id) {
            self.settle(call);
        }
    }

    /// How a push went.
    pub fn answered(&mut self, job: JobId, outcome: Outcome, now: Instant) {
        let Some(id) = self.flying.remove(&job) else {
            return;
        };
        let Some(device) = self.devices.get_mut(&id) else {
            return;
        };
        let forgotten = device.forgotten;
        let Some(job) = device.flying.take() else {
            return;
        };
        if let Some(count) = self.flying_of.get_mut(&job.push.to.user) {
            *count -= 1;
            if *count == 0 {
                self.flying_of.remove(&job.push.to.user);
            }
        }
        let kind = job.push.kind;
        let done = match outcome {
            Outcome::Accepted => {
                self.counts.accepted += 1;
                if let Kind::Ringing(call) = kind {
                    self.calls.rang(call);
                    self.settle(call);
                }
                true
            }
            Outcome::Gone => {
                self.counts.gone += 1;
                self.effects.push_back(Effect::Remove(id));
                self.forget(id);
                true
            }
            Outcome::Refused => {
                self.counts.refused += 1;
                false
            }
            Outcome::Forbidden => {
                self.counts.forbidden += 1;
                false
            }
            Outcome::Later(after) => !forgotten && self.again(id, job, after, now),
            Outcome::Unreachable => !forgotten && self.again(id, job, None, now),
        };
        if let (false, Kind::Ringing(call)) = (done, kind) {
            self.calls.failed(call, id);
            self.settle(call);
        }
        if forgotten {
            self.devices.remove(&id);
        }
        self.plan(id, now);
        self.launch(now);
    }

    /// The next thing to do; to be drained after every call.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        // What was due before waits for a place, that is for an answer.
        let sent = self.launched;
        let is_next = |(at, _): &&(Instant, SubscriptionId)| sent.is_none_or(|sent| *at > sent);
        self.due.iter().find(is_next).map(|&(at, _)| at)
    }

    /// Sends what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.launch(now);
        if self.devices.len() > self.crowd {
            self.devices.retain(|_, device| !device.is_at_rest(now));
            self.crowd = CROWD.max(2 * self.devices.len());
        }
        for call in self.calls.old(now) {
            self.calls.end(call);
        }
    }

    /// Puts a push back after a failure, unless its time is over or a newer
    /// one waits; true if it will be tried again.
    fn again(
        &mut self,
        id: SubscriptionId,
        mut job: Job,
        after: Option<Duration>,
        now: Instant,
    ) -> bool {
        let Some(device) = self.devices.get_mut(&id) else {
            return false;
        };
        job.tries += 1;
        let wait = backoff(job.push.kind, job.tries, (self.random)());
        job.due = now + wait.max(after.unwrap_or_default());
        if let Some(after) = after {
            device.not_before = Some(now + after.min(PATIENCE));
        }
        let in_time = job.tries < TRIES && job.due < job.deadline;
        let is_wanted = match job.push.kind {
            Kind::Ringing(call) => self.calls.rings(call),
            Kind::Message | Kind::RingingOver => true,
        };
        if !in_time || !is_wanted {
            self.counts.given_up += 1;
            return false;
        }
        if device.older(&job.push.topic).is_some() {
            self.counts.replaced += 1;
            return true;
        }
        self.counts.retried += 1;
        self.waiting.more_like(job.push.kind);
        device.waiting.push_front(job);
        true
    }

    /// Brings a device's place among the due ones up to date.
    fn plan(&mut self, id: SubscriptionId, now: Instant) {
        let Some(device) = self.devices.get_mut(&id) else {
            return;
        };
        self.due.remove(&(device.due_at, id));
        let expired = device.take_back_expired(now);
        expired.iter().for_each(|job| self.waiting.less(job));
        let mut silent = Vec::new();
        for job in expired {
            self.counts.given_up += 1;
            if let Kind::Ringing(call) = job.push.kind {
                silent.push(call);
            }
        }
        if let Some(at) = device.next_at(now) {
            device.due_at = at;
            self.due.insert((at, id));
        }
        for call in silent {
            self.calls.failed(call, id);
            self.settle(call);
        }
    }

    fn device(&mut self, id: SubscriptionId, now: Instant) -> &mut Device {
        self.devices.entry(id).or_insert_with(|| Device::new(now))
    }

    /// Sends what is due, until all places are taken.
    fn launch(&mut self, now: Instant) {
        self.launched = Some(now);
        let mut after = None;
        while self.has_place() {
            let rest = after.map_or(Bound::Unbounded, Bound::Excluded);
            let next = self.due.range((rest, Bound::Unbounded)).next().copied();
            let Some(entry) = next.filter(|(at, _)| *at <= now) else {
                return;
            };
            after = Some(entry);
            self.launch_one(entry, now);
        }
    }

    /// Whether there is a place for anything that waits.
    fn has_place(&self) -> bool {
        match self.flying.len() {
            ..FLYING => true,
            FLYING..FLYING_URGENT => self.waiting.urgent > 0,
            _ => false,
        }
    }

    fn launch_one(&mut self, entry: (Instant, SubscriptionId), now: Instant) {
        let (_, id) = entry;
        let also_messages = self.flying.len() < FLYING;
        let Some(device) = self.devices.get_mut(&id) else {
            self.due.remove(&entry);
            return;
        };
        let user = device.subscription.as_ref().map(|of| of.user);
        let of_person = user.and_then(|user| self.flying_of.get(&user));
        if of_person.is_some_and(|count| *count >= FLYING_EACH) {
            return;
        }
        let Some(mut job) = device.take_due(now, also_messages) else {
            if also_messages {
                self.plan(id, now);
            }
            return;
        };
        self.waiting.less(&job);
        self.last += 1;
        let name = JobId(self.last);
        // What is left of its time, in whole seconds.
        if let Kind::Ringing(_) = job.push.kind {
            let left = job.deadline.saturating_duration_since(now);
            let seconds = left.as_millis().div_ceil(1000);
            job.push.ttl = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        }
        self.effects.push_back(Effect::Send(name, job.push.clone()));
        *self.flying_of.entry(job.push.to.user).or_default() += 1;
        device.flying = Some(job);
        self.flying.insert(name, id);
        self.due.remove(&entry);
    }

    /// Says whether a call rings, as soon as that is certain.
    fn settle(&mut self, call: CallId) {
        if let Some(reached) = self.calls.verdict(call) {
            self.effects.push_back(Effect::Rung(call, reached));
        }
    }
}

/// 2, 8, 32 … seconds for messages, 1, 2, 4 … for what is urgent; up to half
/// as much again, so that not all come back at once.
fn backoff(kind: Kind, tries: u32, random: u16) -> Duration {
    let step = tries.saturating_sub(1);
    let seconds = if kind.is_urgent() {
        1_u32.saturating_mul(2_u32.saturating_pow(step))
    } else {
        2_u32.saturating_mul(4_u32.saturating_pow(step))
    };
    let base = Duration::from_secs(seconds.into());
    base + base * u32::from(random) / (2 * u32::from(u16::MAX))
}

#[cfg(test)]
mod tests;
