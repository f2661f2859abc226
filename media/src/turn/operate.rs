//! What the operator and the rest of the process do to a relay: take back
//! credentials, add static ones, end allocations, list them, and let the relay
//! run dry.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::alloc::{Allocation, Phase, Traffic};
use super::auth::{Owner, Revoked, Subject};
use super::server::Server;
use super::table::Place;
use super::{Family, Key, Transport};
use crate::counters::Metric;

/// Which allocations are to end. Their credentials stay good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kick {
    /// The one with this [`AllocationInfo::id`].
    Allocation(u64),
    /// All of a person or a static pair.
    Owner(Owner),
    /// All of one session of a person.
    Session {
        /// The person.
        user: i64,
        /// The session.
        session: i64,
    },
    /// All.
    All,
}

/// One allocation, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationInfo {
    /// A number that no other allocation had since the relay started.
    pub id: u64,
    /// Who made it.
    pub subject: Subject,
    /// Where its client is, as our listener sees it.
    pub client: SocketAddr,
    /// What its client's messages come over.
    pub transport: Transport,
    /// Its relayed transport addresses.
    pub relayed: Vec<SocketAddr>,
    /// How long it has been there.
    pub age: Duration,
    /// How long it lives without a refresh.
    pub expires_in: Duration,
    /// Permissions alive.
    pub permissions: usize,
    /// Channels alive.
    pub channels: usize,
    /// What passed through it.
    pub traffic: Traffic,
}

impl Server {
    /// Ends the allocations of a session or a person, and refuses their
    /// credentials from now on.
    pub fn handle_revoke(&mut self, whom: Revoked, now: Instant, unix: u64) {
        self.authority.revoke(whom, unix);
        let (Revoked::User(user) | Revoked::Session(user, _)) = whom;
        let owner = Owner::User(user);
        for place in self.table.of_owner(&owner) {
            let is_meant = |allocation: &Allocation| allocation.identity.subject.is_meant_by(whom);
            if self.table.get(place).is_some_and(is_meant) {
                self.end_or_mark(place, Metric::EndedRevoked, now);
            }
        }
        // Nothing says which session a port was kept for, and a port that is
        // asked for anew costs one request.
        self.release_reservations(&owner, now);
    }

    /// Refuses credentials that were taken back before this relay was there:
    /// those of `whom` that expire by `until`, in seconds since 1970.
    pub fn handle_refuse(&mut self, whom: Revoked, until: u64) {
        self.authority.refuse(whom, until);
    }

    /// Lets a static pair in, or gives the one of that name another password:
    /// what was made with the old one ends.
    pub fn handle_add_static(&mut self, name: String, key: Key, now: Instant) {
        self.handle_remove_static(&name, now);
        self.authority.add_static(name, key);
    }

    /// Shuts a static pair out and ends its allocations.
    pub fn handle_remove_static(&mut self, name: &str, now: Instant) {
        self.authority.remove_static(name);
        let owner = Owner::Static(name.to_owned());
        for place in self.table.of_owner(&owner) {
            self.end_or_mark(place, Metric::EndedRevoked, now);
        }
        self.release_reservations(&owner, now);
    }

    /// Ends allocations; returns how many.
    pub fn handle_kick(&mut self, whom: &Kick, now: Instant) -> usize {
        let is_meant = |allocation: &Allocation| {
            let subject = &allocation.identity.subject;
            match whom {
                Kick::Allocation(id) => allocation.id == *id,
                Kick::Owner(owner) => subject.owner() == *owner,
                Kick::Session { user, session } => {
                    subject.is_meant_by(Revoked::Session(*user, *session))
                }
                Kick::All => true,
            }
        };
        let mut places = self.table.places();
        places.retain(|place| {
            let allocation = self.table.get(*place);
            allocation
                .is_some_and(|allocation| allocation.phase == Phase::Live && is_meant(allocation))
        });
        for place in &places {
            self.end(*place, Metric::EndedKicked, now);
        }
        places.len()
    }

    /// Every allocation that relays now, the oldest first.
    #[must_use]
    pub fn allocations(&self, now: Instant) -> Vec<AllocationInfo> {
        let places = self.table.places();
        let allocations = places.iter().filter_map(|place| self.table.get(*place));
        let mut infos: Vec<_> = allocations
            .filter(|allocation| allocation.phase == Phase::Live)
            .map(|allocation| self.info(allocation, now))
            .collect();
        infos.sort_unstable_by_key(|info| info.id);
        infos
    }

    fn info(&self, allocation: &Allocation, now: Instant) -> AllocationInfo {
        let relays = || allocation.relays();
        let (permissions, channels) = allocation.grants.living(now);
        let last = relays().map(|relay| relay.expires).max();
        AllocationInfo {
            id: allocation.id,
            subject: allocation.identity.subject.clone(),
            client: allocation.client.address,
            transport: self.transport_of(&allocation.client),
            relayed: relays()
                .filter_map(|relay| self.relayed(relay.port))
                .collect(),
            age: now.saturating_duration_since(allocation.since),
            expires_in: last.map_or(Duration::ZERO, |last| last.saturating_duration_since(now)),
            permissions,
            channels,
            traffic: allocation.traffic,
        }
    }

    /// From now on no allocation is made (508); those that live go on.
    pub fn handle_drain(&mut self) {
        self.draining = true;
        self.set_gauges();
    }

    /// What is being opened ends when it is open.
    pub(super) fn end_or_mark(&mut self, place: Place, cause: Metric, now: Instant) {
        let Some(allocation) = self.table.get_mut(place) else {
            return;
        };
        match &mut allocation.phase {
            Phase::Opening(opening) => opening.revoked = true,
            Phase::Live => self.end(place, cause, now),
        }
    }

    fn release_reservations(&mut self, owner: &Owner, now: Instant) {
        for port in self.ledger.change(|books| books.release(owner)) {
            self.close(port, now);
        }
    }

    /// Whether this family has a relay address here.
    pub(super) fn relays_family(&self, family: Family) -> bool {
        self.advertise.of(family).is_some()
    }
}
