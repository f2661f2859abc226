//! Datagrams that come: whose they are, and who may say so.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Rooms, Source};
use crate::counters::Metric;
use crate::sfu::demux::{self, BindingRequest, Kind};
use crate::sfu::engine::Engine;
use crate::sfu::{ParticipantId, RoomEvent};
use crate::turn::Family;

/// Addresses a participant may come from at a time: one per network of its
/// device and family, and one of a relay for each.
pub(super) const MOST_SOURCES: usize = 8;

/// How long an address stays with whom something came from there.
const HOLD: Duration = Duration::from_secs(5);

impl<E: Engine> Rooms<E> {
    /// A datagram that came to one of our addresses.
    pub fn handle_datagram(&mut self, source: SocketAddr, bytes: &[u8], now: Instant) {
        let owner = match demux::kind(bytes) {
            Some(Kind::Dtls | Kind::Media) => self.owner(source, now),
            Some(Kind::Stun) => self.claim(source, bytes, now),
            None => Err(Metric::SfuDroppedForeign),
        };
        match owner {
            Ok(participant) => self.feed(participant, source, bytes, now),
            Err(metric) => self.counters.count(metric),
        }
    }

    fn owner(&mut self, source: SocketAddr, now: Instant) -> Result<ParticipantId, Metric> {
        let source = self.sources.get_mut(&source);
        let source = source.ok_or(Metric::SfuDroppedUnknownSource)?;
        source.heard = now;
        Ok(source.owner)
    }

    /// Whose a binding request is; from now on the others from there are, too.
    fn claim(
        &mut self,
        source: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> Result<ParticipantId, Metric> {
        if demux::is_response(bytes) {
            // To a check of the engine's own, which looks at the proof; it
            // makes no address anybody's.
            return self.owner(source, now);
        }
        let request = BindingRequest::read(bytes).ok_or(Metric::SfuDroppedForeign)?;
        let participant = *self
            .names
            .get(request.ufrag)
            .ok_or(Metric::SfuDroppedUnknownName)?;
        let peer = self
            .peers
            .get_mut(&participant)
            .ok_or(Metric::SfuDroppedUnknownName)?;
        if !request.is_proven(&peer.engine.credentials().pwd) {
            return Err(Metric::SfuDroppedUnproven);
        }
        if let Some(old) = self.sources.get_mut(&source) {
            if old.owner == participant {
                old.heard = now;
                return Ok(participant);
            }
            // Whoever can write another's address on a datagram must not take
            // it away by that.
            if now.saturating_duration_since(old.heard) < HOLD {
                return Err(Metric::SfuDroppedTaken);
            }
        }
        if peer.sources.len() >= MOST_SOURCES
            && let Some(oldest) = peer.sources.pop_front()
        {
            self.sources.remove(&oldest);
        }
        peer.sources.push_back(source);
        let owner = participant;
        let taken = self.sources.insert(source, Source { owner, heard: now });
        if let Some(old) = taken.and_then(|old| self.peers.get_mut(&old.owner)) {
            old.sources.retain(|other| *other != source);
        }
        Ok(participant)
    }

    fn feed(&mut self, participant: ParticipantId, source: SocketAddr, bytes: &[u8], now: Instant) {
        let Some(peer) = self.peers.get_mut(&participant) else {
            return;
        };
        let family = Family::of(source.ip());
        let mut ours = self.candidates.iter();
        let Some(local) = ours.find(|ours| Family::of(ours.ip()) == family) else {
            return self.counters.count(Metric::SfuDroppedForeign);
        };
        peer.heard = now;
        if std::mem::take(&mut peer.is_silent) {
            self.events.push_back(RoomEvent::Heard { participant });
        }
        peer.engine.handle_datagram(source, *local, bytes, now);
        self.drain(participant, now);
    }
}
