//! Failed proofs of a password, counted per name wherever they come from: after
//! a few the name has to rest, each time twice as long. Whether there is an
//! account of that name makes no difference.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;

use super::error::ApiError;
use crate::accounts;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 10;

/// The first rest, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// A name that nobody got wrong for so long starts afresh.
const FORGET: Duration = Duration::from_secs(24 * 3600);

/// Names counted at most. When full, the one with the fewest failures goes, and
/// whoever is new starts with as many as the worst that went: names that are
/// made up push nobody's count down.
const NAMES: usize = 65_536;

/// Whose password is being proved.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// That of whoever has this name, to log in.
    Name(&'a str),
    /// That of the person of a living session. It counts apart: strangers at the
    /// door must not keep a person from changing the password.
    Person(UserId),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    last: Instant,
    rests_until: Instant,
}

impl Count {
    fn is_remembered(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < FORGET
    }
}

/// Under which key an attempt is counted.
#[derive(Debug, Clone, Copy)]
pub struct Attempt(u64);

#[derive(Debug, Default)]
struct Table {
    counts: BTreeMap<u64, Count>,
    /// The worst that had to go, while it is remembered.
    gone: Option<Count>,
}

/// The counts of this process.
#[derive(Debug, Default)]
pub struct Guesses {
    table: Mutex<Table>,
    /// Nobody outside knows which names share a key.
    keys: RandomState,
}

impl Guesses {
    /// Counts an attempt as failed until [`Self::proved`] says otherwise, so
    /// that many at once are not all the first.
    ///
    /// # Errors
    ///
    /// How long the name still rests.
    pub fn begin(&self, whose: Whose<'_>, now: Instant) -> Result<Attempt, Duration> {
        let key = match whose {
            Whose::Name(name) => self.keys.hash_one(name.trim().to_ascii_lowercase()),
            Whose::Person(id) => self.keys.hash_one(id.0),
        };
        let mut table = self.table();
        table.make_room(key, now);
        let known = table
            .counts
            .get(&key)
            .filter(|known| known.is_remembered(now));
        let rest = known.map_or(Duration::ZERO, |known| {
            known.rests_until.saturating_duration_since(now)
        });
        if !rest.is_zero() {
            return Err(rest);
        }
        let gone = table.gone.filter(|gone| gone.is_remembered(now));
        let before = known.or(gone.as_ref()).map_or(0, |known| known.failures);
        let failures = before.saturating_add(1);
        let count = Count {
            failures,
            last: now,
            rests_until: now + rest_after(failures),
        };
        table.counts.insert(key, count);
        Ok(Attempt(key))
    }

    /// The password was wrong: the rest begins now that it is known.
    pub fn failed(&self, Attempt(key): Attempt, now: Instant) {
        if let Some(count) = self.table().counts.get_mut(&key) {
            count.last = now;
            count.rests_until = now + rest_after(count.failures);
        }
    }

    /// The password was right: what was before does not count any more.
    pub fn proved(&self, Attempt(key): Attempt) {
        self.table().counts.remove(&key);
    }

    /// It did not come to a proof: the attempt never was.
    pub fn withdrawn(&self, Attempt(key): Attempt, now: Instant) {
        let mut table = self.table();
        if let Some(count) = table.counts.get_mut(&key) {
            count.failures = count.failures.saturating_sub(1);
            count.rests_until = now;
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn make_room(&mut self, key: u64, now: Instant) {
        if self.counts.len() < NAMES || self.counts.contains_key(&key) {
            return;
        }
        self.counts.retain(|_, count| count.is_remembered(now));
        if self.counts.len() < NAMES {
            return;
        }
        let least = self
            .counts
            .iter()
            .min_by_key(|(_, count)| (count.failures, count.last));
        if let Some((key, count)) = least.map(|(key, count)| (*key, *count)) {
            self.counts.remove(&key);
            let before = self.gone.filter(|gone| gone.is_remembered(now));
            let worst = before.map_or(0, |gone| gone.failures).max(count.failures);
            self.gone = Some(Count {
                failures: worst,
                last: now,
                ..count
            });
        }
    }
}

/// How long a name rests after so many failures.
fn rest_after(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(FREE) else {
        return Duration::ZERO;
    };
    let times = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    FIRST.saturating_mul(times).min(LONGEST)
}

/// Runs a proof of a password under the count of its name; `None` counts
/// nothing.
///
/// # Errors
///
/// 429 while the name rests, else what the proof says.
pub async fn guarded<T>(
    guesses: Option<&Guesses>,
    whose: Whose<'_>,
    proof: impl Future<Output = Result<T, accounts::Error>>,
) -> Result<Result<T, accounts::Error>, ApiError> {
    let Some(guesses) = guesses else {
        return Ok(proof.await);
    };
    let attempt = guesses
        .begin(whose, Instant::now())
        .map_err(ApiError::resting)?;
    let proof = proof.await;
    match &proof {
        Ok(_) => guesses.proved(attempt),
        Err(error) if error.code() == Code::BadCredentials => {
            guesses.failed(attempt, Instant::now());
        }
        Err(_) => guesses.withdrawn(attempt, Instant::now()),
    }
    Ok(proof)
}

#[cfg(test)]
mod tests;
