//! A person's sessions: the list of devices, and the ways in which they end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use payambar_signaling::ids::{SessionId, UserId};
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::App;
use super::api::{Answer, Input, limited};
use super::auth::{AnyCaller, Caller};
use super::client::PeerAddr;
use super::guesses::{Whose, guarded};
use super::origin::{self, From};
use crate::store::audit::{self, Action};
use crate::store::{Device, sessions};

/// `GET /api/auth/sessions`.
pub async fn list(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let devices = app
        .store
        .read(move |connection| sessions::of_user(connection, session.user))
        .await?;
    let device = |device: Device| {
        json!({
            "id": device.id,
            "created_at": device.created_at,
            "last_used_at": device.used_at,
            "ip": device.address,
            "user_agent": device.user_agent,
            "current": device.id == session.id,
        })
    };
    let devices: Vec<Value> = devices.into_iter().map(device).collect();
    Ok(Json(devices).into_response())
}

/// `DELETE /api/auth/sessions/{id}`.
pub async fn end(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    From(origin): From,
    Path(id): Path<String>,
) -> Answer {
    let id = SessionId(id.parse().map_err(|_| Code::SessionNotFound)?);
    let (user, origin) = (session.user, origin.by(session.user, &session.username));
    let ended = app.store.write(move |connection| {
        let ended = sessions::end_one(connection, user, id)?;
        if ended {
            audit::insert(connection, &origin, Action::SessionEnded, &origin.actor)?;
        }
        Ok(ended)
    });
    if !ended.await? {
        return Err(Code::SessionNotFound.into());
    }
    app.pump.session_ended(user, id).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/auth/logout`.
pub async fn log_out(
    State(app): State<Arc<App>>,
    AnyCaller(session): AnyCaller,
    From(origin): From,
) -> Answer {
    let (id, origin) = (session.id, origin.by(session.user, &session.username));
    app.store
        .write(move |connection| {
            sessions::end(connection, id)?;
            audit::insert(connection, &origin, Action::SessionEnded, &origin.actor)
        })
        .await?;
    app.pump.session_ended(session.user, session.id).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Body of `POST /api/auth/logout-all`.
#[derive(Default, Deserialize)]
struct Which {
    /// This session too.
    #[serde(default)]
    all: bool,
}

/// `POST /api/auth/logout-all`.
pub async fn log_out_all(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    From(origin): From,
    body: Bytes,
) -> Answer {
    let which: Which = if body.is_empty() {
        Which::default()
    } else {
        serde_json::from_slice(&body).map_err(|_| Code::BadRequest)?
    };
    let (user, keep) = (session.user, (!which.all).then_some(session.id));
    let origin = origin.by(user, &session.username);
    let ended = app
        .store
        .write(move |connection| {
            let ended = sessions::end_all(connection, user, keep)?;
            for _ in &ended {
                audit::insert(connection, &origin, Action::SessionEnded, &origin.actor)?;
            }
            Ok(ended)
        })
        .await?;
    tell(&app, user, &ended).await;
    Ok(Json(json!({ "ended": ended.len() })).into_response())
}

/// Body of `PUT /api/auth/password`.
#[derive(Deserialize)]
struct NewPassword {
    old_password: String,
    new_password: String,
}

/// `PUT /api/auth/password`.
pub async fn change_password(
    State(app): State<Arc<App>>,
    AnyCaller(session): AnyCaller,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    request: Request,
) -> Response {
    // Whoever got hold of a session must not find out the password with it.
    limited(&app, app.login_limit.as_ref(), *peer, &headers, async {
        let Input(NewPassword {
            old_password,
            new_password,
        }) = Input::from_request(request, &app).await?;
        let (user, keep) = (session.user, session.id);
        let origin = origin::origin(&app, *peer, &headers).by(user, &session.username);
        let change = app
            .accounts
            .change_password(user, keep, old_password, new_password, origin);
        let changed = guarded(app.guesses.as_ref(), Whose::Person(user), change);
        tell(&app, user, &changed.await??).await;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Ends what hangs on sessions that ended: sockets, calls, relaying, pushes.
pub(super) async fn tell(app: &App, user: UserId, ended: &[SessionId]) {
    for session in ended {
        app.pump.session_ended(user, *session).await;
    }
}
