//! Every subcommand and flag. A flag per setting is made from the settings'
//! table, so that `--help`, README and code cannot disagree.

mod dev;
mod room;
mod turn;
mod user;

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};

pub use dev::DevTask;
pub use turn::{TurnCheck, TurnTask};

use crate::config::SETTINGS;
use crate::control::{InviteRequest, RoomRequest, UserRequest};

/// What the operator asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Run the server.
    Serve,
    /// Make an account.
    UserAdd {
        /// The account's name.
        name: String,
        /// Read the password from standard input instead of a prompt.
        password_stdin: bool,
        /// Print one JSON object.
        json: bool,
    },
    /// Do something about accounts that exist.
    User {
        /// What.
        task: UserRequest,
        /// Print one JSON object.
        json: bool,
    },
    /// Do something about invitations.
    Invite {
        /// What.
        task: InviteRequest,
        /// Print one JSON object.
        json: bool,
    },
    /// List what was done about accounts.
    Audit {
        /// How many entries at most.
        limit: u32,
        /// Print one JSON object.
        json: bool,
    },
    /// Say how much there is of everything.
    Status {
        /// Print one JSON object.
        json: bool,
    },
    /// Fill a database to try things on.
    Dev {
        /// With what.
        task: DevTask,
        /// Print one JSON object.
        json: bool,
    },
    /// Do something about voice rooms.
    Room {
        /// What.
        task: RoomRequest,
        /// Print one JSON object.
        json: bool,
    },
    /// Do something about the relay.
    Turn {
        /// What.
        task: TurnTask,
        /// Print one JSON object.
        json: bool,
    },
    /// Try whether callers can use the relay.
    TurnCheck {
        /// How.
        check: TurnCheck,
        /// Print one JSON object.
        json: bool,
    },
}

/// One parsed command line.
#[derive(Debug)]
pub struct Invocation {
    /// Settings given as flags, by variable name.
    pub flags: BTreeMap<String, String>,
    /// What to do.
    pub task: Task,
}

/// The whole command line interface.
pub fn command() -> Command {
    let settings = SETTINGS
        .iter()
        .filter(|setting| !setting.secret)
        .map(|setting| {
            let default = if setting.default.is_empty() {
                String::new()
            } else {
                format!(", default: {}", setting.default)
            };
            Arg::new(setting.name)
                .long(setting.flag())
                .value_name("VALUE")
                .global(true)
                .help_heading("Settings")
                .help(format!("{} [env: {}{default}]", setting.help, setting.name))
        });
    Command::new("payambar")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A self-hosted messenger whose voice calls simply work")
        .after_help("Secrets (JWT_SECRET, TURN_SECRET, TURN_PASSWORD, VAPID_PRIVATE_KEY) are taken from the environment or the env file only.")
        .args(settings)
        .subcommand(Command::new("serve").about("Start the server (the default)"))
        .subcommand(user::command())
        .subcommand(user::invite_command())
        .subcommand(user::audit_command())
        .subcommand(
            Command::new("status")
                .about("Say how much there is of everything; works beside the running server and without it")
                .arg(json().short('j')),
        )
        .subcommand(turn::command())
        .subcommand(room::command())
        .subcommand(dev::command())
}

fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print one JSON object")
}

/// Parses a command line.
///
/// # Errors
///
/// clap's: bad usage, or `--help` and `--version`, which print and end.
pub fn parse(
    arguments: impl IntoIterator<Item = std::ffi::OsString>,
) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let mut flags = BTreeMap::new();
    collect_flags(&matches, &mut flags);
    let task = match matches.subcommand() {
        Some(("user", matches)) => user::parse(matches).unwrap_or(Task::Serve),
        Some(("invite", matches)) => user::parse_invite(matches).unwrap_or(Task::Serve),
        Some(("audit", matches)) => user::parse_audit(matches).unwrap_or(Task::Serve),
        Some(("turn", matches)) => turn::parse(matches).unwrap_or(Task::Serve),
        Some(("room", matches)) => room::parse(matches).unwrap_or(Task::Serve),
        Some(("status", status)) => Task::Status {
            json: status.get_flag("json"),
        },
        Some(("dev", matches)) => match dev::parse(matches) {
            Some((task, json)) => Task::Dev { task, json },
            None => Task::Serve,
        },
        Some(_) | None => Task::Serve,
    };
    Ok(Invocation { flags, task })
}

/// A flag stands before or after the subcommand; clap hands it down, not up.
fn collect_flags(matches: &ArgMatches, flags: &mut BTreeMap<String, String>) {
    for setting in SETTINGS.iter().filter(|setting| !setting.secret) {
        if let Ok(Some(value)) = matches.try_get_one::<String>(setting.name) {
            flags.insert(setting.name.to_owned(), value.clone());
        }
    }
    if let Some((_, inner)) = matches.subcommand() {
        collect_flags(inner, flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn run(words: &[&str]) -> Result<Invocation, clap::Error> {
        parse(
            std::iter::once("payambar")
                .chain(words.iter().copied())
                .map(Into::into),
        )
    }

    #[test]
    fn the_interface_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn no_word_means_serve() {
        assert_eq!(run(&[]).unwrap().task, Task::Serve);
        assert_eq!(run(&["serve"]).unwrap().task, Task::Serve);
    }

    #[test]
    fn a_setting_is_a_flag_before_and_after_the_subcommand() {
        for words in [["--port", "1", "serve"], ["serve", "--port", "1"]] {
            assert_eq!(
                run(&words).unwrap().flags.get("PORT").map(String::as_str),
                Some("1")
            );
        }
    }

    #[test]
    fn no_secret_can_be_given_as_an_argument() {
        for setting in SETTINGS.iter().filter(|setting| setting.secret) {
            let flag = format!("--{}", setting.flag());
            assert!(run(&[flag.as_str(), "x"]).is_err(), "{flag}");
        }
    }

    #[test]
    fn user_add_takes_its_name_and_options() {
        let task = run(&["user", "add", "sara", "--password-stdin", "--json"])
            .unwrap()
            .task;
        assert_eq!(
            task,
            Task::UserAdd {
                name: "sara".to_owned(),
                password_stdin: true,
                json: true
            }
        );
        assert!(run(&["user", "add"]).is_err());
    }

    #[test]
    fn an_unknown_word_is_an_error() {
        assert!(run(&["sreve"]).is_err());
        assert!(run(&["--prot", "1"]).is_err());
    }

    /// The words of every command that does something.
    fn words(command: &Command, before: &str, all: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let path = format!("{before} {}", inner.get_name());
            if inner.has_subcommands() {
                words(inner, &path, all);
            } else {
                all.push(path);
            }
        }
    }

    #[test]
    fn the_readme_lists_every_command() {
        let readme = include_str!("../../README.md");
        let mut all = Vec::new();
        words(&command(), "payambar", &mut all);
        assert!(all.contains(&"payambar turn cred add".to_owned()));
        for path in all {
            assert!(readme.contains(&path), "README.md does not know {path}");
        }
    }

    #[test]
    fn the_readme_lists_every_setting_with_its_default() {
        let readme = include_str!("../../README.md");
        for setting in SETTINGS {
            let row = readme
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", setting.name)));
            let row = row.unwrap_or_else(|| panic!("README.md has no row for {}", setting.name));
            assert!(
                row.contains(setting.help),
                "README.md says otherwise about {}: {row}",
                setting.name
            );
            let default = format!("| `{}` |", setting.default);
            assert!(
                setting.default.is_empty() || row.contains(&default),
                "README.md has another default for {}: {row}",
                setting.name
            );
        }
    }
}
