//! `payambar user …`, `invite …` and `audit …`: accounts, who may make one, and
//! what was done about them.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use payambar_signaling::account::{Role, State, Step};

use super::Task;
use crate::control::{InviteRequest, UserRequest};

fn name() -> Arg {
    let arg = Arg::new("name").required(true).value_name("NAME");
    arg.help("The account's name")
}

fn reason() -> Arg {
    let arg = Arg::new("reason").long("reason").value_name("TEXT");
    arg.default_value("").help("Why, for those who look later")
}

fn add() -> Command {
    Command::new("add")
        .about("Make an account; works beside the running server and without it")
        .arg(name().help("3-32 letters, digits or _"))
        .arg(
            Arg::new("password-stdin")
                .long("password-stdin")
                .action(ArgAction::SetTrue)
                .help("Read the password from the first line of standard input"),
        )
}

pub(super) fn command() -> Command {
    let one = |word: &'static str, about: &'static str| {
        Command::new(word)
            .about(about)
            .arg(name())
            .arg(super::json())
    };
    let list = Command::new("list")
        .about("List accounts, the newest first")
        .arg(
            Arg::new("state")
                .long("state")
                .value_name("STATE")
                .value_parser(PossibleValuesParser::new(State::ALL.map(State::as_str)))
                .help("Those in this state only"),
        )
        .arg(super::json());
    let role = one("role", "Give an account a role").arg(
        Arg::new("role")
            .required(true)
            .value_name("ROLE")
            .value_parser(PossibleValuesParser::new(Role::ALL.map(Role::as_str)))
            .help("What it may do for others"),
    );
    Command::new("user")
        .about("Administer accounts")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(add().arg(super::json()))
        .subcommand(list)
        .subcommand(one("approve", "Let somebody in who waits, or was rejected"))
        .subcommand(one("reject", "Do not let somebody in who waits").arg(reason()))
        .subcommand(
            one(
                "suspend",
                "Shut somebody out and end their sessions, calls and relaying",
            )
            .arg(reason()),
        )
        .subcommand(one("activate", "Let somebody in again who was suspended"))
        .subcommand(role)
        .subcommand(one(
            "passwd",
            "Make a temporary password for somebody who lost theirs, and end their sessions",
        ))
}

pub(super) fn parse(matches: &ArgMatches) -> Option<Task> {
    let (word, found) = matches.subcommand()?;
    let text = |id: &str| {
        let value = found.try_get_one::<String>(id).ok().flatten();
        value.cloned().unwrap_or_default()
    };
    let json = found.get_flag("json");
    let step = |step| UserRequest::Step {
        name: text("name"),
        step,
        reason: text("reason"),
    };
    let task = match word {
        "add" => {
            return Some(Task::UserAdd {
                name: text("name"),
                password_stdin: found.get_flag("password-stdin"),
                json,
            });
        }
        "list" => UserRequest::List {
            state: State::parse(&text("state")),
        },
        "approve" => step(Step::Approve),
        "reject" => step(Step::Reject),
        "suspend" => step(Step::Suspend),
        "activate" => step(Step::Activate),
        "role" => UserRequest::Role {
            name: text("name"),
            role: Role::parse(&text("role"))?,
        },
        "passwd" => UserRequest::Passwd { name: text("name") },
        _ => return None,
    };
    Some(Task::User { task, json })
}

pub(super) fn audit_command() -> Command {
    let limit = Arg::new("limit")
        .long("limit")
        .value_name("N")
        .default_value("50")
        .value_parser(value_parser!(u32).range(1..=10_000))
        .help("How many entries at most");
    Command::new("audit")
        .about("Look at what was done about accounts")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("List it, the newest first")
                .arg(limit)
                .arg(super::json()),
        )
}

pub(super) fn parse_audit(matches: &ArgMatches) -> Option<Task> {
    let (_, found) = matches.subcommand()?;
    Some(Task::Audit {
        limit: found.get_one::<u32>("limit").copied()?,
        json: found.get_flag("json"),
    })
}

pub(super) fn invite_command() -> Command {
    let number = |id: &'static str, default: &'static str, help: &'static str| {
        Arg::new(id)
            .long(id)
            .value_name("N")
            .default_value(default)
            .value_parser(value_parser!(u32))
            .help(help)
    };
    let create = Command::new("create")
        .about("Make a code that lets people register with REGISTRATION=invite")
        .arg(number("uses", "1", "How many people may register with it"))
        .arg(number("days", "30", "How many days it is good for"))
        .arg(super::json());
    let revoke = Command::new("revoke")
        .about("Take an invitation back")
        .arg(Arg::new("code").required(true).value_name("CODE"))
        .arg(super::json());
    Command::new("invite")
        .about("Administer invitations")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(create)
        .subcommand(
            Command::new("list")
                .about("List invitations")
                .arg(super::json()),
        )
        .subcommand(revoke)
}

pub(super) fn parse_invite(matches: &ArgMatches) -> Option<Task> {
    let (word, found) = matches.subcommand()?;
    let number = |id: &str| found.get_one::<u32>(id).copied().unwrap_or(0);
    let task = match word {
        "create" => InviteRequest::Create {
            uses: number("uses"),
            days: number("days"),
        },
        "list" => InviteRequest::List,
        "revoke" => InviteRequest::Revoke {
            code: found.get_one::<String>("code").cloned().unwrap_or_default(),
        },
        _ => return None,
    };
    Some(Task::Invite {
        task,
        json: found.get_flag("json"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn accounts_are_moved_by_name_and_step() {
        let task = run(&["user", "reject", "omid", "--reason", "a stranger", "--json"]);
        let rejected = UserRequest::Step {
            name: "omid".to_owned(),
            step: Step::Reject,
            reason: "a stranger".to_owned(),
        };
        assert_eq!(
            task.unwrap().task,
            Task::User {
                task: rejected,
                json: true
            }
        );
        let role = run(&["user", "role", "omid", "admin"]).unwrap().task;
        let admin = UserRequest::Role {
            name: "omid".to_owned(),
            role: Role::Admin,
        };
        assert_eq!(
            role,
            Task::User {
                task: admin,
                json: false
            }
        );
        for wrong in [
            &["user", "role", "omid", "root"][..],
            &["user", "approve"],
            &["user", "list", "--state", "gone"],
            &["user", "approve", "omid", "--reason", "x"],
        ] {
            assert!(run(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_invitation_is_for_one_person_and_thirty_days_unless_told_otherwise() {
        let usual = InviteRequest::Create { uses: 1, days: 30 };
        let task = run(&["invite", "create"]).unwrap().task;
        assert_eq!(
            task,
            Task::Invite {
                task: usual,
                json: false
            }
        );
        assert!(run(&["invite", "create", "--uses", "many"]).is_err());
    }
}
