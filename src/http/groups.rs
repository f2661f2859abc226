//! Groups: the REST calls of rows G1 to G5. The rules are the store's.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use payambar_signaling::group::Role;
use payambar_signaling::ids::{ConversationId, UserId};
use payambar_signaling::wire::Code;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::api::{Answer, Input, insert_some, message_json};
use super::auth::Caller;
use super::people::is_disruptive;
use super::{App, avatar, person};
use crate::store::groups::{self, Changed, Group, Member, Preview};
use crate::store::{Error, Session};

/// The longest name.
const NAME: usize = 64;

/// Body of `POST` and `PATCH`.
#[derive(Deserialize)]
pub struct Named {
    name: String,
}

impl Named {
    /// The name trimmed, if it may be one.
    fn checked(&self) -> Result<String, Code> {
        let name = self.name.trim();
        let length = name.chars().count();
        if length == 0 || length > NAME || name.chars().any(is_disruptive) {
            return Err(Code::GroupNameInvalid);
        }
        Ok(name.to_owned())
    }
}

/// A group's id in a path.
fn id(text: &str) -> Result<ConversationId, Code> {
    let id = text.parse::<i64>().ok().filter(|id| *id > 0);
    id.map(ConversationId).ok_or(Code::BadRequest)
}

fn person_id(id: i64) -> Result<UserId, Code> {
    (id > 0).then_some(UserId(id)).ok_or(Code::BadRequest)
}

/// A person's id in a path.
fn person_of(text: &str) -> Result<UserId, Code> {
    person_id(text.parse().map_err(|_| Code::BadRequest)?)
}

/// `POST /api/groups`.
pub async fn create(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(named): Input<Named>,
) -> Answer {
    let (me, name) = (session.user, named.checked()?);
    let made = app
        .store
        .change_groups(move |connection| groups::create(connection, me, &name))
        .await?;
    shown(&app, &session, made.group, StatusCode::CREATED).await
}

/// `GET /api/groups`.
pub async fn list(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let me = session.user;
    let list = app
        .store
        .read(move |connection| groups::list(connection, me))
        .await?;
    let list: Vec<Value> = list
        .iter()
        .map(|preview| preview_json(&app, &session, preview))
        .collect();
    Ok(Json(json!({ "groups": list })).into_response())
}

/// `GET /api/groups/{id}`.
pub async fn show(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(group): Path<String>,
) -> Answer {
    shown(&app, &session, id(&group)?, StatusCode::OK).await
}

/// `PATCH /api/groups/{id}`.
pub async fn rename(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(group): Path<String>,
    Input(named): Input<Named>,
) -> Answer {
    let (me, group, name) = (session.user, id(&group)?, named.checked()?);
    app.store
        .change_groups(move |connection| groups::rename(connection, me, group, &name))
        .await?;
    shown(&app, &session, group, StatusCode::OK).await
}

/// `DELETE /api/groups/{id}`.
pub async fn delete(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(group): Path<String>,
) -> Answer {
    let (me, group) = (session.user, id(&group)?);
    app.store
        .change_groups(move |connection| groups::delete(connection, me, group))
        .await?;
    tokio::spawn(async move {
        app.store.finish_erasing().await;
        app.files.erased.notify_one();
    });
    Ok(Json(json!({ "status": "deleted" })).into_response())
}

/// Body of `POST /api/groups/{id}/members`.
#[derive(Deserialize)]
pub struct NewMember {
    user_id: i64,
}

/// `POST /api/groups/{id}/members`.
pub async fn add(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(group): Path<String>,
    Input(new): Input<NewMember>,
) -> Answer {
    let (me, group, whom) = (session.user, id(&group)?, person_id(new.user_id)?);
    app.store
        .change_groups(move |connection| groups::add(connection, me, group, whom))
        .await?;
    shown(&app, &session, group, StatusCode::OK).await
}

/// `DELETE /api/groups/{id}/members/{user_id}`.
pub async fn remove(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path((group, whom)): Path<(String, String)>,
) -> Answer {
    let (me, group, whom) = (session.user, id(&group)?, person_of(&whom)?);
    app.store
        .change_groups(move |connection| groups::remove(connection, me, group, whom))
        .await?;
    Ok(Json(json!({ "status": "removed" })).into_response())
}

/// Body of `PUT /api/groups/{id}/members/{user_id}`.
#[derive(Deserialize)]
pub struct NewRole {
    role: String,
}

/// `PUT /api/groups/{id}/members/{user_id}`.
pub async fn set_role(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path((group, whom)): Path<(String, String)>,
    Input(new): Input<NewRole>,
) -> Answer {
    let role = Role::parse(&new.role).ok_or(Code::BadRequest)?;
    let (me, group, whom) = (session.user, id(&group)?, person_of(&whom)?);
    app.store
        .change_groups(move |connection| groups::set_role(connection, me, group, whom, role))
        .await?;
    shown(&app, &session, group, StatusCode::OK).await
}

/// `POST /api/groups/{id}/link`.
pub async fn new_link(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    headers: HeaderMap,
    Path(group): Path<String>,
) -> Answer {
    let (me, group) = (session.user, id(&group)?);
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Code::Internal)?;
    let code: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = code.clone();
    app.store
        .write(move |connection| groups::set_link(connection, me, group, Some(&new)))
        .await?;
    link_json(&app, &headers, &code)
}

/// `GET /api/groups/{id}/link`.
pub async fn link(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    headers: HeaderMap,
    Path(group): Path<String>,
) -> Answer {
    let (me, group) = (session.user, id(&group)?);
    let code = app
        .store
        .read(move |connection| groups::link(connection, me, group))
        .await?;
    link_json(&app, &headers, &code)
}

fn link_json(app: &App, headers: &HeaderMap, code: &str) -> Answer {
    let url = format!("{}/join/{code}", person::address(app, headers)?);
    Ok(Json(json!({ "code": code, "url": url })).into_response())
}

/// `DELETE /api/groups/{id}/link`.
pub async fn end_link(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(group): Path<String>,
) -> Answer {
    let (me, group) = (session.user, id(&group)?);
    app.store
        .write(move |connection| groups::set_link(connection, me, group, None))
        .await?;
    Ok(Json(json!({ "status": "deleted" })).into_response())
}

/// `GET /api/groups/join/{code}`.
pub async fn welcome(
    State(app): State<Arc<App>>,
    Caller(_): Caller,
    Path(code): Path<String>,
) -> Answer {
    let welcome = app
        .store
        .read(move |connection| groups::by_code(connection, &code))
        .await?;
    Ok(Json(json!({ "name": welcome.name, "members": welcome.members })).into_response())
}

/// `POST /api/groups/join/{code}`.
pub async fn join(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path(code): Path<String>,
) -> Answer {
    let me = session.user;
    let Changed { group, .. } = app
        .store
        .change_groups(move |connection| groups::join(connection, me, &code))
        .await?;
    shown(&app, &session, group, StatusCode::OK).await
}

/// A group as the caller sees it.
async fn shown(app: &App, session: &Session, group: ConversationId, status: StatusCode) -> Answer {
    let me = session.user;
    let found: Result<Group, Error> = app
        .store
        .read(move |connection| groups::find(connection, me, group))
        .await;
    Ok((status, Json(group_json(app, &found?))).into_response())
}

fn group_json(app: &App, group: &Group) -> Value {
    let member = |member: &Member| {
        let mut json = Map::new();
        json.insert("user_id".to_owned(), json!(member.id));
        json.insert("username".to_owned(), json!(member.username));
        insert_some(&mut json, "display_name", member.display_name.as_ref());
        insert_some(&mut json, "avatar_url", member.avatar.map(avatar::address));
        json.insert("role".to_owned(), json!(member.role));
        json.insert("joined_at".to_owned(), json!(member.joined_at));
        json.insert("recv_seq".to_owned(), json!(member.recv_seq));
        json.insert("read_seq".to_owned(), json!(member.read_seq));
        let online = !group.apart.contains(&member.id) && app.pump.is_online(member.id);
        json.insert("is_online".to_owned(), json!(online));
        Value::Object(json)
    };
    json!({
        "id": group.id,
        "name": group.name,
        "role": group.role,
        "members": group.members.iter().map(member).collect::<Vec<_>>(),
        "created_at": group.created_at,
        "last_seq": group.last_seq,
        "my_read_seq": group.my_read_seq,
    })
}

fn preview_json(app: &App, session: &Session, preview: &Preview) -> Value {
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(preview.id));
    json.insert("name".to_owned(), json!(preview.name));
    json.insert("role".to_owned(), json!(preview.role));
    json.insert("members".to_owned(), json!(preview.members));
    let last = preview.last_message.as_ref();
    let last = last.map(|item| message_json(app, session, item));
    insert_some(&mut json, "last_message", last);
    json.insert("last_message_at".to_owned(), json!(preview.last_message_at));
    json.insert("last_seq".to_owned(), json!(preview.last_seq));
    json.insert("my_read_seq".to_owned(), json!(preview.my_read_seq));
    json.insert("unread_count".to_owned(), json!(preview.unread));
    Value::Object(json)
}
