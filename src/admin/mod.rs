//! The operator's commands. They work on the database, beside the running
//! server or without it, or ask the server, and print to a `Write` they are
//! given.

mod dev;
mod people;
mod rooms;
mod status;
mod table;
mod turn;
mod turn_check;

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Write};

use crate::accounts::Accounts;
use crate::config::{Config, Redacted};
use crate::i18n::{Catalogue, Lang};
use crate::store::Store;
use crate::store::audit::{self, Action, Origin};

pub use dev::dev;
pub use people::{audit, invite, user};
pub use rooms::room;
pub use status::status;
pub use turn::turn;
pub use turn_check::turn_check;

/// Takes a new password from the first line of standard input, or twice from a
/// prompt that does not show it.
///
/// # Errors
///
/// There is no terminal to ask at, the two differ, or input ends.
pub fn read_password(from_stdin: bool) -> Result<Redacted<String>, Box<dyn Error>> {
    if from_stdin {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Err("no password came on standard input".into());
        }
        return Ok(Redacted::new(
            line.trim_end_matches(['\r', '\n']).to_owned(),
        ));
    }
    if !io::stdin().is_terminal() {
        return Err("there is no terminal to ask for the password at; use --password-stdin".into());
    }
    let first = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Again: ")? != first {
        return Err("the two passwords differ".into());
    }
    Ok(Redacted::new(first))
}

/// Makes an account.
///
/// # Errors
///
/// The name or password breaks a rule, the name is taken, or the database
/// cannot be opened.
pub fn user_add(
    config: &Config,
    name: &str,
    password: &Redacted<String>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let store = Store::open(&config.database, Box::new(|_| {}))?;
    let accounts = Accounts::new(store.clone(), config.bcrypt_cost);
    let made = runtime.block_on(async {
        let user = accounts.register(name, password.expose().clone()).await?;
        let name = user.username.clone();
        let noted = store.write(move |connection| {
            audit::insert(connection, &Origin::cli(), Action::Register, &name)
        });
        noted.await?;
        Ok(user)
    });
    store.close();
    let user = made.map_err(|error| match error {
        crate::accounts::Error::Refused(code) => format!(
            "{name}: {} ({})",
            Catalogue::load().error(code, Lang::En),
            code.as_str()
        ),
        other @ (crate::accounts::Error::Store(_) | crate::accounts::Error::Hash(_)) => {
            other.to_string()
        }
    })?;
    if json {
        let line = serde_json::json!({ "id": user.id, "username": user.username, "created_at": user.created_at });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{} was added (id {}).", user.username, user.id)?;
    }
    Ok(())
}
