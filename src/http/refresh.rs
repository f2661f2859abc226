//! Tokens that live for a day, and what renews them: `POST /api/auth/refresh`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payambar_signaling::ids::{SessionId, Timestamp};
use payambar_signaling::wire::Code;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac};
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::api::{Answer, Input};
use super::auth;
use super::client::PeerAddr;
use super::error::ApiError;
use super::origin;
use crate::store::audit::{self, Action};
use crate::store::refresh::{self, Rotated, TokenHash, Use};
use crate::store::{User, now, users};

/// What is kept of the name of a client, in characters.
const AGENT: usize = 200;

/// 256 bits that renew a session.
struct Token([u8; 32]);

impl Token {
    fn make() -> Result<Self, Code> {
        random().map(Self)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The one after this one. Nobody can make it without both: the salt is in
    /// the database, the token at the client.
    fn next(&self, salt: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut next = [0; 32];
        next.copy_from_slice(hmac::sign(&key, salt).as_ref());
        Self(next)
    }

    fn hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        hash
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

fn random() -> Result<[u8; 32], Code> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Code::Internal)?;
    Ok(bytes)
}

/// Opens a session that is renewed by refresh tokens; says what its client is
/// told.
///
/// # Errors
///
/// The store's.
pub async fn open(
    app: &App,
    user: &User,
    headers: &HeaderMap,
    peer: PeerAddr,
) -> Result<Value, ApiError> {
    let new = auth::new_session(app, user, headers, peer)?;
    let (sid, first) = (new.sid.clone(), Token::make()?);
    let hash = first.hash();
    let origin = origin::origin(app, peer, headers).by(user.id, &user.username);
    let opened = app.store.write(move |connection| {
        audit::insert(connection, &origin, Action::LogIn, &origin.actor)?;
        let session = crate::store::sessions::insert(connection, &new)?;
        refresh::insert(connection, session, &hash)?;
        Ok(session)
    });
    let session = opened.await?;
    told(app, user, &sid, session, &first).await
}

/// Body of `POST /api/auth/refresh`.
#[derive(Deserialize)]
pub struct Renewal {
    refresh_token: String,
}

/// `POST /api/auth/refresh`.
pub async fn renew(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    Input(renewal): Input<Renewal>,
) -> Answer {
    let token = Token::parse(&renewal.refresh_token).ok_or(Code::InvalidToken)?;
    let (hash, salt) = (token.hash(), random()?);
    let known = app
        .store
        .read(move |connection| refresh::is_known(connection, &hash));
    if !known.await? {
        return Err(Code::InvalidToken.into());
    }
    let agent = headers.get(header::USER_AGENT);
    let agent = agent
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let used = Use {
        hash,
        salt,
        next: token.next(&salt).hash(),
        address: auth::address(&app, *peer, &headers),
        user_agent: agent.chars().take(AGENT).collect(),
    };
    let origin = origin::origin(&app, *peer, &headers);
    let rotated = app.store.write(move |connection| {
        let rotated = refresh::rotate(connection, &used)?;
        if let Rotated::Reused { user, .. } = rotated {
            let whose = users::by_id(connection, user)?;
            let name = whose.map(|user| user.username).unwrap_or_default();
            audit::insert(connection, &origin, Action::TokenReused, &name)?;
        }
        Ok(rotated)
    });
    match rotated.await? {
        Rotated::Next { session, salt } => {
            let whose = app.store.read(move |connection| {
                let Some((user, sid)) = crate::store::sessions::whose(connection, session)? else {
                    return Ok(None);
                };
                Ok(users::by_id(connection, user)?.map(|user| (user, sid)))
            });
            let (user, sid) = whose.await?.ok_or(Code::InvalidToken)?;
            let next = token.next(&salt);
            Ok(Json(told(&app, &user, &sid, session, &next).await?).into_response())
        }
        Rotated::Reused { user, session } => {
            tracing::warn!(%user, %session, "a refresh token was used twice; its session has ended");
            app.pump.session_ended(user, session).await;
            Err(Code::TokenReused.into())
        }
        Rotated::Unknown => Err(Code::InvalidToken.into()),
    }
}

async fn told(
    app: &App,
    user: &User,
    sid: &str,
    session: SessionId,
    refresh: &Token,
) -> Result<Value, ApiError> {
    let about = app
        .store
        .read(move |connection| refresh::about(connection, session));
    let about = about.await?.ok_or(Code::InvalidToken)?;
    let life = app.config.access_life;
    let mut told = json!({
        "token": app.tokens.make(user, sid, life)?,
        "user_id": user.id,
        "username": user.username,
        "role": about.role,
        "refresh_token": refresh.text(),
        "access_expires_at": Timestamp(now().0 + millis(life)),
        "refresh_expires_at": Timestamp(about.ends_at_ms),
    });
    auth::tell_to_change(&mut told, about.must_change);
    Ok(told)
}

fn millis(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}
