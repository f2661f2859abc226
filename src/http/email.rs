//! A person's e-mail address: `/api/profile/email`.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::json;

use super::api::{Answer, Input, limited};
use super::auth::Caller;
use super::client::PeerAddr;
use super::guesses::{Whose, guarded};
use super::origin::{self, From};
use super::{App, text};
use crate::i18n::Lang;
use crate::mail::{Address, Mail};

/// Body of `PUT /api/profile/email`.
#[derive(Deserialize)]
struct NewEmail {
    email: String,
    password: String,
}

/// `PUT /api/profile/email`.
pub async fn set(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    // Whoever got hold of a session must not find out the password with it.
    limited(&app, app.login_limit.as_ref(), *peer, &headers, async {
        let Input(NewEmail { email, password }) = Input::from_request(request, &app).await?;
        let mail = mail(&app)?;
        let address = Address::parse(&email).ok_or(Code::EmailInvalid)?;
        if !may_mail(&app, session.user, &address) {
            return Err(Code::TooManyAttempts.into());
        }
        let me = session.user;
        let origin = origin::origin(&app, *peer, &headers).by(me, &session.username);
        let new = (address, language(&app, &headers));
        let proof = app.accounts.propose_email(mail, me, password, new, origin);
        guarded(app.guesses.as_ref(), Whose::Person(me), proof).await??;
        Ok((StatusCode::ACCEPTED, Json(json!({ "status": "mailed" }))).into_response())
    })
    .await
}

/// Body of `POST /api/profile/email/verify`.
#[derive(Deserialize)]
pub struct Proof {
    code: String,
}

/// `POST /api/profile/email/verify`.
pub async fn verify(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    From(origin): From,
    headers: HeaderMap,
    Input(Proof { code }): Input<Proof>,
) -> Answer {
    let (me, lang) = (session.user, language(&app, &headers));
    let origin = origin.by(me, &session.username);
    let proof = app
        .accounts
        .prove_email(mail(&app)?, me, &code, lang, origin);
    proof.await?;
    Ok(Json(json!({ "status": "verified" })).into_response())
}

/// Body of `DELETE /api/profile/email`.
#[derive(Deserialize)]
struct Farewell {
    password: String,
}

/// `DELETE /api/profile/email`.
pub async fn remove(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    limited(&app, app.login_limit.as_ref(), *peer, &headers, async {
        let Input(Farewell { password }) = Input::from_request(request, &app).await?;
        let (me, lang) = (session.user, language(&app, &headers));
        let origin = origin::origin(&app, *peer, &headers).by(me, &session.username);
        let proof = app
            .accounts
            .remove_email(app.mail.as_ref(), me, password, lang, origin);
        guarded(app.guesses.as_ref(), Whose::Person(me), proof).await??;
        Ok(Json(json!({ "status": "deleted" })).into_response())
    })
    .await
}

/// The way to write mails.
///
/// # Errors
///
/// [`Code::MailOff`].
pub(super) fn mail(app: &App) -> Result<&Mail, Code> {
    app.mail.as_ref().ok_or(Code::MailOff)
}

/// What the caller reads, for mails to somebody who chose no language.
pub(super) fn language(app: &App, headers: &HeaderMap) -> Lang {
    let wanted = text(headers, header::ACCEPT_LANGUAGE).unwrap_or_default();
    Lang::from_header(&wanted, app.config.default_lang)
}

/// Whether this person may cause one more mail, to that address.
fn may_mail(app: &App, me: UserId, address: &Address) -> bool {
    let Some(windows) = &app.mail_limit else {
        return true;
    };
    let now = Instant::now();
    windows.check_person(me, now).allowed && windows.check_word(address.as_str(), now).allowed
}
