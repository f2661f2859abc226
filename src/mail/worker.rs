//! When a mail is handed over: as soon as it is written, and again after
//! growing pauses until it is taken or nobody needs it any more. What waits is
//! in the database, so a restart loses nothing.

use std::time::Duration;

use payambar_signaling::ids::Timestamp;

use super::transport::{Outcome, Transport};
use super::words::Words;
use super::{Mail, millis};
use crate::store::mails::{self, Letter};
use crate::store::{self, Store, now, users};

/// Mails taken up at a time.
const BATCH: u32 = 16;

/// The pause after the first failure, and the longest; each is twice the one
/// before.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3600);

/// How long the database is left alone when it fails.
const PAUSE: Duration = Duration::from_secs(60);

/// What the worker needs.
pub struct Parts {
    /// Where mails wait.
    pub store: Store,
    /// Wakes it.
    pub mail: Mail,
    /// The way to the server.
    pub transport: Transport,
    /// What mails say.
    pub words: Words,
}

/// Hands over mails until it is dropped.
pub async fn run(parts: Parts) {
    loop {
        match parts.round().await {
            Ok(Some(pause)) => {
                tokio::select! {
                    () = parts.mail.shared.woken.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            Ok(None) => {}
            Err(store::Error::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "mails cannot be read or kept");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Parts {
    /// Tries what is due; says how long there is nothing to do.
    async fn round(&self) -> Result<Option<Duration>, store::Error> {
        let at = now();
        let due = self
            .store
            .read(move |connection| mails::due(connection, at, BATCH));
        let due = due.await?;
        if due.is_empty() {
            let next = self.store.read(mails::next).await?;
            let pause = next.map_or(LONGEST, |next| until(next, at));
            return Ok(Some(pause));
        }
        for letter in due {
            self.deliver(letter).await?;
        }
        Ok(None)
    }

    async fn deliver(&self, letter: Letter) -> Result<(), store::Error> {
        let id = letter.id;
        if letter.until <= now() {
            // Who it was for would be told by the address alone.
            tracing::warn!(
                kind = letter.kind.as_str(),
                attempts = letter.attempts,
                "a mail was given up"
            );
            return self
                .store
                .write(move |connection| mails::remove(connection, id))
                .await;
        }
        let outcome = match self.text(&letter).await? {
            Some(text) => self.transport.send(&letter, text).await,
            // Whom it is about has gone.
            None => Outcome::Refused,
        };
        let again = now().0.saturating_add(millis(pause(letter.attempts)));
        let noted = self.store.write(move |connection| match outcome {
            Outcome::Taken | Outcome::Refused => mails::remove(connection, id),
            Outcome::Later => mails::later(connection, id, Timestamp(again)),
        });
        noted.await
    }

    async fn text(&self, letter: &Letter) -> Result<Option<super::words::Text>, store::Error> {
        let Some(user) = letter.user else {
            return Ok(None);
        };
        let name = self
            .store
            .read(move |connection| users::name(connection, user));
        let Some(name) = name.await? else {
            return Ok(None);
        };
        let code = letter.salt.map(|salt| self.mail.code(&salt));
        Ok(Some(self.words.write(
            letter,
            &name,
            &code.unwrap_or_default(),
        )))
    }
}

/// How long a mail rests that failed so often before this time.
fn pause(attempts: u32) -> Duration {
    let times = 1_u32.checked_shl(attempts).unwrap_or(u32::MAX);
    FIRST.saturating_mul(times).min(LONGEST)
}

fn until(next: Timestamp, at: Timestamp) -> Duration {
    let left = u64::try_from(next.0.saturating_sub(at.0)).unwrap_or(0);
    Duration::from_millis(left).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_up_to_an_hour() {
        let seconds: Vec<u64> = (0..4).map(|failed| pause(failed).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40]);
        assert_eq!((pause(20), pause(u32::MAX)), (LONGEST, LONGEST));
    }

    #[test]
    fn the_next_mail_is_waited_for_but_never_for_longer_than_an_hour() {
        let at = |ms| until(Timestamp(ms), Timestamp(10_000));
        assert_eq!(at(12_500), Duration::from_millis(2500));
        assert_eq!(at(3), Duration::ZERO);
        assert_eq!(at(i64::MAX), LONGEST);
    }
}
