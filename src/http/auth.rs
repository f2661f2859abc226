//! Tokens: made and checked here, bound to a session that the store knows. The
//! cryptography under `jsonwebtoken` is HMAC-SHA-256 by `ring` and nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use payambar_signaling::wire::Code;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::App;
use super::client::{self, PeerAddr};
use super::error::ApiError;
use super::origin;
use crate::config::Redacted;
use crate::store::audit::{self, Action};
use crate::store::{NewSession, Session, User, now, sessions};

/// Life of a token: as long as a session that is never used again. A client of
/// the core dialect cannot refresh, so a shorter life would sign people out.
pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Who makes our tokens, and for whom.
const ISSUER: &str = "payambar";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    user_id: i64,
    username: String,
    sid: String,
    jti: String,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// Makes and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Tokens under this key.
    pub fn new(secret: &Redacted<String>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.leeway = 0;
        let key = secret.expose().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
        }
    }

    /// A token of the session `sid` that lives so long.
    ///
    /// # Errors
    ///
    /// [`Code::Internal`] when it cannot be signed or the system has no
    /// randomness.
    pub fn make(&self, user: &User, sid: &str, life: Duration) -> Result<String, Code> {
        let iat = now().0 / 1000;
        let claims = Claims {
            user_id: user.id.0,
            username: user.username.clone(),
            sid: sid.to_owned(),
            jti: crate::secrets::random_hex::<16>().map_err(|_| Code::Internal)?,
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            iat,
            exp: iat.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX)),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(
            |error| {
                tracing::error!(%error, "a token cannot be signed");
                Code::Internal
            },
        )
    }

    /// The `sid` of a token whose signature, times and names are right. Whether
    /// that session lives is the store's to say.
    fn sid(&self, token: &str) -> Option<String> {
        jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .ok()
            .map(|data| data.claims.sid)
    }
}

/// Opens a session for a person who has just proved who they are.
///
/// # Errors
///
/// The store's.
pub async fn open_session(
    app: &App,
    user: &User,
    headers: &HeaderMap,
    peer: PeerAddr,
) -> Result<String, ApiError> {
    let new = new_session(app, user, headers, peer)?;
    let sid = new.sid.clone();
    let origin = origin::origin(app, peer, headers).by(user.id, &user.username);
    app.store
        .write(move |connection| {
            audit::insert(connection, &origin, Action::LogIn, &origin.actor)?;
            sessions::insert(connection, &new)
        })
        .await?;
    Ok(app.tokens.make(user, &sid, LIFETIME)?)
}

/// A session to be opened for whoever calls.
pub(super) fn new_session(
    app: &App,
    user: &User,
    headers: &HeaderMap,
    peer: PeerAddr,
) -> Result<NewSession, Code> {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    Ok(NewSession {
        user: user.id,
        sid: crate::secrets::random_hex::<16>().map_err(|_| Code::Internal)?,
        user_agent: agent.to_owned(),
        address: address(app, peer, headers),
    })
}

/// Where a session is used from, as the person reads it.
pub(super) fn address(app: &App, PeerAddr(peer): PeerAddr, headers: &HeaderMap) -> String {
    let address = client::address(peer, headers, &app.config.trusted_proxies);
    address.to_canonical().to_string()
}

/// The living session a token belongs to.
///
/// # Errors
///
/// [`Code::InvalidToken`], [`Code::PasswordChangeRequired`], or the store's.
pub async fn session(
    app: &App,
    token: &str,
    peer: PeerAddr,
    headers: &HeaderMap,
) -> Result<Session, ApiError> {
    let session = any_session(app, token, peer, headers).await?;
    if session.must_change {
        return Err(Code::PasswordChangeRequired.into());
    }
    Ok(session)
}

/// The same, also of somebody who has to choose a password first.
async fn any_session(
    app: &App,
    token: &str,
    peer: PeerAddr,
    headers: &HeaderMap,
) -> Result<Session, ApiError> {
    let sid = app.tokens.sid(token).ok_or(Code::InvalidToken)?;
    let found = app
        .store
        .read(move |connection| sessions::find(connection, &sid))
        .await?;
    let session = found.ok_or(Code::InvalidToken)?;
    if session.stale {
        let (id, address) = (session.id, address(app, peer, headers));
        app.store
            .write(move |connection| sessions::touch(connection, id, &address))
            .await?;
    }
    Ok(session)
}

/// Tells whoever got a token that a password has to be chosen before it opens
/// anything.
pub(super) fn tell_to_change(told: &mut serde_json::Value, must_change: bool) {
    if must_change && let Some(told) = told.as_object_mut() {
        told.insert("must_change_password".to_owned(), true.into());
    }
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The caller of a protected route.
pub struct Caller(pub Session);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let token = bearer(&parts.headers).ok_or(Code::MissingToken)?;
        let peer = parts.extensions.get().copied().ok_or(Code::Internal)?;
        Ok(Self(session(app, token, peer, &parts.headers).await?))
    }
}

/// The caller of one of the few routes that somebody needs who has to choose a
/// password first.
pub struct AnyCaller(pub Session);

impl FromRequestParts<Arc<App>> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let token = bearer(&parts.headers).ok_or(Code::MissingToken)?;
        let peer = parts.extensions.get().copied().ok_or(Code::Internal)?;
        Ok(Self(any_session(app, token, peer, &parts.headers).await?))
    }
}

struct Hs256(hmac::Key);

impl signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn hs256(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> JwtResult<Hs256> {
    if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key)))
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    Ok(Box::new(hs256(*algorithm, key.family(), key.as_bytes())?))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    Ok(Box::new(hs256(
        *algorithm,
        key.family(),
        key.try_get_as_bytes()?,
    )?))
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Installs the one algorithm we use. Without it, `jsonwebtoken` panics at the
/// first token.
pub fn install_crypto() {
    // Installed already: by an earlier test of the same process.
    let _ = PROVIDER.install_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use payambar_signaling::ids::{Timestamp, UserId};

    fn tokens(secret: &str) -> Tokens {
        install_crypto();
        Tokens::new(&Redacted::new(secret.to_owned()))
    }

    fn sara() -> User {
        User {
            id: UserId(7),
            username: "sara".to_owned(),
            display_name: None,
            avatar: None,
            created_at: Timestamp(0),
        }
    }

    const KEY: &str = "6f1d2c0b9a8e7f6a5b4c3d2e1f0a9b8c";

    fn forge(change: impl FnOnce(&mut Claims), algorithm: Algorithm) -> String {
        let iat = now().0 / 1000;
        let mut claims = Claims {
            user_id: 7,
            username: "sara".to_owned(),
            sid: "s".to_owned(),
            jti: "j".to_owned(),
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            iat,
            exp: iat + 60,
        };
        change(&mut claims);
        let header = base64_url(serde_json::to_vec(&Header::new(algorithm)).unwrap());
        let body = base64_url(serde_json::to_vec(&claims).unwrap());
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()),
            format!("{header}.{body}").as_bytes(),
        );
        format!("{header}.{body}.{}", base64_url(tag.as_ref()))
    }

    fn base64_url(bytes: impl AsRef<[u8]>) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn a_token_names_its_session() {
        let tokens = tokens(KEY);
        let token = tokens.make(&sara(), "abc", LIFETIME).unwrap();
        assert_eq!(tokens.sid(&token).as_deref(), Some("abc"));
        assert_eq!(
            tokens.sid(&forge(|_| {}, Algorithm::HS256)).as_deref(),
            Some("s")
        );
    }

    #[test]
    fn expired_foreign_and_renamed_tokens_are_refused() {
        let ours = tokens(KEY);
        assert_eq!(
            ours.sid(
                &tokens("another key of at least 32 bytes...")
                    .make(&sara(), "abc", LIFETIME)
                    .unwrap()
            ),
            None
        );
        assert_eq!(
            ours.sid(&forge(
                |claims| claims.exp = now().0 / 1000 - 1,
                Algorithm::HS256
            )),
            None
        );
        assert_eq!(
            ours.sid(&forge(
                |claims| claims.iss = "other".to_owned(),
                Algorithm::HS256
            )),
            None
        );
        assert_eq!(
            ours.sid(&forge(
                |claims| claims.aud = "other".to_owned(),
                Algorithm::HS256
            )),
            None
        );
    }

    #[test]
    fn no_algorithm_but_hs256_is_taken() {
        let ours = tokens(KEY);
        for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256] {
            assert_eq!(ours.sid(&forge(|_| {}, algorithm)), None, "{algorithm:?}");
        }
        let token = forge(|_| {}, Algorithm::HS256);
        let body = token.split('.').nth(1).unwrap();
        let none = base64_url(br#"{"alg":"none","typ":"JWT"}"#);
        assert_eq!(ours.sid(&format!("{none}.{body}.")), None);
    }

    #[test]
    fn nonsense_is_refused_without_a_panic() {
        let ours = tokens(KEY);
        for nonsense in ["", ".", "..", "a.b.c", "ääää.ö.ü", &"x".repeat(100_000)] {
            assert_eq!(ours.sid(nonsense), None);
        }
    }
}
