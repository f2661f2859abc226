//! Where a value comes from: flags, then the process environment, then one env
//! file, then the default. Nothing here knows what a value means.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::settings::{REFUSED, SETTINGS, find};
use super::{ConfigError, Problem};

/// Where one value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command line flag.
    Flag,
    /// The process environment.
    Environment,
    /// The env file at this path.
    File(PathBuf),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// An env file and what it sets.
pub type EnvFile = (PathBuf, BTreeMap<String, String>);

/// All settings as typed, each with its origin.
#[derive(Debug, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Layers {
    /// Merges the layers; the first one that has a non-empty value wins.
    ///
    /// # Errors
    ///
    /// The env file named by `PAYAMBAR_ENV_FILE` cannot be read, a line of the
    /// env file is not `KEY=value`, or a variable names a store that does not
    /// exist here.
    pub fn merge(
        flags: &BTreeMap<String, String>,
        environment: &BTreeMap<String, String>,
        file: Option<&EnvFile>,
    ) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let mut values = BTreeMap::new();
        let none = EnvFile::default();
        let (path, lines) = file.unwrap_or(&none);
        for name in environment.keys().chain(lines.keys()) {
            if is_refused(name) {
                problems.push(Problem::new(
                    name,
                    "",
                    "is set, but this server keeps everything in SQLite and local files; remove the variable",
                ));
            }
        }
        for setting in SETTINGS {
            let names = || std::iter::once(setting.name).chain(setting.aliases.iter().copied());
            let layer = |layer: &BTreeMap<String, String>| {
                names()
                    .filter_map(|name| layer.get(name))
                    .map(|value| value.trim().to_owned())
                    .find(|value| !value.is_empty())
            };
            let found = layer(flags)
                .map(|value| (value, Origin::Flag))
                .or_else(|| layer(environment).map(|value| (value, Origin::Environment)))
                .or_else(|| layer(lines).map(|value| (value, Origin::File(path.clone()))))
                .unwrap_or_else(|| (setting.default.to_owned(), Origin::Default));
            values.insert(setting.name, found);
        }
        if problems.is_empty() {
            Ok(Self { values })
        } else {
            Err(ConfigError(problems))
        }
    }

    /// The value of a setting; empty when it has none.
    pub fn value(&self, name: &str) -> &str {
        self.values
            .get(name)
            .map_or("", |(value, _)| value.as_str())
    }

    /// Whether somebody set it.
    pub fn is_set(&self, name: &str) -> bool {
        self.values
            .get(name)
            .is_some_and(|(_, origin)| *origin != Origin::Default)
    }
}

fn is_refused(name: &str) -> bool {
    REFUSED
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == *pattern,
        })
}

/// Finds and reads the one env file: `PAYAMBAR_ENV_FILE`, else
/// `/etc/payambar/payambar.env`, else `./.env`.
///
/// # Errors
///
/// The named file cannot be read, or the file found has a line that is no
/// assignment.
pub fn env_file(environment: &BTreeMap<String, String>) -> Result<Option<EnvFile>, ConfigError> {
    if let Some(named) = environment
        .get("PAYAMBAR_ENV_FILE")
        .filter(|v| !v.is_empty())
    {
        let text = std::fs::read_to_string(named).map_err(|error| {
            ConfigError::one(
                "PAYAMBAR_ENV_FILE",
                named,
                &format!("cannot be read ({error}); correct the path"),
            )
        })?;
        return parse(Path::new(named), &text).map(Some);
    }
    for candidate in ["/etc/payambar/payambar.env", "./.env"] {
        if let Ok(text) = std::fs::read_to_string(candidate) {
            return parse(Path::new(candidate), &text).map(Some);
        }
    }
    Ok(None)
}

fn parse(path: &Path, text: &str) -> Result<EnvFile, ConfigError> {
    let mut lines = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(ConfigError::one(
                &path.display().to_string(),
                "",
                &format!("line {number} is not KEY=value; correct or remove it"),
            ));
        };
        let name = name.trim();
        lines.insert(name.to_owned(), unquote(value.trim()).to_owned());
    }
    Ok((path.to_owned(), lines))
}

/// Warns of lines that set nothing, which may be misspelled. Called once the log
/// has started.
pub fn warn_of_unknown((path, lines): &EnvFile) {
    for name in lines.keys().filter(|name| find(name).is_none()) {
        tracing::warn!(file = %path.display(), name, "unknown setting in the env file is ignored");
    }
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|v| v.strip_suffix(quote))
        {
            return inner;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_flag_wins_over_environment_file_and_default() {
        let file = Some((
            PathBuf::from("x.env"),
            map(&[("PORT", "3"), ("LISTEN", "::1"), ("LOG_LEVEL", "warn")]),
        ));
        let layers = Layers::merge(
            &map(&[("PORT", "1")]),
            &map(&[("PORT", "2"), ("LISTEN", "127.0.0.1")]),
            file.as_ref(),
        )
        .unwrap();
        assert_eq!(layers.value("PORT"), "1");
        assert_eq!(layers.value("LISTEN"), "127.0.0.1");
        assert_eq!(layers.value("LOG_LEVEL"), "warn");
        assert_eq!(layers.value("TURN_PORT"), "3478");
        assert!(!layers.is_set("TURN_PORT"));
    }

    #[test]
    fn an_empty_value_counts_as_not_set() {
        let layers = Layers::merge(&map(&[]), &map(&[("PORT", "  ")]), None).unwrap();
        assert_eq!(layers.value("PORT"), "8080");
    }

    #[test]
    fn an_alias_means_its_setting() {
        let layers = Layers::merge(&map(&[]), &map(&[("NODE_ENV", "production")]), None).unwrap();
        assert_eq!(layers.value("ENVIRONMENT"), "production");
    }

    #[test]
    fn a_store_that_does_not_exist_is_refused_by_name() {
        for name in ["DATABASE_URL", "DB_HOST", "REDIS_URL"] {
            let error = Layers::merge(&map(&[]), &map(&[(name, "x")]), None).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn env_files_take_export_quotes_and_comments() {
        let (_, lines) = parse(
            Path::new("f"),
            "# c\n\nexport PORT=1\nLISTEN=\"::1\"\nTURN_REALM='a=b'\n",
        )
        .unwrap();
        assert_eq!(
            lines,
            map(&[("PORT", "1"), ("LISTEN", "::1"), ("TURN_REALM", "a=b")])
        );
    }

    #[test]
    fn a_line_without_an_equals_sign_is_named() {
        let error = parse(Path::new("f.env"), "PORT=1\nnonsense\n").unwrap_err();
        assert!(
            error.to_string().contains("f.env") && error.to_string().contains("line 2"),
            "{error}"
        );
    }
}
