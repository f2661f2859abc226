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
    let filter = EnvFilter::try_new(with_engines(&config.log_level)).map_err(|error| {
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

/// The filter without what the crates of WebRTC have to say, which writes
/// people's addresses at every level; unless it is asked for by name.
fn with_engines(filter: &str) -> String {
    let mut directives = filter.split(',');
    if filter.trim().is_empty() || directives.any(|one| one.trim().starts_with("rtc")) {
        return filter.to_owned();
    }
    format!("{filter},rtc=off")
}

/// Says why the program ends, to the person who started it.
#[expect(clippy::print_stderr, reason = "the log may not have started yet")]
pub fn complain(text: &str) {
    for line in text.lines() {
        eprintln!("payambar: {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_heard_only_if_they_are_asked_for() {
        assert_eq!(with_engines("info"), "info,rtc=off");
        assert_eq!(with_engines("warn,rtc_ice=debug"), "warn,rtc_ice=debug");
        assert_eq!(with_engines(""), "");
    }
}
