//! The commands for a desk: a database to try things on. None of them exists
//! where people depend on the server.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::json;

/// What to make.
#[derive(Debug, PartialEq, Eq)]
pub enum DevTask {
    /// People who know each other, and what they wrote.
    Seed {
        /// How many people.
        people: u32,
        /// How many messages.
        messages: u32,
        /// Beside the people who are there already.
        add: bool,
        /// Read everybody's password from standard input.
        password_stdin: bool,
    },
    /// A session and its token for each of the first people.
    Tokens {
        /// How many people.
        people: u32,
    },
}

pub(super) fn command() -> Command {
    let people = || {
        Arg::new("people")
            .long("people")
            .value_name("N")
            .value_parser(value_parser!(u32).range(1..=1_000_000))
    };
    Command::new("dev")
        .about("Fill a database to try things on; refused in production")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("seed")
                .about("Make people and messages, Persian and English, while no server runs")
                .arg(people().default_value("100").help("How many people"))
                .arg(
                    Arg::new("messages")
                        .long("messages")
                        .value_name("M")
                        .value_parser(value_parser!(u32).range(0..=100_000_000))
                        .default_value("10000")
                        .help("How many messages"),
                )
                .arg(
                    Arg::new("add")
                        .long("add")
                        .action(ArgAction::SetTrue)
                        .help("Also when there are people already"),
                )
                .arg(
                    Arg::new("password-stdin")
                        .long("password-stdin")
                        .action(ArgAction::SetTrue)
                        .help("Read everybody's password from the first line of standard input; without it one is made and printed"),
                )
                .arg(json()),
        )
        .subcommand(
            Command::new("tokens")
                .about("Sign the first people in and print a token of each, one JSON object per line")
                .arg(people().default_value("1").help("How many people")),
        )
}

/// The task and whether it answers in JSON.
pub(super) fn parse(matches: &ArgMatches) -> Option<(DevTask, bool)> {
    let number = |matches: &ArgMatches, name| matches.get_one(name).copied().unwrap_or_default();
    match matches.subcommand()? {
        ("seed", seed) => {
            let task = DevTask::Seed {
                people: number(seed, "people"),
                messages: number(seed, "messages"),
                add: seed.get_flag("add"),
                password_stdin: seed.get_flag("password-stdin"),
            };
            Some((task, seed.get_flag("json")))
        }
        ("tokens", tokens) => Some((
            DevTask::Tokens {
                people: number(tokens, "people"),
            },
            true,
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Task;
    use crate::cli::tests::run;

    #[test]
    fn seed_takes_its_numbers_and_refuses_nonsense() {
        let task = run(&["dev", "seed", "--people", "7", "--messages", "0", "--add"]);
        let Task::Dev { task, json } = task.unwrap().task else {
            panic!("another task");
        };
        assert_eq!(
            (task, json),
            (
                DevTask::Seed {
                    people: 7,
                    messages: 0,
                    add: true,
                    password_stdin: false
                },
                false
            )
        );
        for words in [
            &["dev"][..],
            &["dev", "seed", "--people", "0"],
            &["dev", "seed", "--messages", "-1"],
            &["dev", "seed", "--password", "x"],
            &["dev", "tokens", "--people", "many"],
        ] {
            assert!(run(words).is_err(), "{words:?}");
        }
    }
}
