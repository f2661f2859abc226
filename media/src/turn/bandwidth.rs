//! How many bytes may pass in a second: token buckets that fill as time goes
//! by, so that an idle one costs nothing.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// The bucket of all shards together.
#[derive(Debug)]
pub(super) struct Common {
    rate: Rate,
    /// What a shard takes out at a time.
    block: usize,
    epoch: Instant,
    /// When it is full again, in nanoseconds since the epoch.
    full_at: AtomicU64,
}

impl Common {
    /// `bytes_per_second` = 0 lets everything pass.
    pub(super) fn new(bytes_per_second: u64, epoch: Instant) -> Self {
        Self {
            rate: Rate::new(bytes_per_second),
            block: usize::try_from(bytes_per_second / BLOCKS).unwrap_or(usize::MAX),
            epoch,
            full_at: AtomicU64::new(0),
        }
    }

    /// Takes `bytes` out if there are as many.
    fn take(&self, bytes: usize, now: Instant) -> bool {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let now = nanos(now.saturating_duration_since(self.epoch));
        let cost = nanos(self.rate.time_of(bytes));
        let after = |full_at: u64| {
            let after = full_at.max(now).saturating_add(cost);
            (after - now <= nanos(DEPTH)).then_some(after)
        };
        let order = Ordering::Relaxed;
        self.full_at.fetch_update(order, order, after).is_ok()
    }
}

/// Blocks in what passes in a second. What a shard has taken in advance and
/// does not use is kept from the others, so it must be little.
const BLOCKS: u64 = 100;

/// What one shard has taken out of the common bucket in advance, so that not
/// every packet goes there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Share {
    left: usize,
}

impl Share {
    /// Takes `bytes` out, if there are as many.
    pub(super) fn take(&mut self, common: &Common, bytes: usize, now: Instant) -> bool {
        if common.rate.cost == 0 {
            return true;
        }
        let missing = bytes.saturating_sub(self.left);
        if missing > 0 {
            // Where there is no block any more, there may be as much as this.
            let wanted = [common.block.max(missing), missing];
            let Some(taken) = wanted.into_iter().find(|wanted| common.take(*wanted, now)) else {
                return false;
            };
            self.left += taken;
        }
        self.left -= bytes;
        true
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

    #[test]
    fn all_shards_together_relay_no_more_than_the_rate() {
        let start = test_now();
        let (common, mut shares) = (Common::new(100_000, start), [Share::default(); 3]);
        let mut passed = |after, offered: usize| {
            let now = start + Duration::from_millis(after);
            let offers = (0..offered).filter(|nth| {
                let share = &mut shares[nth % 3];
                share.take(&common, 200, now)
            });
            offers.count() * 200
        };
        // A full bucket, all of it: nothing is left over in anybody's share.
        assert_eq!(passed(0, 3_000), 100_000);
        assert_eq!(passed(500, 3_000), 50_000);
        assert_eq!(passed(10_000, 3_000), 100_000);
    }

    #[test]
    fn a_shard_goes_to_the_common_bucket_once_for_a_block() {
        let (now, mut share) = (test_now(), Share::default());
        let common = Common::new(100_000, now);
        let mut visits = 0;
        for _ in 0..20 {
            let before = common.full_at.load(Ordering::Relaxed);
            assert!(share.take(&common, 200, now));
            visits += usize::from(common.full_at.load(Ordering::Relaxed) != before);
        }
        assert_eq!(visits, 4);
    }

    #[test]
    fn without_a_limit_the_common_bucket_is_left_alone() {
        let (now, mut share) = (test_now(), Share::default());
        let common = Common::new(0, now);
        assert!((0..1_000).all(|_| share.take(&common, 65_000, now)));
        assert_eq!(common.full_at.load(Ordering::Relaxed), 0);
    }
}
