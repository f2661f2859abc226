//! How many connections there are, in all and from each network, and whether
//! there may be another one.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::counters::Metric;
use crate::turn::network;

/// Connections of one network that have said nothing yet.
pub(super) const SILENT_PER_NETWORK: usize = 64;

/// How many connections there may be; 0 sets no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) all: usize,
    pub(super) per_network: usize,
}

/// Those of one network.
#[derive(Debug, Default)]
struct Neighbours {
    all: usize,
    silent: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Crowd {
    limits: Limits,
    all: usize,
    silent: usize,
    by_network: HashMap<u128, Neighbours>,
}

impl Crowd {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: 0,
            silent: 0,
            by_network: HashMap::new(),
        }
    }

    /// Why nobody else is taken in from there.
    pub(super) fn refusal(&self, from: IpAddr) -> Option<Metric> {
        let exceeds = |held: usize, limit: usize| limit > 0 && held >= limit;
        let there = self.by_network.get(&network(from));
        let (all, silent) = there.map_or((0, 0), |there| (there.all, there.silent));
        if exceeds(self.all, self.limits.all) {
            Some(Metric::StreamsRefusedAll)
        } else if exceeds(all, self.limits.per_network) {
            Some(Metric::StreamsRefusedNetwork)
        } else if exceeds(silent, SILENT_PER_NETWORK) {
            Some(Metric::StreamsRefusedSilent)
        } else {
            None
        }
    }

    /// One more, who has said nothing yet.
    pub(super) fn enter(&mut self, from: IpAddr) {
        let there = self.by_network.entry(network(from)).or_default();
        there.all += 1;
        there.silent += 1;
        self.all += 1;
        self.silent += 1;
    }

    /// One of them has said something.
    pub(super) fn speak(&mut self, from: IpAddr) {
        self.silent -= 1;
        if let Some(there) = self.by_network.get_mut(&network(from)) {
            there.silent -= 1;
        }
    }

    /// One less.
    pub(super) fn leave(&mut self, from: IpAddr, is_silent: bool) {
        if is_silent {
            self.speak(from);
        }
        self.all -= 1;
        let network = network(from);
        if let Some(there) = self.by_network.get_mut(&network) {
            there.all -= 1;
            if there.all == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    /// How many there are.
    pub(super) fn all(&self) -> usize {
        self.all
    }

    /// How many have said nothing yet.
    pub(super) fn silent(&self) -> usize {
        self.silent
    }
}
