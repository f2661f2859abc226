//! How loud somebody is, and whether that is speech.

use std::time::{Duration, Instant};

use super::Level;
use super::stage::Rank;

/// What is quieter than this, in -dBov, is the room and not its people, even
/// where a client takes everything for speech.
const QUIETEST_VOICE: u8 = 65;

/// What a packet counts for whose client says nothing about loudness, in
/// -dBov: ordinary speech.
const UNKNOWN_LOUDNESS: u8 = 35;

/// The end of the scale (RFC 6464).
const SILENCE: u8 = 127;

/// Two voiced packets no further apart than this are speech; one alone is a
/// click.
const RUN: Duration = Duration::from_millis(250);

/// Speech ends when nothing voiced came for this long: pauses between words
/// are shorter.
const SPEECH_HOLD: Duration = Duration::from_millis(600);

/// Who has been silent for this long gives the seat to anybody who speaks.
pub(super) const SEAT_HOLD: Duration = Duration::from_millis(2_500);

/// Parts of a decibel in which loudness is kept.
pub(super) const PER_DB: u32 = 256;

/// A speaker who pauses becomes quieter by this in a second, so that the one
/// who goes on speaking is louder soon.
const FADE_DB_PER_SECOND: u32 = 12;

/// The voice of one member.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Smoothed, above silence, as of `heard_at`.
    loudness: u32,
    /// The last voiced packet.
    heard_at: Option<Instant>,
    speaking: bool,
}

impl Voice {
    /// A packet of this loudness came. Whether it is voiced.
    pub(super) fn hear(&mut self, level: Option<Level>, now: Instant) -> bool {
        let level = level.unwrap_or(Level {
            dbov: UNKNOWN_LOUDNESS,
            voice: true,
        });
        if !level.voice || level.dbov > QUIETEST_VOICE {
            return false;
        }
        let loudness = u32::from(SILENCE.saturating_sub(level.dbov)) * PER_DB;
        let silence = self.silence(now);
        self.loudness = if silence < SEAT_HOLD {
            // An eighth of the difference with each packet: as good as there
            // after a third of a second.
            (self.loudness * 7 + loudness) / 8
        } else {
            loudness
        };
        self.speaking |= silence <= RUN;
        self.heard_at = self.heard_at.max(Some(now));
        true
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// When speech ends, if nothing voiced comes until then.
    pub(super) fn speaking_until(&self) -> Option<Instant> {
        let heard_at = self.heard_at.filter(|_| self.speaking);
        heard_at.map(|at| at + SPEECH_HOLD)
    }

    /// Ends speech that is over. Whether it just ended.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let over = self.speaking_until().is_some_and(|end| end <= now);
        self.speaking &= !over;
        over
    }

    /// How much this voice deserves a seat now.
    pub(super) fn rank(&self, now: Instant) -> Rank {
        let silence = self.silence(now);
        let strength = if silence < SEAT_HOLD {
            let milliseconds = u32::try_from(silence.as_millis()).unwrap_or(u32::MAX);
            let faded = milliseconds.saturating_mul(FADE_DB_PER_SECOND * PER_DB) / 1_000;
            self.loudness.saturating_sub(faded).max(1)
        } else {
            0
        };
        Rank {
            strength,
            heard_at: self.heard_at,
        }
    }

    fn silence(&self, now: Instant) -> Duration {
        self.heard_at
            .map_or(Duration::MAX, |at| now.saturating_duration_since(at))
    }
}
