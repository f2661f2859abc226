//! What everybody may see of a person: the page `/u/{username}`, its data, and
//! a picture that leads to it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use payambar_signaling::account;
use payambar_signaling::wire::Code;
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::json;

use super::error::ApiError;
use super::{App, avatar, site};
use crate::store::{User, users};

type Answer = Result<Response, ApiError>;

/// Side of the picture in pixels, its white border included.
const SIDE: u32 = 168;

/// `GET /api/users/{username}`.
pub async fn show(State(app): State<Arc<App>>, Path(username): Path<String>) -> Answer {
    let user = find(&app, username).await?;
    let id = user.id;
    let about = app
        .store
        .read(move |connection| users::about(connection, id))
        .await?;
    Ok(Json(json!({
        "id": user.id,
        "username": user.username,
        "display_name": user.display_name,
        "avatar_url": user.avatar.map(avatar::address),
        "bio": Some(about.bio).filter(|bio| !bio.is_empty()),
        "is_online": app.pump.is_online(user.id),
        "created_at": user.created_at,
    }))
    .into_response())
}

/// `GET /users/{username}`: the page for a browser, the data for the rest.
pub async fn show_or_page(
    state: State<Arc<App>>,
    path: Path<String>,
    request: Request,
) -> Response {
    if site::accepts_html(request.headers()) {
        return site::serve(state, request).await;
    }
    show(state, path).await.into_response()
}

/// `GET /api/users/{username}/qr.svg`: the address of the person's page, dark
/// on white in every theme, since many readers take nothing else.
pub async fn qr(
    State(app): State<Arc<App>>,
    Path(username): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let user = find(&app, username).await?;
    let origin = address(&app, &headers)?;
    let code =
        QrCode::new(format!("{origin}/u/{}", user.username)).map_err(|_| Code::BadRequest)?;
    let picture = code
        .render::<svg::Color<'_>>()
        .min_dimensions(SIDE, SIDE)
        .build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], picture).into_response())
}

/// What addresses of our pages begin with.
pub(super) fn address(app: &App, headers: &HeaderMap) -> Result<String, Code> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    match (&app.config.public_url, host) {
        (Some(url), _) => Ok(url.trim_end_matches('/').to_owned()),
        (None, Some(host)) => Ok(format!("http://{host}")),
        (None, None) => Err(Code::BadRequest),
    }
}

async fn find(app: &App, username: String) -> Result<User, ApiError> {
    let found = app
        .store
        .read(move |connection| users::by_name(connection, &username))
        .await?;
    let found = found.filter(|found| found.state == account::State::Active);
    Ok(found.ok_or(Code::UserNotFound)?.user)
}
