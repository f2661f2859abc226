//! When a mail is handed over: as soon as it is written, and again after
//! growing pauses until it is taken or nobody needs it any more. What waits is
//! in the database, so a restart loses nothing.

use std::time::Duration;

use payambar_signaling::ids::Timestamp;
use rusqlite::Connection;

use super::transport::{Outcome, Transport};
use super::words::{Text, Words};
use super::{Mail, millis};
use crate::store::mails::{self, Kind, Letter};
use crate::store::{self, Store, now, standing, users};

/// Mails taken up at a time.
const BATCH: u32 = 16;

/// Names in one mail to the operator.
const NAMES: u32 = 50;

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
        // None: whom it is about has gone.
        let name = self.name(&letter).await?;
        let outcome = match &name {
            Some(name) => self.transport.send(&letter, self.text(&letter, name)).await,
            None => Outcome::Refused,
        };
        let to_operator = letter.kind == Kind::Waiting;
        if to_operator && outcome == Outcome::Taken {
            *self.mail.told() = Some(now());
        }
        let again = now().0.saturating_add(millis(pause(letter.attempts)));
        let (mail, told) = (self.mail.clone(), name.unwrap_or_default());
        let noted = self.store.write(move |connection| {
            if outcome == Outcome::Later {
                return mails::later(connection, id, Timestamp(again));
            }
            mails::remove(connection, id)?;
            // Who came while it was on its way is in the next one.
            if to_operator && names(connection)?.is_some_and(|names| is_news(&names, &told)) {
                mail.write_waiting(connection)?;
            }
            Ok(())
        });
        noted.await
    }

    /// Whose account a mail is about, or whose all.
    async fn name(&self, letter: &Letter) -> Result<Option<String>, store::Error> {
        let user = letter.user;
        let name = self.store.read(move |connection| match user {
            Some(user) => users::name(connection, user),
            None => names(connection),
        });
        name.await
    }

    fn text(&self, letter: &Letter, name: &str) -> Text {
        let code = letter.salt.map(|salt| self.mail.code(&salt));
        self.words.write(letter, name, &code.unwrap_or_default())
    }
}

/// Who waits to be let in, a line each; none when nobody does any more.
fn names(connection: &Connection) -> Result<Option<String>, store::Error> {
    let mut names = standing::waiting(connection, NAMES)?;
    if names.len() >= usize::try_from(NAMES).unwrap_or(usize::MAX) {
        names.push("…".to_owned());
    }
    Ok(Some(names.join("\n")).filter(|names| !names.is_empty()))
}

/// Whether one of these names is not among those that were told.
fn is_news(names: &str, told: &str) -> bool {
    names
        .lines()
        .any(|name| told.lines().all(|other| other != name))
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
    fn only_a_name_that_was_not_told_is_news() {
        assert!(is_news("sara\nomid", "sara"));
        assert!(is_news("omid", "omid_1"));
        assert!(
            !is_news("omid", "sara\nomid"),
            "who was let in meanwhile is none"
        );
        assert!(!is_news("", ""));
    }

    #[test]
    fn the_next_mail_is_waited_for_but_never_for_longer_than_an_hour() {
        let at = |ms| until(Timestamp(ms), Timestamp(10_000));
        assert_eq!(at(12_500), Duration::from_millis(2500));
        assert_eq!(at(3), Duration::ZERO);
        assert_eq!(at(i64::MAX), LONGEST);
    }
}
