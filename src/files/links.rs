//! Addresses that carry a right: pages load pictures and sound without a
//! header, so the address itself says for which session it was made, until
//! when it is good, and that it is ours. It dies with the session at the
//! latest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payambar_signaling::ids::{FileId, SessionId, Timestamp};
use ring::hmac;

use crate::config::Redacted;

/// An address is good for so many whole days, and for the rest of the one on
/// which it was made; so it is the same all day long.
const DAYS: i64 = 7;

const DAY_MS: i64 = 86_400_000;

/// Makes and checks addresses.
pub struct Links {
    key: hmac::Key,
}

impl Links {
    /// Addresses under this key.
    pub fn new(key: &Redacted<String>) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes()),
        }
    }

    /// The address of a file for a session.
    pub fn make(&self, id: FileId, session: SessionId, now: Timestamp) -> String {
        let end = now.0.div_euclid(DAY_MS) + DAYS + 1;
        let tag = hmac::sign(&self.key, &claim(id, session, end));
        let tag = URL_SAFE_NO_PAD.encode(tag);
        format!("/api/files/{id}?n={session}&e={end}&s={tag}")
    }

    /// The session for which this query of the file's address was made, if it
    /// was and is still good.
    pub fn check(&self, id: FileId, query: &str, now: Timestamp) -> Option<SessionId> {
        let value = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let session = SessionId(value("n")?.parse().ok()?);
        let end: i64 = value("e")?.parse().ok()?;
        let tag = URL_SAFE_NO_PAD.decode(value("s")?).ok()?;
        hmac::verify(&self.key, &claim(id, session, end), &tag).ok()?;
        (now.0.div_euclid(DAY_MS) < end).then_some(session)
    }
}

fn claim(id: FileId, session: SessionId, end: i64) -> Vec<u8> {
    let numbers = [session.0.to_be_bytes(), end.to_be_bytes()];
    [b"file\0", id.as_bytes().as_slice(), &numbers.concat()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId::from_bytes([7; 16]);
    const NOW: Timestamp = Timestamp(1_795_222_923_456);

    fn links(key: &str) -> Links {
        Links::new(&Redacted::new(key.to_owned()))
    }

    fn query(address: &str) -> &str {
        address.split_once('?').unwrap().1
    }

    #[test]
    fn an_address_is_good_for_its_file_and_tells_its_session() {
        let links = links("key");
        let address = links.make(FILE, SessionId(3), NOW);
        assert!(address.starts_with(&format!("/api/files/{FILE}?")));
        assert_eq!(links.check(FILE, query(&address), NOW), Some(SessionId(3)));
        let other = FileId::from_bytes([8; 16]);
        assert_eq!(links.check(other, query(&address), NOW), None);
    }

    #[test]
    fn an_address_is_the_same_all_day_and_good_for_seven_more() {
        let links = links("key");
        let midnight = Timestamp(NOW.0 / DAY_MS * DAY_MS);
        let evening = Timestamp(midnight.0 + DAY_MS - 1);
        let address = links.make(FILE, SessionId(3), midnight);
        assert_eq!(address, links.make(FILE, SessionId(3), evening));
        let check = |at| links.check(FILE, query(&address), Timestamp(at));
        assert!(check(evening.0 + 7 * DAY_MS).is_some());
        assert!(check(evening.0 + 7 * DAY_MS + 1).is_none());
    }

    #[test]
    fn a_changed_address_is_no_address() {
        let links = links("key");
        let address = links.make(FILE, SessionId(3), NOW);
        let query = query(&address);
        let end = query.split(['=', '&']).nth(3).unwrap();
        for (from, to) in [
            ("n=3", "n=4"),
            (format!("e={end}").as_str(), "e=99999999"),
            ("s=", "s=A"),
            ("&s=", "&t="),
        ] {
            let changed = query.replacen(from, to, 1);
            assert_ne!(changed, query);
            assert_eq!(links.check(FILE, &changed, NOW), None, "{changed}");
        }
        assert_eq!(self::links("other").check(FILE, query, NOW), None);
        assert_eq!(links.check(FILE, "", NOW), None);
    }
}
