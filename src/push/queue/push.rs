//! What goes into the queue, what comes out of it, and how that went.

use std::sync::Arc;
use std::time::Duration;

use payambar_signaling::ids::CallId;

use crate::store::{Subscription, SubscriptionId};

/// What a push is about, as far as the queue cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes out when the device's share allows.
    Message,
    /// A call rings; of no use after its time.
    Ringing(CallId),
    /// It rings no longer.
    RingingOver,
}

impl Kind {
    pub(super) const fn is_urgent(self) -> bool {
        match self {
            Self::Message => false,
            Self::Ringing(_) | Self::RingingOver => true,
        }
    }
}

/// A push to be sent.
#[derive(Debug, Clone)]
pub struct Push {
    /// The device.
    pub to: Arc<Subscription>,
    /// What it is about.
    pub kind: Kind,
    /// A newer push of the same topic replaces an older one, here and at the
    /// push service.
    pub topic: String,
    /// How long the push service keeps it.
    pub ttl: Duration,
    /// What the browser reads.
    pub text: Arc<[u8]>,
}

/// One push under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub(super) u64);

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The push service took it.
    Accepted,
    /// There is no such subscription any more.
    Gone,
    /// Not now (429, 5xx); perhaps after so long.
    Later(Option<Duration>),
    /// No connection, or no answer in time.
    Unreachable,
    /// The push service will not take it, now or later.
    Refused,
    /// Its host is not one we call.
    Forbidden,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send this, and say how it went with [`super::Queue::answered`].
    Send(JobId, Push),
    /// Forget this subscription.
    Remove(SubscriptionId),
    /// Whether a call rings on a device; said once for each call.
    Rung(CallId, bool),
}
