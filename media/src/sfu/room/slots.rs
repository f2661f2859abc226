//! What one receiver hears: slots that carry one source at a time, each as one
//! stream whose numbers go on whoever speaks.

use std::time::{Duration, Instant};

use super::source::Position;
use super::{Delivery, ParticipantId, RtpIn, SLOTS};

/// The least by which a timestamp grows where a stream begins anew: a packet
/// of 20 ms at 48 kHz.
const SHORTEST_STEP: u32 = 960;

#[derive(Debug, Default)]
pub(super) struct Slots {
    carried: [Option<ParticipantId>; SLOTS],
    streams: [Stream; SLOTS],
}

/// What went out in a slot.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    /// How the source's numbers become ours; nothing before its first packet.
    shift: Option<Shift>,
    /// The highest sequence number so far, its timestamp, and when it went.
    seq: u16,
    timestamp: u32,
    at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    /// Of the source.
    stream: u32,
    /// The first packet of the source that went out here: what is older came
    /// too late.
    first: u64,
    /// The highest one.
    newest: u64,
    seq: u16,
    timestamp: u32,
}

impl Slots {
    /// The slot that carries this source.
    pub(super) fn of(&self, source: ParticipantId) -> Option<usize> {
        self.carried.iter().position(|who| *who == Some(source))
    }

    /// By slot.
    pub(super) fn carried(&self) -> [Option<ParticipantId>; SLOTS] {
        self.carried
    }

    /// Carries these from now on; who is carried already stays in the slot.
    /// Whether anything changed.
    pub(super) fn carry(&mut self, wanted: [Option<ParticipantId>; SLOTS]) -> bool {
        let before = self.carried;
        for (who, stream) in self.carried.iter_mut().zip(&mut self.streams) {
            if who.is_some() && !wanted.contains(who) {
                (*who, stream.shift) = (None, None);
            }
        }
        for new in wanted.into_iter().filter(Option::is_some) {
            if self.carried.contains(&new) {
                continue;
            }
            if let Some(free) = self.carried.iter_mut().find(|who| who.is_none()) {
                *free = new;
            }
        }
        self.carried != before
    }

    /// The packet as it goes out in a slot, if it is not older than what began
    /// the source's stream there.
    pub(super) fn rewrite(
        &mut self,
        slot: usize,
        to: ParticipantId,
        position: Position,
        packet: &RtpIn<'_>,
        now: Instant,
    ) -> Option<Delivery> {
        let (number, stream) = (u8::try_from(slot).ok()?, self.streams.get_mut(slot)?);
        let shift = stream.shift.filter(|shift| shift.stream == position.stream);
        let begins = shift.is_none();
        let shift = shift.unwrap_or_else(|| stream.begin(position, packet, now));
        if position.index < shift.first {
            return None;
        }
        let delivery = Delivery {
            to,
            slot: number,
            seq: packet.seq.wrapping_add(shift.seq),
            timestamp: packet.timestamp.wrapping_add(shift.timestamp),
            marker: packet.marker || begins,
        };
        if begins || position.index > shift.newest {
            *stream = Stream {
                shift: Some(Shift {
                    newest: position.index,
                    ..shift
                }),
                seq: delivery.seq,
                timestamp: delivery.timestamp,
                at: Some(now),
            };
        }
        Some(delivery)
    }
}

impl Stream {
    /// A source's first packet follows what went out here before as if time
    /// had only gone by.
    fn begin(&self, position: Position, packet: &RtpIn<'_>, now: Instant) -> Shift {
        let elapsed = self
            .at
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let timestamp = self
            .timestamp
            .wrapping_add(ticks(elapsed).max(SHORTEST_STEP));
        Shift {
            stream: position.stream,
            first: position.index,
            newest: position.index,
            seq: self.seq.wrapping_add(1).wrapping_sub(packet.seq),
            timestamp: timestamp.wrapping_sub(packet.timestamp),
        }
    }
}

/// Of 48 kHz, wrapping as timestamps do.
fn ticks(elapsed: Duration) -> u32 {
    let ticks = elapsed.as_micros() * 48 / 1_000;
    u32::try_from(ticks % (1 << 32)).unwrap_or_default()
}
