//! One member's stream as it comes in: what came twice or too late is kept
//! out, and a stream that begins anew is noticed.

use std::time::{Duration, Instant};

use super::{Fate, RtpIn};

/// How far behind the newest packet another may be: two and a half seconds of
/// voice, more than any retransmission takes.
const WINDOW: u16 = 128;

/// A number further ahead than this is no gap (RFC 3550 appendix A.1).
const LARGEST_GAP: u16 = 3_000;

/// Ticks of a second (RFC 7587 §4.1).
const RATE: i64 = 48_000;

/// A clock that is off by more than this from one packet to the next was set
/// anew: the client paused its stream or took another device.
const CLOCK_SLACK: Duration = Duration::from_secs(5);

/// Where in its member's stream a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Counts the times that the stream began anew.
    pub(super) stream: u32,
    /// The sequence number without its wrap-around.
    pub(super) index: u64,
}

#[derive(Debug, Default)]
pub(super) struct Source {
    stream: u32,
    newest: Option<Newest>,
    /// The number after the last packet that did not fit.
    stray: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    index: u64,
    /// Bit `n` for the packet `n` before this one.
    seen: u128,
    timestamp: u32,
    at: Instant,
}

impl Source {
    /// The next packet follows nothing.
    pub(super) fn begin_anew(&mut self) {
        self.stream = self.stream.wrapping_add(1);
        self.newest = None;
        self.stray = None;
    }

    /// Takes a packet in, or says why it is of no use.
    pub(super) fn accept(&mut self, packet: &RtpIn<'_>, now: Instant) -> Result<Position, Fate> {
        let Some(newest) = self.newest else {
            return Ok(self.begin_with(packet, now));
        };
        let ahead = packet.seq.wrapping_sub(newest.low());
        let behind = 0_u16.wrapping_sub(ahead);
        if (1..=LARGEST_GAP).contains(&ahead) {
            self.stray = None;
            Ok(self.go_on(newest, ahead, packet, now))
        } else if behind < WINDOW {
            self.fill_in(newest, behind)
        } else if self.stray == Some(packet.seq) {
            // Two in a row: this is the stream now.
            self.begin_anew();
            Ok(self.begin_with(packet, now))
        } else {
            self.stray = Some(packet.seq.wrapping_add(1));
            Err(Fate::OutOfWindow)
        }
    }

    fn begin_with(&mut self, packet: &RtpIn<'_>, now: Instant) -> Position {
        // Room below, for packets that come late.
        let index = (1 << 16) + u64::from(packet.seq);
        self.set_newest(index, 1, packet, now)
    }

    fn go_on(&mut self, newest: Newest, ahead: u16, packet: &RtpIn<'_>, now: Instant) -> Position {
        if newest.is_off(packet.timestamp, now) {
            self.stream = self.stream.wrapping_add(1);
        }
        let seen = newest.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
        self.set_newest(newest.index + u64::from(ahead), seen, packet, now)
    }

    fn set_newest(&mut self, index: u64, seen: u128, packet: &RtpIn<'_>, now: Instant) -> Position {
        self.newest = Some(Newest {
            index,
            seen,
            timestamp: packet.timestamp,
            at: now,
        });
        Position {
            stream: self.stream,
            index,
        }
    }

    fn fill_in(&mut self, newest: Newest, behind: u16) -> Result<Position, Fate> {
        let bit = 1_u128.checked_shl(u32::from(behind)).unwrap_or(0);
        if newest.seen & bit != 0 {
            return Err(Fate::Duplicate);
        }
        let seen = newest.seen | bit;
        self.newest = Some(Newest { seen, ..newest });
        Ok(Position {
            stream: self.stream,
            index: newest.index - u64::from(behind),
        })
    }
}

impl Newest {
    fn low(&self) -> u16 {
        let [.., high, low] = self.index.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// Whether the client's clock went another way than ours.
    fn is_off(&self, timestamp: u32, now: Instant) -> bool {
        let ticks = i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed());
        let elapsed = now.saturating_duration_since(self.at);
        let client = ticks.saturating_mul(1_000) / RATE;
        let ours = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        let slack = i64::try_from(CLOCK_SLACK.as_millis()).unwrap_or(i64::MAX);
        client.saturating_sub(ours).saturating_abs() > slack
    }
}
