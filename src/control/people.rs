//! The people's part of the desk: accounts and invitations. What changes is
//! written down first; then the running server ends what must not go on.

use std::sync::Arc;
use std::time::Duration;

use payambar_media::RelayHandle;
use payambar_signaling::account::{Role, State, Step};
use payambar_signaling::ids::Timestamp;
use serde_json::{Value, json};

use super::protocol::{
    Audit, AuditEntry, Code, Codes, InviteRequest, Lent, People, Person, Refusal, UserRequest,
};
use super::value;
use crate::accounts::{self, Accounts, invite};
use crate::i18n::{Catalogue, Lang};
use crate::mail::Mail;
use crate::pump::Pump;
use crate::store::audit::{self, Action, Origin};
use crate::store::{self, Invite, Standing, Store, invites, sessions, standing, turn};

/// The longest reason, in characters.
const REASON: usize = 500;

/// The longest life of an invitation in days, and most uses of one.
const MOST_DAYS: u32 = 3650;
const MOST_USES: u32 = 100_000;

/// A day in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// What ends with an account, where a server runs.
pub struct Living {
    /// The way to sockets and calls.
    pub pump: Pump,
    /// The relay, if it is switched on.
    pub relay: Option<Arc<RelayHandle>>,
}

/// Accounts and invitations.
pub struct PeopleDesk {
    /// How long a relay credential lives.
    credential_ttl: Duration,
    accounts: Accounts,
    mail: Option<Mail>,
    living: Option<Living>,
    catalogue: Arc<Catalogue>,
}

impl PeopleDesk {
    /// A desk; `living` is what runs beside it.
    pub fn new(
        credential_ttl: Duration,
        (accounts, mail): (Accounts, Option<Mail>),
        living: Option<Living>,
        catalogue: Arc<Catalogue>,
    ) -> Self {
        Self {
            credential_ttl,
            accounts,
            mail,
            living,
            catalogue,
        }
    }

    /// Does one thing about an account.
    pub(super) async fn user(&self, store: &Store, request: UserRequest) -> Result<Value, Refusal> {
        match request {
            UserRequest::List { state } => {
                let found = store.read(move |connection| standing::list(connection, state));
                let people = found.await?.iter().map(person).collect();
                value(People { people })
            }
            UserRequest::Step { name, step, reason } => self.step(store, name, step, reason).await,
            UserRequest::Role { name, role } => self.role(store, name, role).await,
            UserRequest::Passwd { name } => self.passwd(name).await,
        }
    }

    async fn step(
        &self,
        store: &Store,
        name: String,
        step: Step,
        reason: String,
    ) -> Result<Value, Refusal> {
        if reason.chars().count() > REASON || reason.chars().any(char::is_control) {
            let message = format!("the reason may have {REASON} characters, and no line breaks");
            return Err(Refusal::new("bad_reason", message));
        }
        let until = seconds(store::now()).saturating_add(self.credential_ttl.as_secs());
        let wanted = name.clone();
        let drawn = self.mail.as_ref().map(Mail::draw).transpose();
        let drawn = drawn.map_err(|error| Refusal::new("internal", error.to_string()))?;
        let writer = self.mail.clone();
        let done = store.write(move |connection| {
            let now = standing::step(connection, &wanted, step, &reason)?;
            let ended = if now.state == State::Suspended {
                turn::revoke_person(connection, now.id, until)?;
                sessions::end_all(connection, now.id, None)?
            } else {
                Vec::new()
            };
            audit::insert(connection, &Origin::cli(), step.into(), &now.username)?;
            if let Some((writer, drawn)) = writer.as_ref().zip(drawn.as_ref())
                && matches!(step, Step::Approve | Step::Reject)
            {
                let let_in = step == Step::Approve;
                writer.write_verdict(connection, now.id, let_in, drawn)?;
            }
            Ok((now, ended))
        });
        let (now, ended) = done.await.map_err(|error| self.refusal(&name, error))?;
        if let Some(mail) = &self.mail {
            mail.wake();
        }
        if now.state == State::Suspended
            && let Some(living) = &self.living
        {
            for session in ended {
                living.pump.session_ended(now.id, session).await;
            }
            if let Some(relay) = &living.relay {
                relay.revoke_user(now.id.0);
            }
        }
        value(person(&now))
    }

    async fn passwd(&self, name: String) -> Result<Value, Refusal> {
        let lent = self
            .accounts
            .lend_password(name.clone(), Origin::cli())
            .await;
        let lent = lent.map_err(|error| match error {
            accounts::Error::Store(error) => self.refusal(&name, error),
            accounts::Error::Refused(code) => self.refusal(&name, store::Error::Refused(code)),
            accounts::Error::Hash(cause) => Refusal::new("internal", cause),
        })?;
        if let Some(living) = &self.living {
            for session in lent.ended {
                living.pump.session_ended(lent.person.id, session).await;
            }
        }
        value(Lent {
            id: lent.person.id.0,
            username: lent.person.username,
            temporary_password: lent.password,
        })
    }

    async fn role(&self, store: &Store, name: String, role: Role) -> Result<Value, Refusal> {
        let wanted = name.clone();
        let done = store.write(move |connection| {
            let now = standing::set_role(connection, &wanted, role)?;
            let what = format!("{} {}", now.username, role.as_str());
            audit::insert(connection, &Origin::cli(), Action::RoleChanged, &what)?;
            Ok(now)
        });
        let now = done.await.map_err(|error| self.refusal(&name, error))?;
        value(person(&now))
    }

    /// Does one thing about invitations.
    pub(super) async fn invite(
        &self,
        store: &Store,
        request: InviteRequest,
    ) -> Result<Value, Refusal> {
        match request {
            InviteRequest::Create { uses, days } => value(create(store, uses, days).await?),
            InviteRequest::List => {
                let codes = store.read(invites::list).await?;
                value(Codes {
                    invites: codes.iter().map(code).collect(),
                })
            }
            InviteRequest::Revoke { code } => {
                let wanted = invite::normal(&code);
                let asked = wanted.clone();
                let revoked = store.write(move |connection| {
                    let revoked = invites::revoke(connection, &asked)?;
                    if revoked {
                        let origin = Origin::cli();
                        audit::insert(connection, &origin, Action::InviteRevoked, &hint(&asked))?;
                    }
                    Ok(revoked)
                });
                if !revoked.await? {
                    let message = format!("there is no invitation {wanted}, or it was taken back");
                    return Err(Refusal::new("not_found", message));
                }
                Ok(json!({ "revoked": wanted }))
            }
        }
    }

    /// What a rule said, in words for the operator.
    fn refusal(&self, name: &str, error: store::Error) -> Refusal {
        let store::Error::Refused(code) = error else {
            return error.into();
        };
        let words = self.catalogue.error(code, Lang::En);
        Refusal::new(code.as_str(), format!("{name}: {words}"))
    }
}

async fn create(store: &Store, uses: u32, days: u32) -> Result<Code, Refusal> {
    if !(1..=MOST_USES).contains(&uses) || !(1..=MOST_DAYS).contains(&days) {
        let message =
            format!("--uses must be from 1 to {MOST_USES} and --days from 1 to {MOST_DAYS}");
        return Err(Refusal::new("bad_invite", message));
    }
    let made = invite::make().map_err(|error| Refusal::new("internal", error.to_string()))?;
    let now = store::now();
    let new = Invite {
        code: made,
        max_uses: uses,
        uses: 0,
        created_at: now,
        expires_at: Timestamp(now.0 + i64::from(days) * DAY),
        revoked: false,
    };
    let answer = code(&new);
    store
        .write(move |connection| {
            let origin = Origin::cli();
            audit::insert(connection, &origin, Action::InviteCreated, &hint(&new.code))?;
            invites::insert(connection, &new)
        })
        .await?;
    Ok(answer)
}

/// Which code is meant, without letting anybody in.
fn hint(code: &str) -> String {
    code.chars().take(4).chain(std::iter::once('…')).collect()
}

/// What was done, the newest first.
pub(super) async fn audit(store: &Store, limit: u32) -> Result<Value, Refusal> {
    let entries = store.read(move |connection| audit::list(connection, limit));
    let entries = entries.await?.into_iter().map(|entry| AuditEntry {
        id: entry.id,
        at: entry.at.to_string(),
        actor_id: entry.origin.actor_id.map(|id| id.0),
        actor: entry.origin.actor,
        action: entry.action,
        target: entry.target,
        address: entry.origin.address,
        correlation_id: entry.origin.correlation_id,
    });
    value(Audit {
        entries: entries.collect(),
    })
}

fn person(standing: &Standing) -> Person {
    Person {
        id: standing.id.0,
        username: standing.username.clone(),
        role: standing.role,
        state: standing.state,
        reason: standing.reason.clone(),
        created_at: standing.created_at.to_string(),
    }
}

fn code(invite: &Invite) -> Code {
    let is_over = invite.expires_at <= store::now();
    let state = match (invite.revoked, is_over, invite.uses < invite.max_uses) {
        (true, _, _) => "revoked",
        (false, true, _) => "expired",
        (false, false, false) => "used_up",
        (false, false, true) => "usable",
    };
    Code {
        code: invite.code.clone(),
        uses: invite.uses,
        max_uses: invite.max_uses,
        created_at: invite.created_at.to_string(),
        expires_at: invite.expires_at.to_string(),
        state: state.to_owned(),
    }
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.0 / 1000).unwrap_or(0)
}
