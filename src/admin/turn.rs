//! The commands about the relay: asks whoever works on the data folder, and
//! prints what came of it.

use std::error::Error;
use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::table;
use crate::cli::TurnTask;
use crate::config::{Config, Redacted};
use crate::control::{
    self, Desk, Drained, Issued, Kicked, Pair, PairAdded, PairState, Pairs, Relayed, Request,
    Sessions, TurnDesk, TurnRequest,
};
use crate::host;
use crate::http::Ice;
use crate::secrets;
use crate::store::Store;

/// Does one of them.
///
/// # Errors
///
/// Why it was not done, as a sentence for the operator.
pub fn turn(
    config: &Config,
    task: &TurnTask,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let answer = control::ask(config, Request::Turn(request(task)?), desk)?;
    if json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    match task {
        TurnTask::Issue { .. } => issued(&read(answer)?, out)?,
        TurnTask::Add { .. } => added(&read(answer)?, out)?,
        TurnTask::List => listed(&read(answer)?, out)?,
        TurnTask::Revoke { name } => writeln!(out, "{name} is shut out.")?,
        TurnTask::RevokeUser { user } => writeln!(
            out,
            "Every relay credential that {user} had is refused; new ones come with the next call."
        )?,
        TurnTask::Sessions => sessions(&read(answer)?, out)?,
        TurnTask::Kick(_) => {
            let Kicked { ended } = read(answer)?;
            writeln!(out, "{} ended.", allocations(ended))?;
        }
        TurnTask::Drain => {
            let Drained { allocations: left } = read(answer)?;
            let left = allocations(usize::try_from(left).unwrap_or(usize::MAX));
            writeln!(
                out,
                "No allocation is made any more until the next start; {left} alive."
            )?;
        }
    }
    Ok(())
}

fn request(task: &TurnTask) -> Result<TurnRequest, Box<dyn Error>> {
    Ok(match task {
        TurnTask::Issue { user, ttl_s } => TurnRequest::CredIssue {
            user: user.clone(),
            ttl_s: *ttl_s,
        },
        TurnTask::Add {
            name,
            password_stdin,
        } => {
            let password = password_stdin.then(|| super::read_password(true));
            TurnRequest::CredAdd {
                name: name.clone(),
                password: password
                    .transpose()?
                    .as_ref()
                    .map(Redacted::expose)
                    .cloned(),
            }
        }
        TurnTask::List => TurnRequest::CredList,
        TurnTask::Revoke { name } => TurnRequest::CredRevoke { name: name.clone() },
        TurnTask::RevokeUser { user } => TurnRequest::CredRevokeUser { user: user.clone() },
        TurnTask::Sessions => TurnRequest::Sessions,
        TurnTask::Kick(whom) => TurnRequest::Kick(whom.clone()),
        TurnTask::Drain => TurnRequest::Drain,
    })
}

/// The desk of a data folder on which no server runs.
fn desk(config: &Config) -> Result<Desk, Box<dyn Error>> {
    let store = Store::open(&config.database, Box::new(|_| {}))?;
    let people = super::people::alone(config, &store)?;
    let Some(turn) = &config.turn else {
        return Ok(Desk {
            store,
            turn: None,
            people,
            pump: None,
        });
    };
    let secret = secrets::turn(config)?;
    let addresses = host::addresses();
    let external = host::external(turn.external_ip, &addresses, host::routed());
    let urls = Ice::new(config, &secret, external.ip, &addresses).relay_urls();
    Ok(Desk {
        store,
        turn: Some(TurnDesk::new(turn, secret, urls, None)),
        people,
        pump: None,
    })
}

/// The answer as this version knows it.
pub(super) fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Box<dyn Error>> {
    serde_json::from_value(answer).map_err(|error| {
        format!("the server answered in a way this version does not know ({error})").into()
    })
}

fn issued(issued: &Issued, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "User name  {}", issued.username)?;
    writeln!(out, "Password   {}", issued.credential)?;
    writeln!(out, "Expires    {}", issued.expires_at)?;
    urls(&issued.urls, out)
}

fn added(added: &PairAdded, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "User name  {}", added.username)?;
    if let Some(password) = &added.credential {
        writeln!(out, "Password   {password} (shown this once)")?;
    }
    writeln!(out, "Realm      {}", added.realm)?;
    urls(&added.urls, out)
}

fn urls(urls: &[String], out: &mut dyn Write) -> io::Result<()> {
    urls.iter()
        .try_for_each(|url| writeln!(out, "URL        {url}"))
}

fn listed(Pairs { pairs }: &Pairs, out: &mut dyn Write) -> io::Result<()> {
    if pairs.is_empty() {
        return writeln!(out, "There is no static pair.");
    }
    let row = |pair: &Pair| {
        let made = pair.created_at.as_deref().unwrap_or("by TURN_USERNAME");
        let state = match pair.state {
            PairState::Usable => "usable".to_owned(),
            PairState::OtherRealm => format!("not usable: made for the realm {}", pair.realm),
            PairState::Shadowed => "not usable: TURN_USERNAME has its name".to_owned(),
        };
        [pair.username.clone(), made.to_owned(), state]
    };
    let rows: Vec<_> = pairs.iter().map(row).collect();
    table::print(["NAME", "MADE", "STATE"], &rows, out)
}

fn sessions(Sessions { sessions }: &Sessions, out: &mut dyn Write) -> io::Result<()> {
    if sessions.is_empty() {
        return writeln!(out, "Nothing is being relayed.");
    }
    let traffic =
        |packets: u64, amount: u64| format!("{packets} packets, {}", table::bytes(amount));
    let row = |session: &Relayed| {
        let relayed: Vec<String> = session.relayed.iter().map(ToString::to_string).collect();
        [
            session.id.to_string(),
            who(session),
            format!("{} ({})", session.client, session.transport),
            relayed.join(" "),
            table::duration(session.age_s),
            table::duration(session.expires_in_s),
            session.permissions.to_string(),
            session.channels.to_string(),
            traffic(session.packets_to_peers, session.bytes_to_peers),
            traffic(session.packets_to_client, session.bytes_to_client),
        ]
    };
    let rows: Vec<_> = sessions.iter().map(row).collect();
    let head = [
        "ID",
        "WHO",
        "CLIENT",
        "RELAYED",
        "AGE",
        "EXPIRES IN",
        "PERMISSIONS",
        "CHANNELS",
        "TO PEERS",
        "TO CLIENT",
    ];
    table::print(head, &rows, out)
}

fn who(session: &Relayed) -> String {
    if let Some(name) = &session.static_name {
        return format!("{name} (static)");
    }
    let id = session.user_id.unwrap_or_default();
    let name = session
        .username
        .clone()
        .unwrap_or_else(|| format!("account {id}"));
    match session.session_id {
        Some(0) | None => format!("{name} (issued)"),
        Some(session) => format!("{name} (session {session})"),
    }
}

fn allocations(count: usize) -> String {
    match count {
        1 => "1 allocation".to_owned(),
        count => format!("{count} allocations"),
    }
}
