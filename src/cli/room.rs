//! `payambar room …`: the voice rooms of the running server.

use clap::{Arg, ArgMatches, Command, value_parser};

use super::Task;
use crate::control::RoomRequest;

pub(super) fn command() -> Command {
    let json = |command: Command| command.arg(super::json());
    Command::new("room")
        .about("Look after the voice rooms of the running server")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(json(
            Command::new("list").about("List who is in which voice room"),
        ))
        .subcommand(json(
            Command::new("close")
                .about("Close a voice room; its people may open it anew")
                .arg(
                    Arg::new("room")
                        .value_name("ROOM")
                        .required(true)
                        .value_parser(value_parser!(i64).range(1..))
                        .help("Its id, as `room list` shows it"),
                ),
        ))
        .subcommand(json(
            Command::new("kick")
                .about("Put one person out of a voice room")
                .arg(
                    Arg::new("seat")
                        .value_name("SEAT")
                        .required(true)
                        .value_parser(value_parser!(u64).range(1..))
                        .help("Their seat, as `room list` shows it"),
                ),
        ))
}

/// What was asked for.
pub(super) fn parse(matches: &ArgMatches) -> Option<Task> {
    let (name, matches) = matches.subcommand()?;
    let task = match name {
        "list" => RoomRequest::List,
        "close" => RoomRequest::Close {
            room: *matches.get_one("room")?,
        },
        "kick" => RoomRequest::Kick {
            seat: *matches.get_one("seat")?,
        },
        _ => return None,
    };
    Some(Task::Room {
        task,
        json: matches.get_flag("json"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn each_command_takes_what_it_is_about() {
        let room = |words: &[&str]| run(&[&["room"], words].concat()).map(|ran| ran.task);
        let task = |task, json| Task::Room { task, json };
        assert_eq!(room(&["list"]).unwrap(), task(RoomRequest::List, false));
        assert_eq!(
            room(&["close", "7", "--json"]).unwrap(),
            task(RoomRequest::Close { room: 7 }, true)
        );
        assert_eq!(
            room(&["kick", "3"]).unwrap(),
            task(RoomRequest::Kick { seat: 3 }, false)
        );
        for words in [&["close"][..], &["close", "0"], &["kick", "-1"], &[]] {
            assert!(room(words).is_err(), "{words:?}");
        }
    }
}
