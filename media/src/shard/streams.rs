//! Connections over TCP: they are accepted, read from, written to and closed
//! here. What a message is, what waits and how long, says [`crate::stream`].

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};

use super::link::{Link, Received};
use super::sockets::Token;
use crate::counters::{Counters, Metric};
use crate::stream::inbox::{Broken, Inbox};
use crate::stream::life::{Ending, Life};
use crate::stream::outbox::Outbox;
use crate::turn::packet::Packet;
use crate::turn::{ClientId, FIRST_OWN_LISTENER, network};

/// Connections accepted on one listener before others have their turn.
const ACCEPTED: usize = 32;

/// Connections of one network that have said nothing yet.
const SILENT_PER_NETWORK: usize = 64;

/// How long nothing is accepted after the kernel had no file to give.
const RECOVERY: Duration = Duration::from_secs(1);

/// How many connections there may be; 0 sets no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) all: usize,
    pub(super) per_network: usize,
}

/// Names a connection, and never another one later.
pub(super) type StreamId = u32;

/// A socket that connections come from.
pub(super) struct Listener {
    pub(super) socket: OwnedFd,
    /// Its [`ClientId::listener`].
    pub(super) number: u16,
}

struct Stream {
    link: Link,
    client: ClientId,
    inbox: Inbox,
    outbox: Outbox,
    life: Life,
    /// What epoll was told to look for.
    interest: EventFlags,
    /// When the timer is set for: never later than the deadline.
    timer: Instant,
    is_dirty: bool,
}

/// Connections of one network.
#[derive(Debug, Default)]
struct Crowd {
    all: usize,
    silent: usize,
}

/// See the module.
pub(super) struct Streams {
    epoll: Arc<OwnedFd>,
    counters: Arc<Counters>,
    limits: Limits,
    listeners: Vec<Listener>,
    /// The lowest [`ClientId::listener`] of ours.
    first: u16,
    streams: HashMap<StreamId, Stream>,
    by_client: HashMap<ClientId, StreamId>,
    crowds: HashMap<u128, Crowd>,
    silent: usize,
    timers: BTreeSet<(Instant, StreamId)>,
    /// Those to which something is to be written.
    dirty: Vec<StreamId>,
    /// Clients whose connection ended and of whom the core is to hear.
    gone: Vec<ClientId>,
    accepts_again: Option<Instant>,
    next: StreamId,
}

impl Streams {
    pub(super) fn new(
        epoll: Arc<OwnedFd>,
        counters: Arc<Counters>,
        limits: Limits,
        first: u16,
        listeners: Vec<Listener>,
    ) -> io::Result<Self> {
        for (index, listener) in (0..).zip(&listeners) {
            let token = Token::StreamListener(index).pack();
            epoll::add(&epoll, &listener.socket, token, EventFlags::IN)?;
        }
        Ok(Self {
            epoll,
            counters,
            limits,
            listeners,
            first,
            streams: HashMap::new(),
            by_client: HashMap::new(),
            crowds: HashMap::new(),
            silent: 0,
            timers: BTreeSet::new(),
            dirty: Vec::new(),
            gone: Vec::new(),
            accepts_again: None,
            next: 0,
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
                    let number = listener.number;
                    if let Some(address) = from {
                        let client = ClientId {
                            listener: number,
                            address,
                        };
                        self.insert(socket, client, now);
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

    fn insert(&mut self, socket: OwnedFd, client: ClientId, now: Instant) {
        if let Some(refusal) = self.refusal(&client) {
            return self.counters.count(refusal);
        }
        // The kernel gave this 5-tuple to another connection: the first one is
        // over, and its end is still under way to us.
        if let Some(former) = self.by_client.get(&client) {
            self.close(*former, Metric::StreamsClosedClient);
        }
        let id = self.next;
        let token = Token::Stream(id).pack();
        if let Err(error) = epoll::add(&self.epoll, &socket, token, EventFlags::IN) {
            tracing::debug!(%error, "a connection was not taken in");
            return self.counters.count(Metric::AcceptErrors);
        }
        self.next = self.next.wrapping_add(1);
        let life = Life::new(now);
        let timer = life.deadline();
        let crowd = self.crowds.entry(network(client.address.ip())).or_default();
        crowd.all += 1;
        crowd.silent += 1;
        self.silent += 1;
        self.timers.insert((timer, id));
        self.by_client.insert(client, id);
        let stream = Stream {
            link: Link::new(socket),
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
    }

    /// Why a client is not taken in.
    fn refusal(&self, client: &ClientId) -> Option<Metric> {
        let exceeds = |held: usize, limit: usize| limit > 0 && held >= limit;
        let crowd = self.crowds.get(&network(client.address.ip()));
        let (all, silent) = crowd.map_or((0, 0), |crowd| (crowd.all, crowd.silent));
        if exceeds(self.streams.len(), self.limits.all) {
            Some(Metric::StreamsRefusedAll)
        } else if exceeds(all, self.limits.per_network) {
            Some(Metric::StreamsRefusedNetwork)
        } else if exceeds(silent, SILENT_PER_NETWORK) {
            Some(Metric::StreamsRefusedSilent)
        } else {
            None
        }
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
        match stream.link.receive(buffer) {
            Received::Bytes(length) => return Some(length),
            Received::Nothing => {}
            Received::End => self.close(id, Metric::StreamsClosedClient),
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
                    let network = network(stream.client.address.ip());
                    self.silent -= 1;
                    if let Some(crowd) = self.crowds.get_mut(&network) {
                        crowd.silent -= 1;
                    }
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
        self.timers.remove(&(stream.timer, id));
        if self.by_client.get(&stream.client) == Some(&id) {
            self.by_client.remove(&stream.client);
        }
        let network = network(stream.client.address.ip());
        if let Some(crowd) = self.crowds.get_mut(&network) {
            crowd.all -= 1;
            if stream.life.is_silent() {
                crowd.silent -= 1;
                self.silent -= 1;
            }
            if crowd.all == 0 {
                self.crowds.remove(&network);
            }
        }
        self.gone.push(stream.client);
        self.set_gauges();
    }

    fn set_gauges(&self) {
        let set = |metric, count: usize| {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.counters.set(metric, count);
        };
        set(Metric::StreamsTcp, self.streams.len());
        set(Metric::StreamsSilent, self.silent);
    }
}

fn mark(dirty: &mut Vec<StreamId>, id: StreamId, stream: &mut Stream) {
    if !stream.is_dirty {
        stream.is_dirty = true;
        dirty.push(id);
    }
}

impl Stream {
    /// What epoll is to look for. Who does not read its answers is asked for
    /// no further questions.
    fn wants(&self) -> EventFlags {
        let mut interest = EventFlags::empty();
        if !self.outbox.is_full() {
            interest |= EventFlags::IN;
        }
        if !self.outbox.is_empty() {
            interest |= EventFlags::OUT;
        }
        interest
    }

    fn write(&mut self, now: Instant) -> io::Result<()> {
        let took = self.link.write(&mut self.outbox)?;
        self.life.wrote(took, !self.outbox.is_empty(), now);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
