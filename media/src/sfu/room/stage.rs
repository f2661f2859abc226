//! Who has a seat on the stage. Eight sit in front and are heard by all; the
//! ninth, beside them, is heard by those in front, who have a slot to spare
//! because nobody hears oneself.

use std::time::{Duration, Instant};

use super::voice::PER_DB;
use super::{ParticipantId, SLOTS};

/// All seats.
pub(super) const STAGE: usize = SLOTS + 1;

/// While all speak, who is louder by this takes a seat.
const CLEARLY_LOUDER: u32 = 6 * PER_DB;

/// Who took a seat by speaking keeps it for this long at least.
const PROTECTED: Duration = Duration::from_secs(2);

/// How much somebody deserves a seat: the louder, and then whoever spoke last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Loudness; 0 for who has been silent for so long that the seat is free
    /// for anybody who speaks.
    pub(super) strength: u32,
    pub(super) heard_at: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Stage {
    front: [Option<Seat>; SLOTS],
    beside: Option<ParticipantId>,
}

#[derive(Clone, Copy, Debug)]
struct Seat {
    who: ParticipantId,
    /// When it was taken by speaking.
    since: Option<Instant>,
}

impl Stage {
    pub(super) fn holds(&self, who: ParticipantId) -> bool {
        self.beside == Some(who) || self.is_front(who)
    }

    /// Whether this one is heard by all.
    pub(super) fn is_front(&self, who: ParticipantId) -> bool {
        self.front.iter().flatten().any(|seat| seat.who == who)
    }

    pub(super) fn has_free_seat(&self) -> bool {
        self.beside.is_none()
    }

    /// Gives somebody who has no seat a free one.
    pub(super) fn seat(&mut self, who: ParticipantId) {
        match self.front.iter_mut().find(|seat| seat.is_none()) {
            Some(seat) => *seat = Some(Seat { who, since: None }),
            None => self.beside = Some(who),
        }
    }

    /// Frees a seat. The front is full as long as there is somebody beside it.
    pub(super) fn remove(&mut self, who: ParticipantId) {
        if self.beside == Some(who) {
            self.beside = None;
        }
        for seat in &mut self.front {
            if seat.is_some_and(|seat| seat.who == who) {
                let next = self.beside.take();
                *seat = next.map(|who| Seat { who, since: None });
            }
        }
    }

    /// Somebody who is not in front speaks. Whether a seat changed hands.
    pub(super) fn contend(
        &mut self,
        challenger: ParticipantId,
        rank: impl Fn(ParticipantId) -> Rank,
        now: Instant,
    ) -> bool {
        let strength = rank(challenger).strength;
        let yields = |seat: &Seat| {
            let own = rank(seat.who).strength;
            let protected = seat.since.is_some_and(|since| now < since + PROTECTED);
            own == 0 || !protected && strength >= own.saturating_add(CLEARLY_LOUDER)
        };
        let seats = self.front.iter_mut().flatten();
        let Some(seat) = seats
            .filter(|seat| yields(seat))
            .min_by_key(|seat| (rank(seat.who), seat.who))
        else {
            return false;
        };
        let (loser, since) = (seat.who, Some(now));
        *seat = Seat {
            who: challenger,
            since,
        };
        let beside = self.beside.filter(|who| *who != challenger);
        self.beside = [beside, Some(loser)]
            .into_iter()
            .flatten()
            .max_by_key(|who| rank(*who));
        true
    }

    /// Whom this one hears.
    pub(super) fn heard_by(&self, who: ParticipantId) -> [Option<ParticipantId>; SLOTS] {
        self.front.map(|seat| match seat {
            Some(seat) if seat.who == who => self.beside,
            Some(seat) => Some(seat.who),
            None => None,
        })
    }
}
