//! The TURN server without I/O: what comes from clients and peers goes in
//! through `handle_*`, what is to be done comes out of
//! [`Server::poll_effect`], and a datagram to be passed on is left in its
//! [`Packet`] and its way returned. Requests are carried out in `control`, data
//! is passed on in `data`, and [`super::operate`] is the operator's way in.
//!
//! After each `handle_*` the caller drains `poll_effect` before the next.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::alloc::Allocation;
use super::auth::Authority;
use super::bandwidth::{Rate, Share};
use super::codec::Crypto;
use super::frame::{self, Class, Frame, SEND, Stun};
use super::ledger::Ledger;
use super::packet::Packet;
use super::policy::PeerPolicy;
use super::reservation::Token;
use super::table::{Place, Source, Table};
use super::{
    ClientId, FIRST_OWN_LISTENER, Family, PeerAddr, PerFamily, Random, RelayPort, Shard, Transport,
};
use crate::config::RelayConfig;
use crate::counters::{Counters, Metric};

/// Something to be done by whoever owns the sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this to the client.
    Answer {
        /// To whom.
        client: ClientId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Open a relay socket on this port, and say how it went with
    /// [`Server::handle_relay_opened`] or [`Server::handle_relay_failed`].
    OpenRelay(RelayPort),
    /// Keep the relay socket on this port open, but for any shard to take.
    KeepRelay(RelayPort),
    /// Take the relay socket on this port, which is kept, and say how it went
    /// as with [`Self::OpenRelay`].
    TakeRelay(RelayPort),
    /// Close the relay socket on this port, if there is one, kept or not.
    CloseRelay(RelayPort),
}

/// Where the datagram in the packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Out of this relay port to this peer.
    ToPeer(RelayPort, PeerAddr),
    /// The same, but whole or not at all (DONT-FRAGMENT, RFC 8656 §15).
    ToPeerWhole(RelayPort, PeerAddr),
    /// To our voice rooms, from this relayed transport address.
    ToRooms(SocketAddr),
    /// To this client.
    ToClient(ClientId),
    /// To another shard, and [`Server::handle_crossing`] there.
    ToShard(Shard, Crossing),
}

/// From one allocation to another one that lives in another shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The relay port it was sent from.
    pub from: RelayPort,
    /// The relay port it was sent to.
    pub to: RelayPort,
}

/// Why a relay socket did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFailure {
    /// Somebody else has the port: another one may do.
    PortTaken,
    /// Anything else: another port would not help.
    Other,
}

/// What must be unpredictable, from outside.
pub struct Entropy {
    /// Key of the nonces.
    pub nonce_key: [u8; 32],
    /// Chooses ports.
    pub random: Random,
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy([redacted])")
    }
}

/// How much may pass: what one allocation may, and what this shard has taken
/// out of what all may.
#[derive(Debug)]
pub(super) struct Bandwidth {
    pub(super) each: Rate,
    pub(super) up: Share,
    pub(super) down: Share,
}

/// A STUN and TURN server, or one shard of it.
pub struct Server {
    pub(super) shard: Shard,
    pub(super) ledger: Arc<Ledger>,
    pub(super) authority: Authority,
    pub(super) policy: PeerPolicy,
    pub(super) table: Table,
    /// The tokens given out here, and when they are good for nothing any more.
    pub(super) kept: VecDeque<(Instant, Token)>,
    pub(super) advertise: PerFamily<Option<IpAddr>>,
    pub(super) transports: Vec<Transport>,
    pub(super) legacy_channels: bool,
    pub(super) draining: bool,
    pub(super) effects: VecDeque<Effect>,
    pub(super) counters: Arc<Counters>,
    pub(super) bandwidth: Bandwidth,
    pub(super) indications_sent: u64,
    /// Voice rooms are reached in memory.
    pub(super) has_rooms: bool,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("allocations", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server without allocations, and without other shards. `listen_ports`
    /// are the ports that its listeners really have.
    #[must_use]
    pub fn new(
        config: &RelayConfig,
        listen_ports: &[u16],
        crypto: Crypto,
        entropy: Entropy,
        counters: Arc<Counters>,
        now: Instant,
    ) -> Self {
        let counted = Arc::clone(&counters);
        let ledger = Ledger::new(config, entropy.random, counted, now);
        let (shard, key) = ((Shard(0), Arc::new(ledger)), &entropy.nonce_key);
        Self::sharing(shard, config, listen_ports, crypto, key, counters, now)
    }

    /// The same for one of several shards, which share the ledger and the key
    /// of the nonces.
    #[must_use]
    pub fn sharing(
        (shard, ledger): (Shard, Arc<Ledger>),
        config: &RelayConfig,
        listen_ports: &[u16],
        crypto: Crypto,
        nonce_key: &[u8; 32],
        counters: Arc<Counters>,
        now: Instant,
    ) -> Self {
        let advertised = |family| {
            let mut addresses = config.relays.iter().map(|relay| relay.advertise);
            addresses.find(|ip| Family::of(*ip) == family)
        };
        let listeners = 0..config.stream_listeners().end;
        let transports = listeners.map(|index| config.transport_of(index)).collect();
        let server = Self {
            shard,
            ledger,
            transports,
            authority: Authority::new(config, crypto, nonce_key, now),
            policy: PeerPolicy::new(config, listen_ports),
            table: Table::default(),
            kept: VecDeque::new(),
            advertise: PerFamily {
                v4: advertised(Family::V4),
                v6: advertised(Family::V6),
            },
            bandwidth: Bandwidth {
                each: Rate::new(config.max_bytes_per_second_each),
                up: Share::default(),
                down: Share::default(),
            },
            legacy_channels: config.legacy_channels,
            draining: false,
            effects: VecDeque::new(),
            counters,
            indications_sent: 0,
            has_rooms: false,
        };
        server.set_gauges();
        server
    }

    /// Lets clients reach our voice rooms at these addresses. `here`: what is
    /// for them is told by [`Forward::ToRooms`], and what they send comes by
    /// [`Self::handle_rooms`]; else both go through the kernel.
    pub fn open_rooms(&mut self, rooms: Vec<SocketAddr>, here: bool) {
        self.policy.open_rooms(rooms);
        self.has_rooms = here;
    }

    /// A datagram from a client. If it carries data that may pass, `packet`
    /// holds what is to be sent afterwards, and where to is returned.
    ///
    /// `unix` is the wall clock in seconds since 1970.
    pub fn handle_client(
        &mut self,
        client: ClientId,
        packet: &mut Packet,
        now: Instant,
        unix: u64,
    ) -> Option<Forward> {
        self.handle_timeout(now);
        let outcome = match frame::classify(packet.datagram()) {
            Ok(Frame::Channel(number, data)) => self
                .channel_data(client, number, data, packet, now)
                .map(Some),
            Ok(Frame::Stun(stun)) => self.stun(client, &stun, packet, now, unix),
            Err(metric) => Err(metric),
        };
        outcome.unwrap_or_else(|metric| {
            self.counters.count(metric);
            None
        })
    }

    /// The connection of a client is gone, and nobody can use its 5-tuple any
    /// more: what was allocated there ends at once.
    pub fn handle_client_gone(&mut self, client: &ClientId, now: Instant) {
        self.handle_timeout(now);
        if let Some(place) = self.table.of_client(client) {
            self.end_or_mark(place, Metric::EndedDisconnected, now);
        }
    }

    /// Whether this client holds an allocation.
    #[must_use]
    pub fn holds_allocation(&self, client: &ClientId) -> bool {
        self.table.of_client(client).is_some()
    }

    /// What this client's messages come over.
    pub(super) fn transport_of(&self, client: &ClientId) -> Transport {
        if client.listener >= FIRST_OWN_LISTENER {
            return Transport::Udp;
        }
        let transport = self.transports.get(usize::from(client.listener));
        // Only those that were accepted elsewhere are not listed.
        transport.copied().unwrap_or(Transport::Tls)
    }

    /// Ends everything that is over. Each `handle_*` does so first.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(until, token)) = self.kept.front()
            && until <= now
        {
            self.kept.pop_front();
            if let Some(port) = self.ledger.change(|books| books.expire(&token, now)) {
                self.close(port, now);
            }
        }
        while let Some(place) = self.table.due(now) {
            let over = |allocation: &Allocation| {
                let mut relays = allocation.relays();
                relays.all(|relay| relay.expires <= now)
            };
            if self.table.get(place).is_none_or(over) {
                self.end(place, Metric::EndedExpired, now);
                continue;
            }
            for family in Family::ALL {
                self.release_family(place, family, now, |expires| expires <= now);
            }
            if let Some(allocation) = self.table.get_mut(place) {
                allocation.grants.purge(now);
            }
            self.table.rearm(place, true);
        }
    }

    /// When [`Self::handle_timeout`] next has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let kept = self.kept.front().map(|(until, _)| *until);
        let timers = [self.table.next_timer(), kept];
        timers.into_iter().flatten().min()
    }

    /// The next thing to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn stun(
        &mut self,
        client: ClientId,
        stun: &Stun,
        packet: &mut Packet,
        now: Instant,
        unix: u64,
    ) -> Result<Option<Forward>, Metric> {
        match (stun.class, stun.method) {
            (Class::Request, _) => {
                self.handle_request(client, packet.datagram(), stun, now, unix)?;
                Ok(None)
            }
            (Class::Indication, SEND) => self.send_indication(client, stun, packet, now).map(Some),
            (Class::Indication | Class::Response, _) => Err(Metric::DroppedUnexpected),
        }
    }

    /// The relayed transport address of this port.
    pub(super) fn relayed(&self, port: RelayPort) -> Option<SocketAddr> {
        let ip = (*self.advertise.of(port.family))?;
        Some(SocketAddr::new(ip, port.port))
    }

    /// Ends one allocation and counts it under `cause`.
    pub(super) fn end(&mut self, place: Place, cause: Metric, now: Instant) {
        if self.forget(place, now) {
            self.counters.count(cause);
        }
    }

    /// Gives everything back that an allocation holds. `false`: there is none.
    pub(super) fn forget(&mut self, place: Place, now: Instant) -> bool {
        let Some(allocation) = self.table.remove(place) else {
            return false;
        };
        for port in allocation.ports() {
            self.close(port, now);
        }
        let subject = &allocation.identity.subject;
        let source = Source::new(&allocation.client, subject);
        let (owner, weight) = (subject.owner(), allocation.weight);
        self.ledger
            .change(|books| books.leave(&owner, &source, weight));
        self.set_gauges();
        true
    }

    /// Takes the relayed transport address of `family` from an allocation, if
    /// it has one whose end `is_over`.
    pub(super) fn release_family(
        &mut self,
        place: Place,
        family: Family,
        now: Instant,
        is_over: impl Fn(Instant) -> bool,
    ) {
        let mut released = None;
        self.table.change_ports(place, |allocation| {
            let relay = allocation.relays.of_mut(family);
            if relay.is_some_and(|relay| is_over(relay.expires)) {
                released = relay.take();
            }
        });
        if let Some(relay) = released {
            self.close(relay.port, now);
        }
    }

    /// Gives a port back whose socket may be open.
    pub(super) fn close(&mut self, port: RelayPort, now: Instant) {
        self.ledger.vacate(port);
        self.ledger.change(|books| books.give_back(port, now));
        self.effects.push_back(Effect::CloseRelay(port));
    }

    /// Brings the gauges up to date.
    pub(super) fn set_gauges(&self) {
        let set = |metric, count: usize| {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.counters.set(metric, count);
        };
        set(Metric::Allocations, self.table.len());
        set(Metric::Draining, usize::from(self.draining));
    }
}
