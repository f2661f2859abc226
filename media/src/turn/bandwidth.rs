//! How many bytes may pass in a second: token buckets that fill as time goes
//! by, so that an idle one costs nothing.

use std::time::{Duration, Instant};

/// A rate that does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Nanoseconds that one byte takes, in 1/1024ths; 0 sets no limit.
    cost: u64,
}

/// What a full bucket holds: the bytes of this long.
const DEPTH: Duration = Duration::from_secs(1);

impl Rate {
    /// `bytes_per_second` = 0 lets everything pass.
    pub(super) fn new(bytes_per_second: u64) -> Self {
        let cost = (1_000_000_000_u64 << 10).checked_div(bytes_per_second);
        Self {
            // A rate of over a terabyte per second is none.
            cost: cost.unwrap_or(0),
        }
    }

    fn time_of(self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Duration::from_nanos(self.cost.saturating_mul(bytes) >> 10)
    }
}

/// One bucket: full at first. Kept as the moment at which it is full again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Whether `bytes` more would fit now.
    pub(super) fn holds(&self, rate: Rate, bytes: usize, now: Instant) -> bool {
        self.after(rate, bytes, now)
            .saturating_duration_since(now)
            .le(&DEPTH)
    }

    /// Takes `bytes` out.
    pub(super) fn take(&mut self, rate: Rate, bytes: usize, now: Instant) {
        if rate.cost > 0 {
            self.full_at = Some(self.after(rate, bytes, now));
        }
    }

    fn after(&self, rate: Rate, bytes: usize, now: Instant) -> Instant {
        self.full_at.map_or(now, |at| at.max(now)) + rate.time_of(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::test_now;

    /// Bytes out of packets of `size` that pass, offered each millisecond.
    fn passed(rate: Rate, size: usize, milliseconds: u64) -> usize {
        let (mut bucket, start) = (Bucket::default(), test_now());
        let offers = (0..milliseconds).map(|after| start + Duration::from_millis(after));
        offers
            .filter(|now| {
                let fits = bucket.holds(rate, size, *now);
                if fits {
                    bucket.take(rate, size, *now);
                }
                fits
            })
            .count()
            * size
    }

    #[test]
    fn after_the_first_second_no_more_than_the_rate_passes() {
        // A full bucket of 10,000 bytes, and 10,000 in each of ten seconds.
        let bytes = passed(Rate::new(10_000), 100, 10_000);
        assert!((109_000..=110_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn below_the_rate_everything_passes() {
        assert_eq!(passed(Rate::new(200_000), 100, 5_000), 500_000);
    }

    #[test]
    fn no_rate_is_no_limit() {
        assert_eq!(passed(Rate::new(0), 65_000, 1_000), 65_000_000);
    }

    #[test]
    fn a_bucket_at_rest_is_full_but_not_more() {
        let (mut bucket, start, rate) = (Bucket::default(), test_now(), Rate::new(1_000));
        bucket.take(rate, 1_000, start);
        assert!(!bucket.holds(rate, 1, start));
        let later = start + Duration::from_secs(3_600);
        assert!(bucket.holds(rate, 1_000, later));
        assert!(!bucket.holds(rate, 1_001, later));
    }
}
