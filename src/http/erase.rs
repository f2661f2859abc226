//! The REST calls that take messages back (rows M13, M14).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use payambar_signaling::chat::Scope;
use payambar_signaling::ids::{ConversationId, MessageId};
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::api::{Answer, Params};
use super::auth::Caller;
use crate::store::{erase, now};

/// For whom: everyone, as the core dialect has it, unless `me` is named.
#[derive(Deserialize)]
pub struct For {
    r#for: Option<String>,
}

impl For {
    fn scope(&self) -> Result<Scope, Code> {
        match self.r#for.as_deref() {
            None | Some("everyone") => Ok(Scope::Everyone),
            Some("me") => Ok(Scope::Me),
            Some(_) => Err(Code::BadRequest),
        }
    }
}

/// `DELETE /api/messages/{id}`.
pub async fn message(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(id): Path<String>,
    Params(query): Params<For>,
) -> Answer {
    let id: i64 = id.parse().map_err(|_| Code::BadRequest)?;
    let (me, id, scope) = (session.user, MessageId(id), query.scope()?);
    let deletion = app
        .store
        .write(move |connection| erase::message(connection, me, id, scope, now()))
        .await?;
    app.files.erased.notify_one();
    app.pump.deleted(deletion).await;
    Ok(Json(json!({ "status": "deleted" })).into_response())
}

/// `DELETE /api/conversations/{id}`.
pub async fn conversation(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(id): Path<String>,
    Params(query): Params<For>,
) -> Answer {
    let id: i64 = id.parse().map_err(|_| Code::BadRequest)?;
    let (me, id, scope) = (session.user, ConversationId(id), query.scope()?);
    let deletion = app
        .store
        .write(move |connection| erase::conversation(connection, me, id, scope))
        .await?;
    app.pump.deleted(deletion).await;
    tokio::spawn(async move {
        app.store.finish_erasing().await;
        app.files.erased.notify_one();
    });
    Ok(Json(json!({ "status": "deleted" })).into_response())
}
