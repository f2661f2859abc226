//! The picture of a person. Everybody may see it who knows its address, since
//! pages that everybody may see show it; the address cannot be guessed and is
//! another one with each picture.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::response::IntoResponse as _;
use payambar_signaling::wire::Code;
use serde_json::json;

use super::App;
use super::api::Answer;
use super::auth::Caller;
use super::error::ApiError;
use super::upload::{drain, failed, in_time};
use crate::files;
pub use crate::files::picture_of as address;
use crate::store::files::{NewAvatar, remove_avatar, set_avatar};

/// The largest picture that is taken, in bytes.
pub const LIMIT: u64 = 2 * 1024 * 1024;

/// `POST /api/profile/avatar`.
pub async fn set(State(app): State<Arc<App>>, Caller(session): Caller, request: Request) -> Answer {
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Code::BadRequest)?;
    let bytes = match read(&mut parts).await {
        Ok(bytes) => bytes,
        Err(refusal) => {
            drain(&mut parts).await;
            return Err(refusal);
        }
    };
    // As with every file: the room that is left is the database's.
    if !app.files.has_room(LIMIT) {
        return Err(Code::StorageFull.into());
    }
    let bytes = app.files.pictures.avatar(bytes).await;
    let bytes = bytes.ok_or(Code::NotAPicture)?;
    let id = files::new_id().map_err(|_| Code::Internal)?;
    let new = NewAvatar {
        owner: session.user,
        id,
        content_type: files::sniff(&bytes, false),
        bytes: app
            .files
            .keep(&bytes)
            .await
            .map_err(|error| failed(&error))?,
    };
    let ours = new.bytes.name.clone();
    let spare = app
        .store
        .write(move |connection| set_avatar(connection, &new))
        .await;
    let unneeded = match &spare {
        Ok(spare) => spare.clone(),
        Err(_) => vec![ours],
    };
    app.files.discard(&unneeded).await;
    spare?;
    app.files.erased.notify_one();
    Ok(Json(json!({ "avatar_url": address(id) })).into_response())
}

/// `DELETE /api/profile/avatar`.
pub async fn remove(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    app.store
        .write(move |connection| remove_avatar(connection, session.user))
        .await?;
    app.files.erased.notify_one();
    Ok(Json(json!({ "status": "deleted" })).into_response())
}

async fn read(parts: &mut Multipart) -> Result<Vec<u8>, ApiError> {
    while let Some(mut field) = in_time(parts.next_field()).await? {
        if field.name() != Some("avatar") {
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = in_time(field.chunk()).await? {
            bytes.extend_from_slice(&chunk);
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LIMIT {
                return Err(ApiError::over(Code::FileTooLarge, LIMIT));
            }
        }
        if !bytes.is_empty() {
            return Ok(bytes);
        }
    }
    Err(Code::FileMissing.into())
}
