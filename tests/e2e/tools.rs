//! Programs of others that the tests run.

use std::process::Command;

/// That program, if `scripts/setup` was run.
pub(crate) fn installed(tool: &str) -> Command {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).exists()));
    assert!(
        found,
        "{tool} is missing: install the package coturn, or run scripts/test, which does"
    );
    Command::new(tool)
}
