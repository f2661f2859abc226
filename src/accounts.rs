//! Accounts as a service: the rules for names, hashing on a bounded pool,
//! registration and log-in. HTTP and the command line share it.

mod email;
pub mod invite;
mod password;
mod recovery;
mod temporary;

use std::sync::{Arc, OnceLock};

use payambar_signaling::account::State;
use payambar_signaling::ids::{SessionId, UserId};
use payambar_signaling::wire::Code;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::config::Registration;
use crate::i18n::Lang;
use crate::mail::{Address, Drawn, Mail, PROOF, To};
use crate::store::audit::{self, Action, Origin};
use crate::store::mails::Kind;
use crate::store::{
    self, NewUser, Store, User, codes, emails, farewell, invites, now, passwords, sessions, users,
};
use password::{cost_of, is_right};

pub use password::{check_password, hash};
pub use recovery::Forgotten;

/// Names have 3 to 32 bytes of `[A-Za-z0-9_]` (R1).
const NAME: std::ops::RangeInclusive<usize> = 3..=32;

/// Checks a name as typed; returns it without blanks around it.
///
/// # Errors
///
/// [`Code::UsernameLength`], [`Code::UsernameChars`].
pub fn check_name(typed: &str) -> Result<&str, Code> {
    let name = typed.trim();
    if !NAME.contains(&name.len()) {
        return Err(Code::UsernameLength);
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(Code::UsernameChars);
    }
    Ok(name)
}

/// Why registration or log-in failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule says no.
    #[error("refused: {}", .0.as_str())]
    Refused(Code),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Hashing failed.
    #[error("hashing failed: {0}")]
    Hash(String),
}

impl Error {
    /// The code a client is told.
    pub const fn code(&self) -> Code {
        match self {
            Self::Refused(code) => *code,
            Self::Store(error) => error.code(),
            Self::Hash(_) => Code::Internal,
        }
    }
}

/// Somebody who has just proved who they are.
pub struct Entered {
    /// Whose account.
    pub user: User,
    /// Whether they have to choose a password before anything else.
    pub must_change: bool,
}

/// How mails reach somebody who makes an account, where the server sends any.
#[derive(Clone)]
pub struct Contact {
    /// The way to write them.
    pub mail: Mail,
    /// Where they go, if the person said so.
    pub email: Option<Address>,
    /// What they are written in.
    pub lang: Lang,
}

impl Contact {
    /// Writes what is to be told of an account that was made: a code for the
    /// address of somebody who may come in, word to the operator of another.
    fn settle(
        &self,
        connection: &Connection,
        user: &User,
        waits: bool,
        drawn: &Drawn,
    ) -> Result<(), store::Error> {
        if let Some(email) = &self.email {
            emails::propose(connection, user.id, email)?;
            let to = To {
                user: user.id,
                address: email.as_str().to_owned(),
                lang: self.lang,
            };
            if !waits {
                self.mail
                    .write_code(connection, Kind::Verify, &to, drawn, PROOF)?;
            }
        }
        if waits {
            self.mail.write_waiting(connection)?;
        }
        Ok(())
    }
}

/// Registration and log-in. Clones share the pool.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    cost: u32,
    hashing: Arc<Semaphore>,
    dummy: Arc<OnceLock<String>>,
}

impl Accounts {
    /// A service over the store that hashes with `cost`, on as many threads at a
    /// time as the host has cores: more would only slow each other down and
    /// starve the rest of the process.
    pub fn new(store: Store, cost: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            store,
            cost,
            hashing: Arc::new(Semaphore::new(cores)),
            dummy: Arc::default(),
        }
    }

    /// Makes the hash that unknown names are checked against, so that they take
    /// as long as known ones.
    pub async fn warm(&self) -> Result<(), Error> {
        self.dummy_hash().await.map(|_| ())
    }

    /// Makes an account that may be used at once: an operator's word.
    ///
    /// # Errors
    ///
    /// The name or password breaks a rule, or the name is taken.
    pub async fn register(&self, username: &str, password: String) -> Result<User, Error> {
        let new = self.new_user(username, password).await?;
        let made = self
            .store
            .write(move |connection| users::insert(connection, &new));
        Ok(made.await?)
    }

    /// Makes an account for somebody who asks for one.
    ///
    /// # Errors
    ///
    /// As [`Self::register`], or what the mode asks for is missing.
    /// [`Code::PendingApproval`]: the account was made, and waits.
    pub async fn sign_up(
        &self,
        mode: Registration,
        username: &str,
        password: String,
        invite: Option<&str>,
        contact: Option<Contact>,
    ) -> Result<User, Error> {
        let invite = match mode {
            Registration::Open | Registration::Approval => None,
            Registration::Closed => return Err(Error::Refused(Code::RegistrationClosed)),
            Registration::Invite => Some(self.invited(invite.unwrap_or_default()).await?),
        };
        let waits = mode == Registration::Approval;
        let state = if waits { State::Pending } else { State::Active };
        let new = self.new_user(username, password).await?;
        let drawn = contact.as_ref().map(|contact| contact.mail.draw());
        let drawn = drawn.transpose();
        let drawn = drawn.map_err(|error| Error::Hash(error.to_string()))?;
        let writer = contact.clone();
        let made = self.store.write(move |connection| {
            if let Some(code) = &invite {
                // Others may have used it up while the password was hashed.
                invites::check(connection, code)?;
            }
            let user = users::insert_as(connection, &new, state)?;
            if let Some(code) = &invite {
                invites::spend(connection, code)?;
            }
            if let Some((writer, drawn)) = writer.as_ref().zip(drawn.as_ref()) {
                writer.settle(connection, &user, waits, drawn)?;
            }
            Ok(user)
        });
        let user = made.await?;
        if let Some(contact) = contact {
            contact.mail.wake();
        }
        if waits {
            return Err(Error::Refused(Code::PendingApproval));
        }
        Ok(user)
    }

    /// The code of an invitation that lets somebody in. A wrong one costs no
    /// hash, and does not tell whether the name is free.
    async fn invited(&self, typed: &str) -> Result<String, Error> {
        let code = invite::normal(typed);
        if code.is_empty() {
            return Err(Error::Refused(Code::InviteRequired));
        }
        let asked = code.clone();
        let good = self
            .store
            .read(move |connection| invites::check(connection, &asked));
        good.await?;
        Ok(code)
    }

    async fn new_user(&self, username: &str, password: String) -> Result<NewUser, Error> {
        let username = check_name(username).map_err(Error::Refused)?.to_owned();
        check_password(&password).map_err(Error::Refused)?;
        Ok(NewUser {
            username,
            password_hash: self.hash(password).await?,
        })
    }

    /// Checks name and password. An unknown name costs the same time as a known
    /// one with a wrong password.
    ///
    /// # Errors
    ///
    /// [`Code::BadCredentials`], [`Code::AccountSuspended`].
    pub async fn log_in(&self, username: &str, password: String) -> Result<Entered, Error> {
        let name = username.trim().to_owned();
        let found = self
            .store
            .read(move |connection| users::by_name(connection, &name))
            .await?;
        let stored = match &found {
            Some(found) => found.password_hash.clone(),
            None => self.dummy_hash().await?,
        };
        let right = {
            let (password, stored) = (password.clone(), stored.clone());
            self.pooled(move || Ok(is_right(&password, &stored)))
                .await?
        };
        let found = found
            .filter(|_| right)
            .ok_or(Error::Refused(Code::BadCredentials))?;
        found.state.admits().map_err(Error::Refused)?;
        if cost_of(&stored).is_some_and(|cost| cost < self.cost) {
            let (id, new) = (found.user.id, self.hash(password).await?);
            self.store
                .write(move |connection| users::rehash(connection, id, &stored, &new))
                .await?;
        }
        Ok(Entered {
            user: found.user,
            must_change: found.must_change,
        })
    }

    /// Replaces the password of somebody who knows the old one and ends every
    /// other session than `keep`; says which.
    ///
    /// # Errors
    ///
    /// The new one breaks a rule or is the old one, or [`Code::BadCredentials`].
    pub async fn change_password(
        &self,
        user: UserId,
        keep: SessionId,
        old: String,
        new: String,
        origin: Origin,
    ) -> Result<Vec<SessionId>, Error> {
        check_password(&new).map_err(Error::Refused)?;
        let is_same = old == new;
        let stored = self.proves(user, old).await?;
        if is_same {
            // Else a temporary password could be kept.
            return Err(Error::Refused(Code::PasswordSame));
        }
        let new = self.hash(new).await?;
        let ended = self.store.write(move |connection| {
            // Changed meanwhile: the old one is no longer right.
            if !passwords::choose(connection, user, &stored, &new)? {
                return Err(store::Error::Refused(Code::BadCredentials));
            }
            codes::remove(connection, user, Kind::Reset)?;
            audit::insert(connection, &origin, Action::PasswordChanged, &origin.actor)?;
            sessions::end_all(connection, user, Some(keep))
        });
        Ok(ended.await?)
    }

    /// Checks a person's password once more; says which hash it was right for.
    async fn proves(&self, user: UserId, password: String) -> Result<String, Error> {
        let found = self
            .store
            .read(move |connection| users::password_hash(connection, user))
            .await?;
        let stored = found.ok_or(Error::Refused(Code::UserNotFound))?;
        let known = stored.clone();
        let right = self.pooled(move || Ok(is_right(&password, &known))).await?;
        right
            .then_some(stored)
            .ok_or(Error::Refused(Code::BadCredentials))
    }

    /// Deletes an account, once its person has proved the password where a
    /// client asks for it; says what others have to know. `until` is when the last
    /// relay credential expires, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Code::BadCredentials`], [`Code::LastAdmin`].
    pub async fn delete(
        &self,
        user: UserId,
        password: Option<String>,
        until: u64,
        origin: Origin,
    ) -> Result<farewell::Farewell, Error> {
        if let Some(password) = password {
            self.proves(user, password).await?;
        }
        let gone = self.store.change_groups(move |connection| {
            let gone = farewell::account(connection, user, until, now())?;
            audit::insert(connection, &origin, Action::AccountDeleted, &origin.actor)?;
            Ok(gone)
        });
        Ok(gone.await?)
    }

    async fn hash(&self, password: String) -> Result<String, Error> {
        let cost = self.cost;
        self.pooled(move || hash(&password, cost).map_err(|error| Error::Hash(error.to_string())))
            .await
    }

    async fn dummy_hash(&self) -> Result<String, Error> {
        if let Some(dummy) = self.dummy.get() {
            return Ok(dummy.clone());
        }
        let made = self.hash("nobody's password".to_owned()).await?;
        Ok(self.dummy.get_or_init(|| made).clone())
    }

    async fn pooled<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _permit = self
            .hashing
            .acquire()
            .await
            .map_err(|error| Error::Hash(error.to_string()))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::Hash(error.to_string()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_3_to_32_plain_characters() {
        for good in ["abc", " Sara_99 ", "a2345678901234567890123456789012"] {
            assert_eq!(check_name(good), Ok(good.trim()), "{good}");
        }
        for (bad, code) in [
            ("ab", Code::UsernameLength),
            ("a23456789012345678901234567890123", Code::UsernameLength),
            ("", Code::UsernameLength),
            ("sara m", Code::UsernameChars),
            ("سارا", Code::UsernameChars),
            ("sara\u{202e}", Code::UsernameChars),
        ] {
            assert_eq!(check_name(bad), Err(code), "{bad}");
        }
    }
}
