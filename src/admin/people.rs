//! The commands about accounts and invitations: asks whoever works on the data
//! folder, and prints what came of it.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use payambar_signaling::account::Step;

use super::table;
use super::turn::read;
use crate::accounts::Accounts;
use crate::config::Config;
use crate::control::{
    self, Audit, AuditEntry, Code, Codes, Desk, InviteRequest, Lent, People, PeopleDesk, Person,
    Request, UserRequest,
};
use crate::i18n::Catalogue;
use crate::mail::Mail;
use crate::secrets;
use crate::store::Store;

/// The longest life of a relay credential, where the relay is switched off now.
const LONGEST: Duration = Duration::from_secs(3600);

/// Does something about accounts.
///
/// # Errors
///
/// Why it was not done, as a sentence for the operator.
pub fn user(
    config: &Config,
    task: &UserRequest,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let answer = control::ask(config, Request::User(task.clone()), desk)?;
    if json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    match task {
        UserRequest::List { .. } => {
            let People { people } = read(answer)?;
            let row = |person: &Person| {
                [
                    person.id.to_string(),
                    person.username.clone(),
                    person.state.as_str().to_owned(),
                    person.role.as_str().to_owned(),
                    person.created_at.clone(),
                    person.reason.clone(),
                ]
            };
            let rows: Vec<_> = people.iter().map(row).collect();
            table::print(
                ["ID", "NAME", "STATE", "ROLE", "SINCE", "REASON"],
                &rows,
                out,
            )?;
        }
        UserRequest::Step { step, .. } => {
            let person: Person = read(answer)?;
            let what = match step {
                Step::Approve => "is let in",
                Step::Reject => "is not let in; the name is free in 30 days",
                Step::Suspend => "is suspended, and every session has ended",
                Step::Activate => "may log in again",
            };
            writeln!(out, "{} {what}.", person.username)?;
        }
        UserRequest::Role { .. } => {
            let person: Person = read(answer)?;
            writeln!(out, "{} is {} now.", person.username, person.role.as_str())?;
        }
        UserRequest::Passwd { .. } => {
            let lent: Lent = read(answer)?;
            writeln!(out, "Name                {}", lent.username)?;
            writeln!(out, "Temporary password  {}", lent.temporary_password)?;
            writeln!(
                out,
                "It is shown this once. Every session has ended; whoever logs in with it chooses another one first."
            )?;
        }
    }
    Ok(())
}

/// Does something about invitations.
///
/// # Errors
///
/// Why it was not done, as a sentence for the operator.
pub fn invite(
    config: &Config,
    task: &InviteRequest,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let answer = control::ask(config, Request::Invite(task.clone()), desk)?;
    if json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    match task {
        InviteRequest::Create { .. } => {
            let made: Code = read(answer)?;
            writeln!(out, "Code     {}", made.code)?;
            if let Some(url) = &config.public_url {
                writeln!(
                    out,
                    "Link     {}/i/{}",
                    url.trim_end_matches('/'),
                    made.code
                )?;
            }
            writeln!(out, "Uses     {}", made.max_uses)?;
            writeln!(out, "Expires  {}", made.expires_at)?;
        }
        InviteRequest::List => {
            let Codes { invites } = read(answer)?;
            let row = |code: &Code| {
                [
                    code.code.clone(),
                    code.state.clone(),
                    format!("{} of {}", code.uses, code.max_uses),
                    code.expires_at.clone(),
                ]
            };
            let rows: Vec<_> = invites.iter().map(row).collect();
            table::print(["CODE", "STATE", "USED", "EXPIRES"], &rows, out)?;
        }
        InviteRequest::Revoke { .. } => writeln!(out, "The invitation lets nobody in any more.")?,
    }
    Ok(())
}

/// Lists what was done about accounts.
///
/// # Errors
///
/// Why not, as a sentence for the operator.
pub fn audit(
    config: &Config,
    limit: u32,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let answer = control::ask(config, Request::Audit { limit }, desk)?;
    if json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    let Audit { entries } = read(answer)?;
    let row = |entry: &AuditEntry| {
        [
            entry.at.clone(),
            entry.actor.clone(),
            entry.action.clone(),
            entry.target.clone(),
            entry.address.clone(),
            entry.correlation_id.clone(),
        ]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let head = ["WHEN", "WHO", "WHAT", "WHOM", "FROM", "REQUEST"];
    Ok(table::print(head, &rows, out)?)
}

/// The desk of a data folder on which no server runs.
fn desk(config: &Config) -> Result<Desk, Box<dyn Error>> {
    let store = Store::open(&config.database, Box::new(|_| {}))?;
    Ok(Desk {
        people: alone(config, &store)?,
        store,
        turn: None,
        pump: None,
    })
}

/// The people's part of such a desk.
pub(super) fn alone(config: &Config, store: &Store) -> std::io::Result<PeopleDesk> {
    let turn = config.turn.as_ref();
    let ttl = turn.map_or(LONGEST, |turn| turn.credential_ttl);
    let accounts = Accounts::new(store.clone(), config.bcrypt_cost);
    // What is written without a server goes out at its next start.
    let mail = match &config.mail {
        Some(set) => {
            let key = secrets::load_or_make(&config.data_dir, "mail")?;
            Some(Mail::new(&key, set.admin.clone(), config.default_lang))
        }
        None => None,
    };
    let catalogue = Arc::new(Catalogue::load());
    Ok(PeopleDesk::new(ttl, (accounts, mail), None, catalogue))
}
