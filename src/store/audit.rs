//! Who did what about accounts, and from where. No password, token or code of
//! anybody gets in here.

use std::time::Duration;

use payambar_signaling::account::Step;
use payambar_signaling::ids::{Timestamp, UserId};
use rusqlite::{Connection, params};

use super::{Error, now};

/// How long it is kept.
const KEPT: Duration = Duration::from_secs(365 * 24 * 3600);

/// Rows removed in one transaction.
const SWEPT: u32 = 500;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An account was made.
    Register,
    /// Somebody came in.
    LogIn,
    /// Somebody was not let in.
    LogInFailed,
    /// A session was ended by its person.
    SessionEnded,
    /// A refresh token was used twice.
    TokenReused,
    /// A person changed the password.
    PasswordChanged,
    /// An operator made a temporary password.
    PasswordLent,
    /// Somebody asked for a code to choose a new password.
    ResetAsked,
    /// A person chose a new password with a mailed code.
    PasswordReset,
    /// A person named an e-mail address.
    EmailProposed,
    /// It was proved.
    EmailProved,
    /// A person removed the e-mail address.
    EmailRemoved,
    /// A person deleted the account.
    AccountDeleted,
    /// An account was let in.
    Approved,
    /// An account was not let in.
    Rejected,
    /// An account was shut out.
    Suspended,
    /// An account was let in again.
    Activated,
    /// An account got a role.
    RoleChanged,
    /// An invitation was made.
    InviteCreated,
    /// An invitation was taken back.
    InviteRevoked,
}

impl Action {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::LogIn => "log_in",
            Self::LogInFailed => "log_in_failed",
            Self::SessionEnded => "session_ended",
            Self::TokenReused => "token_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordLent => "password_lent",
            Self::ResetAsked => "reset_asked",
            Self::PasswordReset => "password_reset",
            Self::EmailProposed => "email_proposed",
            Self::EmailProved => "email_proved",
            Self::EmailRemoved => "email_removed",
            Self::AccountDeleted => "account_deleted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Suspended => "suspended",
            Self::Activated => "activated",
            Self::RoleChanged => "role_changed",
            Self::InviteCreated => "invite_created",
            Self::InviteRevoked => "invite_revoked",
        }
    }
}

impl From<Step> for Action {
    fn from(step: Step) -> Self {
        match step {
            Step::Approve => Self::Approved,
            Step::Reject => Self::Rejected,
            Step::Suspend => Self::Suspended,
            Step::Activate => Self::Activated,
        }
    }
}

/// Who does something, and from where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The person's id.
    pub actor_id: Option<UserId>,
    /// The person's name, or `cli`.
    pub actor: String,
    /// The client's address.
    pub address: String,
    /// The request's id.
    pub correlation_id: String,
}

impl Origin {
    /// An operator at the host.
    pub fn cli() -> Self {
        Self {
            actor: "cli".to_owned(),
            ..Self::default()
        }
    }

    /// The same from there, by this person.
    pub fn by(&self, id: UserId, name: &str) -> Self {
        Self {
            actor_id: Some(id),
            actor: name.to_owned(),
            ..self.clone()
        }
    }
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Grows with time.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// By whom, from where.
    pub origin: Origin,
    /// What.
    pub action: String,
    /// To whom or what.
    pub target: String,
}

/// Writes down that something was done.
pub fn insert(
    connection: &Connection,
    origin: &Origin,
    action: Action,
    target: &str,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at_ms, actor_id, actor, action, target, address, correlation_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            now().0,
            origin.actor_id.map(|id| id.0),
            origin.actor,
            action.as_str(),
            target,
            origin.address,
            origin.correlation_id
        ])?;
    Ok(())
}

/// The newest entries first.
pub fn list(connection: &Connection, limit: u32) -> Result<Vec<Entry>, Error> {
    let mut statement = connection.prepare(
        "SELECT id, at_ms, actor_id, actor, action, target, address, correlation_id
         FROM audit ORDER BY id DESC LIMIT ?1",
    )?;
    let entries = statement.query_map([limit], |row| {
        Ok(Entry {
            id: row.get(0)?,
            at: Timestamp(row.get(1)?),
            origin: Origin {
                actor_id: row.get::<_, Option<i64>>(2)?.map(UserId),
                actor: row.get(3)?,
                address: row.get(6)?,
                correlation_id: row.get(7)?,
            },
            action: row.get(4)?,
            target: row.get(5)?,
        })
    })?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Removes some of what is older than a year; to be called until it is none.
pub fn sweep(connection: &Connection) -> Result<usize, Error> {
    let before = now().0 - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let removed = connection
        .prepare_cached(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_ms < ?1 LIMIT ?2)",
        )?
        .execute(params![before, SWEPT])?;
    Ok(removed)
}
