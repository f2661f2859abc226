//! How long packets of the voice rooms are held, as a histogram.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the buckets, in microseconds.
const BOUNDS: [u64; 9] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000];

/// See the module.
#[derive(Debug, Default)]
pub struct Delays {
    /// One for each of [`BOUNDS`], and one for what is above all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// Of all packets, in microseconds.
    sum: AtomicU64,
}

impl Delays {
    pub(super) fn add(&self, packets: u64, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(packets, Ordering::Relaxed);
        }
        let all = packets.saturating_mul(micros);
        self.sum.fetch_add(all, Ordering::Relaxed);
    }

    /// The upper end of each bucket in seconds, the last without end, and how
    /// many packets are in it and in no lower one.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = BOUNDS.iter().map(|micros| Duration::from_micros(*micros));
        let bounds = bounds.map(|bound| bound.as_secs_f64());
        let counts = self
            .buckets
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        bounds.chain([f64::INFINITY]).zip(counts)
    }

    /// All delays together, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        Duration::from_micros(self.sum.load(Ordering::Relaxed)).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_counted_in_the_lowest_bucket_that_holds_it() {
        let delays = Delays::default();
        delays.add(2, Duration::from_micros(100));
        delays.add(3, Duration::from_micros(101));
        delays.add(1, Duration::from_secs(1));
        let found: Vec<(f64, u64)> = delays.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(found, [(0.0001, 2), (0.00025, 3), (f64::INFINITY, 1)]);
        assert!((delays.sum() - 1.000_503).abs() < 1e-9);
    }
}
