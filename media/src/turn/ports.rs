//! Which ports may become relay ports, and which are free: every free port is
//! as likely as any other, and a port that was given back rests, so that a
//! late peer's packets do not reach its next holder.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::{Family, Random, RelayPort};

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
    family: Family,
    free: Vec<u16>,
    /// Where in `free` each port lies, from the lowest port of the range on.
    places: Vec<Option<usize>>,
    lowest: u16,
    resting: VecDeque<(Instant, u16)>,
}

impl Ports {
    /// All ports of `range` but the excluded ones and port 0.
    #[must_use]
    pub fn new(family: Family, range: RangeInclusive<u16>, excluded: &[u16]) -> Self {
        let lowest = *range.start();
        let mut ports = Self {
            family,
            free: Vec::with_capacity(range.len()),
            places: vec![None; range.len()],
            lowest,
            resting: VecDeque::new(),
        };
        for port in range.filter(|port| *port != 0 && !excluded.contains(port)) {
            ports.set_free(port);
        }
        ports
    }

    /// Takes a free port of the wanted parity, if there is one.
    pub fn take(&mut self, parity: Parity, random: &mut Random, now: Instant) -> Option<RelayPort> {
        let fits = |_: &Self, port: u16| match parity {
            Parity::Any => true,
            Parity::Even => port.is_multiple_of(2),
        };
        let port = self.choose(random, now, fits)?;
        self.set_taken(port);
        Some(self.named(port))
    }

    /// Takes an even port and the one after it, if there are two such.
    pub fn take_pair(
        &mut self,
        random: &mut Random,
        now: Instant,
    ) -> Option<(RelayPort, RelayPort)> {
        let fits =
            |ports: &Self, port: u16| port.is_multiple_of(2) && ports.place(port + 1).is_some();
        let even = self.choose(random, now, fits)?;
        let odd = even + 1;
        self.set_taken(even);
        self.set_taken(odd);
        Some((self.named(even), self.named(odd)))
    }

    /// A free port that fits: all of them are looked at, from a random one on.
    fn choose(
        &mut self,
        random: &mut Random,
        now: Instant,
        fits: impl Fn(&Self, u16) -> bool,
    ) -> Option<u16> {
        self.wake(now);
        let count = u64::try_from(self.free.len())
            .ok()
            .filter(|count| *count > 0)?;
        let start = usize::try_from(random() % count).ok()?;
        let (before, after) = self.free.split_at_checked(start)?;
        let mut candidates = after.iter().chain(before).copied();
        candidates.find(|port| fits(self, *port))
    }

    fn wake(&mut self, now: Instant) {
        while let Some(&(until, port)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.set_free(port);
        }
    }

    /// Gives a port back; it can be taken again after [`REST`].
    pub fn give_back(&mut self, port: RelayPort, now: Instant) {
        self.resting.push_back((now + REST, port.port));
    }

    /// Gives a port back that was never opened; it can be taken again at once.
    pub fn put_back(&mut self, port: RelayPort) {
        self.set_free(port.port);
    }

    /// How many ports could be taken now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// How many ports rest, or have rested and were not looked at since.
    #[must_use]
    pub fn resting(&self) -> usize {
        self.resting.len()
    }

    fn named(&self, port: u16) -> RelayPort {
        RelayPort {
            family: self.family,
            port,
        }
    }

    fn place(&self, port: u16) -> Option<usize> {
        let index = usize::from(port.checked_sub(self.lowest)?);
        self.places.get(index).copied().flatten()
    }

    fn set_place(&mut self, port: u16, place: Option<usize>) {
        let index = usize::from(port.wrapping_sub(self.lowest));
        if let Some(entry) = self.places.get_mut(index) {
            *entry = place;
        }
    }

    fn set_free(&mut self, port: u16) {
        self.set_place(port, Some(self.free.len()));
        self.free.push(port);
    }

    fn set_taken(&mut self, port: u16) {
        let Some(place) = self.place(port).filter(|place| *place < self.free.len()) else {
            return;
        };
        self.free.swap_remove(place);
        self.set_place(port, None);
        if let Some(moved) = self.free.get(place).copied() {
            self.set_place(moved, Some(place));
        }
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
            Ports::new(Family::V4, 100..=199, &[150, 7]),
            random(),
            crate::turn::test_now(),
        );
        let taken: Vec<_> =
            std::iter::from_fn(|| ports.take(Parity::Any, &mut random, now)).collect();
        assert_eq!(taken.len(), 99);
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 99);
        assert!(!taken.contains(&RelayPort::v4(150)));
        assert!(!taken.is_sorted());
    }

    #[test]
    fn a_freed_port_rests_120_s() {
        let (mut ports, mut random, now) = (
            Ports::new(Family::V4, 9..=9, &[]),
            random(),
            crate::turn::test_now(),
        );
        let port = ports.take(Parity::Any, &mut random, now).unwrap();
        ports.give_back(port, now);
        let almost = now + Duration::from_millis(119_999);
        assert_eq!(ports.take(Parity::Any, &mut random, almost), None);
        assert_eq!(
            ports.take(Parity::Any, &mut random, now + Duration::from_secs(120)),
            Some(RelayPort::v4(9))
        );
    }

    #[test]
    fn an_even_port_is_found_while_there_is_one() {
        let (mut ports, mut random, now) = (
            Ports::new(Family::V4, 10..=19, &[]),
            random(),
            crate::turn::test_now(),
        );
        for _ in 0..5 {
            let port = ports.take(Parity::Even, &mut random, now).unwrap();
            assert!(port.port.is_multiple_of(2));
        }
        assert_eq!(ports.take(Parity::Even, &mut random, now), None);
        assert_eq!(ports.free(), 5);
    }

    #[test]
    fn port_zero_is_never_given() {
        let mut ports = Ports::new(Family::V4, 0..=0, &[]);
        assert_eq!(
            ports.take(Parity::Any, &mut random(), crate::turn::test_now()),
            None
        );
    }

    #[test]
    fn a_pair_is_an_even_port_and_the_next() {
        let (mut ports, mut random, now) = (
            Ports::new(Family::V6, 10..=16, &[13]),
            random(),
            crate::turn::test_now(),
        );
        // 12 has lost its neighbour, and 16 is the last of the range.
        let mut pairs: Vec<_> = std::iter::from_fn(|| ports.take_pair(&mut random, now)).collect();
        pairs.sort_unstable();
        let pair = |even| (RelayPort::v6(even), RelayPort::v6(even + 1));
        assert_eq!(pairs, [pair(10), pair(14)]);
        assert_eq!(ports.free(), 2);
    }

    #[test]
    fn the_last_port_there_is_has_no_next() {
        let (mut ports, now) = (
            Ports::new(Family::V4, 65_534..=65_535, &[]),
            crate::turn::test_now(),
        );
        assert!(ports.take_pair(&mut random(), now).is_some());
        assert_eq!(ports.take(Parity::Any, &mut random(), now), None);
    }
}
