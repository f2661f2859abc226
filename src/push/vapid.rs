//! Who we are to push services (RFC 8292): a key pair for good, and a signed
//! token for each service, renewed long before it ends.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payambar_signaling::ids::Timestamp;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::Serialize;

/// Life of a token; a push service takes at most 24 h.
const LIFE: Duration = Duration::from_secs(12 * 3600);

/// A token that still lives so long is used again.
const FRESH: Duration = Duration::from_secs(6 * 3600);

/// Push services whose tokens are remembered. Browsers have a handful.
const SERVICES: usize = 64;

/// The pair. Its debug print shows the public half alone.
pub struct Pair {
    keys: EcdsaKeyPair,
    topics: hmac::Key,
    random: SystemRandom,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.public())
    }
}

impl Pair {
    /// The pair of two settings, base64url of 65 and of 32 bytes. `None` if
    /// they are not, or are no pair.
    pub fn from_settings(public: &str, private: &str) -> Option<Self> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let (public, private) = (decode(public)?, decode(private)?);
        let random = SystemRandom::new();
        let keys = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &private,
            &public,
            &random,
        )
        .ok()?;
        Some(Self::new(keys, &private, random))
    }

    /// The pair of a document that [`Self::make`] wrote.
    pub fn from_document(document: &str) -> Option<Self> {
        let pkcs8 = URL_SAFE_NO_PAD.decode(document).ok()?;
        let random = SystemRandom::new();
        let keys =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random).ok()?;
        Some(Self::new(keys, &pkcs8, random))
    }

    /// A new pair as a document: PKCS#8 in base64url.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub fn make() -> io::Result<String> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|document| URL_SAFE_NO_PAD.encode(document))
            .map_err(|_| io::Error::other("no random bytes from the system"))
    }

    fn new(keys: EcdsaKeyPair, private: &[u8], random: SystemRandom) -> Self {
        let topics = hmac::Key::new(hmac::HMAC_SHA256, private);
        Self {
            keys,
            topics,
            random,
        }
    }

    /// The public key as browsers and push services want it.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.keys.public_key())
    }

    /// A name for pushes that replace each other (RFC 8030 §5.4): 32
    /// characters that tell a push service nothing.
    pub fn topic(&self, what: &str) -> String {
        let tag = hmac::sign(&self.topics, what.as_bytes());
        let mut topic = URL_SAFE_NO_PAD.encode(tag);
        topic.truncate(32);
        topic
    }

    fn token(&self, claims: &Claims<'_>) -> Option<String> {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let signed = format!("{header}.{claims}");
        let signature = self.keys.sign(&self.random, signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

/// Makes the `Authorization` of every push.
#[derive(Debug)]
pub struct Tokens {
    pair: Pair,
    subject: String,
    made: BTreeMap<String, (Timestamp, String)>,
}

impl Tokens {
    /// `subject` is how a push service finds the operator: a `mailto:` or
    /// `https:` URL.
    pub const fn new(pair: Pair, subject: String) -> Self {
        Self {
            pair,
            subject,
            made: BTreeMap::new(),
        }
    }

    /// The pair.
    pub const fn pair(&self) -> &Pair {
        &self.pair
    }

    /// The header for the push service with this origin. `None` when the
    /// system cannot sign.
    pub fn authorization(&mut self, origin: &str, now: Timestamp) -> Option<String> {
        let fresh = |expires: &Timestamp| {
            let left = expires.0.saturating_sub(now.0);
            // Also of a clock that was set back: no token may outlive 24 h.
            (millis(FRESH)..=millis(LIFE)).contains(&left)
        };
        if let Some((_, header)) = self.made.get(origin).filter(|(at, _)| fresh(at)) {
            return Some(header.clone());
        }
        let expires = Timestamp(now.0.saturating_add(millis(LIFE)));
        let token = self.pair.token(&Claims {
            aud: origin,
            exp: expires.0 / 1000,
            sub: &self.subject,
        })?;
        let header = format!("vapid t={token}, k={}", self.pair.public());
        if self.made.len() >= SERVICES {
            self.made.clear();
        }
        self.made
            .insert(origin.to_owned(), (expires, header.clone()));
        Some(header)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn verified(token: &str, public: &str) -> bool {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(public))
            .verify(signed.as_bytes(), &decode(signature))
            .is_ok()
    }

    fn pair() -> Pair {
        Pair::from_document(&Pair::make().unwrap()).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(pair(), "mailto:push@example.com".to_owned())
    }

    /// The token and key of a header.
    fn parts(header: &str) -> (&str, &str) {
        let rest = header.strip_prefix("vapid t=").unwrap();
        rest.split_once(", k=").unwrap()
    }

    #[test]
    fn a_token_says_what_the_example_of_rfc_8292_says() {
        let claims = Claims {
            aud: "https://push.example.net",
            exp: 1_453_523_768,
            sub: "mailto:push@example.com",
        };
        let example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
        let key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        assert!(verified(example, key), "the way this test verifies");
        let (pair, said) = (pair(), example.rsplit_once('.').unwrap().0);
        let token = pair.token(&claims).unwrap();
        assert_eq!(token.rsplit_once('.').unwrap().0, said);
        assert!(verified(&token, &pair.public()));
    }

    #[test]
    fn a_token_is_used_again_for_its_service_until_half_its_life_is_over() {
        let mut tokens = tokens();
        let mut at = |hours: i64, origin: &str| {
            let now = Timestamp(1_800_000_000_000 + hours * 3_600_000);
            tokens.authorization(origin, now).unwrap()
        };
        let first = at(0, "https://a.example");
        assert_eq!(at(6, "https://a.example"), first);
        assert_ne!(at(0, "https://b.example"), first);
        let second = at(7, "https://a.example");
        assert_ne!(second, first);
        assert_ne!(
            at(-24, "https://a.example"),
            second,
            "the clock was set back"
        );
    }

    #[test]
    fn a_flood_of_services_costs_no_memory() {
        let mut tokens = tokens();
        for n in 0..1_000 {
            tokens.authorization(&format!("https://{n}.example"), Timestamp(0));
            assert!(tokens.made.len() <= SERVICES);
        }
    }

    #[test]
    fn settings_are_taken_only_as_a_pair() {
        // RFC 8291 appendix A.
        let public = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
        let taken = Pair::from_settings(public, private).unwrap();
        assert_eq!(taken.public(), public);
        assert!(!format!("{taken:?}").contains(private));
        assert!(Pair::from_settings(&pair().public(), private).is_none());
        for broken in ["", "abc", "?"] {
            assert!(Pair::from_settings(public, broken).is_none());
            assert!(Pair::from_settings(broken, private).is_none());
            assert!(Pair::from_document(broken).is_none());
        }
    }

    #[test]
    fn a_topic_is_short_opaque_and_the_same_again() {
        let (ours, theirs) = (pair(), pair());
        let topic = ours.topic("2 c7");
        assert_eq!((topic.len(), ours.topic("2 c7")), (32, topic.clone()));
        assert_ne!(ours.topic("3 c7"), topic);
        assert_ne!(theirs.topic("2 c7"), topic, "another server");
        let mut tokens = Tokens::new(ours, String::new());
        let header = tokens.authorization("https://a.example", Timestamp(0));
        assert_eq!(parts(&header.unwrap()).1.len(), 87);
    }
}
