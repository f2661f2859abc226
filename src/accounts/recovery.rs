//! A new password for somebody who forgot theirs and can read the mails of the
//! account (A11).

use std::time::Duration;

use payambar_signaling::ids::{SessionId, UserId};
use payambar_signaling::wire::Code;
use rusqlite::Connection;

use super::{Accounts, Error, check_password};
use crate::i18n::Lang;
use crate::mail::{self, Address, Mail, To};
use crate::store::audit::{self, Action, Origin};
use crate::store::mails::Kind;
use crate::store::{self, User, codes, emails, passwords, sessions, users};

/// How long a code is good.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// Who forgot a password, as somebody says it.
#[derive(Clone)]
pub enum Forgotten {
    /// By the account's name.
    Name(String),
    /// By the address that was proved.
    Email(Address),
}

/// A password that was replaced, and what ended with the one before.
pub struct Reset {
    /// Whose.
    pub user: User,
    /// The sessions that ended.
    pub ended: Vec<SessionId>,
}

impl Accounts {
    /// Mails a code to whom this means, if that is somebody who may come in and
    /// has an address. Whether it was so is not said.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn forgot_password(
        &self,
        mail: &Mail,
        who: Forgotten,
        lang: Lang,
        origin: Origin,
    ) -> Result<(), Error> {
        let drawn = mail.draw();
        let drawn = drawn.map_err(|error| Error::Hash(error.to_string()))?;
        let writer = mail.clone();
        let written = self.store.write(move |connection| {
            let Some((user, address)) = reached(connection, &who)? else {
                return Ok(());
            };
            let lang = users::language(connection, user.id)?.unwrap_or(lang);
            let to = To {
                user: user.id,
                address,
                lang,
            };
            audit::insert(connection, &origin, Action::ResetAsked, &user.username)?;
            writer.write_code(connection, Kind::Reset, &to, &drawn, LIFE)
        });
        written.await?;
        mail.wake();
        Ok(())
    }

    /// Replaces the password of whoever has this code and ends every session of
    /// theirs.
    ///
    /// # Errors
    ///
    /// The new one breaks a rule, or [`Code::CodeInvalid`].
    pub async fn reset_password(
        &self,
        code: &str,
        new: String,
        origin: Origin,
    ) -> Result<Reset, Error> {
        check_password(&new).map_err(Error::Refused)?;
        let hash = mail::hash_of(code);
        // A wrong code costs no hash.
        self.store
            .read(move |connection| owner(connection, &hash))
            .await?;
        let new = self.hash(new).await?;
        let reset = self.store.write(move |connection| {
            // Somebody may have used it meanwhile.
            let user = owner(connection, &hash)?;
            codes::remove(connection, user.id, Kind::Reset)?;
            passwords::reset(connection, user.id, &new)?;
            audit::insert(connection, &origin, Action::PasswordReset, &user.username)?;
            let ended = sessions::end_all(connection, user.id, None)?;
            Ok(Reset { user, ended })
        });
        Ok(reset.await?)
    }
}

/// Whom somebody means, and where their mails go.
fn reached(
    connection: &Connection,
    who: &Forgotten,
) -> Result<Option<(User, String)>, store::Error> {
    let user: Option<UserId> = match who {
        Forgotten::Name(name) => users::by_name(connection, name)?.map(|found| found.user.id),
        Forgotten::Email(address) => emails::owner(connection, &address.key())?,
    };
    let Some(user) = user else {
        return Ok(None);
    };
    let address = emails::of(connection, user)?.proved;
    Ok(users::active(connection, user)?.zip(address))
}

/// Whose code that is, if they may come in.
fn owner(connection: &Connection, hash: &mail::CodeHash) -> Result<User, store::Error> {
    let user = match codes::whose(connection, Kind::Reset, hash)? {
        Some(user) => users::active(connection, user)?,
        None => None,
    };
    user.ok_or(store::Error::Refused(Code::CodeInvalid))
}
