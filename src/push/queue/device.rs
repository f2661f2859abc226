//! What waits for one device, and how often it may be bothered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Job, Push};
use crate::store::Subscription;

/// Messages: ten at once, then one every five seconds.
const MESSAGES: Share = Share {
    burst: 10,
    every: Duration::from_secs(5),
};

/// Calls: six at once, then one every ten seconds.
const CALLS: Share = Share {
    burst: 6,
    every: Duration::from_secs(10),
};

#[derive(Debug, Clone, Copy)]
struct Share {
    burst: u32,
    every: Duration,
}

/// How much of a share is used up, as the time at which none is.
#[derive(Debug)]
pub(super) struct Used {
    share: Share,
    until: Option<Instant>,
}

impl Used {
    const fn nothing_of(share: Share) -> Self {
        Self { share, until: None }
    }

    /// When the next one may come.
    fn next_at(&self, now: Instant) -> Instant {
        let room = self.share.every * (self.share.burst - 1);
        match self.until.and_then(|until| until.checked_sub(room)) {
            Some(at) => at.max(now),
            None => now,
        }
    }

    /// Takes one if it may come now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self.next_at(now) > now {
            return false;
        }
        self.until = Some(self.until.unwrap_or(now).max(now) + self.share.every);
        true
    }

    fn is_nothing(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }
}

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) subscription: Option<Arc<Subscription>>,
    pub(super) waiting: VecDeque<Job>,
    pub(super) flying: Option<Job>,
    /// Its subscription ended while something was under way.
    pub(super) forgotten: bool,
    /// Its push service asked to be left alone until then.
    pub(super) not_before: Option<Instant>,
    /// Under which time it stands in the queue's list.
    pub(super) due_at: Instant,
    pub(super) calls: Used,
    messages: Used,
}

impl Device {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            subscription: None,
            waiting: VecDeque::new(),
            flying: None,
            forgotten: false,
            not_before: None,
            due_at: now,
            calls: Used::nothing_of(CALLS),
            messages: Used::nothing_of(MESSAGES),
        }
    }

    /// The push of this topic that waits.
    pub(super) fn older(&mut self, topic: &str) -> Option<&mut Job> {
        self.waiting.iter_mut().find(|job| job.push.topic == topic)
    }

    /// Removes what waits and is so.
    pub(super) fn take_back(&mut self, is_so: impl Fn(&Push) -> bool) -> Vec<Job> {
        let all = std::mem::take(&mut self.waiting);
        let (gone, kept): (Vec<Job>, Vec<Job>) = all.into_iter().partition(|job| is_so(&job.push));
        self.waiting = kept.into();
        gone
    }

    /// Removes what is of no use any more.
    pub(super) fn take_back_expired(&mut self, now: Instant) -> Vec<Job> {
        let all = std::mem::take(&mut self.waiting);
        let (gone, kept): (Vec<Job>, Vec<Job>) =
            all.into_iter().partition(|job| job.deadline <= now);
        self.waiting = kept.into();
        gone
    }

    /// When something can be sent, if nothing is under way.
    pub(super) fn next_at(&self, now: Instant) -> Option<Instant> {
        if self.flying.is_some() {
            return None;
        }
        self.waiting.iter().map(|job| self.at(job, now)).min()
    }

    /// Takes out what may be sent now: urgent pushes first.
    pub(super) fn take_due(&mut self, now: Instant, also_messages: bool) -> Option<Job> {
        if self.flying.is_some() {
            return None;
        }
        let is_due = |job: &Job| self.at(job, now) <= now;
        let urgent = |job: &Job| job.push.kind.is_urgent();
        let waiting = self.waiting.iter();
        let place = waiting.clone().position(|job| urgent(job) && is_due(job));
        let place = place.or_else(|| {
            let message = |job: &Job| !urgent(job) && is_due(job);
            self.waiting
                .iter()
                .position(message)
                .filter(|_| also_messages)
        })?;
        let job = self.waiting.remove(place)?;
        if !job.push.kind.is_urgent() {
            self.messages.take(now);
        }
        Some(job)
    }

    /// Whether nothing is lost by forgetting all about it.
    pub(super) fn is_at_rest(&self, now: Instant) -> bool {
        self.waiting.is_empty()
            && self.flying.is_none()
            && self.not_before.is_none_or(|at| at <= now)
            && self.calls.is_nothing(now)
            && self.messages.is_nothing(now)
    }

    fn at(&self, job: &Job, now: Instant) -> Instant {
        let share = if job.push.kind.is_urgent() {
            now
        } else {
            self.messages.next_at(now)
        };
        let due = job.due.max(share);
        self.not_before.map_or(due, |at| at.max(due))
    }
}
