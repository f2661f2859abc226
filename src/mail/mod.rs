//! E-mail, where the operator named a server for it. What has to arrive is
//! written into the database together with what it tells of, and handed over
//! later: [`worker`] says when, [`words`] what a mail says, [`transport`] how it
//! gets there. Nobody waits for a mail, so nobody can tell by the time whether
//! there was one.

mod address;
mod transport;
mod words;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use payambar_signaling::ids::{Timestamp, UserId};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use rusqlite::Connection;
use tokio::sync::Notify;

pub use address::Address;
pub use transport::Transport;
pub use words::Words;
pub use worker::{Parts, run};

use crate::config::Redacted;
use crate::i18n::Lang;
use crate::secrets;
use crate::store::mails::{self, Kind, NewMail};
use crate::store::{self, codes, emails, now, users};

/// How long a mail is tried that nothing makes old.
const TRIED: Duration = Duration::from_secs(24 * 3600);

/// How often the operator is told at most who waits to be let in.
const TELL_EVERY: Duration = Duration::from_secs(10 * 60);

/// How long a code is good that proves an address.
pub const PROOF: Duration = Duration::from_secs(24 * 3600);

/// What is kept of a code.
pub type CodeHash = [u8; 32];

/// The way to write mails. Clones share it.
#[derive(Clone)]
pub struct Mail {
    shared: Arc<Shared>,
}

struct Shared {
    key: hmac::Key,
    admin: Option<Address>,
    /// Of those who chose none.
    lang: Lang,
    /// When the operator was last told who waits. Forgotten at a restart.
    told: Mutex<Option<Timestamp>>,
    woken: Notify,
}

impl Mail {
    /// Mails whose codes are made with this key.
    pub fn new(key: &Redacted<String>, admin: Option<Address>, lang: Lang) -> Self {
        let shared = Shared {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()),
            admin,
            lang,
            told: Mutex::new(None),
            woken: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Has the mails handed over that were written; to be called after the
    /// commit.
    pub fn wake(&self) {
        self.shared.woken.notify_one();
    }

    /// A new code and what it is made of again when its mail goes out. In the
    /// database are its hash and this salt, and neither gives the code away.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub fn draw(&self) -> std::io::Result<Drawn> {
        let mut salt = [0; 32];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| std::io::Error::other("no random bytes from the system"))?;
        let hash = hash_of(&self.code(&salt));
        Ok(Drawn { salt, hash })
    }

    /// The code that was made of this salt, in groups to be typed.
    fn code(&self, salt: &[u8; 32]) -> String {
        let tag = hmac::sign(&self.shared.key, salt);
        let letters = secrets::letters(tag.as_ref().iter().take(16));
        let groups: Vec<&str> = [0..4, 4..8, 8..12, 12..16]
            .into_iter()
            .filter_map(|group| letters.get(group))
            .collect();
        groups.join("-")
    }
}

/// A code that was drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// Makes it again.
    pub salt: [u8; 32],
    /// What is kept of it.
    pub hash: CodeHash,
}

/// The hash of a code as it was typed or pasted.
pub fn hash_of(typed: &str) -> CodeHash {
    let mut hash = [0; 32];
    let plain = crate::accounts::invite::normal(typed);
    hash.copy_from_slice(digest(&SHA256, plain.as_bytes()).as_ref());
    hash
}

/// Somebody a mail goes to.
#[derive(Debug, Clone)]
pub struct To {
    /// Whose account it is about.
    pub user: UserId,
    /// Where it goes.
    pub address: String,
    /// What it is written in.
    pub lang: Lang,
}

impl Mail {
    /// Writes a mail with a code that is good for `life`, in the transaction of
    /// what it tells of; an older code for the same is not good any more.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn write_code(
        &self,
        connection: &Connection,
        kind: Kind,
        to: &To,
        drawn: &Drawn,
        life: Duration,
    ) -> Result<(), store::Error> {
        let until = Timestamp(now().0 + millis(life));
        codes::insert(connection, to.user, kind, &drawn.hash, until)?;
        let new = NewMail {
            user: Some(to.user),
            kind,
            address: &to.address,
            lang: to.lang,
            salt: Some(drawn.salt),
            until,
        };
        mails::insert(connection, &new)
    }

    /// Writes a mail that only tells something.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn write(&self, connection: &Connection, kind: Kind, to: &To) -> Result<(), store::Error> {
        let new = NewMail {
            user: Some(to.user),
            kind,
            address: &to.address,
            lang: to.lang,
            salt: None,
            until: Timestamp(now().0 + millis(TRIED)),
        };
        mails::insert(connection, &new)
    }
}

impl Mail {
    /// Writes to the operator, if they want it, that somebody waits to be let
    /// in: now, or together with those who come until they may be told again.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn write_waiting(&self, connection: &Connection) -> Result<(), store::Error> {
        let Some(admin) = &self.shared.admin else {
            return Ok(());
        };
        let told = *self.told();
        let at = told.map_or(now(), |told| {
            Timestamp(now().0.max(told.0 + millis(TELL_EVERY)))
        });
        let until = Timestamp(at.0 + millis(TRIED));
        mails::insert_waiting(connection, admin.as_str(), self.shared.lang, at, until)
    }

    /// Writes to somebody whether they were let in, if an address is known; and
    /// a code that proves it, where that is still to be done.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn write_verdict(
        &self,
        connection: &Connection,
        user: UserId,
        let_in: bool,
        drawn: &Drawn,
    ) -> Result<(), store::Error> {
        let emails::Emails { proved, waiting } = emails::of(connection, user)?;
        let to_prove = proved.is_none() && let_in;
        let Some(address) = proved.or(waiting) else {
            return Ok(());
        };
        let lang = users::language(connection, user)?.unwrap_or(self.shared.lang);
        let to = To {
            user,
            address,
            lang,
        };
        let kind = if let_in { Kind::LetIn } else { Kind::NotLetIn };
        self.write(connection, kind, &to)?;
        if to_prove {
            self.write_code(connection, Kind::Verify, &to, drawn, PROOF)?;
        }
        Ok(())
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.shared
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(key: &str) -> Mail {
        Mail::new(&Redacted::new(key.to_owned()), None, Lang::Fa)
    }

    #[test]
    fn a_code_is_made_again_of_its_salt_and_survives_being_typed() {
        let mail = mail("one key");
        let drawn = mail.draw().unwrap();
        let code = mail.code(&drawn.salt);
        assert_eq!(code.len(), 19, "{code}");
        assert_eq!(hash_of(&code), drawn.hash);
        let typed = format!(" {} ", code.to_uppercase().replace('-', " "));
        assert_eq!(hash_of(&typed), drawn.hash);
        assert_ne!(mail.draw().unwrap().hash, drawn.hash);
    }

    #[test]
    fn without_the_key_the_salt_makes_no_code() {
        let drawn = mail("one key").draw().unwrap();
        assert_ne!(hash_of(&mail("another").code(&drawn.salt)), drawn.hash);
    }
}
