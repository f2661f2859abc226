//! The REST calls. Each reads its input, asks a service or the store, and
//! shapes the answer as PROTOCOL.md has it.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use payambar_signaling::chat::{
    Block, Body as MessageBody, Destination, Mark, MarkTarget, NewMark, Status,
};
use payambar_signaling::file::WORDS;
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Ticket, Timestamp, UserId};
use payambar_signaling::wire::{Code, FileFrame};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::client::{self, PeerAddr};
use super::error::ApiError;
use super::limit::Verdict;
use super::{App, Windows, avatar, millis};
use crate::files;
use crate::store::{
    Conversation, HistoryItem, Page, Preview, Session, conversations, messages, now,
};

pub(super) type Answer = Result<Response, ApiError>;

/// Messages in one page of history.
const PAGE_DEFAULT: i64 = 50;
const PAGE_MAX: i64 = 100;

/// A JSON body, read whatever its `Content-Type` says.
pub struct Input<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Input<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|rejection| {
                let too_long = matches!(
                    rejection,
                    BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_))
                );
                if too_long {
                    Code::BodyTooLarge
                } else {
                    Code::BadRequest
                }
            })?;
        Ok(Self(
            serde_json::from_slice(&bytes).map_err(|_| Code::BadRequest)?,
        ))
    }
}

/// Query parameters.
pub struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> axum::extract::FromRequestParts<Arc<App>> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|_| Code::BadRequest)?;
        Ok(Self(params))
    }
}

/// `GET /health`.
pub async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /api/version`.
pub async fn version() -> Json<Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION") }))
}

/// Counts a call and tells the caller where it stands, also on success.
pub(super) async fn limited(
    app: &App,
    windows: Option<&Windows>,
    PeerAddr(peer): PeerAddr,
    headers: &HeaderMap,
    call: impl Future<Output = Answer>,
) -> Response {
    let address = client::address(peer, headers, &app.config.trusted_proxies);
    let verdict = windows.map(|windows| windows.check(address, Instant::now()));
    judged(verdict, call).await
}

/// The same for calls that are counted per person.
pub(super) async fn limited_for(
    person: UserId,
    windows: Option<&Windows>,
    call: impl Future<Output = Answer>,
) -> Response {
    let verdict = windows.map(|windows| windows.check_person(person, Instant::now()));
    judged(verdict, call).await
}

async fn judged(verdict: Option<Verdict>, call: impl Future<Output = Answer>) -> Response {
    let mut response = match verdict {
        Some(Verdict { allowed: false, .. }) => {
            ApiError::from(Code::TooManyAttempts).into_response()
        }
        Some(Verdict { allowed: true, .. }) | None => {
            call.await.unwrap_or_else(ApiError::into_response)
        }
    };
    if let Some(verdict) = verdict {
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", verdict.limit.into());
        headers.insert("x-ratelimit-remaining", verdict.remaining.into());
        let reset = u64::try_from(now().0)
            .unwrap_or(0)
            .saturating_add(millis(verdict.reset))
            .div_ceil(1000);
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
        if !verdict.allowed {
            headers.insert(
                "retry-after",
                HeaderValue::from(verdict.reset.as_secs().max(1)),
            );
        }
    }
    response
}

/// `GET /api/conversations`.
pub async fn conversations(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let me = session.user;
    let list = app
        .store
        .read(move |connection| conversations::list(connection, me))
        .await?;
    let list: Vec<Value> = list
        .iter()
        .map(|preview| preview_json(&app, &session, preview))
        .collect();
    Ok(Json(json!({ "conversations": list })).into_response())
}

fn conversation_json(me: UserId, conversation: &Conversation) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(conversation.id));
    json.insert("participants".to_owned(), json!([me, conversation.peer.id]));
    json.insert("user_id".to_owned(), json!(conversation.peer.id));
    json.insert("username".to_owned(), json!(conversation.peer.username));
    insert_some(
        &mut json,
        "display_name",
        conversation.peer.display_name.clone(),
    );
    insert_some(
        &mut json,
        "avatar_url",
        conversation.peer.avatar.map(avatar::address),
    );
    json.insert(
        "last_message_at".to_owned(),
        json!(conversation.last_message_at),
    );
    json.insert("unread_count".to_owned(), json!(conversation.unread));
    json
}

fn preview_json(app: &App, session: &Session, preview: &Preview) -> Value {
    let mut json = conversation_json(session.user, &preview.conversation);
    let online = preview.block == Block::None && app.pump.is_online(preview.conversation.peer.id);
    json.insert("is_online".to_owned(), json!(online));
    let last_seen = preview.last_seen.filter(|_| !online);
    insert_some(&mut json, "last_seen", last_seen);
    insert_some(
        &mut json,
        "last_message",
        preview
            .last_message
            .as_ref()
            .map(|item| message_json(app, session, item)),
    );
    if preview.conversation.peer.deleted {
        json.insert("deleted".to_owned(), json!(true));
    }
    if preview.block == Block::Own {
        json.insert("blocked".to_owned(), json!(true));
    }
    json.insert("last_seq".to_owned(), json!(preview.last_seq));
    json.insert("my_read_seq".to_owned(), json!(preview.my_read_seq));
    json.insert("peer_recv_seq".to_owned(), json!(preview.peer_recv_seq));
    json.insert("peer_read_seq".to_owned(), json!(preview.peer_read_seq));
    Value::Object(json)
}

pub(super) fn message_json(app: &App, session: &Session, item: &HistoryItem) -> Value {
    let message = &item.message;
    let mut json = Map::new();
    json.insert("id".to_owned(), json!(message.id));
    json.insert("conversation_id".to_owned(), json!(message.conversation));
    json.insert("seq".to_owned(), json!(message.seq));
    insert_some(
        &mut json,
        "client_message_id",
        message.client_message_id.clone(),
    );
    json.insert("sender_id".to_owned(), json!(message.sender));
    insert_some(&mut json, "receiver_id", message.to.person());
    json.insert("status".to_owned(), json!(item.status.as_str()));
    json.insert("created_at".to_owned(), json!(message.created_at));
    insert_some(&mut json, "delivered_at", item.delivered_at);
    insert_some(&mut json, "read_at", item.read_at);
    match &message.body {
        MessageBody::Text(text) => {
            json.insert("content".to_owned(), json!(text));
        }
        MessageBody::Sealed(envelope) => {
            json.insert("content".to_owned(), json!(""));
            json.insert("encrypted".to_owned(), json!(true));
            if let Value::Object(fields) = json!(envelope) {
                json.extend(fields);
            }
        }
        MessageBody::Call(entry) => {
            json.insert("content".to_owned(), json!(entry.persian()));
            json.insert("kind".to_owned(), json!("call"));
            let mut call = Map::new();
            call.insert("outcome".to_owned(), json!(entry.outcome.as_str()));
            insert_some(
                &mut call,
                "duration_s",
                entry.duration_s.filter(|seconds| *seconds > 0),
            );
            json.insert("call".to_owned(), Value::Object(call));
        }
        MessageBody::Event(event) => {
            json.insert("content".to_owned(), json!(""));
            json.insert("kind".to_owned(), json!("event"));
            json.insert("event".to_owned(), json!(event));
        }
        MessageBody::File(entry) => {
            json.insert("content".to_owned(), json!(WORDS));
            let mut file = FileFrame::from(&**entry);
            files::fill(&app.files.links, &mut file, session.id);
            if let Value::Object(fields) = json!(file) {
                json.extend(fields);
            }
        }
    }
    Value::Object(json)
}

pub(super) fn insert_some<T: serde::Serialize>(
    json: &mut Map<String, Value>,
    key: &str,
    value: Option<T>,
) {
    if let Some(value) = value {
        json.insert(key.to_owned(), json!(value));
    }
}

/// Body of `POST /api/conversations`.
#[derive(Deserialize)]
pub struct NewConversation {
    participant_id: i64,
}

/// `POST /api/conversations`.
pub async fn open_conversation(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(new): Input<NewConversation>,
) -> Answer {
    if new.participant_id <= 0 {
        return Err(Code::BadRequest.into());
    }
    let (me, other) = (session.user, UserId(new.participant_id));
    let conversation = app
        .store
        .write(move |connection| conversations::open_pair(connection, me, other))
        .await?;
    let status = if conversation.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(conversation_json(me, &conversation))).into_response())
}

/// Query of a page of history, as text: a wrong `limit` is clamped or ignored
/// as the core dialect has it, a wrong `user_id` is not.
#[derive(Deserialize)]
pub struct HistoryQuery {
    user_id: Option<String>,
    conversation_id: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
    before_seq: Option<String>,
    after_seq: Option<String>,
}

/// `GET /api/messages`.
pub async fn history(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Params(query): Params<HistoryQuery>,
) -> Answer {
    let number = |text: &Option<String>| {
        text.as_deref()
            .map(str::parse::<i64>)
            .transpose()
            .map_err(|_| Code::BadRequest)
    };
    let group = number(&query.conversation_id)?;
    let id = group.or(number(&query.user_id)?).filter(|id| *id > 0);
    let id = id.ok_or(Code::BadRequest)?;
    let with = match group {
        Some(_) => Destination::Group(ConversationId(id)),
        None => Destination::Person(UserId(id)),
    };
    let limit = number(&query.limit)?
        .unwrap_or(PAGE_DEFAULT)
        .clamp(1, PAGE_MAX);
    let page = match (number(&query.before_seq)?, number(&query.after_seq)?) {
        (Some(before), _) => Page::Before(Seq(before)),
        (None, Some(after)) => Page::After(Seq(after)),
        (None, None) => Page::Offset(
            u32::try_from(number(&query.offset)?.unwrap_or(0).max(0)).unwrap_or(u32::MAX),
        ),
    };
    let (me, limit) = (session.user, u32::try_from(limit).unwrap_or(1));
    let items = app
        .store
        .read(move |connection| messages::history(connection, me, with, page, limit))
        .await?;
    let items: Vec<Value> = items
        .iter()
        .map(|item| message_json(&app, &session, item))
        .collect();
    Ok(Json(json!({ "messages": items })).into_response())
}

/// `PUT /api/messages/{id}/delivered` and `…/read`.
pub async fn mark(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Path((id, mark)): Path<(String, String)>,
) -> Answer {
    let (mark, status) = match mark.as_str() {
        "delivered" => (Mark::Delivered, Status::Delivered),
        "read" => (Mark::Read, Status::Read),
        _ => return Err(Code::NotFound.into()),
    };
    let id: i64 = id.parse().map_err(|_| Code::BadRequest)?;
    let new = NewMark {
        ticket: Ticket(0),
        reader: session.user,
        target: MarkTarget::Message(MessageId(id)),
        mark,
    };
    let marked = app
        .store
        .write(move |connection| messages::mark(connection, &new, now()))
        .await?;
    app.pump.marked(marked).await;
    Ok(Json(json!({ "status": status.as_str() })).into_response())
}

/// `GET /api/webrtc/config`.
pub async fn ice(State(app): State<Arc<App>>, Caller(session): Caller) -> Json<Value> {
    let now: Timestamp = now();
    Json(app.ice.answer(&session, now))
}
