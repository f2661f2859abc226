//! All voice rooms of a shard without I/O: what is asked and what comes goes in
//! through the `handle_*`, what is to be sent comes out of
//! [`Rooms::poll_transmit`] and what is to be told out of
//! [`Rooms::poll_event`]. Both are drained after each call, events first: whom a
//! slot carries is told before its first packet is sent.

mod arrivals;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::engine::{AnswerError, Engine, EngineError, EngineEvent, Voice};
use super::room::{Delivery, Fate, Room, RoomCoreEvent, RoomLimits, RtpIn};
use super::{GoneReason, ParticipantId, RoomEvent, RoomId, red, sdp};
use crate::counters::{Counters, Metric};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// After this long without anything a participant is said to be silent.
const SILENT: Duration = Duration::from_secs(15);

/// After this long it is removed.
const LOST: Duration = Duration::from_secs(60);

/// How often timers are looked at. Voice comes every 20 ms.
const TICK: Duration = Duration::from_millis(20);

/// How much the rooms may grow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Participants of one room.
    pub room: usize,
    /// Participants of all rooms.
    pub all: usize,
    /// Participants without a connection yet, in one room.
    pub half_open_room: usize,
    /// The same in all rooms.
    pub half_open: usize,
}

/// A datagram to be sent.
#[derive(Debug)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub bytes: Bytes,
}

/// See the module.
pub struct Rooms<E: Engine> {
    shared: E::Shared,
    candidates: Vec<SocketAddr>,
    limits: Limits,
    counters: Arc<Counters>,
    rooms: BTreeMap<RoomId, Room>,
    peers: BTreeMap<ParticipantId, Peer<E>>,
    /// Whose binding requests bear this name.
    names: HashMap<String, ParticipantId>,
    /// Whose datagrams come from there.
    sources: HashMap<SocketAddr, Source>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<RoomEvent>,
    /// Where a packet goes, while it is on its way.
    deliveries: Vec<Delivery>,
    next_tick: Option<Instant>,
}

struct Source {
    owner: ParticipantId,
    heard: Instant,
}

/// One participant's connection.
struct Peer<E> {
    room: RoomId,
    engine: E,
    /// The name that is in [`Rooms::names`].
    name: String,
    joined: Instant,
    heard: Instant,
    is_connected: bool,
    is_silent: bool,
    /// The offer of a restart that is not answered yet.
    restart: Option<String>,
    /// Oldest first.
    sources: VecDeque<SocketAddr>,
}

impl<E: Engine> std::fmt::Debug for Rooms<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms")
            .field("rooms", &self.rooms.len())
            .field("participants", &self.peers.len())
            .finish_non_exhaustive()
    }
}

impl<E: Engine> Rooms<E> {
    /// No room yet. Clients are told to come to these addresses, one of each
    /// family at most.
    ///
    /// # Errors
    ///
    /// The engine has no certificate.
    pub fn new(
        candidates: Vec<SocketAddr>,
        limits: Limits,
        counters: Arc<Counters>,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            shared: E::shared()?,
            candidates,
            limits,
            counters,
            rooms: BTreeMap::new(),
            peers: BTreeMap::new(),
            names: HashMap::new(),
            sources: HashMap::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            deliveries: Vec::new(),
            next_tick: None,
        })
    }

    /// Somebody takes a seat in a room, which is there from then on.
    pub fn handle_join(&mut self, room: RoomId, participant: ParticipantId, now: Instant) {
        if self.peers.contains_key(&participant) {
            return;
        }
        if let Err(reason) = self.seat(room, participant, now) {
            self.events.push_back(RoomEvent::Gone {
                participant,
                reason,
            });
        }
        self.set_gauges();
    }

    fn seat(
        &mut self,
        id: RoomId,
        participant: ParticipantId,
        now: Instant,
    ) -> Result<(), GoneReason> {
        let half_open = |peer: &&Peer<E>| !peer.is_connected;
        let waiting = self.peers.values().filter(half_open);
        let waiting_here = waiting.clone().filter(|peer| peer.room == id);
        if self.peers.len() >= self.limits.all
            || waiting_here.count() >= self.limits.half_open_room
            || waiting.count() >= self.limits.half_open
        {
            return Err(GoneReason::Full);
        }
        let broken = |error: EngineError| {
            tracing::warn!(%error, "a connection to a room could not be made");
            GoneReason::Failed
        };
        let mut engine = E::new(&self.shared, &self.candidates, now).map_err(broken)?;
        let offer = engine.offer(now).map_err(broken)?;
        let limits = RoomLimits {
            members: self.limits.room,
        };
        let room = self.rooms.entry(id).or_insert_with(|| Room::new(limits));
        room.join(participant, now).map_err(|_| GoneReason::Full)?;
        let name = engine.credentials().ufrag.clone();
        // Before the offer is told: the first request may come at once.
        self.names.insert(name.clone(), participant);
        let peer = Peer {
            room: id,
            engine,
            name,
            joined: now,
            heard: now,
            is_connected: false,
            is_silent: false,
            restart: None,
            sources: VecDeque::new(),
        };
        self.peers.insert(participant, peer);
        self.next_tick.get_or_insert(now + TICK);
        self.events.push_back(RoomEvent::Offer {
            participant,
            sdp: offer,
        });
        Ok(())
    }

    /// The answer to the last offer that this participant was sent.
    pub fn handle_answer(&mut self, participant: ParticipantId, answer: &str, now: Instant) {
        let Some(peer) = self.peers.get_mut(&participant) else {
            return;
        };
        if answer.len() > sdp::MAX_SDP {
            return self.remove(participant, GoneReason::Refused, now);
        }
        match peer.engine.answer(answer, now) {
            Ok(()) => {}
            // Nothing is lost by an answer too many.
            Err(AnswerError::Unexpected) => return,
            Err(AnswerError::Unusable(why)) => {
                tracing::debug!(why, "an answer cannot be used");
                return self.remove(participant, GoneReason::Refused, now);
            }
        }
        peer.restart = None;
        let name = peer.engine.credentials().ufrag.clone();
        let old = std::mem::replace(&mut peer.name, name.clone());
        self.names.remove(&old);
        self.names.insert(name, participant);
        self.drain(participant, now);
    }

    /// The network of this participant has changed: ICE begins anew, with an
    /// offer. Until that is answered it is told again, not another one.
    pub fn handle_restart(&mut self, participant: ParticipantId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&participant) else {
            return;
        };
        if peer.restart.is_none() {
            match peer.engine.restart(now) {
                Ok(offer) => peer.restart = Some(offer),
                Err(error) => return tracing::debug!(%error, "ICE does not begin anew"),
            }
        }
        let offer = peer.restart.clone();
        let tell = offer.map(|sdp| RoomEvent::Offer { participant, sdp });
        self.events.extend(tell);
        self.drain(participant, now);
    }

    /// Somebody leaves.
    pub fn handle_leave(&mut self, participant: ParticipantId, now: Instant) {
        self.remove(participant, GoneReason::Left, now);
    }

    /// The connection of this participant is in no state to go on.
    pub fn handle_failure(&mut self, participant: ParticipantId, now: Instant) {
        self.remove(participant, GoneReason::Failed, now);
    }

    /// A moderator mutes somebody, or lets them speak again.
    pub fn handle_mute(&mut self, participant: ParticipantId, muted: bool, now: Instant) {
        let Some(id) = self.peers.get(&participant).map(|peer| peer.room) else {
            return;
        };
        if let Some(room) = self.rooms.get_mut(&id) {
            room.mute(participant, muted, now);
        }
        self.tell(id);
    }

    /// Everybody has to leave a room.
    pub fn handle_close(&mut self, room: RoomId, now: Instant) {
        let peers = self.peers.iter();
        let there: Vec<ParticipantId> = peers
            .filter(|(_, peer)| peer.room == room)
            .map(|(participant, _)| *participant)
            .collect();
        for participant in there {
            self.remove(participant, GoneReason::Closed, now);
        }
    }

    /// Takes out of an engine what it has to say.
    fn drain(&mut self, participant: ParticipantId, now: Instant) {
        while let Some(peer) = self.peers.get_mut(&participant) {
            let room = peer.room;
            match peer.engine.poll_event(now) {
                Some(EngineEvent::Connected) => {
                    peer.is_connected = true;
                    self.events.push_back(RoomEvent::Connected { participant });
                    if let Some(room) = self.rooms.get_mut(&room) {
                        room.ready(participant, now);
                    }
                    self.tell(room);
                }
                Some(EngineEvent::Voice(voice)) => self.forward(participant, room, &voice, now),
                Some(EngineEvent::Closed) => {
                    return self.remove(participant, GoneReason::Left, now);
                }
                Some(EngineEvent::Failed) => {
                    return self.remove(participant, GoneReason::Failed, now);
                }
                None => break,
            }
        }
        if let Some(peer) = self.peers.get_mut(&participant) {
            send(&mut self.transmits, &mut peer.engine, now);
        }
    }

    fn forward(&mut self, from: ParticipantId, id: RoomId, voice: &Voice, now: Instant) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        self.counters.count(Metric::SfuPacketsIn);
        let packet = RtpIn {
            seq: voice.seq,
            timestamp: voice.timestamp,
            marker: voice.marker,
            red: voice.red,
            level: voice.level,
            payload: &voice.payload,
        };
        let mut deliveries = std::mem::take(&mut self.deliveries);
        deliveries.clear();
        let fate = room.handle_rtp(from, &packet, now, &mut deliveries);
        match fate {
            Fate::Forwarded => {}
            Fate::OffStage => self.counters.count(Metric::SfuDroppedOffStage),
            Fate::Muted => self.counters.count(Metric::SfuDroppedMuted),
            Fate::Duplicate => self.counters.count(Metric::SfuDroppedDuplicate),
            Fate::OutOfWindow => self.counters.count(Metric::SfuDroppedOutOfWindow),
            Fate::Stranger => self.counters.count(Metric::SfuDroppedNotReady),
        }
        // Looked for once, if somebody does not take RED.
        let mut bare = None;
        for delivery in &deliveries {
            let Some(peer) = self.peers.get_mut(&delivery.to) else {
                continue;
            };
            let red = voice.red && peer.engine.takes_red();
            let payload = if voice.red && !red {
                let bare = bare.get_or_insert_with(|| {
                    red::newest(&voice.payload).map(|newest| voice.payload.slice(newest))
                });
                let Some(bare) = bare else {
                    self.counters.count(Metric::SfuDroppedMalformed);
                    continue;
                };
                bare.clone()
            } else {
                voice.payload.clone()
            };
            let voice = Voice {
                seq: delivery.seq,
                timestamp: delivery.timestamp,
                marker: delivery.marker,
                red,
                level: voice.level,
                payload,
            };
            peer.engine.write(delivery.slot, &voice, now);
            self.counters.count(Metric::SfuPacketsOut);
            send(&mut self.transmits, &mut peer.engine, now);
        }
        self.deliveries = deliveries;
        self.tell(id);
    }

    /// Empties a seat, and tells everybody concerned.
    fn remove(&mut self, participant: ParticipantId, reason: GoneReason, now: Instant) {
        let Some(mut peer) = self.peers.remove(&participant) else {
            return;
        };
        peer.engine.close(now);
        send(&mut self.transmits, &mut peer.engine, now);
        self.names.remove(&peer.name);
        for source in &peer.sources {
            self.sources.remove(source);
        }
        if let Some(room) = self.rooms.get_mut(&peer.room) {
            room.leave(participant, now);
            if room.is_empty() {
                self.rooms.remove(&peer.room);
            }
        }
        self.events.push_back(RoomEvent::Gone {
            participant,
            reason,
        });
        self.tell(peer.room);
        self.set_gauges();
    }

    /// Passes on what a room has to say.
    fn tell(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(&id) else {
            return;
        };
        while let Some(event) = room.poll_event() {
            self.events.push_back(match event {
                RoomCoreEvent::Speaking {
                    participant,
                    speaking,
                } => RoomEvent::Speaking {
                    room: id,
                    participant,
                    speaking,
                },
                RoomCoreEvent::Slots { participant, slots } => {
                    RoomEvent::Slots { participant, slots }
                }
            });
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next_tick.is_none_or(|tick| now < tick) {
            return;
        }
        let all: Vec<ParticipantId> = self.peers.keys().copied().collect();
        for participant in all {
            self.look_after(participant, now);
        }
        let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
        for id in rooms {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.handle_timeout(now);
            }
            self.tell(id);
        }
        self.next_tick = (!self.peers.is_empty()).then_some(now + TICK);
    }

    /// The timers of one connection.
    fn look_after(&mut self, participant: ParticipantId, now: Instant) {
        let Some(peer) = self.peers.get_mut(&participant) else {
            return;
        };
        let silence = now.saturating_duration_since(peer.heard);
        let age = now.saturating_duration_since(peer.joined);
        if !peer.is_connected && age >= CONNECT {
            return self.remove(participant, GoneReason::NeverConnected, now);
        }
        if peer.is_connected && silence >= LOST {
            return self.remove(participant, GoneReason::Silent, now);
        }
        if peer.is_connected && silence >= SILENT && !peer.is_silent {
            peer.is_silent = true;
            self.events.push_back(RoomEvent::Silent { participant });
        }
        if peer.engine.poll_timeout().is_some_and(|due| due <= now) {
            peer.engine.handle_timeout(now);
            self.drain(participant, now);
        }
    }

    /// When [`Self::handle_timeout`] next has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_tick
    }

    /// The next datagram to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next thing to be told.
    pub fn poll_event(&mut self) -> Option<RoomEvent> {
        self.events.pop_front()
    }

    fn set_gauges(&self) {
        let set = |metric, count: usize| {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.counters.set(metric, count);
        };
        set(Metric::SfuRooms, self.rooms.len());
        set(Metric::SfuParticipants, self.peers.len());
    }
}

/// Takes out of an engine what it has to send.
fn send<E: Engine>(transmits: &mut VecDeque<Transmit>, engine: &mut E, now: Instant) {
    while let Some((to, bytes)) = engine.poll_transmit(now) {
        transmits.push_back(Transmit { to, bytes });
    }
}

#[cfg(test)]
mod tests;
