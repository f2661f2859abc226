//! A token bucket. `now` is passed in; nothing here knows what is counted.

use std::time::{Duration, Instant};

/// A limit: so many a second, and a burst that may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many come back each second.
    pub per_second: u32,
    /// How many may come at once after a pause.
    pub burst: u32,
}

/// What is left of a [`Rate`].
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    rate: Rate,
    /// Thousandths of a permit.
    left_milli: u64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            left_milli: u64::from(rate.burst) * 1000,
            filled: now,
        }
    }

    /// Takes one permit, or says that there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.fill(now);
        let Some(left) = self.left_milli.checked_sub(1000) else {
            return false;
        };
        self.left_milli = left;
        true
    }

    /// Adds what came back since the last time. Only whole milliseconds count
    /// and the rest stays on the clock, so many small steps lose nothing.
    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_millis();
        let passed_ms = u64::try_from(passed).unwrap_or(u64::MAX);
        let back = passed_ms.saturating_mul(u64::from(self.rate.per_second));
        let most = u64::from(self.rate.burst) * 1000;
        self.left_milli = self.left_milli.saturating_add(back).min(most);
        self.filled += Duration::from_millis(passed_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 20,
        burst: 64,
    };

    #[expect(clippy::disallowed_methods, reason = "tests need some first instant")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_burst_passes_and_no_more() {
        let now = start();
        let mut bucket = Bucket::new(RATE, now);
        assert_eq!((0..100).filter(|_| bucket.take(now)).count(), 64);
    }

    #[test]
    fn permits_come_back_evenly_however_small_the_steps() {
        let mut now = start();
        let mut bucket = Bucket::new(RATE, now);
        while bucket.take(now) {}
        let mut passed = 0;
        for _ in 0..10_000 {
            now += Duration::from_micros(300);
            passed += u32::from(bucket.take(now));
        }
        assert_eq!(passed, 60, "3 s at 20 a second");
    }

    #[test]
    fn a_long_pause_brings_back_one_burst_only() {
        let now = start();
        let mut bucket = Bucket::new(RATE, now);
        while bucket.take(now) {}
        let later = now + Duration::from_secs(1_000_000);
        assert_eq!((0..100).filter(|_| bucket.take(later)).count(), 64);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_gives_nothing() {
        let now = start();
        let mut bucket = Bucket::new(RATE, now + Duration::from_secs(5));
        while bucket.take(now) {}
        assert!(!bucket.take(now));
    }
}
