//! How many answers somebody gets who has not shown a right credential: who
//! forges the source of a request must not make us flood that source. Two
//! tables of fixed size, so that a million sources take no more room than one.
//! All shards share them, and none waits for another.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Cells of each table. A source is held back only when its cells of both
/// tables are used up.
const CELLS: usize = 1 << 12;

/// A source that was quiet may have the answers of this long at once: 10 s.
const BURST_NANOS: u64 = 10_000_000_000;

/// See the module.
#[derive(Debug)]
pub(super) struct AnswerLimit {
    /// Time that one answer takes; zero sets no limit.
    cost: Duration,
    epoch: Instant,
    tables: [Table; 2],
}

#[derive(Debug)]
struct Table {
    key: (u128, u128),
    /// When the cell's bucket is full again, in nanoseconds since the epoch.
    full_at: Box<[AtomicU64]>,
}

impl AnswerLimit {
    /// `per_second` = 0 sets no limit. `random` chooses which sources share a
    /// cell, so that nobody can use up a stranger's.
    pub(super) fn new(per_second: u32, mut random: impl FnMut() -> u64, epoch: Instant) -> Self {
        let mut number = || u128::from(random()) << 64 | u128::from(random());
        let mut table = || Table {
            key: (number() | 1, number()),
            full_at: (0..CELLS).map(|_| AtomicU64::new(0)).collect(),
        };
        Self {
            cost: Duration::from_secs(1)
                .checked_div(per_second)
                .unwrap_or_default(),
            epoch,
            tables: [table(), table()],
        }
    }

    /// Takes one answer for `source` if there is one left.
    pub(super) fn admits(&self, source: IpAddr, now: Instant) -> bool {
        if self.cost.is_zero() {
            return true;
        }
        let now = now.saturating_duration_since(self.epoch);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let cost = u64::try_from(self.cost.as_nanos()).unwrap_or(u64::MAX);
        let latest = now.saturating_add(BURST_NANOS);
        let prefix = network(source);
        // Each cell by itself never gives more than it holds, whoever asks at
        // the same time.
        let takes = |cell: &AtomicU64| {
            let after = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
            let fits = |full_at: u64| after(full_at).filter(|after| *after <= latest);
            cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
                .is_ok()
        };
        let cells = self.tables.each_ref().map(|table| table.cell(prefix));
        let taken = cells.map(|cell| cell.is_some_and(takes));
        let admitted = taken.contains(&true);
        if admitted {
            for (cell, taken) in cells.into_iter().zip(taken) {
                // The cell that was used up already stays so.
                if let Some(cell) = cell.filter(|_| !taken) {
                    cell.fetch_max(latest, Ordering::Relaxed);
                }
            }
        }
        admitted
    }
}

impl Table {
    fn cell(&self, prefix: u128) -> Option<&AtomicU64> {
        // Multiply-shift hashing: the high bits of a product with a random
        // odd number.
        let hash = prefix.wrapping_mul(self.key.0).wrapping_add(self.key.1) >> 116;
        self.full_at.get(usize::try_from(hash).ok()?)
    }
}

/// The IPv4 /24 or IPv6 /64 of a source, as one number.
pub(crate) fn network(source: IpAddr) -> u128 {
    match source.to_canonical() {
        IpAddr::V4(ip) => u128::from(ip.to_bits() >> 8),
        IpAddr::V6(ip) => 1 << 64 | ip.to_bits() >> 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::test_now;

    fn limit(per_second: u32) -> (AnswerLimit, Instant) {
        let (now, mut state) = (test_now(), 11_u64);
        let random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.rotate_left(17)
        };
        (AnswerLimit::new(per_second, random, now), now)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn answers(limit: &AnswerLimit, source: &str, tries: usize, now: Instant) -> usize {
        (0..tries).filter(|_| limit.admits(ip(source), now)).count()
    }

    #[test]
    fn a_source_gets_a_burst_and_then_the_rate() {
        let (limit, now) = limit(20);
        assert_eq!(answers(&limit, "192.0.2.1", 1_000, now), 200);
        let later = now + Duration::from_secs(3);
        assert_eq!(answers(&limit, "192.0.2.1", 1_000, later), 60);
        let much_later = now + Duration::from_secs(3_600);
        assert_eq!(answers(&limit, "192.0.2.1", 1_000, much_later), 200);
    }

    #[test]
    fn neighbours_in_a_24_and_a_64_share_it_and_others_do_not() {
        let (limit, now) = limit(20);
        answers(&limit, "192.0.2.1", 1_000, now);
        answers(&limit, "2001:db8:1:2::1", 1_000, now);
        for spent in ["192.0.2.255", "2001:db8:1:2:ffff::9"] {
            assert_eq!(answers(&limit, spent, 10, now), 0, "{spent}");
        }
        for fresh in ["192.0.3.1", "2001:db8:1:3::1", "::ffff:198.51.100.7"] {
            assert_eq!(answers(&limit, fresh, 10, now), 10, "{fresh}");
        }
    }

    #[test]
    fn many_floods_leave_others_their_answers() {
        let (limit, now) = limit(20);
        for third in 0..=255_u8 {
            answers(&limit, &format!("10.9.{third}.1"), 300, now);
        }
        let served = (0..=255_u8)
            .filter(|third| limit.admits(ip(&format!("172.20.{third}.1")), now))
            .count();
        // Both cells used up by 256 of 4,096: one in 256 at most.
        assert!(served >= 250, "{served}");
    }

    #[test]
    fn zero_is_no_limit() {
        let (limit, now) = limit(0);
        assert_eq!(answers(&limit, "192.0.2.1", 100_000, now), 100_000);
    }
}
