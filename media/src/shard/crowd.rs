//! How many connections there are in all shards, in all and from each network,
//! and whether there may be another one. Asked when one comes, says its first
//! word, or goes.

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
    by_network: HashMap<u128, Neighbours>,
}

impl Crowd {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: 0,
            by_network: HashMap::new(),
        }
    }

    /// One more, who has said nothing yet; or why there is none.
    pub(super) fn enter(&mut self, from: IpAddr) -> Result<(), Metric> {
        let exceeds = |held: usize, limit: usize| limit > 0 && held >= limit;
        if exceeds(self.all, self.limits.all) {
            return Err(Metric::StreamsRefusedAll);
        }
        let there = self.by_network.get(&network(from));
        let (all, silent) = there.map_or((0, 0), |there| (there.all, there.silent));
        if exceeds(all, self.limits.per_network) {
            return Err(Metric::StreamsRefusedNetwork);
        }
        if exceeds(silent, SILENT_PER_NETWORK) {
            return Err(Metric::StreamsRefusedSilent);
        }
        let there = self.by_network.entry(network(from)).or_default();
        there.all += 1;
        there.silent += 1;
        self.all += 1;
        Ok(())
    }

    /// One of them has said something.
    pub(super) fn speak(&mut self, from: IpAddr) {
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
}
