//! Blocks: whom a person wants nothing to do with.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use payambar_signaling::chat::BlockChange;
use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::api::{Answer, Input, insert_some};
use super::auth::Caller;
use crate::store::people;

/// Body of `POST /api/blocks`.
#[derive(Deserialize)]
pub struct NewBlock {
    user_id: i64,
}

/// `POST /api/blocks`.
pub async fn block(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(NewBlock { user_id }): Input<NewBlock>,
) -> Answer {
    change(&app, session.user, user_id, true).await?;
    Ok(Json(json!({ "status": "blocked" })).into_response())
}

/// `DELETE /api/blocks/{user_id}`.
pub async fn unblock(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(user_id): Path<String>,
) -> Answer {
    let user_id = user_id.parse().map_err(|_| Code::BadRequest)?;
    change(&app, session.user, user_id, false).await?;
    Ok(Json(json!({ "status": "unblocked" })).into_response())
}

/// Writes a change down; the store lets the hub know, from where it holds at
/// once.
async fn change(
    app: &App,
    by: UserId,
    whom: i64,
    blocked: bool,
) -> Result<(), super::error::ApiError> {
    if whom <= 0 {
        return Err(Code::BadRequest.into());
    }
    let whom = UserId(whom);
    let change = BlockChange { by, whom, blocked };
    Ok(app.store.change_block(change).await?)
}

/// `GET /api/blocks`.
pub async fn list(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let me = session.user;
    let blocked = app
        .store
        .read(move |connection| people::blocks(connection, me))
        .await?;
    let person = |blocked: people::Blocked| {
        let mut person = Map::new();
        person.insert("user_id".to_owned(), json!(blocked.id));
        person.insert("username".to_owned(), json!(blocked.username));
        insert_some(&mut person, "display_name", blocked.display_name);
        person.insert("created_at".to_owned(), json!(blocked.at));
        Value::Object(person)
    };
    let blocked: Vec<Value> = blocked.into_iter().map(person).collect();
    Ok(Json(json!({ "blocks": blocked })).into_response())
}
