//! The REST calls of Web Push: subscribe, unsubscribe, what may be shown.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Answer, Input, limited};
use super::auth::Caller;
use super::client::PeerAddr;
use super::{App, text};
use crate::i18n::Lang;
use crate::push::{Keys, Privacy, Refusal};
use crate::store::{NewSubscription, push};

/// Body of `POST /api/push/subscribe`: what a browser gives out, and in which
/// language it wants to be told.
#[derive(Deserialize)]
pub struct Subscribe {
    endpoint: String,
    keys: BrowserKeys,
    lang: Option<String>,
}

#[derive(Deserialize)]
struct BrowserKeys {
    p256dh: String,
    auth: String,
}

/// `GET /api/push/vapid-key` and `GET /api/push/key`.
pub async fn key(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({ "vapid_public_key": app.pushes.key() }))
}

/// `POST /api/push/subscribe`.
pub async fn subscribe(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    peer: axum::Extension<PeerAddr>,
    headers: HeaderMap,
    Input(new): Input<Subscribe>,
) -> Response {
    limited(&app, app.push_limit.as_ref(), *peer, &headers, async {
        let lang = language(&app, &headers, new.lang.as_deref())?;
        let keys = keys(&new.keys).ok_or(Code::PushKeysInvalid)?;
        let endpoint = app.pushes.examine(&new.endpoint).await;
        let endpoint = endpoint.map_err(|refusal| match refusal {
            Refusal::Shape | Refusal::NotPublic => Code::PushEndpointInvalid,
            Refusal::NoAddress => Code::PushEndpointUnreachable,
        })?;
        let new = NewSubscription {
            user: session.user,
            session: session.id,
            endpoint: endpoint.as_str().to_owned(),
            keys,
            lang,
        };
        let gone = app
            .store
            .write(move |connection| push::subscribe(connection, &new))
            .await?;
        app.pushes.subscribed(session.user, gone);
        Ok(Json(json!({ "status": "subscribed" })).into_response())
    })
    .await
}

/// The language the body names, else the one of the request.
fn language(app: &App, headers: &HeaderMap, named: Option<&str>) -> Result<Lang, Code> {
    match named {
        Some(word) => Lang::parse(word).ok_or(Code::BadRequest),
        None => {
            let wanted = text(headers, header::ACCEPT_LANGUAGE).unwrap_or_default();
            Ok(Lang::from_header(&wanted, app.config.default_lang))
        }
    }
}

/// The keys, if a push can be encrypted with them.
fn keys(given: &BrowserKeys) -> Option<Keys> {
    // Some clients make the text themselves, in the other alphabet.
    let decode = |text: &str| {
        let text = text.trim_end_matches('=').replace('+', "-");
        URL_SAFE_NO_PAD.decode(text.replace('/', "_")).ok()
    };
    let keys = Keys {
        p256dh: decode(&given.p256dh)?.try_into().ok()?,
        auth: decode(&given.auth)?.try_into().ok()?,
    };
    keys.are_sound().then_some(keys)
}

/// Body of `DELETE /api/push/subscribe`.
#[derive(Deserialize)]
pub struct Unsubscribe {
    endpoint: String,
}

/// `DELETE /api/push/subscribe`.
pub async fn unsubscribe(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(Unsubscribe { endpoint }): Input<Unsubscribe>,
) -> Answer {
    if endpoint.is_empty() {
        return Err(Code::BadRequest.into());
    }
    // Kept as a URL library writes it.
    let endpoint = url::Url::parse(&endpoint).map_or(endpoint, Into::into);
    let gone = app
        .store
        .write(move |connection| push::unsubscribe(connection, session.user, &endpoint))
        .await?;
    app.pushes.forget(gone.into_iter().collect());
    Ok(Json(json!({ "status": "unsubscribed" })).into_response())
}

/// `GET /api/push/settings`.
pub async fn settings(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let privacy = app
        .store
        .read(move |connection| push::privacy(connection, session.user))
        .await?;
    Ok(Json(json!({ "privacy": privacy.as_str() })).into_response())
}

/// Body of `PUT /api/push/settings`.
#[derive(Deserialize)]
pub struct NewSettings {
    privacy: String,
}

/// `PUT /api/push/settings`.
pub async fn set_settings(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(new): Input<NewSettings>,
) -> Answer {
    let privacy = Privacy::parse(&new.privacy).ok_or(Code::BadRequest)?;
    app.store
        .write(move |connection| push::set_privacy(connection, session.user, privacy))
        .await?;
    Ok(Json(json!({ "privacy": privacy.as_str() })).into_response())
}
