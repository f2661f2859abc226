//! Who is asking: long-term credentials (RFC 8489 §9.2), of which ours are
//! either fixed pairs or made for a session and a time; nonces that need no
//! memory; and credentials taken back before their time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::hmac;

use super::codec::{Crypto, Method, Request};
use super::frame::Integrity;
use super::{ClientId, Key};
use crate::config::RelayConfig;

/// How long a nonce is good: ten minutes.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(600);

/// Longest USERNAME and REALM that are looked at (RFC 8489 §14.3).
pub const MAX_TEXT: usize = 508;

/// A person, or a pair that several may share: whom a quota counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A person, over all sessions.
    User(i64),
    /// A static pair, by its name.
    Static(String),
}

/// Whom a revocation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revoked {
    /// Everything of a person.
    User(i64),
    /// One session of a person.
    Session(i64, i64),
}

/// Who a credential was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One session of a person.
    Session {
        /// The person.
        user: i64,
        /// The session.
        session: i64,
    },
    /// A static pair, by its name.
    Static(String),
}

impl Subject {
    /// Whom a quota counts this for.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Session { user, .. } => Owner::User(*user),
            Self::Static(name) => Owner::Static(name.clone()),
        }
    }

    /// Whether `revoked` means this one.
    #[must_use]
    pub fn is_meant_by(&self, revoked: Revoked) -> bool {
        match (self, revoked) {
            (Self::Session { user, .. }, Revoked::User(gone)) => *user == gone,
            (Self::Session { user, session }, Revoked::Session(gone, gone_session)) => {
                (*user, *session) == (gone, gone_session)
            }
            (Self::Static(_), Revoked::User(_) | Revoked::Session(..)) => false,
        }
    }
}

/// Somebody whose MESSAGE-INTEGRITY was right.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The USERNAME as it was sent.
    pub username: String,
    /// What answers are signed with.
    pub key: Key,
    /// Who that is.
    pub subject: Subject,
    /// When the credential expires, in seconds since 1970; static ones never.
    pub expires_unix: Option<u64>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400: parts are missing or too long.
    Bad,
    /// 401: no credential, or a wrong one.
    Challenge,
    /// 438: the nonce is too old, or another's.
    Stale,
}

/// Knows the secrets, and says who somebody is.
pub struct Authority {
    realm: String,
    secret: Option<hmac::Key>,
    static_keys: BTreeMap<String, Key>,
    nonce_key: hmac::Key,
    epoch: Instant,
    max_lifetime: u64,
    /// Credentials of these that expire by then are refused.
    revoked: BTreeMap<Revoked, u64>,
    revoked_until: BTreeSet<(u64, Revoked)>,
    crypto: Crypto,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// `nonce_key` must be unpredictable; nonces count time from `now`.
    #[must_use]
    pub fn new(config: &RelayConfig, crypto: Crypto, nonce_key: &[u8; 32], now: Instant) -> Self {
        Self {
            realm: config.realm.clone(),
            secret: (!config.secret.is_empty()).then(|| sha1_key(&config.secret)),
            static_keys: config.static_users.iter().cloned().collect(),
            nonce_key: hmac::Key::new(hmac::HMAC_SHA256, nonce_key),
            epoch: now,
            max_lifetime: config.max_credential_lifetime.as_secs(),
            revoked: BTreeMap::new(),
            revoked_until: BTreeSet::new(),
            crypto,
        }
    }

    /// The realm of all credentials.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The crypto answers are signed with.
    #[must_use]
    pub fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    /// A nonce for this client: seconds since we started and an HMAC over them
    /// and the client's 5-tuple, 16 characters in all. Nothing is remembered.
    #[must_use]
    pub fn nonce(&self, client: &ClientId, now: Instant) -> String {
        let seconds = u32::try_from(self.seconds(now)).unwrap_or(u32::MAX);
        let [t0, t1, t2, t3] = seconds.to_be_bytes();
        let [m0, m1, m2, m3, m4, m5, m6, m7] = self.nonce_tag(seconds, client);
        BASE64_URL_SAFE_NO_PAD.encode([t0, t1, t2, t3, m0, m1, m2, m3, m4, m5, m6, m7])
    }

    fn nonce_is_good(&self, nonce: &[u8], client: &ClientId, now: Instant) -> bool {
        let mut bytes = [0; 12];
        let Ok(12) = BASE64_URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) else {
            return false;
        };
        let [t0, t1, t2, t3, tag @ ..] = bytes;
        let seconds = u32::from_be_bytes([t0, t1, t2, t3]);
        // The tag is checked first: only then the time is one that we wrote.
        let right = self.nonce_tag(seconds, client);
        if right
            .iter()
            .zip(tag)
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            != 0
        {
            return false;
        }
        self.seconds(now)
            .checked_sub(u64::from(seconds))
            .is_some_and(|age| age <= NONCE_LIFETIME.as_secs())
    }

    fn nonce_tag(&self, seconds: u32, client: &ClientId) -> [u8; 8] {
        let mut context = hmac::Context::with_key(&self.nonce_key);
        context.update(&seconds.to_be_bytes());
        context.update(&client.listener.to_be_bytes());
        context.update(&client.address.port().to_be_bytes());
        match client.address.ip() {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context
            .sign()
            .as_ref()
            .first_chunk()
            .copied()
            .unwrap_or_default()
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_secs()
    }

    /// Says who sent `request`. `holder` is the name and key of the allocation
    /// that lives on the client's 5-tuple, if one does: its key is known
    /// already, and its credential may have expired since.
    ///
    /// # Errors
    ///
    /// [`Refusal`] tells which answer is due.
    pub fn identify(
        &self,
        request: &mut Request,
        client: &ClientId,
        holder: Option<(&str, &Key, &Subject)>,
        now: Instant,
        unix: u64,
    ) -> Result<Identity, Refusal> {
        match request.integrity() {
            Integrity::Absent => return Err(Refusal::Challenge),
            Integrity::BadLength => return Err(Refusal::Bad),
            Integrity::EndsAt(_) => {}
        }
        let (Some(username), Some(realm), Some(nonce)) =
            (request.username(), request.realm(), request.nonce())
        else {
            return Err(Refusal::Bad);
        };
        if username.len() > MAX_TEXT || realm.len() > MAX_TEXT {
            return Err(Refusal::Bad);
        }
        if !self.nonce_is_good(&nonce, client, now) {
            return Err(Refusal::Stale);
        }
        let username = String::from_utf8(username).map_err(|_| Refusal::Challenge)?;
        let identity = match holder {
            Some((name, key, subject)) if name == username => Some(Identity {
                username,
                key: key.clone(),
                subject: subject.clone(),
                expires_unix: None,
            }),
            Some(_) | None => self.look_up(username),
        };
        // An unknown name costs the same work as a wrong password.
        let stranger = Key([0; 16]);
        let key = identity
            .as_ref()
            .map_or(&stranger, |identity| &identity.key);
        let signed = request.is_signed_with(key, &self.crypto);
        let identity = identity.filter(|_| signed && realm == self.realm.as_bytes());
        let identity = identity.ok_or(Refusal::Challenge)?;
        if !self.may_begin(&identity, request.method(), unix) {
            return Err(Refusal::Challenge);
        }
        Ok(identity)
    }

    fn look_up(&self, username: String) -> Option<Identity> {
        if let Some(key) = self.static_keys.get(&username) {
            let subject = Subject::Static(username.clone());
            return Some(Identity {
                key: key.clone(),
                subject,
                expires_unix: None,
                username,
            });
        }
        let (expires, id) = username.split_once(':')?;
        let (user, session) = id.split_once('.')?;
        let expires = expires.parse().ok()?;
        let subject = Subject::Session {
            user: user.parse().ok()?,
            session: session.parse().ok()?,
        };
        let password = password(self.secret.as_ref()?, &username);
        let key = self
            .crypto
            .long_term_key(&username, &self.realm, &password)?;
        Some(Identity {
            username,
            key,
            subject,
            expires_unix: Some(expires),
        })
    }

    /// Whether the credential is in its time and was not taken back. The time
    /// is asked at Allocate only; what was taken back is refused everywhere.
    fn may_begin(&self, identity: &Identity, method: Method, unix: u64) -> bool {
        let (Some(expires), Subject::Session { user, session }) =
            (identity.expires_unix, &identity.subject)
        else {
            return true;
        };
        let gone = [Revoked::User(*user), Revoked::Session(*user, *session)];
        let until = gone.iter().filter_map(|whom| self.revoked.get(whom)).max();
        if until.is_some_and(|until| expires <= *until) {
            return false;
        }
        method != Method::Allocate
            || (unix < expires && expires <= unix.saturating_add(self.max_lifetime))
    }

    /// Adds a static pair, or gives the one of that name another password.
    pub fn add_static(&mut self, name: String, key: Key) {
        self.static_keys.insert(name, key);
    }

    /// Forgets a static pair.
    pub fn remove_static(&mut self, name: &str) {
        self.static_keys.remove(name);
    }

    /// Refuses from now on every credential that was made for `whom` so far.
    ///
    /// Nothing tells when a credential was made, but none lives longer than
    /// the configured lifetime: those that expire within it are refused, and
    /// after it the entry has nothing left to refuse and goes. A credential
    /// made later, with the full lifetime, is good.
    pub fn revoke(&mut self, whom: Revoked, unix: u64) {
        self.forget(unix);
        self.refuse(whom, unix.saturating_add(self.max_lifetime));
    }

    /// Refuses every credential of `whom` that expires by `until`, in seconds
    /// since 1970: what an earlier run revoked. Never shortens a revocation.
    pub fn refuse(&mut self, whom: Revoked, mut until: u64) {
        if let Some(earlier) = self.revoked.get(&whom) {
            self.revoked_until.remove(&(*earlier, whom));
            until = until.max(*earlier);
        }
        self.revoked.insert(whom, until);
        self.revoked_until.insert((until, whom));
    }

    /// Drops revocations whose credentials have all expired.
    pub fn forget(&mut self, unix: u64) {
        while let Some(&(until, whom)) = self.revoked_until.first()
            && until < unix
        {
            self.revoked_until.pop_first();
            self.revoked.remove(&whom);
        }
    }

    /// How many revocations are remembered.
    #[must_use]
    pub fn remembered_revocations(&self) -> usize {
        self.revoked.len()
    }
}

/// The key that answers for a user name and password in a realm: what a
/// [`RelayConfig`] holds of a static pair, so that nobody needs to keep the
/// password (RFC 8489 §9.2.2). None when the message layer has no MD5.
#[must_use]
pub fn long_term_key(username: &str, realm: &str, password: &str) -> Option<Key> {
    Crypto::new().ok()?.long_term_key(username, realm, password)
}

/// Makes a time-limited credential for one session of a person: user name and
/// password, in the form of the TURN REST convention.
///
/// `expires_unix` is in seconds since 1970. The relay refuses what expires
/// later than its configured maximum lifetime from now.
#[must_use]
pub fn mint_credential(
    secret: &[u8],
    expires_unix: u64,
    user: i64,
    session: i64,
) -> (String, String) {
    let username = format!("{expires_unix}:{user}.{session}");
    let password = password(&sha1_key(secret), &username);
    (username, password)
}

fn password(secret: &hmac::Key, username: &str) -> String {
    BASE64_STANDARD.encode(hmac::sign(secret, username.as_bytes()))
}

fn sha1_key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret)
}

#[cfg(test)]
mod tests;
