//! Making an account and logging in.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Input, limited};
use super::client::PeerAddr;
use super::error::ApiError;
use super::guesses::{Whose, guarded};
use super::{App, auth, email, origin, refresh};
use crate::accounts::{self, Contact};
use crate::mail::Address;
use crate::store::audit::{self, Action, Origin};
use crate::store::{User, users};

/// `GET /api/auth/options`.
pub async fn options(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "registration": app.config.registration.as_str(), "mail": app.mail.is_some() }))
}

/// Body of `register` and `login`.
#[derive(Deserialize)]
pub struct Credentials {
    username: String,
    password: String,
    /// With `register`, where one needs it.
    invite_code: Option<String>,
    /// With `register`, where the server sends e-mail.
    email: Option<String>,
    /// The client renews its token, which then lives for a day only.
    #[serde(default)]
    refresh: bool,
}

/// `POST /api/auth/register`.
pub async fn register(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    limited(&app, app.register_limit.as_ref(), *peer, &headers, async {
        let Input(new): Input<Credentials> = Input::from_request(request, &app).await?;
        let (mode, code) = (app.config.registration, new.invite_code.as_deref());
        let contact = contact(&app, new.email.as_deref(), &headers)?;
        let made = app
            .accounts
            .sign_up(mode, &new.username, new.password, code, contact);
        let user = registered(&app, &new.username, made.await, &headers, *peer).await?;
        let told = enter(&app, &user, new.refresh, &headers, *peer).await?;
        Ok((StatusCode::CREATED, Json(told)).into_response())
    })
    .await
}

/// `POST /api/auth/login`.
pub async fn login(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    limited(&app, app.login_limit.as_ref(), *peer, &headers, async {
        let Input(Credentials {
            username,
            password,
            refresh,
            ..
        }) = Input::from_request(request, &app).await?;
        if username.is_empty() || password.is_empty() {
            return Err(Code::BadRequest.into());
        }
        let proof = app.accounts.log_in(&username, password);
        let proof = guarded(app.guesses.as_ref(), Whose::Name(&username), proof);
        let entered = match proof.await? {
            Ok(entered) => entered,
            Err(error) => {
                let origin = origin::origin(&app, *peer, &headers);
                note(&app, origin, Action::LogInFailed, username).await;
                return Err(error.into());
            }
        };
        let mut told = enter(&app, &entered.user, refresh, &headers, *peer).await?;
        auth::tell_to_change(&mut told, entered.must_change);
        Ok(Json(told).into_response())
    })
    .await
}

/// How mails reach somebody who makes an account; `None` where there are none.
fn contact(app: &App, email: Option<&str>, headers: &HeaderMap) -> Result<Option<Contact>, Code> {
    let Some(mail) = &app.mail else {
        return Ok(None);
    };
    let email = match email.map(str::trim).filter(|email| !email.is_empty()) {
        Some(email) => Some(Address::parse(email).ok_or(Code::EmailInvalid)?),
        None => None,
    };
    if let (Some(email), Some(windows)) = (&email, &app.mail_limit)
        && !windows.check_word(email.as_str(), Instant::now()).allowed
    {
        return Err(Code::TooManyAttempts);
    }
    Ok(Some(Contact {
        mail: mail.clone(),
        email,
        lang: email::language(app, headers),
    }))
}

/// Writes down that an account was made, also one that waits.
async fn registered(
    app: &App,
    name: &str,
    made: Result<User, accounts::Error>,
    headers: &HeaderMap,
    peer: PeerAddr,
) -> Result<User, accounts::Error> {
    let waits = matches!(made, Err(accounts::Error::Refused(Code::PendingApproval)));
    if made.is_ok() || waits {
        let origin = origin::origin(app, peer, headers);
        note(app, origin, Action::Register, name.trim().to_owned()).await;
    }
    made
}

/// Writes down what somebody who is not known yet did about the account of that
/// name. A name that nobody has is left out: it may be a password.
async fn note(app: &App, origin: Origin, action: Action, name: String) {
    let noted = app.store.write(move |connection| {
        let known = users::by_name(connection, name.trim())?;
        let name = known.map(|found| found.user.username).unwrap_or_default();
        audit::insert(connection, &origin, action, &name)
    });
    if let Err(error) = noted.await {
        tracing::error!(%error, "the audit lacks an entry");
    }
}

/// Opens a session of the kind the client asked for. One that does not renew
/// its token gets one that lives as long as the session.
async fn enter(
    app: &App,
    user: &User,
    renews: bool,
    headers: &HeaderMap,
    peer: PeerAddr,
) -> Result<Value, ApiError> {
    if renews {
        return refresh::open(app, user, headers, peer).await;
    }
    let token = auth::open_session(app, user, headers, peer).await?;
    Ok(json!({ "token": token, "user_id": user.id, "username": user.username }))
}
