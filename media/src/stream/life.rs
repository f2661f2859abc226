//! How long a connection may go on: the time to say something, the time
//! without an allocation, the time in which nothing is read that waits.

use std::time::{Duration, Instant};

/// Time from the connection to the first STUN message, the handshake of TLS
/// included.
pub const TO_SPEAK: Duration = Duration::from_secs(10);

/// Time without an allocation, whatever is said: to get one takes two round
/// trips.
pub const TO_ALLOCATE: Duration = Duration::from_secs(60);

/// Time in which not one byte leaves although some wait. A phone that changes
/// its network is back sooner or not at all.
pub const TO_READ: Duration = Duration::from_secs(20);

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It never said anything.
    Silent,
    /// It did not get itself an allocation, or lost it.
    Idle,
    /// Its end does not read.
    Stalled,
}

/// See the module.
#[derive(Debug)]
pub struct Life {
    /// When it began, until the first message.
    silent_since: Option<Instant>,
    idle_since: Instant,
    waits_since: Option<Instant>,
}

impl Life {
    /// Of a connection that begins now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            silent_since: Some(now),
            idle_since: now,
            waits_since: None,
        }
    }

    /// A message came. `true`: it was the first.
    pub fn speaks(&mut self) -> bool {
        self.silent_since.take().is_some()
    }

    /// Whether nothing was said yet.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent_since.is_some()
    }

    /// Bytes were offered to the kernel: whether it `took` some, and whether
    /// some still `wait`.
    pub fn wrote(&mut self, took: bool, wait: bool, now: Instant) {
        self.waits_since = match (wait, took) {
            (false, _) => None,
            (true, true) => Some(now),
            (true, false) => self.waits_since.or(Some(now)),
        };
    }

    /// When [`Self::ending`] is to be asked again.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let ends = [
            self.silent_since.map(|since| since + TO_SPEAK),
            self.waits_since.map(|since| since + TO_READ),
        ];
        let idle = self.idle_since + TO_ALLOCATE;
        ends.into_iter().flatten().fold(idle, Instant::min)
    }

    /// Whether it is over now.
    pub fn ending(&mut self, has_allocation: bool, now: Instant) -> Option<Ending> {
        let is_over = |since: Option<Instant>, time| since.is_some_and(|since| since + time <= now);
        if is_over(self.silent_since, TO_SPEAK) {
            return Some(Ending::Silent);
        }
        if is_over(self.waits_since, TO_READ) {
            return Some(Ending::Stalled);
        }
        if has_allocation {
            self.idle_since = now;
        }
        is_over(Some(self.idle_since), TO_ALLOCATE).then_some(Ending::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::test_now;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_says_nothing_has_ten_seconds() {
        let now = test_now();
        let mut life = Life::new(now);
        assert_eq!(life.deadline(), now + TO_SPEAK);
        assert_eq!(life.ending(false, now + TO_SPEAK - SECOND), None);
        assert_eq!(life.ending(false, now + TO_SPEAK), Some(Ending::Silent));
    }

    #[test]
    fn who_speaks_has_a_minute_for_an_allocation() {
        let now = test_now();
        let mut life = Life::new(now);
        assert!(life.speaks());
        assert!(!life.speaks(), "only once is the first time");
        assert_eq!(life.deadline(), now + TO_ALLOCATE);
        assert_eq!(life.ending(false, now + TO_ALLOCATE - SECOND), None);
        assert_eq!(life.ending(false, now + TO_ALLOCATE), Some(Ending::Idle));
    }

    #[test]
    fn an_allocation_keeps_it_alive_and_a_minute_longer() {
        let now = test_now();
        let mut life = Life::new(now);
        life.speaks();
        let later = now + 50 * TO_ALLOCATE;
        assert_eq!(life.ending(true, later), None);
        assert_eq!(life.deadline(), later + TO_ALLOCATE);
        assert_eq!(life.ending(false, later + TO_ALLOCATE), Some(Ending::Idle));
    }

    #[test]
    fn a_reader_who_stands_still_is_given_up_and_a_slow_one_is_not() {
        let now = test_now();
        let mut life = Life::new(now);
        life.speaks();
        life.wrote(false, true, now);
        life.wrote(false, true, now + SECOND);
        assert_eq!(
            life.deadline(),
            now + TO_READ,
            "still, since the first time"
        );
        life.wrote(true, true, now + 2 * SECOND);
        assert_eq!(life.ending(true, now + TO_READ), None);
        assert_eq!(
            life.ending(true, now + TO_READ + 2 * SECOND),
            Some(Ending::Stalled)
        );
        life.wrote(true, false, now + TO_READ);
        assert_eq!(life.ending(true, now + 2 * TO_READ + SECOND), None);
    }
}
