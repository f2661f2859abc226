//! The rules for passwords, and how they are kept: bcrypt (A4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payambar_signaling::wire::Code;
use ring::digest::{SHA256, digest};

/// The shortest password the API takes; our own client asks for 8 (R2).
const PASSWORD_MIN: usize = 6;

/// The longest: hashing it costs something, and nobody types more.
const PASSWORD_MAX: usize = 1024;

/// bcrypt reads no further than this (R2).
const BCRYPT_MAX: usize = 72;

/// Marks a hash whose input was hashed before, because bcrypt would have cut it.
const PREHASHED: &str = "sha256:";

/// Checks a new password.
///
/// # Errors
///
/// [`Code::PasswordShort`], [`Code::PasswordLong`].
pub const fn check_password(password: &str) -> Result<(), Code> {
    match password.len() {
        ..PASSWORD_MIN => Err(Code::PasswordShort),
        PASSWORD_MIN..=PASSWORD_MAX => Ok(()),
        _ => Err(Code::PasswordLong),
    }
}

/// Hashes a password with bcrypt. Blocks for as long as the cost demands.
///
/// # Errors
///
/// The system has no randomness for the salt.
pub fn hash(password: &str, cost: u32) -> Result<String, bcrypt::BcryptError> {
    if fits(password) {
        return bcrypt::hash(password, cost);
    }
    Ok(format!(
        "{PREHASHED}{}",
        bcrypt::hash(prehash(password), cost)?
    ))
}

/// Whether somebody typed the password of that hash. One that is too long is
/// not looked at: it costs something.
pub(super) fn is_right(password: &str, hash: &str) -> bool {
    password.len() <= PASSWORD_MAX && verify(password, hash)
}

/// Checks a password against a stored hash. A hash that cannot be read matches
/// nothing.
fn verify(password: &str, hash: &str) -> bool {
    match hash.strip_prefix(PREHASHED) {
        Some(inner) => bcrypt::verify(prehash(password), inner).unwrap_or(false),
        None => fits(password) && bcrypt::verify(password, hash).unwrap_or(false),
    }
}

/// The cost a stored hash was made with.
pub(super) fn cost_of(hash: &str) -> Option<u32> {
    hash.strip_prefix(PREHASHED)
        .unwrap_or(hash)
        .split('$')
        .nth(2)?
        .parse()
        .ok()
}

/// bcrypt cuts its input after 72 bytes and, in some implementations, at a NUL.
fn fits(password: &str) -> bool {
    password.len() <= BCRYPT_MAX && !password.contains('\0')
}

fn prehash(password: &str) -> String {
    STANDARD.encode(digest(&SHA256, password.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lowest cost bcrypt has; the settings allow none below 12.
    const QUICK: u32 = 4;

    #[test]
    fn passwords_have_6_to_1024_bytes() {
        assert_eq!(check_password("12345"), Err(Code::PasswordShort));
        assert_eq!(check_password("123456"), Ok(()));
        assert_eq!(check_password(&"x".repeat(1024)), Ok(()));
        assert_eq!(check_password(&"x".repeat(1025)), Err(Code::PasswordLong));
    }

    #[test]
    fn a_password_that_is_too_long_to_be_one_is_not_looked_at() {
        let long = "x".repeat(1025);
        let stored = hash(&long, QUICK).unwrap();
        assert!(verify(&long, &stored) && !is_right(&long, &stored));
        assert!(is_right("right", &hash("right", QUICK).unwrap()));
    }

    #[test]
    fn what_bcrypt_would_cut_still_counts() {
        let long = "x".repeat(73);
        let stored = hash(&long, QUICK).unwrap();
        assert!(verify(&long, &stored));
        assert!(!verify(&"x".repeat(72), &stored));
        assert!(!verify(&"x".repeat(74), &stored));
        let cut = hash(&long[..72], QUICK).unwrap();
        assert!(verify(&long[..72], &cut) && !verify(&long, &cut));
        let nul = hash("abc\0def", QUICK).unwrap();
        assert!(nul.starts_with(PREHASHED));
        assert!(verify("abc\0def", &nul) && !verify("abc\0xyz", &nul) && !verify("abc", &nul));
    }

    #[test]
    fn a_prehash_cannot_be_used_as_a_password() {
        let long = "x".repeat(80);
        let stored = hash(&long, QUICK).unwrap();
        assert!(!verify(&prehash(&long), &stored));
    }

    #[test]
    fn a_hash_that_cannot_be_read_matches_nothing() {
        for broken in [
            "",
            "$2b$12$short",
            "plain",
            "$2b$99$ää",
            "sha256:",
            "sha256:$2b$",
        ] {
            assert!(!verify("password", broken), "{broken}");
        }
    }

    #[test]
    fn the_cost_is_read_from_the_hash() {
        assert_eq!(cost_of(&hash("password", QUICK).unwrap()), Some(4));
        assert_eq!(cost_of("$2b$10$abcdefghijklmnopqrstuv"), Some(10));
        assert_eq!(cost_of("nonsense"), None);
    }
}
