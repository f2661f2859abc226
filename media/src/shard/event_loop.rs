#![expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it looks at the clock so that the core need not"
)]
//! One turn: wait, read a batch from each ready socket, ask the core about
//! each datagram, do what it says, send. Level-triggered, and each socket has
//! one batch per turn, so nobody starves.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::commands::{Command, Commands};
use super::socket::{self, Batch};
use crate::counters::{Counters, Metric};
use crate::turn::server::{Effect, Forward, RelayFailure, Server};
use crate::turn::{ClientId, Family, PeerAddr, PerFamily, RelayPort};

/// Sockets that are served in one turn.
const EVENTS: usize = 256;

/// How long to pause when waiting itself fails, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(10);

/// What an event is about, as epoll carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Commands,
    Listener(u16),
    Relay(RelayPort),
}

impl Token {
    fn pack(self) -> epoll::EventData {
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
        })
    }

    fn unpack(data: epoll::EventData) -> Option<Self> {
        let low = u16::try_from(data.u64() & 0xFFFF).ok()?;
        match data.u64() >> 16 {
            0 => Some(Self::Commands),
            1 => Some(Self::Listener(low)),
            2 => Some(Self::Relay(RelayPort::v4(low))),
            3 => Some(Self::Relay(RelayPort::v6(low))),
            _ => None,
        }
    }
}

/// A datagram in a slot that is to be sent.
struct Outgoing {
    slot: usize,
    forward: Forward,
}

/// A shard: its core, its sockets, its buffers.
pub(super) struct EventLoop {
    server: Server,
    epoll: OwnedFd,
    listeners: Vec<OwnedFd>,
    relays: HashMap<RelayPort, OwnedFd>,
    binds: PerFamily<Option<IpAddr>>,
    commands: Commands,
    counters: Arc<Counters>,
    batch: Batch,
    outgoing: Vec<Outgoing>,
}

impl EventLoop {
    pub(super) fn new(
        server: Server,
        listeners: Vec<OwnedFd>,
        binds: PerFamily<Option<IpAddr>>,
        counters: Arc<Counters>,
        commands: Commands,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            commands.wake(),
            Token::Commands.pack(),
            epoll::EventFlags::IN,
        )?;
        for (index, listener) in (0..).zip(&listeners) {
            epoll::add(
                &epoll,
                listener,
                Token::Listener(index).pack(),
                epoll::EventFlags::IN,
            )?;
        }
        Ok(Self {
            server,
            epoll,
            listeners,
            relays: HashMap::new(),
            binds,
            commands,
            counters,
            batch: Batch::new(),
            outgoing: Vec::with_capacity(socket::BATCH),
        })
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            events.clear();
            let timeout = self.timeout(Instant::now());
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "waiting for sockets failed");
                    std::thread::sleep(PAUSE);
                }
            }
            let now = Instant::now();
            // Commands first: who is told of a revocation and then hears of the
            // client must not find it still served.
            let commanded = |event: &epoll::Event| {
                let data = event.data;
                Token::unpack(data) == Some(Token::Commands)
            };
            if events.iter().any(commanded) && self.obey(now) {
                return;
            }
            for event in &events {
                match Token::unpack(event.data) {
                    Some(Token::Listener(index)) => self.serve_clients(index, now),
                    Some(Token::Relay(port)) => self.serve_peers(port, now),
                    Some(Token::Commands) | None => {}
                }
            }
            self.server.handle_timeout(now);
            self.carry_out(now);
        }
    }

    fn timeout(&self, now: Instant) -> Option<Timespec> {
        let wait = self.server.poll_timeout()?.saturating_duration_since(now);
        Timespec::try_from(wait).ok()
    }

    /// Does what the commands say; `true` means stop.
    fn obey(&mut self, now: Instant) -> bool {
        self.commands.clear();
        while let Some(command) = self.commands.next() {
            match command {
                Command::Revoke(whom) => self.server.handle_revoke(whom, now, unix()),
                Command::AddStatic(name, key) => self.server.handle_add_static(name, key, now),
                Command::RemoveStatic(name) => self.server.handle_remove_static(&name, now),
                Command::Kick(whom, reply) => reply(self.server.handle_kick(&whom, now)),
                Command::List(reply) => reply(self.server.allocations(now)),
                Command::Drain => self.server.handle_drain(),
                Command::Stop => return true,
            }
            self.carry_out(now);
        }
        false
    }

    fn serve_clients(&mut self, listener: u16, now: Instant) {
        let Some(socket) = self.listeners.get(usize::from(listener)) else {
            return;
        };
        self.batch.receive(socket, &self.counters);
        let unix = unix();
        for nth in 0..self.batch.received.len() {
            let Some(&(slot, address)) = self.batch.received.get(nth) else {
                continue;
            };
            let Some(packet) = self.batch.slot(slot) else {
                continue;
            };
            let client = ClientId { listener, address };
            let forward = guarded(&self.counters, || {
                self.server.handle_client(client, packet, now, unix)
            });
            if let Some(forward) = forward {
                self.outgoing.push(Outgoing { slot, forward });
            }
            self.carry_out(now);
        }
        self.send_outgoing();
    }

    fn serve_peers(&mut self, port: RelayPort, now: Instant) {
        // A socket that was closed earlier in this turn is not there any more.
        let Some(socket) = self.relays.get(&port) else {
            return;
        };
        self.batch.receive(socket, &self.counters);
        for nth in 0..self.batch.received.len() {
            let Some(&(slot, address)) = self.batch.received.get(nth) else {
                continue;
            };
            let Some(packet) = self.batch.slot(slot) else {
                continue;
            };
            let forward = guarded(&self.counters, || {
                self.server
                    .handle_peer(port, PeerAddr(address), packet, now)
            });
            if let Some(forward) = forward {
                self.outgoing.push(Outgoing { slot, forward });
            }
            self.carry_out(now);
        }
        self.send_outgoing();
    }

    /// Does what the core wants done, until it wants nothing more.
    fn carry_out(&mut self, now: Instant) {
        while let Some(effect) = self.server.poll_effect() {
            match effect {
                Effect::Answer { client, bytes } => self.send_to_client(&client, &bytes),
                Effect::OpenRelay(port) => match self.open_relay(port) {
                    Ok(()) => self.server.handle_relay_opened(port, now),
                    Err(failure) => self.server.handle_relay_failed(port, failure, now),
                },
                Effect::CloseRelay(port) => {
                    // What came before the end goes out before it.
                    self.send_outgoing();
                    self.relays.remove(&port);
                }
            }
        }
    }

    fn open_relay(&mut self, port: RelayPort) -> Result<(), RelayFailure> {
        let failed = |error: io::Error| {
            tracing::debug!(port = port.port, %error, "relay socket did not open");
            if error.kind() == io::ErrorKind::AddrInUse {
                RelayFailure::PortTaken
            } else {
                RelayFailure::Other
            }
        };
        let bind = self.binds.of(port.family).ok_or(RelayFailure::Other)?;
        let socket = socket::relay(SocketAddr::new(bind, port.port)).map_err(failed)?;
        epoll::add(
            &self.epoll,
            &socket,
            Token::Relay(port).pack(),
            epoll::EventFlags::IN,
        )
        .map_err(|errno| failed(errno.into()))?;
        self.relays.insert(port, socket);
        Ok(())
    }

    /// Sends what was read and may pass, in the order it was read.
    fn send_outgoing(&mut self) {
        for Outgoing { slot, forward } in self.outgoing.drain(..) {
            let Some(packet) = self.batch.slot(slot) else {
                continue;
            };
            let bytes = packet.datagram();
            let counters = &self.counters;
            let (socket, to, is_whole) = match forward {
                Forward::ToPeer(port, PeerAddr(peer)) => (self.relays.get(&port), peer, false),
                Forward::ToPeerWhole(port, PeerAddr(peer)) => (self.relays.get(&port), peer, true),
                Forward::ToClient(ClientId { listener, address }) => {
                    let listener = self.listeners.get(usize::from(listener));
                    (listener, address, false)
                }
            };
            match socket {
                Some(socket) if is_whole => socket::send_whole(socket, to, bytes, counters),
                Some(socket) => socket::send(socket, to, bytes, counters),
                None => counters.count(Metric::DroppedSendFailed),
            }
        }
    }

    fn send_to_client(&self, client: &ClientId, bytes: &[u8]) {
        if let Some(socket) = self.listeners.get(usize::from(client.listener)) {
            socket::send(socket, client.address, bytes, &self.counters);
        }
    }
}

/// Asks the core about one datagram. Should that panic, the datagram is lost
/// and counted, and everybody else's go on.
fn guarded<T>(counters: &Counters, ask: impl FnOnce() -> Option<T>) -> Option<T> {
    // The core changes its tables with calls that each leave them whole; what
    // a panic may leave behind is one allocation that ends by its timer.
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| {
        counters.count(Metric::Panics);
        None
    })
}

/// The wall clock in seconds since 1970.
fn unix() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_datagram_and_is_counted() {
        let counters = Counters::new();
        let broken = guarded(&counters, || -> Option<u8> { panic!("on purpose") });
        assert_eq!(broken, None);
        assert_eq!(guarded(&counters, || Some(7)), Some(7));
        assert_eq!(counters.value(Metric::Panics), 1);
    }

    #[test]
    fn every_token_is_read_as_it_was_written() {
        for token in [
            Token::Commands,
            Token::Listener(3),
            Token::Relay(RelayPort::v4(65_535)),
            Token::Relay(RelayPort::v6(49_152)),
        ] {
            assert_eq!(Token::unpack(token.pack()), Some(token));
        }
    }
}
