//! Passwords that an operator has made for somebody who lost theirs (A11).

use std::io;

use payambar_signaling::account::State;
use payambar_signaling::ids::SessionId;
use payambar_signaling::wire::Code;

use super::{Accounts, Error};
use crate::secrets;
use crate::store::audit::{self, Action, Origin};
use crate::store::mails::Kind;
use crate::store::{self, Standing, codes, passwords, sessions, standing};

/// A password that was made, and what ended with the one before.
pub struct Lent {
    /// Whose.
    pub person: Standing,
    /// It, in the clear; it is nowhere else.
    pub password: String,
    /// The sessions that ended.
    pub ended: Vec<SessionId>,
}

impl Accounts {
    /// Gives the account of that name a temporary password and ends every
    /// session of it.
    ///
    /// # Errors
    ///
    /// [`Code::UserNotFound`].
    pub async fn lend_password(&self, name: String, origin: Origin) -> Result<Lent, Error> {
        let password = make().map_err(|error| Error::Hash(error.to_string()))?;
        let hash = self.hash(password.clone()).await?;
        let lent = self.store.write(move |connection| {
            let person = standing::by_name(connection, &name)?;
            if person.state == State::Deleted {
                return Err(store::Error::Refused(Code::UserNotFound));
            }
            passwords::lend(connection, person.id, &hash)?;
            codes::remove(connection, person.id, Kind::Reset)?;
            audit::insert(connection, &origin, Action::PasswordLent, &person.username)?;
            let ended = sessions::end_all(connection, person.id, None)?;
            Ok((person, ended))
        });
        let (person, ended) = lent.await?;
        Ok(Lent {
            person,
            password,
            ended,
        })
    }
}

/// 60 bits in three groups, which can be read out over a telephone.
fn make() -> io::Result<String> {
    let group = secrets::random_letters::<4>;
    Ok(format!("{}-{}-{}", group()?, group()?, group()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_password_is_another_one_each_time_and_keeps_the_rules() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 14);
        assert_eq!(super::super::check_password(&one), Ok(()));
    }
}
