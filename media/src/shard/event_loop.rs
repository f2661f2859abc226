#![expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it looks at the clock so that the core need not"
)]
//! One turn: wait, read a batch from each ready socket, ask the core about
//! each datagram, do what it says, send. Level-triggered, and each socket has
//! one batch per turn, so nobody starves.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::commands::{Command, Commands};
use super::socket::{self, Batch};
use crate::counters::{Counters, Metric};
use crate::turn::server::{Effect, Forward, RelayFailure, Server};
use crate::turn::{ClientId, PeerAddr, RelayPort};

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
            Self::Relay(RelayPort(port)) => 2 << 16 | u64::from(port),
        })
    }

    fn unpack(data: epoll::EventData) -> Option<Self> {
        let low = u16::try_from(data.u64() & 0xFFFF).ok()?;
        match data.u64() >> 16 {
            0 => Some(Self::Commands),
            1 => Some(Self::Listener(low)),
            2 => Some(Self::Relay(RelayPort(low))),
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
    relay_bind: Ipv4Addr,
    commands: Commands,
    counters: Arc<Counters>,
    batch: Batch,
    outgoing: Vec<Outgoing>,
}

impl EventLoop {
    pub(super) fn new(
        server: Server,
        listeners: Vec<OwnedFd>,
        relay_bind: Ipv4Addr,
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
            relay_bind,
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
                Command::Revoke(whom) => {
                    self.server.handle_revoke(whom, now, unix());
                    self.carry_out(now);
                }
                Command::Stop => return true,
            }
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
            if let Some(forward) = self.server.handle_client(client, packet, now, unix) {
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
            if let Some(forward) = self
                .server
                .handle_peer(port, PeerAddr(address), packet, now)
            {
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
            tracing::debug!(port = port.0, %error, "relay socket did not open");
            if error.kind() == io::ErrorKind::AddrInUse {
                RelayFailure::PortTaken
            } else {
                RelayFailure::Other
            }
        };
        let socket = socket::relay(SocketAddrV4::new(self.relay_bind, port.0)).map_err(failed)?;
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
            let (socket, to): (Option<&OwnedFd>, SocketAddr) = match forward {
                Forward::ToPeer(port, PeerAddr(peer)) => (self.relays.get(&port), peer),
                Forward::ToClient(ClientId { listener, address }) => {
                    (self.listeners.get(usize::from(listener)), address)
                }
            };
            match socket {
                Some(socket) => socket::send(socket, to, packet.datagram(), &self.counters),
                None => self.counters.count(Metric::DroppedSendFailed),
            }
        }
    }

    fn send_to_client(&self, client: &ClientId, bytes: &[u8]) {
        if let Some(socket) = self.listeners.get(usize::from(client.listener)) {
            socket::send(socket, client.address, bytes, &self.counters);
        }
    }
}

/// The wall clock in seconds since 1970.
fn unix() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
