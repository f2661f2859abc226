#![expect(
    clippy::disallowed_methods,
    reason = "this is the shell: it looks at the clock so that the core need not"
)]
//! One turn: wait, read a batch from each ready socket, ask the core about
//! each datagram, do what it says, and at the end send it all.
//! Level-triggered, and each socket has one batch per turn, so nobody starves.

mod rooms;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::Timespec;

use super::arrivals;
use super::commands::{Command, Commands};
use super::datagrams::{BATCH, Io, Outgoing, Slots};
use super::exchange::Exchange;
use super::outbox::{Exit, Outbox};
use super::pace::{self, Pace};
use super::sockets::{Sockets, Token};
use super::streams::{StreamId, Streams};
use crate::config::Plane;
use crate::counters::{Counters, Metric};
use crate::turn::packet::Packet;
use crate::turn::server::{Crossing, Effect, Forward, RelayFailure, Server};
use crate::turn::{ClientId, PeerAddr, RelayPort, Shard};
pub(super) use rooms::Voice;

/// Sockets that are served in one turn.
const EVENTS: usize = 256;

/// Datagrams taken from one relay socket in one turn: there is one, mostly.
const PEER_BATCH: usize = 8;

/// Bytes read from one connection in one turn.
const STREAM_BATCH: usize = 16 * 1024;

/// Datagrams taken in one turn from a listener that asks where each arrived.
const ARRIVALS: usize = 16;

/// How long to pause when waiting itself fails, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(10);

/// A shard: its core, its sockets, its buffers.
pub(super) struct EventLoop {
    server: Server,
    sockets: Sockets,
    commands: Commands,
    counters: Arc<Counters>,
    io: Io,
    slots: Slots,
    outbox: Outbox,
    streams: Streams,
    exchange: Exchange,
    voice: Option<Voice>,
    /// Where bytes of connections are read to.
    read: Vec<u8>,
    pace: Pace,
    /// Counts the turns.
    turn: u64,
    /// Datagrams and reads from streams in this turn.
    work: usize,
}

impl EventLoop {
    pub(super) fn new(
        server: Server,
        sockets: Sockets,
        streams: Streams,
        voice: Option<Voice>,
        (commands, exchange): (Commands, Exchange),
        counters: Arc<Counters>,
        plane: Plane,
    ) -> Self {
        Self {
            server,
            sockets,
            commands,
            counters,
            io: Io::new(plane.calls),
            slots: Slots::new(),
            outbox: Outbox::new(),
            streams,
            exchange,
            voice,
            read: vec![0; STREAM_BATCH],
            pace: Pace::new(plane.coalesce, Instant::now()),
            turn: 0,
            work: 0,
        }
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        pace::be_punctual();
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let timeout = self.timeout(Instant::now());
            if let Err(error) = self.sockets.wait(&mut events, timeout.as_ref()) {
                tracing::error!(%error, "waiting for sockets failed");
                std::thread::sleep(PAUSE);
            }
            self.exchange.get_up();
            let now = Instant::now();
            self.turn = self.turn.wrapping_add(1);
            self.streams.begin_turn();
            if let Some(voice) = &mut self.voice {
                voice.begin_turn(now);
            }
            // Commands first: who is told of a revocation and then hears of the
            // client must not find it still served.
            let commanded = |event| Token::of(event) == Some(Token::Commands);
            if events.iter().any(commanded) && self.obey(now) {
                return;
            }
            for event in &events {
                match Token::of(event) {
                    Some(Token::Listener(index)) => self.serve_clients(index, now),
                    Some(Token::Relay(port)) => self.serve_peers(port, now),
                    Some(Token::StreamListener(index)) => self.streams.accept(index, now),
                    Some(Token::Stream(id)) => self.serve_stream(id, now),
                    Some(Token::Rooms(family)) => self.serve_rooms(family, now),
                    Some(Token::Commands) | None => {}
                }
            }
            self.serve_shards(now);
            self.server.handle_timeout(now);
            let server = &self.server;
            self.streams
                .handle_timeout(now, |client| server.holds_allocation(client));
            self.carry_out(now);
            let sent = self.settle_rooms(now);
            self.streams.flush(now);
            self.take_leave(now);
            self.end_turn();
            self.exchange.ring();
            self.counters.delayed(sent, now.elapsed());
            self.gather(now);
        }
    }

    /// Lets datagrams gather, if there are many.
    fn gather(&mut self, began: Instant) {
        let work = std::mem::take(&mut self.work);
        if let Some(pause) = self.pace.pause(work, began, Instant::now()) {
            std::thread::sleep(pause);
        }
    }

    fn timeout(&self, now: Instant) -> Option<Timespec> {
        if !self.exchange.may_sleep() {
            return Some(Timespec::default());
        }
        let timers = [
            self.server.poll_timeout(),
            self.streams.poll_timeout(),
            self.voice.as_ref().and_then(Voice::poll_timeout),
        ];
        let next = timers.into_iter().flatten().min()?;
        Timespec::try_from(next.saturating_duration_since(now)).ok()
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
                Command::Show(identity) => self.streams.show(identity),
                Command::Adopt(socket, read) => {
                    if let Some(id) = self.streams.adopt(socket, read, now) {
                        self.serve_stream(id, now);
                    }
                }
                Command::Look => self.sockets.look(),
                Command::Room(command) => self.obey_rooms(command, now),
                Command::Drain => self.server.handle_drain(),
                Command::Stop => return true,
            }
            self.carry_out(now);
        }
        false
    }

    /// Receives from the socket of `exit`, if it is open; says how many
    /// datagrams, `batch` at most.
    fn receive(&mut self, exit: Exit, batch: usize) -> usize {
        // Each may have to be answered.
        if self.slots.left() < 2 * batch {
            self.end_turn();
        }
        // A socket that was closed earlier in this turn is not there any more.
        let Some((socket, family, appetite)) = self.sockets.source(exit) else {
            return 0;
        };
        let asked = appetite.ask(self.turn, batch);
        let (slots, counters) = (&mut self.slots, &self.counters);
        self.io.receive((socket, family), asked, slots, counters);
        let received = self.slots.received.len();
        appetite.learn(asked, received);
        self.work += received;
        received
    }

    fn serve_clients(&mut self, listener: u16, now: Instant) {
        if self.sockets.hears_all(listener) {
            return self.serve_arrivals(listener, now);
        }
        let received = self.receive(Exit::Client(listener), BATCH);
        let unix = unix();
        for nth in 0..received {
            let Some(&(slot, address)) = self.slots.received.get(nth) else {
                continue;
            };
            self.serve_client(slot, ClientId { listener, address }, now, unix);
        }
    }

    /// Serves those who came to an address that had no listener of its own.
    fn serve_arrivals(&mut self, all: u16, now: Instant) {
        let unix = unix();
        for _ in 0..ARRIVALS {
            if self.slots.left() < 2 {
                self.end_turn();
            }
            let Some((socket, _)) = self.sockets.find(Exit::Client(all)) else {
                return;
            };
            let arrived = arrivals::receive(socket, &mut self.slots, &self.counters);
            let Some(at) = arrived else {
                return;
            };
            self.work += 1;
            let Some(&(slot, address)) = self.slots.received.first() else {
                continue;
            };
            let listener = at.map_or(all, |at| self.sockets.listener_at(all, at));
            self.serve_client(slot, ClientId { listener, address }, now, unix);
        }
    }

    fn serve_client(&mut self, slot: usize, client: ClientId, now: Instant, unix: u64) {
        let Some(packet) = self.slots.packet_mut(slot) else {
            return;
        };
        let forward = guarded(&self.counters, || {
            self.server.handle_client(client, packet, now, unix)
        });
        self.pass_on(slot, forward);
        self.carry_out(now);
    }

    fn serve_peers(&mut self, port: RelayPort, now: Instant) {
        let received = self.receive(Exit::Peer(port), PEER_BATCH);
        for nth in 0..received {
            let Some(&(slot, address)) = self.slots.received.get(nth) else {
                continue;
            };
            let Some(packet) = self.slots.packet_mut(slot) else {
                continue;
            };
            let forward = guarded(&self.counters, || {
                self.server
                    .handle_peer(port, PeerAddr(address), packet, now)
            });
            self.pass_on(slot, forward);
            self.carry_out(now);
        }
    }

    /// Reads from a connection, once.
    fn serve_stream(&mut self, id: StreamId, now: Instant) {
        self.work += 1;
        let mut buffer = std::mem::take(&mut self.read);
        let mut received = self.streams.receive(id, &mut buffer);
        while let Some(length) = received {
            let input = buffer.get(..length).unwrap_or_default();
            self.take_messages(id, input, now);
            received = self.streams.more(id, &mut buffer);
        }
        self.read = buffer;
        self.take_leave(now);
    }

    /// Asks the core about every message that is whole now.
    fn take_messages(&mut self, id: StreamId, mut input: &[u8], now: Instant) {
        let Some(client) = self.streams.client(id) else {
            return;
        };
        let unix = unix();
        loop {
            // One for the message, one for an answer to somebody else.
            if self.slots.left() < 2 {
                self.end_turn();
            }
            let Some((slot, packet)) = self.slots.spare() else {
                return;
            };
            if !self.streams.next_message(id, &mut input, packet) {
                return;
            }
            let forward = guarded(&self.counters, || {
                self.server.handle_client(client, packet, now, unix)
            });
            if forward.is_some() {
                self.slots.keep();
            }
            self.pass_on(slot, forward);
            self.carry_out(now);
        }
    }

    /// Takes what other shards hand over.
    fn serve_shards(&mut self, now: Instant) {
        for _ in 0..BATCH {
            // One for the payload, one for an answer to somebody else.
            if self.slots.left() < 2 {
                self.end_turn();
            }
            let Some((slot, packet)) = self.slots.spare() else {
                return;
            };
            let Some(crossing) = self.exchange.next(packet) else {
                return;
            };
            self.work += 1;
            let forward = guarded(&self.counters, || {
                self.server.handle_crossing(crossing, packet, now)
            });
            if forward.is_some() {
                self.slots.keep();
            }
            self.pass_on(slot, forward);
            self.carry_out(now);
        }
    }

    /// Tells the core of the connections that have ended.
    fn take_leave(&mut self, now: Instant) {
        while let Some(client) = self.streams.gone() {
            self.server.handle_client_gone(&client, now);
            self.carry_out(now);
        }
    }

    /// Has a datagram sent where the core says.
    fn pass_on(&mut self, slot: usize, forward: Option<Forward>) {
        let Some(forward) = forward else {
            return;
        };
        if let Forward::ToClient(client) = forward
            && self.streams.carries(&client)
        {
            let packet = self.slots.packet(slot);
            let bytes = packet.map(Packet::datagram).unwrap_or_default();
            return self.streams.send_data(&client, bytes);
        }
        let (exit, to, whole) = match forward {
            Forward::ToRooms(from) => return self.enter_rooms(slot, from),
            Forward::ToPeer(port, PeerAddr(peer)) => (Exit::Peer(port), peer, false),
            Forward::ToPeerWhole(port, PeerAddr(peer)) => (Exit::Peer(port), peer, true),
            Forward::ToClient(client) => (Exit::Client(client.listener), client.address, false),
            Forward::ToShard(shard, crossing) => return self.hand_over(slot, shard, crossing),
        };
        self.outbox.put(exit, Outgoing { slot, to }, whole);
    }

    fn hand_over(&mut self, slot: usize, shard: Shard, crossing: Crossing) {
        let packet = self.slots.packet(slot);
        let payload = packet.map(Packet::datagram).unwrap_or_default();
        let is_taken = self.exchange.put(shard, crossing, payload);
        self.counters.count(if is_taken {
            Metric::PacketsBetweenShards
        } else {
            Metric::DroppedHandover
        });
    }

    /// Does what the core wants done, until it wants nothing more.
    fn carry_out(&mut self, now: Instant) {
        while let Some(effect) = self.server.poll_effect() {
            match effect {
                Effect::Answer { client, bytes } => self.answer(client, &bytes),
                Effect::OpenRelay(port) => {
                    let opened = self.sockets.open_relay(port);
                    self.tell_opened(port, opened, now);
                }
                Effect::TakeRelay(port) => {
                    let taken = self.sockets.take_relay(port);
                    self.tell_opened(port, taken, now);
                }
                Effect::KeepRelay(port) => self.sockets.keep_relay(port),
                Effect::CloseRelay(port) => {
                    // What came before the end goes out before it.
                    self.flush();
                    self.sockets.close_relay(port);
                }
            }
        }
    }

    fn tell_opened(&mut self, port: RelayPort, opened: Result<(), RelayFailure>, now: Instant) {
        match opened {
            Ok(()) => self.server.handle_relay_opened(port, now),
            Err(failure) => self.server.handle_relay_failed(port, failure, now),
        }
    }

    /// Has an answer sent behind what that client is to get already.
    fn answer(&mut self, client: ClientId, bytes: &[u8]) {
        if self.streams.carries(&client) {
            return self.streams.send_answer(&client, bytes);
        }
        let Some(slot) = self.slots.hold(bytes) else {
            return self.counters.count(Metric::DroppedSendFailed);
        };
        self.pass_on(slot, Some(Forward::ToClient(client)));
    }

    /// Sends what waits to be sent.
    fn flush(&mut self) {
        let Self {
            sockets,
            counters,
            io,
            slots,
            outbox,
            ..
        } = self;
        outbox.flush(|exit| sockets.find(exit), io, slots, counters);
    }

    /// Sends what waits to be sent, and has room for new datagrams.
    fn end_turn(&mut self) {
        self.flush();
        self.slots.clear();
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
}
