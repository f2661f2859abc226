//! Which ports may become relay ports, and which are free: every free port is
//! as likely as any other, and a port that was given back rests, so that a
//! late peer's packets do not reach its next holder.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::{Random, RelayPort};

/// How long a port rests after its allocation ended.
pub const REST: Duration = Duration::from_secs(120);

/// Which ports will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// Every one.
    Any,
    /// An even one (EVEN-PORT, RFC 8656 §18.6).
    Even,
}

/// The free and the resting ports of one relay address.
#[derive(Debug)]
pub struct Ports {
    free: Vec<RelayPort>,
    resting: VecDeque<(Instant, RelayPort)>,
}

impl Ports {
    /// All ports of `range` but the excluded ones and port 0.
    #[must_use]
    pub fn new(range: RangeInclusive<u16>, excluded: &[u16]) -> Self {
        let free = range
            .filter(|port| *port != 0 && !excluded.contains(port))
            .map(RelayPort);
        Self {
            free: free.collect(),
            resting: VecDeque::new(),
        }
    }

    /// Takes a free port of the wanted parity, if there is one.
    pub fn take(&mut self, parity: Parity, random: &mut Random, now: Instant) -> Option<RelayPort> {
        while let Some(&(until, port)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.free.push(port);
        }
        let count = u64::try_from(self.free.len())
            .ok()
            .filter(|count| *count > 0)?;
        let start = usize::try_from(random() % count).ok()?;
        let mut indices = (start..self.free.len()).chain(0..start);
        let fits = |index: &usize| match (parity, self.free.get(*index)) {
            (Parity::Any, port) => port.is_some(),
            (Parity::Even, port) => port.is_some_and(|port| port.0.is_multiple_of(2)),
        };
        let index = indices.find(fits)?;
        Some(self.free.swap_remove(index))
    }

    /// Gives a port back; it can be taken again after [`REST`].
    pub fn give_back(&mut self, port: RelayPort, now: Instant) {
        self.resting.push_back((now + REST, port));
    }

    /// Gives a port back that was never opened; it can be taken again at once.
    pub fn put_back(&mut self, port: RelayPort) {
        self.free.push(port);
    }

    /// How many ports could be taken, now or after their rest.
    #[must_use]
    pub fn unused(&self) -> usize {
        self.free.len() + self.resting.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn random() -> Random {
        let mut state = 7_u64;
        Box::new(move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 11
        })
    }

    #[test]
    fn every_port_but_the_excluded_is_taken_once_and_in_no_order() {
        let (mut ports, mut random, now) = (
            Ports::new(100..=199, &[150, 7]),
            random(),
            crate::turn::test_now(),
        );
        let taken: Vec<_> =
            std::iter::from_fn(|| ports.take(Parity::Any, &mut random, now)).collect();
        assert_eq!(taken.len(), 99);
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 99);
        assert!(!taken.contains(&RelayPort(150)));
        assert!(!taken.is_sorted());
    }

    #[test]
    fn a_freed_port_rests_120_s() {
        let (mut ports, mut random, now) =
            (Ports::new(9..=9, &[]), random(), crate::turn::test_now());
        let port = ports.take(Parity::Any, &mut random, now).unwrap();
        ports.give_back(port, now);
        let almost = now + Duration::from_millis(119_999);
        assert_eq!(ports.take(Parity::Any, &mut random, almost), None);
        assert_eq!(
            ports.take(Parity::Any, &mut random, now + Duration::from_secs(120)),
            Some(RelayPort(9))
        );
    }

    #[test]
    fn an_even_port_is_found_while_there_is_one() {
        let (mut ports, mut random, now) =
            (Ports::new(10..=19, &[]), random(), crate::turn::test_now());
        for _ in 0..5 {
            let port = ports.take(Parity::Even, &mut random, now).unwrap();
            assert!(port.0.is_multiple_of(2));
        }
        assert_eq!(ports.take(Parity::Even, &mut random, now), None);
        assert_eq!(ports.unused(), 5);
    }

    #[test]
    fn port_zero_is_never_given() {
        let mut ports = Ports::new(0..=0, &[]);
        assert_eq!(
            ports.take(Parity::Any, &mut random(), crate::turn::test_now()),
            None
        );
    }
}
