//! What the shards of a relay share: ports, places, reservations, and what all
//! together may use up. The books are opened when an allocation is made or
//! ends and never for a packet; what a packet may need lies beside them, in
//! atomics.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::num::NonZeroU8;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::alloc::Wanted;
use super::answer_limit::AnswerLimit;
use super::auth::Owner;
use super::bandwidth::Common;
use super::codec::Code;
use super::ports::Ports;
use super::reservation::{Reservations, Token};
use super::table::Source;
use super::{Family, PerFamily, Random, RelayPort, Shard};
use crate::config::RelayConfig;
use crate::counters::{Counters, Metric};

/// How many allocations there may be; 0 sets no limit.
#[derive(Clone, Copy, Debug)]
struct Quotas {
    per_owner: usize,
    per_ip_static: usize,
    per_ip_session: usize,
    in_all: usize,
}

/// What one relay has and lends, for all of its shards.
pub struct Ledger {
    books: Mutex<Books>,
    residents: Residents,
    /// For those who may have forged where they are, and for those who cannot.
    pub(super) answers: AnswerLimit,
    pub(super) stream_answers: AnswerLimit,
    /// What all together may relay to peers, and to clients.
    pub(super) up: Common,
    pub(super) down: Common,
    /// Where the gauges of the books are.
    counters: Arc<Counters>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger")
    }
}

impl Ledger {
    /// A ledger in which everything is free. `random` chooses ports; the gauges
    /// of what is shared are kept in `counters`.
    #[must_use]
    pub fn new(
        config: &RelayConfig,
        mut random: Random,
        counters: Arc<Counters>,
        now: Instant,
    ) -> Self {
        let ports = |family: Family| {
            let mut relays = config.relays.iter();
            let is_there = relays.any(|relay| Family::of(relay.advertise) == family);
            is_there.then(|| Ports::new(family, config.ports.clone(), &config.excluded_ports))
        };
        let mut answers = || AnswerLimit::new(config.max_unauthenticated_answers, &mut random, now);
        let (answers, stream_answers) = (answers(), answers());
        let books = Books {
            ports: PerFamily {
                v4: ports(Family::V4),
                v6: ports(Family::V6),
            },
            random,
            reservations: Reservations::default(),
            quotas: Quotas {
                per_owner: config.max_allocations_per_user,
                per_ip_static: config.max_allocations_per_ip_static,
                per_ip_session: config.max_allocations_per_ip_session,
                in_all: config.max_allocations,
            },
            by_owner: BTreeMap::new(),
            by_source: HashMap::new(),
            held: 0,
            made: 0,
        };
        let ledger = Self {
            books: Mutex::new(books),
            residents: Residents::new(config.plane.shards, config.ports.clone()),
            answers,
            stream_answers,
            up: Common::new(config.max_bytes_per_second, now),
            down: Common::new(config.max_bytes_per_second, now),
            counters,
        };
        ledger.change(|_| ());
        ledger
    }

    /// Opens the books, and brings their gauges up to date.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        // Who panics over a page leaves one allocation wrong at most.
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut books);
        let set = |metric, count: usize| {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.counters.set(metric, count);
        };
        let ports = || [&books.ports.v4, &books.ports.v6].into_iter().flatten();
        set(Metric::Reservations, books.reservations.len());
        set(Metric::PortsFree, ports().map(Ports::free).sum());
        set(Metric::PortsResting, ports().map(Ports::resting).sum());
        changed
    }

    /// The shard whose allocation lives on this port, if it is another one
    /// than `own`.
    pub(super) fn elsewhere(&self, port: RelayPort, own: Shard) -> Option<Shard> {
        self.residents.of(port).filter(|shard| *shard != own)
    }

    /// Notes where the allocation on this port lives from now on.
    pub(super) fn settle(&self, port: RelayPort, shard: Shard) {
        self.residents.set(port, Some(shard));
    }

    /// Notes that none lives there any more.
    pub(super) fn vacate(&self, port: RelayPort) {
        self.residents.set(port, None);
    }
}

/// What is lent, and to whom.
pub(super) struct Books {
    /// The ports of our relay address, for each family that has one.
    ports: PerFamily<Option<Ports>>,
    random: Random,
    reservations: Reservations,
    quotas: Quotas,
    /// Allocations and ports that are kept back, or are to be.
    by_owner: BTreeMap<Owner, usize>,
    by_source: HashMap<Source, usize>,
    held: usize,
    made: u64,
}

impl Books {
    /// Whether `weight` more may be held.
    pub(super) fn check(&self, owner: &Owner, source: &Source, weight: usize) -> Result<(), Code> {
        let exceeds = |held: usize, limit: usize| limit > 0 && held > limit;
        let by_owner = self.by_owner.get(owner).copied().unwrap_or_default();
        let is_person = matches!(owner, Owner::User(_));
        if is_person && exceeds(by_owner + weight, self.quotas.per_owner) {
            return Err(Code::QuotaReached);
        }
        let per_ip = if source.is_static() {
            self.quotas.per_ip_static
        } else {
            self.quotas.per_ip_session
        };
        let by_source = self.by_source.get(source).copied().unwrap_or_default();
        if exceeds(by_source + 1, per_ip) {
            return Err(Code::QuotaReached);
        }
        if exceeds(self.held + weight, self.quotas.in_all) {
            return Err(Code::NoCapacity);
        }
        Ok(())
    }

    /// Notes an allocation that holds `weight` more; returns its number.
    pub(super) fn enter(&mut self, owner: Owner, source: Source, weight: usize) -> u64 {
        *self.by_owner.entry(owner).or_default() += weight;
        *self.by_source.entry(source).or_default() += 1;
        self.held += weight;
        self.made += 1;
        self.made
    }

    /// Notes the end of one that held `weight`.
    pub(super) fn leave(&mut self, owner: &Owner, source: &Source, weight: usize) {
        self.give_up(owner, weight);
        if let Some(count) = self.by_source.get_mut(source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_source.remove(source);
            }
        }
    }

    fn give_up(&mut self, owner: &Owner, weight: usize) {
        self.held = self.held.saturating_sub(weight);
        if let Some(count) = self.by_owner.get_mut(owner) {
            *count = count.saturating_sub(weight);
            if *count == 0 {
                self.by_owner.remove(owner);
            }
        }
    }

    /// Takes a port, and for a pair the next one too.
    pub(super) fn take_port(
        &mut self,
        family: Family,
        wanted: Wanted,
        now: Instant,
    ) -> Option<(RelayPort, Option<RelayPort>)> {
        let ports = self.ports.of_mut(family).as_mut()?;
        match wanted {
            Wanted::Single(parity) => {
                let port = ports.take(parity, &mut self.random, now)?;
                Some((port, None))
            }
            Wanted::Pair => {
                let (even, next) = ports.take_pair(&mut self.random, now)?;
                Some((even, Some(next)))
            }
            Wanted::Kept => None,
        }
    }

    /// Gives a port back whose socket may have been open.
    pub(super) fn give_back(&mut self, port: RelayPort, now: Instant) {
        if let Some(ports) = self.ports.of_mut(port.family) {
            ports.give_back(port, now);
        }
    }

    /// Gives a port back that nobody could open.
    pub(super) fn put_back(&mut self, port: RelayPort) {
        if let Some(ports) = self.ports.of_mut(port.family) {
            ports.put_back(port);
        }
    }

    /// Keeps a port that somebody holds for whoever shows the token, which is
    /// returned. It goes on to count for its owner.
    pub(super) fn keep(&mut self, owner: Owner, port: RelayPort, now: Instant) -> Token {
        let token = (self.random)().to_be_bytes();
        self.reservations.keep(token, owner, port, now);
        token
    }

    /// Whether this token of this owner still stands for a port.
    pub(super) fn holds(&self, token: &Token, owner: &Owner, now: Instant) -> bool {
        self.reservations.holds(token, owner, now)
    }

    /// The port that the token stands for. It counts for its owner already.
    pub(super) fn redeem(
        &mut self,
        token: &Token,
        owner: &Owner,
        now: Instant,
    ) -> Option<RelayPort> {
        self.reservations.redeem(token, owner, now)
    }

    /// The port that the token stood for, once nobody can come for it.
    pub(super) fn expire(&mut self, token: &Token, now: Instant) -> Option<RelayPort> {
        let (owner, port) = self.reservations.expire(token, now)?;
        self.give_up(&owner, 1);
        Some(port)
    }

    /// The ports that were kept for this owner.
    pub(super) fn release(&mut self, owner: &Owner) -> Vec<RelayPort> {
        let ports = self.reservations.release(owner);
        self.give_up(owner, ports.len());
        ports
    }
}

/// In which shard the allocation on each port lives. Empty for a single shard,
/// which knows without.
struct Residents {
    lowest: u16,
    /// One more than the shard's number; 0 stands for nobody.
    shards: PerFamily<Box<[AtomicU8]>>,
}

impl Residents {
    fn new(shards: NonZeroU8, ports: RangeInclusive<u16>) -> Self {
        let lowest = *ports.start();
        let count = if shards.get() > 1 { ports.len() } else { 0 };
        let nobody = || (0..count).map(|_| AtomicU8::new(0)).collect();
        Self {
            lowest,
            shards: PerFamily {
                v4: nobody(),
                v6: nobody(),
            },
        }
    }

    fn place(&self, port: RelayPort) -> Option<&AtomicU8> {
        let index = port.port.checked_sub(self.lowest)?;
        self.shards.of(port.family).get(usize::from(index))
    }

    fn set(&self, port: RelayPort, shard: Option<Shard>) {
        if let Some(place) = self.place(port) {
            let value = shard.map_or(0, |Shard(number)| number.saturating_add(1));
            place.store(value, Ordering::Relaxed);
        }
    }

    fn of(&self, port: RelayPort) -> Option<Shard> {
        let value = self.place(port)?.load(Ordering::Relaxed);
        value.checked_sub(1).map(Shard)
    }
}
