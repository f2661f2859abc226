//! How much one person sends: so many files a minute and so many bytes a day.
//! In memory alone: a restart forgives.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use payambar_signaling::ids::UserId;

/// Files in a minute.
const FILES: u32 = 10;

/// Bytes in a day.
const BYTES: u64 = 500 * 1024 * 1024;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
struct Sent {
    minute: Instant,
    files: u32,
    day: Instant,
    bytes: u64,
}

/// What everybody has sent lately.
#[derive(Debug, Default)]
pub struct Rates {
    people: Mutex<HashMap<UserId, Sent>>,
}

impl Rates {
    /// Counts one more file of this person; whether it may come.
    pub fn may_send(&self, person: UserId, now: Instant) -> bool {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = people.entry(person).or_insert(Sent {
            minute: now,
            files: 0,
            day: now,
            bytes: 0,
        });
        if now.saturating_duration_since(sent.minute) >= MINUTE {
            (sent.minute, sent.files) = (now, 0);
        }
        if now.saturating_duration_since(sent.day) >= DAY {
            (sent.day, sent.bytes) = (now, 0);
        }
        sent.files = sent.files.saturating_add(1);
        sent.files <= FILES && sent.bytes < BYTES
    }

    /// Counts what came.
    pub fn sent(&self, person: UserId, bytes: u64) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sent) = people.get_mut(&person) {
            sent.bytes = sent.bytes.saturating_add(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SARA: UserId = UserId(1);

    #[test]
    fn the_eleventh_file_of_a_minute_waits_for_the_next() {
        let (rates, now) = (Rates::default(), Instant::now());
        assert!((0..FILES).all(|_| rates.may_send(SARA, now)));
        assert!(!rates.may_send(SARA, now));
        assert!(rates.may_send(UserId(2), now));
        assert!(rates.may_send(SARA, now + MINUTE));
    }

    #[test]
    fn who_has_sent_a_days_worth_waits_for_the_next() {
        let (rates, now) = (Rates::default(), Instant::now());
        assert!(rates.may_send(SARA, now));
        rates.sent(SARA, BYTES);
        assert!(!rates.may_send(SARA, now + MINUTE));
        assert!(rates.may_send(SARA, now + DAY));
    }
}
