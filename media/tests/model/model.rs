//! What a relay must do, the slow way: lists that are searched from end to
//! end, and every moment written down. Ports are not chosen here; those that
//! the relay chooses are checked.

use std::net::SocketAddr;

use payambar_media::turn::auth::{Owner, Revoked, Subject};
use payambar_media::turn::{ClientId, Family, RelayPort};

/// Seconds since the relay started.
pub(crate) type Moment = u64;

pub(crate) const PORTS: std::ops::RangeInclusive<u16> = 50_001..=50_009;
pub(crate) const PER_OWNER: usize = 3;
pub(crate) const PER_IP_STATIC: usize = 1;
pub(crate) const PER_IP_SESSION: usize = 2;
pub(crate) const IN_ALL: usize = 5;
pub(crate) const RELAYS: [&str; 2] = ["203.0.113.9", "2001:db8::9"];

/// Who asks: the credential and the 5-tuple.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) client: ClientId,
    pub(crate) subject: Subject,
    pub(crate) username: String,
    pub(crate) key: [u8; 16],
    /// Of the credential, on the wall clock.
    pub(crate) expires: Option<u64>,
}

/// What ports an allocation wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Any,
    Even,
    Pair,
}

#[derive(Clone, Debug)]
pub(crate) struct Allocation {
    pub(crate) id: u64,
    pub(crate) who: Who,
    pub(crate) transaction: u32,
    pub(crate) granted: u64,
    pub(crate) since: Moment,
    /// Ports and their ends.
    pub(crate) relays: Vec<(RelayPort, Moment)>,
    pub(crate) refused: Option<(Family, u16)>,
    pub(crate) token: Option<usize>,
    pub(crate) opening: bool,
    pub(crate) wanted: Wanted,
    pub(crate) companion: Option<RelayPort>,
    pub(crate) unopened: Vec<RelayPort>,
    /// Families for which a port has yet to be named.
    pub(crate) awaited: Vec<Family>,
    pub(crate) revoked: bool,
    pub(crate) permissions: Vec<(std::net::IpAddr, Moment)>,
    pub(crate) channels: Vec<(u16, SocketAddr, Moment)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) token: usize,
    pub(crate) owner: Owner,
    pub(crate) port: RelayPort,
    pub(crate) until: Moment,
}

/// What the client must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Error(u16),
    Allocated {
        relayed: Vec<SocketAddr>,
        lifetime: u64,
        token: Option<usize>,
        refused: Option<(Family, u16)>,
    },
    Refreshed(u64),
    Done,
    /// Nothing yet, or nothing again.
    Nothing,
}

/// Where data must go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToPeer(RelayPort, SocketAddr),
    ToClient {
        client: ClientId,
        from: SocketAddr,
        channel: Option<u16>,
    },
}

/// How allocations came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) made: u64,
    pub(crate) expired: u64,
    pub(crate) released: u64,
    pub(crate) revoked: u64,
    pub(crate) kicked: u64,
    pub(crate) disconnected: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) now: Moment,
    pub(crate) allocations: Vec<Allocation>,
    pub(crate) reservations: Vec<Reservation>,
    /// Ports and when they may be given again.
    pub(crate) resting: Vec<(RelayPort, Moment)>,
    pub(crate) revocations: Vec<(Revoked, u64)>,
    pub(crate) static_is_gone: bool,
    pub(crate) draining: bool,
    pub(crate) tokens: usize,
    pub(crate) tally: Tally,
    /// How many there ever were, also of those that did not come to be.
    pub(crate) begun: u64,
}

pub(crate) fn relayed(port: RelayPort) -> SocketAddr {
    let ip = match port.family {
        Family::V4 => RELAYS[0],
        Family::V6 => RELAYS[1],
    };
    SocketAddr::new(ip.parse().unwrap(), port.port)
}

pub(crate) fn granted(lifetime: Option<u32>) -> u64 {
    lifetime.map_or(600, u64::from).clamp(600, 3600)
}

impl Allocation {
    pub(crate) fn port(&self, family: Family) -> Option<RelayPort> {
        let mut relays = self.relays.iter();
        let (port, _) = relays.find(|(port, _)| port.family == family)?;
        Some(*port)
    }

    pub(crate) fn ports(&self) -> Vec<RelayPort> {
        let relays = self.relays.iter().map(|(port, _)| *port);
        relays.chain(self.companion).collect()
    }

    pub(crate) fn lose(&mut self, port: RelayPort) {
        self.relays.retain(|(other, _)| *other != port);
        self.unopened.retain(|other| *other != port);
        self.companion = self.companion.filter(|other| *other != port);
    }

    pub(crate) fn permits(&self, peer: SocketAddr, now: Moment) -> bool {
        let mut permissions = self.permissions.iter();
        permissions.any(|(ip, until)| *ip == peer.ip() && now < *until)
    }

    pub(crate) fn permit(&mut self, peer: SocketAddr, now: Moment) {
        self.permissions.retain(|(ip, _)| *ip != peer.ip());
        self.permissions.push((peer.ip(), now + 300));
    }

    pub(crate) fn told(&self) -> Told {
        let mut relayed: Vec<SocketAddr> =
            self.relays.iter().map(|(port, _)| relayed(*port)).collect();
        relayed.sort_unstable();
        Told::Allocated {
            relayed,
            lifetime: self.granted,
            token: self.token,
            refused: self.refused,
        }
    }
}

impl Model {
    pub(crate) fn of(&self, client: ClientId) -> Option<&Allocation> {
        let mut all = self.allocations.iter();
        all.find(|allocation| allocation.who.client == client)
    }

    pub(crate) fn of_mut(&mut self, client: ClientId) -> Option<&mut Allocation> {
        let mut all = self.allocations.iter_mut();
        all.find(|allocation| allocation.who.client == client)
    }

    /// The relay port of a client that relays.
    pub(crate) fn port_of(&self, client: ClientId, family: Family) -> Option<RelayPort> {
        let allocation = self.of(client).filter(|allocation| !allocation.opening);
        allocation?.port(family)
    }

    pub(crate) fn holder(&self, port: RelayPort) -> Option<&Allocation> {
        let mut live = self
            .allocations
            .iter()
            .filter(|allocation| !allocation.opening);
        live.find(|allocation| allocation.ports().contains(&port))
    }

    pub(crate) fn rest(&mut self, port: RelayPort) {
        self.resting.retain(|(other, _)| *other != port);
        self.resting.push((port, self.now + 120));
    }

    /// Takes an allocation out; its ports rest.
    pub(crate) fn end(&mut self, client: ClientId) {
        let Some(at) = self
            .allocations
            .iter()
            .position(|other| other.who.client == client)
        else {
            return;
        };
        for port in self.allocations.remove(at).ports() {
            self.rest(port);
        }
    }

    /// Ends what is over now.
    pub(crate) fn pass(&mut self) {
        let now = self.now;
        let (over, kept) = self
            .reservations
            .drain(..)
            .partition(|kept| kept.until <= now);
        self.reservations = kept;
        let over: Vec<Reservation> = over;
        for reservation in over {
            self.rest(reservation.port);
        }
        for client in self
            .allocations
            .iter()
            .map(|other| other.who.client)
            .collect::<Vec<_>>()
        {
            let Some(allocation) = self.of_mut(client) else {
                continue;
            };
            let over: Vec<RelayPort> = allocation
                .relays
                .iter()
                .filter(|(_, until)| *until <= now)
                .map(|(port, _)| *port)
                .collect();
            if over.len() == allocation.relays.len() {
                self.tally.expired += 1;
                self.end(client);
                continue;
            }
            for port in over {
                if let Some(allocation) = self.of_mut(client) {
                    allocation.lose(port);
                }
                self.rest(port);
            }
        }
    }

    /// The next moment after now at which something ends.
    pub(crate) fn next_end(&self) -> Option<Moment> {
        let mut ends: Vec<Moment> = self.resting.iter().map(|(_, until)| *until).collect();
        ends.extend(self.reservations.iter().map(|kept| kept.until));
        for allocation in &self.allocations {
            ends.extend(allocation.relays.iter().map(|(_, until)| *until));
            ends.extend(allocation.permissions.iter().map(|(_, until)| *until));
            let channels = allocation.channels.iter();
            ends.extend(channels.flat_map(|(_, _, until)| [*until, *until + 300]));
        }
        ends.into_iter().filter(|end| *end > self.now).min()
    }

    /// The latest moment at which the relay must wake up by itself.
    pub(crate) fn next_wake(&self) -> Option<Moment> {
        let relays = self
            .allocations
            .iter()
            .flat_map(|allocation| &allocation.relays);
        let ends = relays.map(|(_, until)| *until);
        ends.chain(self.reservations.iter().map(|kept| kept.until))
            .min()
    }

    /// Whether a credential is good at all.
    pub(crate) fn admits(&self, who: &Who, allocates: bool, unix: u64) -> bool {
        if self
            .of(who.client)
            .is_some_and(|held| held.who.username == who.username)
        {
            return true;
        }
        let Some(expires) = who.expires else {
            return !self.static_is_gone;
        };
        let mut revocations = self.revocations.iter();
        let is_revoked =
            revocations.any(|(whom, until)| who.subject.is_meant_by(*whom) && expires <= *until);
        !is_revoked && (!allocates || (unix < expires && expires <= unix + 3600))
    }
}
