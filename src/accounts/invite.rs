//! What an invitation's code looks like.

use std::io;

use crate::secrets;

/// Characters of a code: 80 bits, which nobody guesses.
const LENGTH: usize = 16;
const _: () = assert!(LENGTH * 5 >= 80, "guessing one is easier");

/// A new code.
///
/// # Errors
///
/// The system has no randomness to give.
pub fn make() -> io::Result<String> {
    secrets::random_letters::<LENGTH>()
}

/// A code as it was typed or pasted, in the form in which it is kept.
pub fn normal(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(64)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_typed() {
        let code = make().unwrap();
        assert_eq!(code.len(), LENGTH);
        assert_ne!(make().unwrap(), code);
        assert_eq!(normal(&"x".repeat(1000)).len(), 64);
        let typed = format!(" {}-{} ", code[..8].to_uppercase(), &code[8..]);
        assert_eq!(normal(&typed), code);
    }
}
