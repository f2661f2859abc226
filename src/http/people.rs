//! What people may know of each other, and what each says about themselves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse as _;
use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::api::{Answer, Input, Params, insert_some};
use super::auth::Caller;
use crate::store::{User, users};

/// People in one search.
const FOUND: u32 = 20;

/// The longest name to show.
const DISPLAY_NAME: usize = 64;

/// Query of a search.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    /// One person by id instead, such as a caller one has never met.
    id: Option<i64>,
}

/// `GET /api/users?q=` and `GET /api/users?id=`.
pub async fn search(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Params(Search { q, id }): Params<Search>,
) -> Answer {
    let wanted: String = q.trim().chars().take(DISPLAY_NAME).collect();
    let me = session.user;
    let found = app
        .store
        .read(move |connection| match id {
            Some(id) => Ok(users::by_id(connection, UserId(id))?.into_iter().collect()),
            None => users::search(connection, &wanted, me, FOUND),
        })
        .await?;
    let person = |user: User| {
        let mut person = Map::new();
        person.insert("id".to_owned(), json!(user.id));
        person.insert("username".to_owned(), json!(user.username));
        insert_some(&mut person, "display_name", user.display_name);
        person.insert("is_online".to_owned(), json!(app.pump.is_online(user.id)));
        Value::Object(person)
    };
    Ok(Json(found.into_iter().map(person).collect::<Vec<_>>()).into_response())
}

/// `GET /api/profile`.
pub async fn profile(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let user = app
        .store
        .read(move |connection| users::by_id(connection, session.user))
        .await?
        .ok_or(Code::UserNotFound)?;
    let mut profile = Map::new();
    profile.insert("id".to_owned(), json!(user.id));
    profile.insert("username".to_owned(), json!(user.username));
    insert_some(&mut profile, "display_name", user.display_name);
    profile.insert("created_at".to_owned(), json!(user.created_at));
    Ok(Json(profile).into_response())
}

/// Body of `PUT /api/profile`.
#[derive(Deserialize)]
pub struct NewProfile {
    display_name: String,
}

/// `PUT /api/profile`.
pub async fn set_profile(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(new): Input<NewProfile>,
) -> Answer {
    let name = new.display_name.trim().to_owned();
    if name.chars().count() > DISPLAY_NAME || name.chars().any(is_disruptive) {
        return Err(Code::DisplayNameInvalid.into());
    }
    let stored = name.clone();
    app.store
        .write(move |connection| users::set_display_name(connection, session.user, &stored))
        .await?;
    Ok(Json(json!({ "status": "updated", "display_name": name })).into_response())
}

/// Control characters, and those that turn the direction of the text around
/// them (Unicode TR36 §2.3).
fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
