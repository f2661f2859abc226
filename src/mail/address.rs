//! What an e-mail address may look like: less than the standard allows, so
//! that nothing in it can be taken for anything but an address.

use std::fmt;

/// The longest address and the longest part before its @ (RFC 5321 §4.5.3.1).
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// An e-mail address of plain characters. Logs do not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads an address as typed, with blanks around it.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        let (local, domain) = typed.rsplit_once('@')?;
        let is_sound = typed.len() <= LONGEST && is_local(local) && is_domain(domain);
        is_sound.then(|| Self(typed.to_owned()))
    }

    /// It as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is the same for the same mailbox: no server tells letters apart by
    /// their case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// Atoms with dots between them (RFC 5322 §3.2.3).
fn is_local(local: &str) -> bool {
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_atom);
    local.len() <= LONGEST_LOCAL && local.split('.').all(is_part)
}

/// Labels of letters, digits and hyphens (RFC 1123 §2.1).
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_typed_and_known_whatever_its_case() {
        let address = Address::parse(" Sara.M+chat@Example.ORG ").unwrap();
        assert_eq!(address.as_str(), "Sara.M+chat@Example.ORG");
        assert_eq!(address.key(), "sara.m+chat@example.org");
        assert!(!format!("{address:?}").contains("Sara"));
        assert!(Address::parse("root@localhost").is_some());
    }

    #[test]
    fn what_could_be_more_than_an_address_is_none() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}", "b.".repeat(130));
        for bad in [
            "",
            "sara",
            "@example.org",
            "sara@",
            "sara@@example.org",
            "sara@exa mple.org",
            "sa ra@example.org",
            "sara@example.org\r\nBcc: omid@example.org",
            "sara\n@example.org",
            "sara@example.org,omid@example.org",
            "Sara <sara@example.org>",
            "\"sara m\"@example.org",
            "sara@[127.0.0.1]",
            "sara@-example.org",
            "sara@example..org",
            ".sara@example.org",
            "سارا@example.org",
            "sara@\u{202e}example.org",
            "sara\0@example.org",
            &long,
            &longer,
        ] {
            assert!(Address::parse(bad).is_none(), "{bad:?}");
        }
    }
}
