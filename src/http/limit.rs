//! Fixed windows per client address, person or word, of a minute as the core
//! dialect has them unless told otherwise, with the headers that tell how many
//! calls are left.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use payambar_signaling::ids::UserId;

const WINDOW: Duration = Duration::from_secs(60);

/// Callers remembered at most. When full, windows that are over are dropped;
/// if none is, everybody new shares one window: a flood from everywhere must
/// not cost memory, and is limited all the same.
const CALLERS: usize = 65_536;

/// Whom a window counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Caller {
    Subscriber(IpAddr),
    Person(UserId),
    /// A name or an address somebody typed; nobody outside knows which share one.
    Word(u64),
    Everybody,
}

/// What one call was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the call may go on.
    pub allowed: bool,
    /// Calls in a window.
    pub limit: u32,
    /// Calls left in this one.
    pub remaining: u32,
    /// Until the next one begins.
    pub reset: Duration,
}

/// The windows of one kind of call.
#[derive(Debug)]
pub struct Windows {
    limit: u32,
    window: Duration,
    words: RandomState,
    open: Mutex<HashMap<Caller, (Instant, u32)>>,
}

impl Windows {
    /// Allows `limit` calls a minute.
    pub fn new(limit: u32) -> Self {
        Self::lasting(limit, WINDOW)
    }

    /// Allows `limit` calls in every `window`.
    pub fn lasting(limit: u32, window: Duration) -> Self {
        Self {
            limit,
            window,
            words: RandomState::new(),
            open: Mutex::default(),
        }
    }

    /// Counts a call from `address` at `now`.
    pub fn check(&self, address: IpAddr, now: Instant) -> Verdict {
        self.count(Caller::Subscriber(subscriber(address)), now)
    }

    /// Counts a call of a person at `now`, from wherever it comes.
    pub fn check_person(&self, person: UserId, now: Instant) -> Verdict {
        self.count(Caller::Person(person), now)
    }

    /// Counts a call about whoever has this name or address, if anybody has.
    pub fn check_word(&self, word: &str, now: Instant) -> Verdict {
        let word = self.words.hash_one(word.trim().to_ascii_lowercase());
        self.count(Caller::Word(word), now)
    }

    fn count(&self, mut key: Caller, now: Instant) -> Verdict {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= CALLERS && !open.contains_key(&key) {
            open.retain(|_, (began, _)| now.saturating_duration_since(*began) < self.window);
            if open.len() >= CALLERS {
                key = Caller::Everybody;
            }
        }
        let (began, calls) = open.entry(key).or_insert((now, 0));
        if now.saturating_duration_since(*began) >= self.window {
            (*began, *calls) = (now, 0);
        }
        *calls = calls.saturating_add(1);
        Verdict {
            allowed: *calls <= self.limit,
            limit: self.limit,
            remaining: self.limit.saturating_sub(*calls),
            reset: self
                .window
                .saturating_sub(now.saturating_duration_since(*began)),
        }
    }
}

/// One subscriber: an IPv4 address, or the /64 an IPv6 customer is given.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn the_third_call_in_a_minute_is_refused_and_the_next_minute_allows_again() {
        let (windows, start) = (Windows::new(2), Instant::now());
        let at = |seconds, address| windows.check(address, start + Duration::from_secs(seconds));
        assert_eq!(
            at(0, A),
            Verdict {
                allowed: true,
                limit: 2,
                remaining: 1,
                reset: WINDOW
            }
        );
        assert_eq!((at(10, A).allowed, at(10, A).allowed), (true, false));
        assert!(at(59, B).allowed);
        assert!(!at(59, A).allowed);
        assert!(at(60, A).allowed);
    }

    #[test]
    fn an_ipv6_subscriber_is_a_64() {
        let (windows, now) = (Windows::new(1), Instant::now());
        assert!(windows.check("2001:db8::1".parse().unwrap(), now).allowed);
        assert!(!windows.check("2001:db8::2".parse().unwrap(), now).allowed);
        assert!(
            windows
                .check("2001:db8:0:1::1".parse().unwrap(), now)
                .allowed
        );
        assert!(
            windows
                .check("::ffff:192.0.2.1".parse().unwrap(), now)
                .allowed
        );
        assert!(!windows.check(A, now).allowed);
    }

    #[test]
    fn a_person_counts_apart_from_every_other_and_from_addresses() {
        let (windows, now) = (Windows::new(1), Instant::now());
        assert!(windows.check_person(UserId(1), now).allowed);
        assert!(!windows.check_person(UserId(1), now).allowed);
        assert!(windows.check_person(UserId(2), now).allowed);
        assert!(windows.check(A, now).allowed);
    }

    #[test]
    fn a_word_counts_whatever_its_case_for_as_long_as_its_window_is() {
        let (quarter, now) = (Duration::from_secs(900), Instant::now());
        let windows = Windows::lasting(1, quarter);
        assert!(windows.check_word("Sara", now).allowed);
        assert!(!windows.check_word(" sARA", now + WINDOW).allowed);
        assert!(windows.check_word("omid", now).allowed);
        assert!(windows.check_word("sara", now + quarter).allowed);
    }

    #[test]
    fn a_flood_of_addresses_costs_no_more_memory() {
        let (windows, now) = (Windows::new(1), Instant::now());
        for n in 0..u32::try_from(CALLERS).unwrap() + 500 {
            windows.check(IpAddr::V4(n.into()), now);
        }
        assert!(windows.open.lock().unwrap().len() <= CALLERS + 1);
        assert!(!windows.check("198.51.100.9".parse().unwrap(), now).allowed);
        assert!(
            windows
                .check("198.51.100.9".parse().unwrap(), now + WINDOW)
                .allowed
        );
    }
}
