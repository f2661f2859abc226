//! When to let datagrams gather before looking again: each wake-up costs as
//! much as several datagrams, so under load a shard that waits a moment does
//! less. It never waits when there is little to do, and so nobody who talks
//! alone is delayed.

use std::time::{Duration, Instant};

/// How long datagrams are counted to know the load.
const WINDOW: Duration = Duration::from_millis(10);

/// As many a second are a load: some twenty calls.
const LOAD: f64 = 2_000.0;

/// A turn with as many was worth its wake-up; more need not gather.
const ENOUGH: usize = 32;

/// See the module.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long a pause is, and so the longest that a datagram waits for it.
    most: Duration,
    window: Instant,
    counted: usize,
    loaded: bool,
}

impl Pace {
    pub(super) fn new(most: Duration, now: Instant) -> Self {
        Self {
            most,
            window: now,
            counted: 0,
            loaded: false,
        }
    }

    /// How long to pause after a turn that began at `began`, is over `now` and
    /// had so many datagrams.
    pub(super) fn pause(
        &mut self,
        datagrams: usize,
        began: Instant,
        now: Instant,
    ) -> Option<Duration> {
        self.counted += datagrams;
        let counting = now.saturating_duration_since(self.window);
        if counting >= WINDOW {
            // The window may have lasted longer than it should.
            self.loaded = self.counted as f64 / counting.as_secs_f64() >= LOAD;
            self.window = now;
            self.counted = 0;
        }
        if !self.loaded || datagrams >= ENOUGH {
            return None;
        }
        // While a long turn lasted, datagrams gathered all the same.
        let is_long = now.saturating_duration_since(began) >= self.most;
        (!is_long).then_some(self.most)
    }
}

/// Has pauses of this thread end when they should: by default the kernel adds
/// up to 50 µs.
pub(super) fn be_punctual() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_timerslack(1_000) {
        tracing::debug!(%error, "pauses end late");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::test_now;

    const MOST: Duration = Duration::from_micros(300);

    /// Turns of so many datagrams each, so far apart, for a tenth of a second:
    /// the pauses after those in the second half of it.
    fn pauses(pace: &mut Pace, from: Instant, datagrams: usize, every: Duration) -> Vec<Duration> {
        let long = Duration::from_millis(100);
        let mut pauses = Vec::new();
        let mut at = from;
        while at < from + long {
            let over = at + Duration::from_micros(10);
            let pause = pace.pause(datagrams, at, over);
            if at >= from + long / 2 {
                pauses.push(pause.unwrap_or_default());
            }
            at += every.max(pause.unwrap_or_default() + Duration::from_micros(10));
        }
        pauses
    }

    #[test]
    fn under_load_a_turn_is_followed_by_a_pause_as_long_as_was_said() {
        let now = test_now();
        let mut pace = Pace::new(MOST, now);
        let pauses = pauses(&mut pace, now, 1, Duration::from_micros(100));
        assert!(pauses.iter().all(|pause| *pause == MOST));
    }

    #[test]
    fn few_calls_are_never_waited_with() {
        let now = test_now();
        let mut pace = Pace::new(MOST, now);
        // 1,900 datagrams a second, one by one and in bursts.
        for (datagrams, every) in [(1, 526), (19, 10_000), (1, 20_000)] {
            let pauses = pauses(&mut pace, now, datagrams, Duration::from_micros(every));
            assert!(pauses.iter().all(Duration::is_zero), "{datagrams}");
        }
    }

    #[test]
    fn a_packet_after_the_load_is_not_waited_with() {
        let now = test_now();
        let mut pace = Pace::new(MOST, now);
        pauses(&mut pace, now, 8, Duration::from_micros(100));
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.pause(1, later, later), None);
        assert_eq!(pace.pause(1, later + WINDOW * 2, later + WINDOW * 2), None);
    }

    #[test]
    fn a_full_turn_is_followed_by_the_next_at_once() {
        let now = test_now();
        let mut pace = Pace::new(MOST, now);
        let pauses = pauses(&mut pace, now, ENOUGH, Duration::from_micros(300));
        assert!(pauses.iter().all(Duration::is_zero));
    }

    #[test]
    fn a_turn_that_took_long_itself_is_not_prolonged() {
        let now = test_now();
        let mut pace = Pace::new(MOST, now);
        pauses(&mut pace, now, 8, Duration::from_micros(100));
        let began = now + Duration::from_millis(101);
        assert_eq!(pace.pause(8, began, began + MOST), None);
    }

    #[test]
    fn nothing_is_waited_for_when_that_is_off() {
        let now = test_now();
        let mut pace = Pace::new(Duration::ZERO, now);
        let pauses = pauses(&mut pace, now, 8, Duration::from_micros(100));
        assert!(pauses.iter().all(Duration::is_zero));
    }
}
