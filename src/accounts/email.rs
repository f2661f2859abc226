//! A person's e-mail address (A12): named by whoever knows the password, and
//! proved by a code that was mailed to it.

use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;

use super::{Accounts, Error};
use crate::i18n::Lang;
use crate::mail::{self, Address, Mail, PROOF, To};
use crate::store::audit::{self, Action, Origin};
use crate::store::mails::Kind;
use crate::store::{self, codes, emails, users};

impl Accounts {
    /// Mails a code to an address that a person names. One that was proved
    /// before stays until this one is. `lang` is that of the request.
    ///
    /// # Errors
    ///
    /// [`Code::BadCredentials`].
    pub async fn propose_email(
        &self,
        mail: &Mail,
        user: UserId,
        password: String,
        (address, lang): (Address, Lang),
        origin: Origin,
    ) -> Result<(), Error> {
        self.proves(user, password).await?;
        let drawn = mail.draw();
        let drawn = drawn.map_err(|error| Error::Hash(error.to_string()))?;
        let writer = mail.clone();
        let written = self.store.write(move |connection| {
            emails::propose(connection, user, &address)?;
            let to = To {
                user,
                address: address.as_str().to_owned(),
                lang: users::language(connection, user)?.unwrap_or(lang),
            };
            audit::insert(connection, &origin, Action::EmailProposed, &origin.actor)?;
            writer.write_code(connection, Kind::Verify, &to, &drawn, PROOF)
        });
        written.await?;
        mail.wake();
        Ok(())
    }

    /// Takes the code that was mailed. Whoever had the address before is told
    /// there.
    ///
    /// # Errors
    ///
    /// [`Code::CodeInvalid`], [`Code::EmailTaken`].
    pub async fn prove_email(
        &self,
        mail: &Mail,
        user: UserId,
        code: &str,
        lang: Lang,
        origin: Origin,
    ) -> Result<(), Error> {
        let (hash, writer) = (mail::hash_of(code), mail.clone());
        let proved = self.store.write(move |connection| {
            if codes::whose(connection, Kind::Verify, &hash)? != Some(user) {
                return Err(store::Error::Refused(Code::CodeInvalid));
            }
            let before = emails::prove(connection, user)?;
            codes::remove(connection, user, Kind::Verify)?;
            // It went to the address before.
            codes::remove(connection, user, Kind::Reset)?;
            audit::insert(connection, &origin, Action::EmailProved, &origin.actor)?;
            tell(connection, &writer, Kind::Moved, (user, before, lang))
        });
        proved.await?;
        mail.wake();
        Ok(())
    }

    /// Forgets a person's address, which is told there if it was proved.
    ///
    /// # Errors
    ///
    /// [`Code::BadCredentials`].
    pub async fn remove_email(
        &self,
        mail: Option<&Mail>,
        user: UserId,
        password: String,
        lang: Lang,
        origin: Origin,
    ) -> Result<(), Error> {
        self.proves(user, password).await?;
        let writer = mail.cloned();
        let removed = self.store.write(move |connection| {
            let before = emails::of(connection, user)?.proved;
            emails::forget(connection, user)?;
            audit::insert(connection, &origin, Action::EmailRemoved, &origin.actor)?;
            match &writer {
                Some(writer) => tell(connection, writer, Kind::Removed, (user, before, lang)),
                None => Ok(()),
            }
        });
        removed.await?;
        if let Some(mail) = mail {
            mail.wake();
        }
        Ok(())
    }
}

/// Tells an address that was a person's until now.
fn tell(
    connection: &rusqlite::Connection,
    mail: &Mail,
    kind: Kind,
    (user, before, lang): (UserId, Option<String>, Lang),
) -> Result<(), store::Error> {
    let Some(address) = before else {
        return Ok(());
    };
    let lang = users::language(connection, user)?.unwrap_or(lang);
    let to = To {
        user,
        address,
        lang,
    };
    mail.write(connection, kind, &to)
}
