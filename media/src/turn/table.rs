//! All allocations of a shard, found by client, by port, by owner, and by the
//! time they need attention. Only searched, never walked, per packet.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Instant;

use super::alloc::{Allocation, Phase};
use super::auth::{Owner, Subject};
use super::{ClientId, RelayPort};

/// Where allocations come from, as a quota counts them: one IPv4 address or
/// one IPv6 /64, and whether the credential is one that many may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    prefix: u128,
    is_static: bool,
}

impl Source {
    pub(super) fn new(client: &ClientId, subject: &Subject) -> Self {
        Self {
            prefix: match client.address.ip().to_canonical() {
                IpAddr::V4(ip) => u128::from(ip.to_bits()),
                IpAddr::V6(ip) => 1 << 127 | ip.to_bits() >> 64,
            },
            is_static: matches!(subject, Subject::Static(_)),
        }
    }

    pub(super) fn is_static(self) -> bool {
        self.is_static
    }
}

/// Place of an allocation in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(usize);

#[derive(Debug)]
struct Entry {
    allocation: Allocation,
    /// When the timer is set for: never later than the deadline.
    timer: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Option<Entry>>,
    vacant: Vec<Place>,
    by_client: HashMap<ClientId, Place>,
    by_port: HashMap<RelayPort, Place>,
    by_owner: BTreeMap<Owner, BTreeSet<Place>>,
    timers: BTreeSet<(Instant, Place)>,
}

impl Table {
    pub(super) fn insert(&mut self, allocation: Allocation) -> Place {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Place(self.entries.len() - 1)
        });
        let timer = allocation.deadline();
        self.by_client.insert(allocation.client, place);
        for port in allocation.ports() {
            self.by_port.insert(port, place);
        }
        self.by_owner
            .entry(allocation.identity.subject.owner())
            .or_default()
            .insert(place);
        self.timers.insert((timer, place));
        if let Some(entry) = self.entries.get_mut(place.0) {
            *entry = Some(Entry { allocation, timer });
        }
        place
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Allocation> {
        let Entry { allocation, timer } = self.entries.get_mut(place.0)?.take()?;
        self.vacant.push(place);
        self.by_client.remove(&allocation.client);
        for port in allocation.ports() {
            self.by_port.remove(&port);
        }
        self.timers.remove(&(timer, place));
        let owner = allocation.identity.subject.owner();
        if let Some(places) = self.by_owner.get_mut(&owner) {
            places.remove(&place);
            if places.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
        Some(allocation)
    }

    pub(super) fn get(&self, place: Place) -> Option<&Allocation> {
        self.entries
            .get(place.0)?
            .as_ref()
            .map(|entry| &entry.allocation)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Allocation> {
        self.entries
            .get_mut(place.0)?
            .as_mut()
            .map(|entry| &mut entry.allocation)
    }

    pub(super) fn of_client(&self, client: &ClientId) -> Option<Place> {
        self.by_client.get(client).copied()
    }

    pub(super) fn of_port(&self, port: RelayPort) -> Option<Place> {
        self.by_port.get(&port).copied()
    }

    pub(super) fn live_of_client(&self, client: &ClientId) -> Option<Place> {
        self.of_client(client).filter(|place| self.is_live(*place))
    }

    pub(super) fn live_of_port(&self, port: RelayPort) -> Option<Place> {
        self.of_port(port).filter(|place| self.is_live(*place))
    }

    fn is_live(&self, place: Place) -> bool {
        self.get(place)
            .is_some_and(|allocation| allocation.phase == Phase::Live)
    }

    pub(super) fn of_owner(&self, owner: &Owner) -> Vec<Place> {
        self.by_owner
            .get(owner)
            .map(|places| places.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Every place that is taken, in no order that means anything.
    pub(super) fn places(&self) -> Vec<Place> {
        let taken = self.entries.iter().enumerate();
        taken
            .filter_map(|(index, entry)| entry.as_ref().map(|_| Place(index)))
            .collect()
    }

    /// Changes which ports an allocation has.
    pub(super) fn change_ports(&mut self, place: Place, change: impl FnOnce(&mut Allocation)) {
        let Some(Some(entry)) = self.entries.get_mut(place.0) else {
            return;
        };
        for port in entry.allocation.ports() {
            self.by_port.remove(&port);
        }
        change(&mut entry.allocation);
        for port in entry.allocation.ports() {
            self.by_port.insert(port, place);
        }
    }

    /// Sets the timer anew after the allocation at `place` changed. One that
    /// is early is left alone: it fires, finds nothing, and is set anew then.
    pub(super) fn rearm(&mut self, place: Place, fired: bool) {
        let Some(Some(entry)) = self.entries.get_mut(place.0) else {
            return;
        };
        let deadline = entry.allocation.deadline();
        if fired || deadline < entry.timer {
            self.timers.remove(&(entry.timer, place));
            entry.timer = deadline;
            self.timers.insert((deadline, place));
        }
    }

    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The place of one timer that is due.
    pub(super) fn due(&self, now: Instant) -> Option<Place> {
        self.timers
            .first()
            .filter(|(at, _)| *at <= now)
            .map(|(_, place)| *place)
    }

    pub(super) fn len(&self) -> usize {
        self.by_client.len()
    }
}
