//! What people may know of each other, and what each says about themselves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Answer, Input, Params, insert_some, limited_for};
use super::auth::Caller;
use super::{App, avatar};
use crate::store::{User, search as finder, users};

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
) -> Response {
    let me = session.user;
    if let Some(id) = id {
        return by_id(&app, UserId(id)).await.into_response();
    }
    limited_for(me, app.search_limit.as_ref(), async {
        let wanted: String = q.trim().chars().take(DISPLAY_NAME).collect();
        let found = app
            .store
            .read(move |connection| finder::find(connection, &wanted, me, FOUND))
            .await?;
        Ok(people_json(&app, found))
    })
    .await
}

async fn by_id(app: &App, id: UserId) -> Answer {
    let found = app
        .store
        .read(move |connection| users::active(connection, id))
        .await?;
    Ok(people_json(app, found))
}

fn people_json(app: &App, people: impl IntoIterator<Item = User>) -> Response {
    let person = |user: User| {
        let mut person = Map::new();
        person.insert("id".to_owned(), json!(user.id));
        person.insert("username".to_owned(), json!(user.username));
        insert_some(&mut person, "display_name", user.display_name);
        insert_some(&mut person, "avatar_url", user.avatar.map(avatar::address));
        person.insert("is_online".to_owned(), json!(app.pump.is_online(user.id)));
        Value::Object(person)
    };
    Json(people.into_iter().map(person).collect::<Vec<_>>()).into_response()
}

/// `GET /api/profile`.
pub async fn profile(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let me = session.user;
    let (user, findable) = app
        .store
        .read(move |connection| {
            let user = users::by_id(connection, me)?;
            Ok((user, users::is_findable(connection, me)?))
        })
        .await?;
    let user = user.ok_or(Code::UserNotFound)?;
    let mut profile = Map::new();
    profile.insert("id".to_owned(), json!(user.id));
    profile.insert("username".to_owned(), json!(user.username));
    insert_some(&mut profile, "display_name", user.display_name);
    insert_some(&mut profile, "avatar_url", user.avatar.map(avatar::address));
    profile.insert("created_at".to_owned(), json!(user.created_at));
    profile.insert("findable".to_owned(), json!(findable));
    Ok(Json(profile).into_response())
}

/// Body of `PUT /api/profile`: what is left out stays as it is.
#[derive(Deserialize)]
pub struct NewProfile {
    display_name: Option<String>,
    findable: Option<bool>,
}

impl NewProfile {
    /// The body with its texts trimmed, if it says anything and nothing wrong.
    fn checked(mut self) -> Result<Self, Code> {
        if self.display_name.is_none() && self.findable.is_none() {
            return Err(Code::BadRequest);
        }
        if let Some(name) = &mut self.display_name {
            *name = name.trim().to_owned();
            if name.chars().count() > DISPLAY_NAME || name.chars().any(is_disruptive) {
                return Err(Code::DisplayNameInvalid);
            }
        }
        Ok(self)
    }
}

/// `PUT /api/profile`.
pub async fn set_profile(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(new): Input<NewProfile>,
) -> Answer {
    let (me, new) = (session.user, new.checked()?);
    let user = app
        .store
        .write(move |connection| {
            if let Some(name) = &new.display_name {
                users::set_display_name(connection, me, name)?;
            }
            if let Some(findable) = new.findable {
                users::set_findable(connection, me, findable)?;
            }
            users::by_id(connection, me)
        })
        .await?
        .ok_or(Code::UserNotFound)?;
    let name = user.display_name.unwrap_or_default();
    Ok(Json(json!({ "status": "updated", "display_name": name })).into_response())
}

/// Control characters, and those that turn the direction of the text around
/// them (Unicode TR36 §2.3).
fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
