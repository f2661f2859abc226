//! Which devices a call rings on, and whether any of them was reached.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use payambar_signaling::ids::CallId;

use crate::store::SubscriptionId;

/// No call rings so long; what is left of an older one was lost.
const OLD: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Ringing {
    since: Instant,
    /// All that were or are to be told.
    devices: BTreeSet<SubscriptionId>,
    /// Those that may still take the push.
    open: BTreeSet<SubscriptionId>,
    reached: bool,
    said: bool,
}

/// All calls that ring on devices.
#[derive(Debug, Default)]
pub(super) struct Calls {
    ringing: BTreeMap<CallId, Ringing>,
}

impl Calls {
    pub(super) fn begin(&mut self, call: CallId, devices: BTreeSet<SubscriptionId>, now: Instant) {
        let ringing = Ringing {
            since: now,
            open: devices.clone(),
            devices,
            reached: false,
            said: false,
        };
        self.ringing.insert(call, ringing);
    }

    pub(super) fn rings(&self, call: CallId) -> bool {
        self.ringing.contains_key(&call)
    }

    /// A device took the push.
    pub(super) fn rang(&mut self, call: CallId) {
        if let Some(ringing) = self.ringing.get_mut(&call) {
            ringing.reached = true;
        }
    }

    /// This device cannot be told.
    pub(super) fn failed(&mut self, call: CallId, device: SubscriptionId) {
        if let Some(ringing) = self.ringing.get_mut(&call) {
            ringing.open.remove(&device);
        }
    }

    /// The device is no more; says which calls it rang for.
    pub(super) fn forget(&mut self, device: SubscriptionId) -> Vec<CallId> {
        let mut calls = Vec::new();
        for (call, ringing) in &mut self.ringing {
            ringing.open.remove(&device);
            if ringing.devices.remove(&device) {
                calls.push(*call);
            }
        }
        calls
    }

    /// Whether it rings anywhere; said once.
    pub(super) fn verdict(&mut self, call: CallId) -> Option<bool> {
        let ringing = self.ringing.get_mut(&call)?;
        let certain = ringing.reached || ringing.open.is_empty();
        if !certain || std::mem::replace(&mut ringing.said, true) {
            return None;
        }
        Some(ringing.reached)
    }

    /// It rings no longer; these devices were or are to be told that it does.
    pub(super) fn end(&mut self, call: CallId) -> Option<BTreeSet<SubscriptionId>> {
        self.ringing.remove(&call).map(|ringing| ringing.devices)
    }

    /// Calls of whose end nobody told us.
    pub(super) fn old(&self, now: Instant) -> Vec<CallId> {
        let age = |ringing: &Ringing| now.saturating_duration_since(ringing.since);
        let ringing = self.ringing.iter();
        let old = ringing.filter(|(_, ringing)| age(ringing) > OLD);
        old.map(|(call, _)| *call).collect()
    }
}
