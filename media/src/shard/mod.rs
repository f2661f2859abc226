#![expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it looks at the clock so that the core need not"
)]
//! The threads that run a relay, its shards: each owns sockets and a clock, asks
//! its core, and does what that says. Nothing here decides.

mod addresses;
mod appetite;
mod arrivals;
mod commands;
mod connection;
mod crowd;
mod datagrams;
mod event_loop;
mod exchange;
mod handle;
mod handle_rooms;
mod link;
mod listeners;
mod outbox;
mod pace;
mod socket;
mod sockets;
mod streams;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use ring::rand::{SecureRandom, SystemRandom};

use crate::config::{RelayAddress, RelayConfig};
use crate::counters::Counters;
use crate::sfu::server::Limits;
use crate::turn::auth::{MAX_TEXT, Revoked};
use crate::turn::codec::Crypto;
use crate::turn::ledger::Ledger;
use crate::turn::server::Server;
use crate::turn::{Family, PerFamily, Random, Shard};
use addresses::Addresses;
use commands::{Commander, Commands};
use crowd::Crowd;
use event_loop::{EventLoop, Voice};
use exchange::Exchange;
pub use handle::RelayHandle;
use listeners::{Listeners, Own, cannot_listen};
use sockets::{Kept, Others, Sockets};
use streams::Streams;

/// Participants of one room who may have no connection yet at a time, and of
/// all rooms. One comes about within a second, mostly.
const HALF_OPEN_ROOM: usize = 64;
const HALF_OPEN: usize = 256;

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address to listen on could not be bound.
    #[error("cannot listen on {protocol} {address}: {source}")]
    Listen {
        /// `udp` or `tcp`.
        protocol: &'static str,
        /// The address as configured.
        address: SocketAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// No socket can be bound to the relay address.
    #[error("cannot bind relay sockets to {address}: {source}")]
    RelayAddress {
        /// The address as configured.
        address: IpAddr,
        /// What the kernel says.
        source: io::Error,
    },
    /// The range of relay ports is empty, or all of it is excluded.
    #[error("no relay port is left between {min} and {max}")]
    NoPorts {
        /// First port of the range.
        min: u16,
        /// Last port of the range.
        max: u16,
    },
    /// There is nothing to listen on.
    #[error("no address to listen on")]
    NoListener,
    /// There is no relay address, or two of one family, or one whose local
    /// side is of another family.
    #[error(
        "the relay needs one address, or one of each family, with a local side of the same family"
    )]
    RelayFamilies,
    /// The realm is too long for its attribute.
    #[error("the realm has {length} bytes; at most 508 can be sent")]
    RealmTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The message layer has no crypto, or there is no chance to be had.
    #[error("no cryptography: {0}")]
    Crypto(String),
    /// The voice rooms have no certificate.
    #[error("the voice rooms cannot start: {0}")]
    Rooms(String),
    /// epoll, eventfd or the thread.
    #[error("cannot start a thread of the relay: {0}")]
    Thread(#[source] io::Error),
}

/// Binds all sockets of a relay and starts its threads.
///
/// # Errors
///
/// [`StartError`] names what could not be had, and the address in question.
pub fn start(config: RelayConfig) -> Result<RelayHandle, StartError> {
    start_refusing(config, &[])
}

/// The same, for a relay that follows another one: from its first packet on it
/// refuses the credentials that were taken back from these, each until the
/// second since 1970 by which they all have expired.
///
/// # Errors
///
/// As [`start`].
pub fn start_refusing(
    config: RelayConfig,
    revoked: &[(Revoked, u64)],
) -> Result<RelayHandle, StartError> {
    check(&config)?;
    let listeners = Listeners::open(&config)?;
    let binds = binds(&config)?;
    let now = Instant::now();
    let (nonce_key, random) = entropy()?;
    let count = listeners.shards.len();
    let channels = (0..count).map(|_| commands::channel());
    let channels: Vec<(Commander, Commands)> = channels
        .collect::<io::Result<_>>()
        .map_err(StartError::Thread)?;
    let (commanders, commands): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
    let wakes: Vec<_> = commanders.iter().map(Commander::wake).collect();
    let each: Vec<Arc<Counters>> = (0..count).map(|_| Arc::default()).collect();
    let counters = match each.as_slice() {
        [only] => Arc::clone(only),
        all => Arc::new(Counters::of(all.to_vec())),
    };
    // What is shared has its gauges with the first.
    let shared = each.first().map(Arc::clone).unwrap_or_default();
    let crowd = Crowd::new(crowd::Limits {
        all: config.max_streams,
        per_network: config.max_streams_per_network,
    });
    let rooms = RoomSockets::open(&config)?;
    let start = Start {
        room_addresses: rooms.addresses.clone(),
        ledger: Arc::new(Ledger::new(&config, random, shared, now)),
        crowd: Arc::new(Mutex::new(crowd)),
        addresses: Arc::new(Addresses::new(count)),
        kept: Kept::default(),
        listen_ports: listeners
            .local_addresses
            .iter()
            .map(SocketAddr::port)
            .collect(),
        commanders: commanders.clone(),
        config,
        binds,
        nonce_key,
        revoked,
        now,
    };
    // Should one of them not start, dropping this ends those that did.
    let mut relay = RelayHandle::new(&listeners, &rooms.addresses, commanders, counters);
    let parts = listeners.shards.into_iter().zip(commands);
    let parts = parts.zip(Exchange::between(&wakes)).zip(each);
    let mut rooms = Some(rooms);
    for (shard, (((own, commands), exchange), counters)) in (0..).map(Shard).zip(parts) {
        // All rooms are in the first shard.
        let rooms = rooms.take().filter(|rooms| !rooms.addresses.is_empty());
        relay.runs(start.shard(shard, own, rooms, (commands, exchange), counters)?);
    }
    Ok(relay)
}

/// What every shard is started with.
struct Start<'a> {
    config: RelayConfig,
    ledger: Arc<Ledger>,
    crowd: Arc<Mutex<Crowd>>,
    addresses: Arc<Addresses>,
    kept: Kept,
    listen_ports: Vec<u16>,
    room_addresses: Vec<SocketAddr>,
    commanders: Vec<Commander>,
    binds: PerFamily<Option<IpAddr>>,
    nonce_key: [u8; 32],
    revoked: &'a [(Revoked, u64)],
    now: Instant,
}

impl Start<'_> {
    fn shard(
        &self,
        shard: Shard,
        listeners: Own,
        rooms: Option<RoomSockets>,
        (commands, exchange): (Commands, Exchange),
        counters: Arc<Counters>,
    ) -> Result<JoinHandle<()>, StartError> {
        let config = &self.config;
        let crypto = Crypto::new().map_err(|error| StartError::Crypto(error.to_string()))?;
        let mut server = Server::sharing(
            (shard, Arc::clone(&self.ledger)),
            config,
            &self.listen_ports,
            crypto,
            &self.nonce_key,
            Arc::clone(&counters),
            self.now,
        );
        for (whom, until) in self.revoked {
            server.handle_refuse(*whom, *until);
        }
        let is_other = |(nth, _): &(u8, &Commander)| *nth != shard.0;
        let others = Others {
            own: shard,
            told: (0..)
                .zip(&self.commanders)
                .filter(is_other)
                .map(|(_, other)| other.clone())
                .collect(),
            addresses: Arc::clone(&self.addresses),
            kept: Arc::clone(&self.kept),
        };
        let mut sockets = Sockets::new(listeners.datagrams, self.binds, others, commands.wake())
            .map_err(StartError::Thread)?;
        if !self.room_addresses.is_empty() {
            server.open_rooms(self.room_addresses.clone(), rooms.is_some());
        }
        let voice = rooms.map(|rooms| rooms.serve(config, &mut sockets, &counters));
        let voice = voice.transpose()?;
        let connections = Streams::new(
            sockets.epoll(),
            Arc::clone(&counters),
            Arc::clone(&self.crowd),
            config.stream_listeners(),
            listeners.streams,
            config.tls.clone(),
        )
        .map_err(StartError::Thread)?;
        let plane = config.plane;
        thread::Builder::new()
            .name(format!("relay-{}", shard.0))
            .spawn(move || {
                EventLoop::new(
                    server,
                    sockets,
                    connections,
                    voice,
                    (commands, exchange),
                    counters,
                    plane,
                )
                .run();
            })
            .map_err(StartError::Thread)
    }
}

/// The voice rooms' own sockets, and the addresses that participants are told.
struct RoomSockets {
    sockets: Vec<(Family, OwnedFd)>,
    addresses: Vec<SocketAddr>,
}

impl RoomSockets {
    /// Binds them, if there are rooms.
    fn open(config: &RelayConfig) -> Result<Self, StartError> {
        let (mut sockets, mut addresses) = (Vec::new(), Vec::new());
        let relays = config.rooms.iter().flat_map(|rooms| {
            let relays = config.relays.iter();
            relays.map(|relay| (relay, rooms.port))
        });
        for (RelayAddress { bind, advertise }, port) in relays {
            let bind = SocketAddr::new(*bind, port);
            let (socket, bound) = socket::rooms(bind).map_err(cannot_listen("udp", bind))?;
            sockets.push((Family::of(*advertise), socket));
            addresses.push(SocketAddr::new(*advertise, bound.port()));
        }
        Ok(Self { sockets, addresses })
    }

    /// Has a shard serve them.
    fn serve(
        self,
        config: &RelayConfig,
        sockets: &mut Sockets,
        counters: &Arc<Counters>,
    ) -> Result<Voice, StartError> {
        for (family, socket) in self.sockets {
            sockets
                .add_rooms(family, socket)
                .map_err(|errno| StartError::Thread(errno.into()))?;
        }
        let rooms = config.rooms;
        let limits = Limits {
            room: rooms.map_or(0, |rooms| rooms.max_per_room),
            all: rooms.map_or(0, |rooms| rooms.max_participants),
            half_open_room: HALF_OPEN_ROOM,
            half_open: HALF_OPEN,
        };
        let counters = Arc::clone(counters);
        Voice::new(self.addresses, limits, counters, Instant::now()).map_err(StartError::Rooms)
    }
}

/// Where relay sockets are bound, once it has been seen that they can be.
fn binds(config: &RelayConfig) -> Result<PerFamily<Option<IpAddr>>, StartError> {
    let mut binds = PerFamily::default();
    for RelayAddress { bind, .. } in &config.relays {
        socket::relay(SocketAddr::new(*bind, 0)).map_err(|source| StartError::RelayAddress {
            address: *bind,
            source,
        })?;
        *binds.of_mut(Family::of(*bind)) = Some(*bind);
    }
    Ok(binds)
}

fn check(config: &RelayConfig) -> Result<(), StartError> {
    if config.listen.is_empty() {
        return Err(StartError::NoListener);
    }
    let family_of = |relay: &RelayAddress| Family::of(relay.advertise);
    let is_sound = match config.relays.as_slice() {
        [_] => true,
        [one, other] => family_of(one) != family_of(other),
        _ => false,
    };
    let agrees = |relay: &RelayAddress| Family::of(relay.bind) == family_of(relay);
    if !is_sound || !config.relays.iter().all(agrees) {
        return Err(StartError::RelayFamilies);
    }
    if config.realm.len() > MAX_TEXT {
        return Err(StartError::RealmTooLong {
            length: config.realm.len(),
        });
    }
    let usable = |port: u16| port != 0 && !config.excluded_ports.contains(&port);
    if !config.ports.clone().any(usable) {
        return Err(StartError::NoPorts {
            min: *config.ports.start(),
            max: *config.ports.end(),
        });
    }
    Ok(())
}

/// The key of the nonces, and chance.
fn entropy() -> Result<([u8; 32], Random), StartError> {
    let source = SystemRandom::new();
    let mut nonce_key = [0; 32];
    source
        .fill(&mut nonce_key)
        .map_err(|_| StartError::Crypto("the kernel gives no random bytes".to_owned()))?;
    let random = move || {
        let mut bytes = [0; 8];
        // Once the kernel has given random bytes it does not stop to.
        source
            .fill(&mut bytes)
            .map_or(0, |()| u64::from_ne_bytes(bytes))
    };
    Ok((nonce_key, Box::new(random)))
}
