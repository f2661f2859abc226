#![expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it looks at the clock so that the core need not"
)]
//! The thread that runs a relay: it owns the sockets and the clock, asks the
//! core, and does what that says. Nothing here decides.

mod appetite;
mod arrivals;
mod commands;
mod crowd;
mod datagrams;
mod event_loop;
mod handle_rooms;
mod link;
mod outbox;
mod pace;
mod socket;
mod sockets;
mod streams;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use ring::rand::{SecureRandom, SystemRandom};

use crate::config::{RelayAddress, RelayConfig};
use crate::counters::Counters;
use crate::sfu::server::Limits;
use crate::tls::TlsIdentity;
use crate::turn::auth::{MAX_TEXT, Revoked};
use crate::turn::codec::Crypto;
use crate::turn::operate::{AllocationInfo, Kick};
use crate::turn::server::{Entropy, Server};
use crate::turn::{Family, Key, PerFamily};
use appetite::Appetite;
use commands::{Command, Commander};
use event_loop::{EventLoop, Voice};
use sockets::{Sockets, UdpListener};
use streams::{Listener, Streams};

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
    #[error("cannot start the relay's thread: {0}")]
    Thread(#[source] io::Error),
}

/// A running relay. Dropping it ends it, as [`Self::stop`] does.
pub struct RelayHandle {
    local_addresses: Vec<SocketAddr>,
    tcp_addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    room_addresses: Vec<SocketAddr>,
    counters: Arc<Counters>,
    commander: Commander,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for RelayHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayHandle")
            .field("local_addresses", &self.local_addresses)
            .finish_non_exhaustive()
    }
}

impl RelayHandle {
    /// The addresses that are listened on, in the order of
    /// [`RelayConfig::listen`], with the ports the kernel gave for 0.
    #[must_use]
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.local_addresses
    }

    /// The same over TCP, in the order of [`RelayConfig::listen_tcp`].
    #[must_use]
    pub fn tcp_addresses(&self) -> &[SocketAddr] {
        &self.tcp_addresses
    }

    /// The same over TLS, in the order of [`RelayConfig::listen_tls`].
    #[must_use]
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// From now on shows this to those who come over TLS; connections that are
    /// there go on. Does not wait.
    pub fn show(&self, identity: TlsIdentity) {
        self.commander.send(Command::Show(identity));
    }

    /// Takes a TCP connection that was accepted elsewhere and on which TLS has
    /// begun; `read` is what was read of it. It is closed if there is no
    /// identity to show, or if there are too many. Does not wait.
    pub fn adopt_tls(&self, socket: OwnedFd, read: Vec<u8>) {
        self.commander.send(Command::Adopt(socket, read));
    }

    /// Ends what this session has allocated, and refuses its credentials from
    /// now on. Does not wait; it is done within a few milliseconds.
    pub fn revoke_session(&self, user: i64, session: i64) {
        self.commander
            .send(Command::Revoke(Revoked::Session(user, session)));
    }

    /// Ends what all sessions of this person have allocated, and refuses the
    /// credentials made so far. One made later, with the full
    /// [`RelayConfig::max_credential_lifetime`], is good. Does not wait.
    pub fn revoke_user(&self, user: i64) {
        self.commander.send(Command::Revoke(Revoked::User(user)));
    }

    /// Lets a static pair in from now on (see [`crate::long_term_key`]), or
    /// gives the one of that name another key: what was allocated with the old
    /// one ends. Does not wait.
    pub fn add_static(&self, name: String, key: Key) {
        self.commander.send(Command::AddStatic(name, key));
    }

    /// Shuts a static pair out and ends its allocations. Does not wait.
    pub fn remove_static(&self, name: String) {
        self.commander.send(Command::RemoveStatic(name));
    }

    /// Ends allocations without taking their credentials back; `reply` is told
    /// how many, on the relay's thread, so it must not block. It is dropped
    /// uncalled if the relay ends first.
    pub fn kick(&self, whom: Kick, reply: impl FnOnce(usize) + Send + 'static) {
        self.commander.send(Command::Kick(whom, Box::new(reply)));
    }

    /// Asks which allocations there are; `reply` is told as in [`Self::kick`].
    pub fn allocations(&self, reply: impl FnOnce(Vec<AllocationInfo>) + Send + 'static) {
        self.commander.send(Command::List(Box::new(reply)));
    }

    /// From now on refuses new allocations (508) and keeps those that live;
    /// the gauge `turn_allocations` tells when none is left. Does not wait.
    pub fn drain(&self) {
        self.commander.send(Command::Drain);
    }

    /// What this relay has counted.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Ends the relay and waits for its thread. Its sockets are closed then.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.commander.send(Command::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the relay's thread had panicked");
        }
    }
}

/// Binds all sockets of a relay and starts its thread.
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
    let mut listeners = Vec::new();
    let mut local_addresses = Vec::new();
    for address in &config.listen {
        let listener = socket::listener(*address).map_err(cannot_listen("udp", *address))?;
        let (socket, address) = listener;
        listeners.push(UdpListener {
            socket,
            address,
            appetite: Appetite::default(),
        });
        local_addresses.push(address);
    }
    let streams = StreamListeners::open(&config)?;
    let mut binds = PerFamily::default();
    for RelayAddress { bind, .. } in &config.relays {
        socket::relay(SocketAddr::new(*bind, 0)).map_err(|source| StartError::RelayAddress {
            address: *bind,
            source,
        })?;
        *binds.of_mut(Family::of(*bind)) = Some(*bind);
    }
    let counters = Arc::new(Counters::new());
    let listen_ports: Vec<u16> = local_addresses.iter().map(SocketAddr::port).collect();
    let crypto = Crypto::new().map_err(|error| StartError::Crypto(error.to_string()))?;
    let mut server = Server::new(
        &config,
        &listen_ports,
        crypto,
        entropy()?,
        Arc::clone(&counters),
        Instant::now(),
    );
    for (whom, until) in revoked {
        server.handle_refuse(*whom, *until);
    }
    let (commander, commands) = commands::channel().map_err(StartError::Thread)?;
    let mut sockets =
        Sockets::new(listeners, binds, commands.wake()).map_err(StartError::Thread)?;
    let (room_addresses, voice) = open_rooms(&config, &mut sockets, &mut server, &counters)?;
    let connections = Streams::new(
        sockets.epoll(),
        Arc::clone(&counters),
        crowd::Limits {
            all: config.max_streams,
            per_network: config.max_streams_per_network,
        },
        config.stream_listeners(),
        streams.listeners,
        config.tls.clone(),
    )
    .map_err(StartError::Thread)?;
    let (counted, plane) = (Arc::clone(&counters), config.plane);
    let thread = thread::Builder::new()
        .name("relay-0".to_owned())
        .spawn(move || {
            EventLoop::new(
                server,
                sockets,
                connections,
                voice,
                commands,
                counted,
                plane,
            )
            .run();
        })
        .map_err(StartError::Thread)?;
    Ok(RelayHandle {
        local_addresses,
        tcp_addresses: streams.tcp_addresses,
        tls_addresses: streams.tls_addresses,
        room_addresses,
        counters,
        commander,
        thread: Some(thread),
    })
}

/// Binds the voice rooms' own sockets, if there are rooms.
fn open_rooms(
    config: &RelayConfig,
    sockets: &mut Sockets,
    server: &mut Server,
    counters: &Arc<Counters>,
) -> Result<(Vec<SocketAddr>, Option<Voice>), StartError> {
    let Some(rooms) = config.rooms else {
        return Ok((Vec::new(), None));
    };
    let mut addresses = Vec::new();
    for RelayAddress { bind, advertise } in &config.relays {
        let bind = SocketAddr::new(*bind, rooms.port);
        let (socket, bound) = socket::rooms(bind).map_err(cannot_listen("udp", bind))?;
        let family = Family::of(*advertise);
        sockets
            .add_rooms(family, socket)
            .map_err(|errno| StartError::Thread(errno.into()))?;
        addresses.push(SocketAddr::new(*advertise, bound.port()));
    }
    let limits = Limits {
        room: rooms.max_per_room,
        all: rooms.max_participants,
        half_open_room: HALF_OPEN_ROOM,
        half_open: HALF_OPEN,
    };
    server.open_rooms(addresses.clone(), true);
    let counters = Arc::clone(counters);
    let voice = Voice::new(addresses.clone(), limits, counters, Instant::now());
    Ok((addresses, Some(voice.map_err(StartError::Rooms)?)))
}

fn cannot_listen(
    protocol: &'static str,
    address: SocketAddr,
) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Listen {
        protocol,
        address,
        source,
    }
}

/// What clients connect to, and the addresses they got.
struct StreamListeners {
    listeners: Vec<Listener>,
    tcp_addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
}

impl StreamListeners {
    fn open(config: &RelayConfig) -> Result<Self, StartError> {
        let mut open = Self {
            listeners: Vec::new(),
            tcp_addresses: Vec::new(),
            tls_addresses: Vec::new(),
        };
        let tcp = config.listen_tcp.iter().map(|address| (*address, false));
        let tls = config.listen_tls.iter().map(|address| (*address, true));
        for (number, (address, is_tls)) in config.stream_listeners().zip(tcp.chain(tls)) {
            let (socket, local) = link::listen(address).map_err(cannot_listen("tcp", address))?;
            open.listeners.push(Listener {
                socket,
                number,
                is_tls,
            });
            if is_tls {
                open.tls_addresses.push(local);
            } else {
                open.tcp_addresses.push(local);
            }
        }
        Ok(open)
    }
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

fn entropy() -> Result<Entropy, StartError> {
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
    Ok(Entropy {
        nonce_key,
        random: Box::new(random),
    })
}
