//! Connections over TCP, with TLS or without: they are accepted, read from, written to and closed
//! here. What a message is, what waits and how long, says [`crate::stream`].

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};

use super::connection::{Stream, mark};
use super::crowd::Crowd;
use super::link::{self, Link, Received};
use super::listeners::Listener;
use super::sockets::Token;
use crate::counters::{Counters, Metric};
use crate::stream::inbox::{Broken, Inbox};
use crate::stream::life::{Ending, Life};
use crate::stream::outbox::Outbox;
use crate::tls::TlsIdentity;
use crate::turn::packet::Packet;
use crate::turn::{ClientId, FIRST_OWN_LISTENER};

/// Connections accepted on one listener before others have their turn.
const ACCEPTED: usize = 32;

/// Reads in one turn of those who still agree upon keys: a signature may take
/// a millisecond, and packets wait for it.
const HANDSHAKES: usize = 8;

/// How long nothing is accepted after the kernel had no file to give.
const RECOVERY: Duration = Duration::from_secs(1);

/// Names a connection, and never another one later.
pub(super) type StreamId = u32;

/// See the module.
pub(super) struct Streams {
    epoll: Arc<OwnedFd>,
    counters: Arc<Counters>,
    crowd: Arc<Mutex<Crowd>>,
    listeners: Vec<Listener>,
    /// The lowest [`ClientId::listener`] of ours.
    first: u16,
    /// That of those who were accepted elsewhere.
    adopted: u16,
    streams: HashMap<StreamId, Stream>,
    by_client: HashMap<ClientId, StreamId>,
    timers: BTreeSet<(Instant, StreamId)>,
    /// Those to which something is to be written.
    dirty: Vec<StreamId>,
    /// Clients whose connection ended and of whom the core is to hear.
    gone: Vec<ClientId>,
    accepts_again: Option<Instant>,
    next: StreamId,
    /// What is shown to those who come over TLS.
    tls: Option<TlsIdentity>,
    over_tls: usize,
    /// Those that have said nothing yet.
    silent: usize,
    /// How many of those who agree upon keys may still be read in this turn.
    handshakes: usize,
}

impl Streams {
    pub(super) fn new(
        epoll: Arc<OwnedFd>,
        counters: Arc<Counters>,
        crowd: Arc<Mutex<Crowd>>,
        numbers: Range<u16>,
        listeners: Vec<Listener>,
        tls: Option<TlsIdentity>,
    ) -> io::Result<Self> {
        for (index, listener) in (0..).zip(&listeners) {
            let token = Token::StreamListener(index).pack();
            epoll::add(&epoll, &listener.socket, token, EventFlags::IN)?;
        }
        Ok(Self {
            epoll,
            counters,
            crowd,
            listeners,
            first: numbers.start,
            adopted: numbers.end,
            streams: HashMap::new(),
            by_client: HashMap::new(),
            timers: BTreeSet::new(),
            dirty: Vec::new(),
            gone: Vec::new(),
            accepts_again: None,
            next: 0,
            tls,
            over_tls: 0,
            silent: 0,
            handshakes: HANDSHAKES,
        })
    }

    /// Takes in the connections that wait at a listener.
    pub(super) fn accept(&mut self, listener: u16, now: Instant) {
        for _ in 0..ACCEPTED {
            let Some(listener) = self.listeners.get(usize::from(listener)) else {
                return;
            };
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match acceptfrom_with(&listener.socket, flags) {
                Ok((socket, from)) => {
                    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                    let (number, is_tls) = (listener.number, listener.is_tls);
                    if let Some(address) = from {
                        let client = ClientId {
                            listener: number,
                            address,
                        };
                        self.take_in(socket, client, is_tls.then(Vec::new), now);
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) => {
                    self.counters.count(Metric::AcceptErrors);
                    self.rest(now);
                    return;
                }
                // The connection is over before it was taken in.
                Err(_) => {}
            }
        }
    }

    /// Without files the next connection would only be found waiting again.
    fn rest(&mut self, now: Instant) {
        self.accepts_again = Some(now + RECOVERY);
        self.listen_for(EventFlags::empty());
    }

    fn listen_for(&self, interest: EventFlags) {
        for (index, listener) in (0..).zip(&self.listeners) {
            let token = Token::StreamListener(index).pack();
            if let Err(error) = epoll::modify(&self.epoll, &listener.socket, token, interest) {
                tracing::error!(%error, "a listener cannot be told to go on");
            }
        }
    }

    /// Takes in a connection that was accepted elsewhere and has sent `read`
    /// so far; it is to be served at once.
    pub(super) fn adopt(
        &mut self,
        socket: OwnedFd,
        read: Vec<u8>,
        now: Instant,
    ) -> Option<StreamId> {
        let address = match link::adopt(&socket) {
            Ok(address) => address,
            Err(error) => {
                tracing::debug!(%error, "a connection that was accepted elsewhere is gone");
                return None;
            }
        };
        let client = ClientId {
            listener: self.adopted,
            address,
        };
        self.take_in(socket, client, Some(read), now)
    }

    /// From now on shows this to those who come over TLS.
    pub(super) fn show(&mut self, tls: TlsIdentity) {
        self.tls = Some(tls);
    }

    /// A turn begins.
    pub(super) fn begin_turn(&mut self) {
        self.handshakes = HANDSHAKES;
    }

    /// `tls_read` is what was read so far of one that comes over TLS.
    fn take_in(
        &mut self,
        socket: OwnedFd,
        client: ClientId,
        tls_read: Option<Vec<u8>>,
        now: Instant,
    ) -> Option<StreamId> {
        let from = client.address.ip();
        if let Err(refusal) = self.crowd().enter(from) {
            self.counters.count(refusal);
            return None;
        }
        let welcome = self.welcome(socket, client, tls_read, now);
        if welcome.is_none() {
            self.crowd().leave(from, true);
        }
        welcome
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn welcome(
        &mut self,
        socket: OwnedFd,
        client: ClientId,
        tls_read: Option<Vec<u8>>,
        now: Instant,
    ) -> Option<StreamId> {
        let link = match (tls_read, &self.tls) {
            (None, _) => Link::plain(socket),
            (Some(read), Some(tls)) => match Link::tls(socket, tls.config(), read) {
                Ok(link) => link,
                Err(error) => {
                    tracing::error!(%error, "TLS cannot be spoken");
                    return None;
                }
            },
            (Some(_), None) => return None,
        };
        self.insert(link, client, now)
    }

    fn insert(&mut self, link: Link, client: ClientId, now: Instant) -> Option<StreamId> {
        // The kernel gave this 5-tuple to another connection: the first one is
        // over, and its end is still under way to us.
        if let Some(former) = self.by_client.get(&client) {
            self.close(*former, Metric::StreamsClosedClient);
        }
        let id = self.next;
        let token = Token::Stream(id).pack();
        if let Err(error) = epoll::add(&self.epoll, &link.socket, token, EventFlags::IN) {
            tracing::debug!(%error, "a connection was not taken in");
            self.counters.count(Metric::AcceptErrors);
            return None;
        }
        self.over_tls += usize::from(link.is_tls());
        self.next = self.next.wrapping_add(1);
        let life = Life::new(now);
        let timer = life.deadline();
        self.silent += 1;
        self.timers.insert((timer, id));
        self.by_client.insert(client, id);
        let stream = Stream {
            link,
            client,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            life,
            interest: EventFlags::IN,
            timer,
            is_dirty: false,
        };
        self.streams.insert(id, stream);
        self.set_gauges();
        Some(id)
    }

    /// Whether messages of this client come over a connection.
    pub(super) fn carries(&self, client: &ClientId) -> bool {
        (self.first..FIRST_OWN_LISTENER).contains(&client.listener)
    }

    /// Who is at the other end.
    pub(super) fn client(&self, id: StreamId) -> Option<ClientId> {
        self.streams.get(&id).map(|stream| stream.client)
    }

    /// Reads once. `None`: there is nothing, or the connection has ended.
    pub(super) fn receive(&mut self, id: StreamId, buffer: &mut [u8]) -> Option<usize> {
        let stream = self.streams.get_mut(&id)?;
        // Something may wait that is written now.
        mark(&mut self.dirty, id, stream);
        if stream.outbox.is_full() {
            return None;
        }
        if stream.link.is_handshaking() {
            // What is not read now is found waiting in the next turn.
            self.handshakes = self.handshakes.checked_sub(1)?;
        }
        let received = stream.link.receive(buffer);
        self.look_at(id, received)
    }

    /// The rest of what [`Self::receive`] read, until there is none.
    pub(super) fn more(&mut self, id: StreamId, buffer: &mut [u8]) -> Option<usize> {
        let received = self.streams.get_mut(&id)?.link.more(buffer);
        self.look_at(id, received)
    }

    fn look_at(&mut self, id: StreamId, received: Received) -> Option<usize> {
        match received {
            Received::Bytes(length) => return Some(length),
            Received::Nothing => {}
            Received::End => self.close(id, Metric::StreamsClosedClient),
            Received::Refused => self.close(id, Metric::StreamsClosedTls),
        }
        None
    }

    /// Takes the next message out of `input` into `packet`. `false`: there is
    /// none, or the connection has ended.
    pub(super) fn next_message(
        &mut self,
        id: StreamId,
        input: &mut &[u8],
        packet: &mut Packet,
    ) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else {
            return false;
        };
        match stream.inbox.next(input, packet) {
            Ok(true) => {
                if stream.life.speaks() {
                    let from = stream.client.address.ip();
                    self.silent -= 1;
                    self.crowd().speak(from);
                    self.set_gauges();
                }
                true
            }
            Ok(false) => false,
            Err(broken) => {
                let reason = match broken {
                    Broken::Foreign => Metric::StreamsClosedForeign,
                    Broken::TooLarge => Metric::StreamsClosedTooLarge,
                };
                self.close(id, reason);
                false
            }
        }
    }

    /// Puts data for a client behind what waits already.
    pub(super) fn send_data(&mut self, client: &ClientId, bytes: &[u8]) {
        let Some(id) = self.by_client.get(client) else {
            return self.counters.count(Metric::DroppedSendFailed);
        };
        if let Some(stream) = self.streams.get_mut(id) {
            let dropped = stream.outbox.push_data(bytes);
            self.counters.add(Metric::DroppedSlowReader, dropped);
            mark(&mut self.dirty, *id, stream);
        }
    }

    /// The same for an answer, which is never dropped.
    pub(super) fn send_answer(&mut self, client: &ClientId, bytes: &[u8]) {
        let Some(id) = self.by_client.get(client) else {
            return;
        };
        if let Some(stream) = self.streams.get_mut(id) {
            stream.outbox.push_answer(bytes);
            mark(&mut self.dirty, *id, stream);
        }
    }

    /// Writes what waits, as far as the kernel takes it.
    pub(super) fn flush(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            let Some(stream) = self.streams.get_mut(&id) else {
                continue;
            };
            stream.is_dirty = false;
            if stream.write(now).is_err() {
                self.close(id, Metric::StreamsClosedClient);
                continue;
            }
            let (interest, deadline) = (stream.wants(), stream.life.deadline());
            if interest != stream.interest {
                let token = Token::Stream(id).pack();
                if let Err(error) = epoll::modify(&self.epoll, &stream.link.socket, token, interest)
                {
                    tracing::error!(%error, "a connection cannot be waited for");
                    self.close(id, Metric::StreamsClosedClient);
                    continue;
                }
                stream.interest = interest;
            }
            // A timer that is early finds nothing and is set anew then.
            if deadline < stream.timer {
                self.timers.remove(&(stream.timer, id));
                stream.timer = deadline;
                self.timers.insert((deadline, id));
            }
        }
        // Nothing became dirty meanwhile; the room is used again.
        self.dirty = dirty;
    }

    /// A client whose connection ended since the last call.
    pub(super) fn gone(&mut self) -> Option<ClientId> {
        self.gone.pop()
    }

    /// When [`Self::handle_timeout`] next has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let first = self.timers.first().map(|(at, _)| *at);
        [first, self.accepts_again].into_iter().flatten().min()
    }

    /// Closes what is over.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        holds_allocation: impl Fn(&ClientId) -> bool,
    ) {
        if self.accepts_again.is_some_and(|at| at <= now) {
            self.accepts_again = None;
            self.listen_for(EventFlags::IN);
        }
        while let Some(&(at, id)) = self.timers.first().filter(|(at, _)| *at <= now) {
            let Some(stream) = self.streams.get_mut(&id) else {
                self.timers.remove(&(at, id));
                continue;
            };
            let has_allocation = holds_allocation(&stream.client);
            if let Some(ending) = stream.life.ending(has_allocation, now) {
                let reason = match ending {
                    Ending::Silent => Metric::StreamsClosedSilent,
                    Ending::Idle => Metric::StreamsClosedIdle,
                    Ending::Stalled => Metric::StreamsClosedStalled,
                };
                self.close(id, reason);
                continue;
            }
            self.timers.remove(&(at, id));
            stream.timer = stream.life.deadline();
            self.timers.insert((stream.timer, id));
        }
    }

    fn close(&mut self, id: StreamId, reason: Metric) {
        let Some(stream) = self.streams.remove(&id) else {
            return;
        };
        self.counters.count(reason);
        self.over_tls -= usize::from(stream.link.is_tls());
        self.timers.remove(&(stream.timer, id));
        if self.by_client.get(&stream.client) == Some(&id) {
            self.by_client.remove(&stream.client);
        }
        let is_silent = stream.life.is_silent();
        self.silent -= usize::from(is_silent);
        self.crowd().leave(stream.client.address.ip(), is_silent);
        self.gone.push(stream.client);
        self.set_gauges();
    }

    fn set_gauges(&self) {
        let set = |metric, count: usize| {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.counters.set(metric, count);
        };
        set(Metric::StreamsTcp, self.streams.len() - self.over_tls);
        set(Metric::StreamsTls, self.over_tls);
        set(Metric::StreamsSilent, self.silent);
    }
}

#[cfg(test)]
mod tests;
