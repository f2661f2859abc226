//! The Payambar binary: parse, run, exit code (0 ok, 1 failed or bad usage).

#![expect(
    unreachable_pub,
    reason = "a binary exports nothing; `pub` marks what a module offers to the others"
)]

mod accounts;
mod admin;
mod assets;
mod cli;
mod config;
mod control;
mod files;
mod fold;
mod host;
mod http;
mod i18n;
mod lock;
mod mail;
mod pump;
mod push;
mod secrets;
mod serve;
mod store;
mod telemetry;

use std::collections::BTreeMap;
use std::process::ExitCode;

use nix::sys::stat::{Mode, umask};

use crate::config::{Config, Layers};

fn main() -> ExitCode {
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(&invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(invocation: &cli::Invocation) -> Result<(), Box<dyn std::error::Error>> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let file = config::env_file(&environment)?;
    let layers = Layers::merge(&invocation.flags, &environment, file.as_ref())?;
    let config = Config::check(&layers)?;
    telemetry::start(&config)?;
    file.iter().for_each(config::warn_of_unknown);
    // Whatever is made from here on is its owner's alone.
    umask(Mode::from_bits_truncate(0o077));
    match &invocation.task {
        cli::Task::Serve => serve::run(config)?,
        cli::Task::UserAdd {
            name,
            password_stdin,
            json,
        } => {
            let password = admin::read_password(*password_stdin)?;
            admin::user_add(&config, name, &password, *json, &mut std::io::stdout())?;
        }
        cli::Task::User { task, json } => {
            admin::user(&config, task, *json, &mut std::io::stdout())?;
        }
        cli::Task::Invite { task, json } => {
            admin::invite(&config, task, *json, &mut std::io::stdout())?;
        }
        cli::Task::Audit { limit, json } => {
            admin::audit(&config, *limit, *json, &mut std::io::stdout())?;
        }
        cli::Task::Status { json } => admin::status(&config, *json, &mut std::io::stdout())?,
        cli::Task::Dev { task, json } => {
            admin::dev(&config, task, *json, &mut std::io::stdout())?;
        }
        cli::Task::Room { task, json } => {
            admin::room(&config, task, *json, &mut std::io::stdout())?;
        }
        cli::Task::Turn { task, json } => {
            admin::turn(&config, task, *json, &mut std::io::stdout())?;
        }
        cli::Task::TurnCheck { check, json } => {
            admin::turn_check(&config, check, *json, &mut std::io::stdout())?;
        }
    }
    Ok(())
}
