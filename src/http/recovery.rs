//! The way back for somebody who forgot the password:
//! `POST /api/auth/password/forgot` and `…/reset`.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::api::{Input, limited};
use super::client::PeerAddr;
use super::email::{language, mail};
use super::error::ApiError;
use super::origin;
use super::sessions::tell;
use crate::accounts::Forgotten;
use crate::mail::Address;

/// Body of `POST /api/auth/password/forgot`: one of both.
#[derive(Deserialize)]
struct Who {
    username: Option<String>,
    email: Option<String>,
}

impl Who {
    fn read(self) -> Result<Forgotten, Code> {
        match (self.username, self.email) {
            (Some(name), None) if !name.trim().is_empty() => {
                Ok(Forgotten::Name(name.trim().to_owned()))
            }
            (None, Some(email)) => {
                let address = Address::parse(&email).ok_or(Code::EmailInvalid)?;
                Ok(Forgotten::Email(address))
            }
            (Some(_) | None, Some(_) | None) => Err(Code::BadRequest),
        }
    }
}

/// `POST /api/auth/password/forgot`. The answer is the same for everybody, and
/// comes before anything is looked up.
pub async fn forgot(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    limited(&app, app.mail_limit.as_ref(), *peer, &headers, async {
        let Input(who): Input<Who> = Input::from_request(request, &app).await?;
        let mail = mail(&app)?.clone();
        let who = who.read()?;
        if let Some(windows) = &app.mail_limit {
            let word = match &who {
                Forgotten::Name(name) => name.as_str(),
                Forgotten::Email(address) => address.as_str(),
            };
            if !windows.check_word(word, Instant::now()).allowed {
                return Err(ApiError::from(Code::TooManyAttempts));
            }
        }
        let lang = language(&app, &headers);
        let origin = origin::origin(&app, *peer, &headers);
        let accounts = app.accounts.clone();
        tokio::spawn(async move {
            let asked = accounts.forgot_password(&mail, who, lang, origin);
            if let Err(error) = asked.await {
                tracing::error!(%error, "a code for a new password was not written");
            }
        });
        Ok((StatusCode::ACCEPTED, Json(json!({ "status": "accepted" }))).into_response())
    })
    .await
}

/// Body of `POST /api/auth/password/reset`.
#[derive(Deserialize)]
struct NewPassword {
    code: String,
    new_password: String,
}

/// `POST /api/auth/password/reset`.
pub async fn reset(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    limited(&app, app.login_limit.as_ref(), *peer, &headers, async {
        let Input(NewPassword { code, new_password }) = Input::from_request(request, &app).await?;
        mail(&app)?;
        let origin = origin::origin(&app, *peer, &headers);
        let reset = app.accounts.reset_password(&code, new_password, origin);
        let reset = reset.await?;
        tell(&app, reset.user.id, &reset.ended).await;
        Ok(Json(json!({ "status": "changed", "username": reset.user.username })).into_response())
    })
    .await
}
