//! The log: levels, text or JSON. No address, name, text or secret above DEBUG.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError};

/// Starts logging to standard error.
///
/// # Errors
///
/// `LOG_LEVEL` is no filter.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log_level).map_err(|error| {
        ConfigError::one(
            "LOG_LEVEL",
            &config.log_level,
            &format!("must be a level or a filter such as info or payambar=debug ({error})"),
        )
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if config.log_json {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).init();
    }
    Ok(())
}

/// Says why the program ends, to the person who started it.
#[expect(clippy::print_stderr, reason = "the log may not have started yet")]
pub fn complain(text: &str) {
    for line in text.lines() {
        eprintln!("payambar: {line}");
    }
}
