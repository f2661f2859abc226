//! The sockets of a shard, and what epoll says of them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::addresses::{Addresses, MOST_ADDRESSES};
use super::appetite::Appetite;
use super::commands::{Command, Commander};
use super::outbox::Exit;
use super::socket;
use super::streams::StreamId;
use crate::turn::server::RelayFailure;
use crate::turn::{FIRST_OWN_LISTENER, Family, PerFamily, RelayPort, Shard};

/// What an event is about, as epoll carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Commands,
    Listener(u16),
    Relay(RelayPort),
    StreamListener(u16),
    Stream(StreamId),
    Rooms(Family),
}

impl Token {
    pub(super) fn pack(self) -> epoll::EventData {
        epoll::EventData::new_u64(match self {
            Self::Commands => 0,
            Self::Listener(index) => 1 << 16 | u64::from(index),
            Self::Relay(RelayPort {
                family: Family::V4,
                port,
            }) => 2 << 16 | u64::from(port),
            Self::Relay(RelayPort {
                family: Family::V6,
                port,
            }) => 3 << 16 | u64::from(port),
            Self::StreamListener(index) => 4 << 16 | u64::from(index),
            Self::Rooms(Family::V4) => 5 << 16,
            Self::Rooms(Family::V6) => 6 << 16,
            Self::Stream(id) => 1 << 32 | u64::from(id),
        })
    }

    fn unpack(data: epoll::EventData) -> Option<Self> {
        if data.u64() >> 32 == 1 {
            let id = StreamId::try_from(data.u64() & 0xFFFF_FFFF).ok()?;
            return Some(Self::Stream(id));
        }
        let low = u16::try_from(data.u64() & 0xFFFF).ok()?;
        match data.u64() >> 16 {
            0 => Some(Self::Commands),
            1 => Some(Self::Listener(low)),
            2 => Some(Self::Relay(RelayPort::v4(low))),
            3 => Some(Self::Relay(RelayPort::v6(low))),
            4 => Some(Self::StreamListener(low)),
            5 => Some(Self::Rooms(Family::V4)),
            6 => Some(Self::Rooms(Family::V6)),
            _ => None,
        }
    }

    /// What an event is about, if it is one of ours.
    pub(super) fn of(event: &epoll::Event) -> Option<Self> {
        let data = event.data;
        Self::unpack(data)
    }
}

/// Relay sockets that no shard reads from: of ports that are kept back.
pub(super) type Kept = Arc<Mutex<BTreeMap<RelayPort, OwnedFd>>>;

/// What a shard's sockets have to do with those of others.
pub(super) struct Others {
    /// Which shard this is.
    pub(super) own: Shard,
    /// Whom to tell of sockets that were opened for them.
    pub(super) told: Vec<Commander>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) kept: Kept,
}

/// See the module.
pub(super) struct Sockets {
    epoll: Arc<OwnedFd>,
    listeners: Vec<UdpListener>,
    /// Those at one address of ours each, from [`FIRST_OWN_LISTENER`] on.
    own_listeners: Vec<UdpListener>,
    /// Which listener has what arrives at an address of one for all addresses,
    /// as far as this shard knows.
    own: BTreeMap<(u16, SocketAddr), u16>,
    others: Others,
    relays: HashMap<RelayPort, Relay>,
    /// The voice rooms' own, one of each family at most.
    rooms: PerFamily<Option<Relay>>,
    binds: PerFamily<Option<IpAddr>>,
}

/// A socket that clients talk to.
pub(super) struct UdpListener {
    pub(super) socket: OwnedFd,
    /// Where it listens.
    pub(super) address: SocketAddr,
    pub(super) appetite: Appetite,
}

/// A socket that peers talk to.
struct Relay {
    socket: OwnedFd,
    appetite: Appetite,
}

impl Sockets {
    /// The sockets of a shard that has no allocation yet; `wake` is ready when
    /// there are commands.
    pub(super) fn new(
        listeners: Vec<UdpListener>,
        binds: PerFamily<Option<IpAddr>>,
        others: Others,
        wake: BorrowedFd<'_>,
    ) -> io::Result<Self> {
        let sockets = Self {
            epoll: Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?),
            listeners,
            own_listeners: Vec::new(),
            own: BTreeMap::new(),
            relays: HashMap::new(),
            others,
            rooms: PerFamily::default(),
            binds,
        };
        sockets.watch(wake, Token::Commands)?;
        for (index, listener) in (0..).zip(&sockets.listeners) {
            sockets.watch(listener.socket.as_fd(), Token::Listener(index))?;
        }
        Ok(sockets)
    }

    /// Where others have their sockets waited for.
    pub(super) fn epoll(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.epoll)
    }

    /// Has `token` told whenever there is something to read.
    fn watch(&self, socket: BorrowedFd<'_>, token: Token) -> Result<(), Errno> {
        epoll::add(&self.epoll, socket, token.pack(), epoll::EventFlags::IN)
    }

    /// Waits until something is ready; `events` says what.
    pub(super) fn wait(
        &self,
        events: &mut Vec<epoll::Event>,
        timeout: Option<&Timespec>,
    ) -> Result<(), Errno> {
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(events), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The socket that datagrams leave by, if it is open, and its family.
    pub(super) fn find(&self, exit: Exit) -> Option<(BorrowedFd<'_>, Family)> {
        match exit {
            Exit::Client(listener) => {
                let listener = self.listener(listener)?;
                let family = Family::of(listener.address.ip());
                Some((listener.socket.as_fd(), family))
            }
            Exit::Peer(port) => Some((self.relays.get(&port)?.socket.as_fd(), port.family)),
            Exit::Rooms(family) => {
                let rooms = self.rooms.of(family).as_ref()?;
                Some((rooms.socket.as_fd(), family))
            }
        }
    }

    /// The same, to receive from, and how many it is to be asked for.
    pub(super) fn source(&mut self, exit: Exit) -> Option<(BorrowedFd<'_>, Family, &mut Appetite)> {
        match exit {
            Exit::Client(index) => {
                let listener = match index.checked_sub(FIRST_OWN_LISTENER) {
                    Some(own) => self.own_listeners.get_mut(usize::from(own)),
                    None => self.listeners.get_mut(usize::from(index)),
                }?;
                let family = Family::of(listener.address.ip());
                Some((listener.socket.as_fd(), family, &mut listener.appetite))
            }
            Exit::Peer(port) => {
                let relay = self.relays.get_mut(&port)?;
                Some((relay.socket.as_fd(), port.family, &mut relay.appetite))
            }
            Exit::Rooms(family) => {
                let rooms = self.rooms.of_mut(family).as_mut()?;
                Some((rooms.socket.as_fd(), family, &mut rooms.appetite))
            }
        }
    }

    fn listener(&self, index: u16) -> Option<&UdpListener> {
        match index.checked_sub(FIRST_OWN_LISTENER) {
            Some(own) => self.own_listeners.get(usize::from(own)),
            None => self.listeners.get(usize::from(index)),
        }
    }

    /// Whether this listener hears what comes to any address of ours.
    pub(super) fn hears_all(&self, listener: u16) -> bool {
        let listener = self.listener(listener);
        listener.is_some_and(|listener| listener.address.ip().is_unspecified())
    }

    /// The listener for what arrived at `at` by the listener `all`: that
    /// address's own, or `all` itself where it can have none.
    pub(super) fn listener_at(&mut self, all: u16, at: SocketAddr) -> u16 {
        if let Some(own) = self.own.get(&(all, at)) {
            return *own;
        }
        let port = self.listener(all).map(|all| all.address.port());
        let mut whole = at;
        whole.set_port(port.unwrap_or_default());
        let (own, is_new) = self.others.addresses.listener_at(all, whole);
        if is_new {
            for other in &self.others.told {
                other.send(Command::Look);
            }
        }
        self.look();
        if self.own.len() < MOST_ADDRESSES {
            self.own.insert((all, at), own);
        }
        own
    }

    /// Comes for sockets that were opened for this shard.
    pub(super) fn look(&mut self) {
        let Others { own, addresses, .. } = &self.others;
        for (socket, address) in addresses.take(*own, self.own_listeners.len()) {
            let count = u16::try_from(self.own_listeners.len()).unwrap_or(u16::MAX);
            let token = Token::Listener(FIRST_OWN_LISTENER.saturating_add(count));
            if let Err(error) = self.watch(socket.as_fd(), token) {
                tracing::error!(%error, "a shard does not hear an address of ours");
            }
            self.own_listeners.push(UdpListener {
                socket,
                address,
                appetite: Appetite::default(),
            });
        }
    }

    pub(super) fn open_relay(&mut self, port: RelayPort) -> Result<(), RelayFailure> {
        let bind = self.binds.of(port.family).ok_or(RelayFailure::Other)?;
        let socket = socket::relay(SocketAddr::new(bind, port.port))
            .map_err(|error| not_opened(port, &error))?;
        self.add_relay(port, socket)
    }

    fn add_relay(&mut self, port: RelayPort, socket: OwnedFd) -> Result<(), RelayFailure> {
        self.watch(socket.as_fd(), Token::Relay(port))
            .map_err(|errno| not_opened(port, &errno.into()))?;
        let appetite = Appetite::default();
        self.relays.insert(port, Relay { socket, appetite });
        Ok(())
    }

    /// Leaves an open relay socket to whichever shard takes it.
    pub(super) fn keep_relay(&mut self, port: RelayPort) {
        let Some(Relay { socket, .. }) = self.relays.remove(&port) else {
            return;
        };
        // The kernel forgets a socket that is closed, and this one lives on.
        if let Err(error) = epoll::delete(&self.epoll, &socket) {
            tracing::error!(%error, "a relay socket is still waited for");
        }
        self.kept().insert(port, socket);
    }

    /// Takes one that was left.
    pub(super) fn take_relay(&mut self, port: RelayPort) -> Result<(), RelayFailure> {
        let socket = self.kept().remove(&port).ok_or(RelayFailure::Other)?;
        self.add_relay(port, socket)
    }

    /// Takes in a socket of the voice rooms.
    pub(super) fn add_rooms(&mut self, family: Family, socket: OwnedFd) -> Result<(), Errno> {
        self.watch(socket.as_fd(), Token::Rooms(family))?;
        let appetite = Appetite::default();
        *self.rooms.of_mut(family) = Some(Relay { socket, appetite });
        Ok(())
    }

    pub(super) fn close_relay(&mut self, port: RelayPort) {
        if self.relays.remove(&port).is_none() {
            self.kept().remove(&port);
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<RelayPort, OwnedFd>> {
        self.others
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_opened(port: RelayPort, error: &io::Error) -> RelayFailure {
    tracing::debug!(port = port.port, %error, "relay socket did not open");
    if error.kind() == io::ErrorKind::AddrInUse {
        RelayFailure::PortTaken
    } else {
        RelayFailure::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_read_as_it_was_written() {
        for token in [
            Token::Commands,
            Token::Listener(3),
            Token::Relay(RelayPort::v4(65_535)),
            Token::Relay(RelayPort::v6(49_152)),
            Token::StreamListener(0),
            Token::Stream(0),
            Token::Stream(u32::MAX),
            Token::Rooms(Family::V4),
            Token::Rooms(Family::V6),
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
    }
}
