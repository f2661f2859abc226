//! `payambar turn …`: the relay's credentials and allocations.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};

use super::Task;
use crate::control::Whom;

/// What the operator wants of the relay.
#[derive(Debug, PartialEq, Eq)]
pub enum TurnTask {
    /// Make a time-limited credential.
    Issue {
        /// For whom.
        user: String,
        /// Its life in seconds.
        ttl_s: Option<u64>,
    },
    /// Make a static pair.
    Add {
        /// Its name.
        name: String,
        /// Read the password from standard input instead of making one.
        password_stdin: bool,
    },
    /// List static pairs.
    List,
    /// Shut a static pair out.
    Revoke {
        /// Its name.
        name: String,
    },
    /// Take back a person's time-limited credentials.
    RevokeUser {
        /// The person's name.
        user: String,
    },
    /// List allocations.
    Sessions,
    /// End allocations.
    Kick(Whom),
    /// Make no allocation any more.
    Drain,
}

/// How to try whether callers can use the relay.
#[derive(Debug, PartialEq, Eq)]
pub struct TurnCheck {
    /// The relay's name or address, if not the one that callers are told.
    pub host: Option<String>,
    /// Whose credential to try, if not one made for it; its password comes from
    /// standard input.
    pub user: Option<String>,
}

pub(super) fn command() -> Command {
    let name = |help| Arg::new("name").value_name("NAME").help(help);
    let user = |help| Arg::new("user").long("user").value_name("NAME").help(help);
    let issue = Command::new("issue")
        .about("Make a time-limited credential for a person, bound to no log-in")
        .arg(name("The person's user name").required(true))
        .arg(
            Arg::new("ttl")
                .long("ttl")
                .value_name("SECONDS")
                .value_parser(value_parser!(u64))
                .help("Its life, from 60 to TURN_CREDENTIAL_TTL, which is the default"),
        );
    let add = Command::new("add")
        .about("Make a static pair; its password is printed this once and not kept")
        .arg(name("1-128 bytes without blanks and colons").required(true))
        .arg(
            Arg::new("password-stdin")
                .long("password-stdin")
                .action(ArgAction::SetTrue)
                .help("Read the password from the first line of standard input"),
        );
    let revoke = Command::new("revoke")
        .about("Take credentials back and end what was allocated with them")
        .arg(name("The static pair's name"))
        .arg(user("Every time-limited credential of this person so far"))
        .group(ArgGroup::new("whose").args(["name", "user"]).required(true));
    let kick = Command::new("kick")
        .about("End allocations; their credentials stay good")
        .arg(
            Arg::new("id")
                .value_name("ID")
                .value_parser(value_parser!(u64))
                .help("The allocation's id, as `turn sessions` lists it"),
        )
        .arg(user("All of this person"))
        .arg(
            Arg::new("static")
                .long("static")
                .value_name("NAME")
                .help("All of this static pair"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("All there are"),
        )
        .group(
            ArgGroup::new("whose")
                .args(["id", "user", "static", "all"])
                .required(true),
        );
    let check = Command::new("check")
        .about("Allocate and echo through every URL that callers are told, and say what to mend")
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("HOST")
                .help("The relay's name or address, if not the one that callers are told"),
        )
        .arg(user(
            "Try this user name, with a password from standard input, instead of one made with the server's secret",
        ));
    let json = |command: Command| command.arg(super::json());
    Command::new("turn")
        .about("Administer the STUN/TURN relay")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("cred")
                .about("Administer its credentials; works beside the running server and without it")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(json(issue))
                .subcommand(json(add))
                .subcommand(json(Command::new("list").about("List the static pairs")))
                .subcommand(json(revoke)),
        )
        .subcommand(json(
            Command::new("sessions").about("List what is being relayed"),
        ))
        .subcommand(json(kick))
        .subcommand(json(
            Command::new("drain").about("Make no allocation any more until the next start"),
        ))
        .subcommand(json(check))
}

/// What was asked for.
pub(super) fn parse(turn: &ArgMatches) -> Option<Task> {
    let (path, matches) = match turn.subcommand()? {
        ("cred", cred) => cred.subcommand()?,
        other => other,
    };
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let number = |name: &str| matches.try_get_one::<u64>(name).ok().flatten().copied();
    let json = matches.get_flag("json");
    let task = match path {
        "issue" => TurnTask::Issue {
            user: text("name")?,
            ttl_s: number("ttl"),
        },
        "add" => TurnTask::Add {
            name: text("name")?,
            password_stdin: matches.get_flag("password-stdin"),
        },
        "list" => TurnTask::List,
        "revoke" => match text("user") {
            Some(user) => TurnTask::RevokeUser { user },
            None => TurnTask::Revoke {
                name: text("name")?,
            },
        },
        "sessions" => TurnTask::Sessions,
        "kick" => {
            let whom = number("id").map(Whom::Id);
            let whom = whom.or_else(|| text("user").map(Whom::User));
            let whom = whom.or_else(|| text("static").map(Whom::Static));
            TurnTask::Kick(whom.unwrap_or(Whom::All))
        }
        "drain" => TurnTask::Drain,
        "check" => {
            let check = TurnCheck {
                host: text("host"),
                user: text("user"),
            };
            return Some(Task::TurnCheck { check, json });
        }
        _ => return None,
    };
    Some(Task::Turn { task, json })
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    fn task(words: &[&str]) -> (TurnTask, bool) {
        let Task::Turn { task, json } = run(&[&["turn"], words].concat()).unwrap().task else {
            panic!("another task");
        };
        (task, json)
    }

    #[test]
    fn each_command_is_read_as_it_is_meant() {
        let user = || "sara".to_owned();
        let name = || "gateway".to_owned();
        for (words, wanted) in [
            (
                &["cred", "issue", "sara", "--ttl", "60"][..],
                TurnTask::Issue {
                    user: user(),
                    ttl_s: Some(60),
                },
            ),
            (
                &["cred", "add", "gateway"],
                TurnTask::Add {
                    name: name(),
                    password_stdin: false,
                },
            ),
            (&["cred", "list"], TurnTask::List),
            (
                &["cred", "revoke", "gateway"],
                TurnTask::Revoke { name: name() },
            ),
            (
                &["cred", "revoke", "--user", "sara"],
                TurnTask::RevokeUser { user: user() },
            ),
            (&["sessions"], TurnTask::Sessions),
            (&["kick", "7"], TurnTask::Kick(Whom::Id(7))),
            (
                &["kick", "--user", "sara"],
                TurnTask::Kick(Whom::User(user())),
            ),
            (
                &["kick", "--static", "gateway"],
                TurnTask::Kick(Whom::Static(name())),
            ),
            (&["kick", "--all"], TurnTask::Kick(Whom::All)),
            (&["drain"], TurnTask::Drain),
        ] {
            let (task, json) = task(words);
            assert_eq!((task, json), (wanted, false), "{words:?}");
        }
        assert!(task(&["cred", "list", "--json"]).1);
        assert_eq!(
            task(&["cred", "add", "gateway", "--password-stdin"]).0,
            TurnTask::Add {
                name: name(),
                password_stdin: true
            }
        );
    }

    #[test]
    fn a_check_may_name_host_and_user() {
        let check = |words: &[&str]| run(words).unwrap().task;
        let own = TurnCheck {
            host: None,
            user: None,
        };
        assert_eq!(
            check(&["turn", "check", "--json"]),
            Task::TurnCheck {
                check: own,
                json: true
            }
        );
        let named = TurnCheck {
            host: Some("turn.example".to_owned()),
            user: Some("gateway".to_owned()),
        };
        assert_eq!(
            check(&[
                "turn",
                "check",
                "--host",
                "turn.example",
                "--user",
                "gateway"
            ]),
            Task::TurnCheck {
                check: named,
                json: false
            }
        );
    }

    #[test]
    fn what_says_nothing_or_two_things_is_bad_usage() {
        for words in [
            &["turn"][..],
            &["turn", "cred"],
            &["turn", "cred", "issue"],
            &["turn", "cred", "issue", "sara", "--ttl", "soon"],
            &["turn", "cred", "add", "gateway", "--password", "secret"],
            &["turn", "cred", "revoke"],
            &["turn", "cred", "revoke", "gateway", "--user", "sara"],
            &["turn", "kick"],
            &["turn", "kick", "sara"],
            &["turn", "kick", "7", "--all"],
        ] {
            assert!(run(words).is_err(), "{words:?}");
        }
    }
}
