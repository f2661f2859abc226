//! What people may know of each other, and what each says about themselves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use payambar_signaling::chat::CallsFrom;
use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use unicode_segmentation::UnicodeSegmentation as _;

use super::api::{Answer, Input, Params, insert_some, limited, limited_for};
use super::auth::{AnyCaller, Caller};
use super::client::PeerAddr;
use super::guesses::{Whose, guarded};
use super::{App, avatar, origin};
use crate::i18n::Lang;
use crate::store::seen::{self, View};
use crate::store::{User, emails, now, people as store_people, search as finder, users};

/// People in one search.
const FOUND: u32 = 20;

/// The longest name to show.
const DISPLAY_NAME: usize = 64;

/// The longest text about oneself, in letters as people count them, and in
/// bytes, since one letter may have any number of marks.
const BIO: usize = 300;
const BIO_BYTES: usize = 8 * 1024;

/// No relay credential lives longer, in seconds.
const LONGEST_CREDENTIAL_S: u64 = 3600;

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
        return by_id(&app, me, UserId(id)).await.into_response();
    }
    limited_for(me, app.search_limit.as_ref(), async {
        let wanted: String = q.trim().chars().take(DISPLAY_NAME).collect();
        let found = app
            .store
            .read(move |connection| {
                let found = finder::find(connection, &wanted, me, FOUND)?;
                seen::view(connection, me, found)
            })
            .await?;
        Ok(people_json(&app, found))
    })
    .await
}

async fn by_id(app: &App, me: UserId, id: UserId) -> Answer {
    let found = app
        .store
        .read(move |connection| {
            let found = users::active(connection, id)?.into_iter().collect();
            seen::view(connection, me, found)
        })
        .await?;
    Ok(people_json(app, found))
}

fn people_json(app: &App, view: View) -> Response {
    let View {
        people,
        apart,
        last_seen,
    } = view;
    let person = |user: User| {
        let mut person = Map::new();
        person.insert("id".to_owned(), json!(user.id));
        person.insert("username".to_owned(), json!(user.username));
        insert_some(&mut person, "display_name", user.display_name);
        insert_some(&mut person, "avatar_url", user.avatar.map(avatar::address));
        let online = !apart.contains(&user.id) && app.pump.is_online(user.id);
        person.insert("is_online".to_owned(), json!(online));
        let at = last_seen.get(&user.id).filter(|_| !online);
        insert_some(&mut person, "last_seen", at.copied());
        Value::Object(person)
    };
    Json(people.into_iter().map(person).collect::<Vec<_>>()).into_response()
}

/// `GET /api/profile`.
pub async fn profile(State(app): State<Arc<App>>, AnyCaller(session): AnyCaller) -> Answer {
    let me = session.user;
    let (user, findable, calls_from, shows_last_seen, about, emails) = app
        .store
        .read(move |connection| {
            let user = users::by_id(connection, me)?;
            let findable = users::is_findable(connection, me)?;
            let calls_from = store_people::calls_from(connection, me)?;
            let shows_last_seen = seen::shows(connection, me)?;
            let about = users::about(connection, me)?;
            let emails = emails::of(connection, me)?;
            Ok((user, findable, calls_from, shows_last_seen, about, emails))
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
    profile.insert("calls_from".to_owned(), json!(calls_from.as_str()));
    profile.insert("show_last_seen".to_owned(), json!(shows_last_seen));
    let bio = Some(about.bio).filter(|bio| !bio.is_empty());
    insert_some(&mut profile, "bio", bio);
    insert_some(&mut profile, "language", about.language);
    insert_some(&mut profile, "email", emails.proved);
    insert_some(&mut profile, "email_waiting", emails.waiting);
    Ok(Json(profile).into_response())
}

/// Body of `PUT /api/profile`: what is left out stays as it is.
#[derive(Deserialize)]
pub struct NewProfile {
    display_name: Option<String>,
    findable: Option<bool>,
    calls_from: Option<String>,
    show_last_seen: Option<bool>,
    bio: Option<String>,
    language: Option<String>,
}

impl NewProfile {
    /// The body with its texts trimmed, if it says anything and nothing wrong.
    fn checked(mut self) -> Result<Self, Code> {
        let texts = [
            &self.display_name,
            &self.calls_from,
            &self.bio,
            &self.language,
        ];
        let switches = [self.findable, self.show_last_seen];
        if switches.into_iter().all(|switch| switch.is_none())
            && texts.into_iter().all(Option::is_none)
        {
            return Err(Code::BadRequest);
        }
        if let Some(bio) = &mut self.bio {
            *bio = bio.trim().to_owned();
            let disrupts = |c: char| c != '\n' && is_disruptive(c);
            let is_long = bio.len() > BIO_BYTES || bio.graphemes(true).nth(BIO).is_some();
            if is_long || bio.chars().any(disrupts) {
                return Err(Code::BioInvalid);
            }
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
    let calls_from = new.calls_from.as_deref().map(CallsFrom::parse);
    let calls_from = calls_from.map(|choice| choice.ok_or(Code::BadRequest));
    let calls_from = calls_from.transpose()?;
    let language = new.language.as_deref().map(Lang::parse);
    let language = language.map(|chosen| chosen.ok_or(Code::BadRequest));
    let language = language.transpose()?;
    let user = app
        .store
        .change_wishes(me, move |connection| {
            if let Some(name) = &new.display_name {
                users::set_display_name(connection, me, name)?;
            }
            if let Some(findable) = new.findable {
                users::set_findable(connection, me, findable)?;
            }
            if new.bio.is_some() || language.is_some() {
                users::set_about(connection, me, new.bio.as_deref(), language)?;
            }
            if let Some(calls_from) = calls_from {
                store_people::set_calls_from(connection, me, calls_from)?;
            }
            if let Some(shows) = new.show_last_seen {
                seen::set_shows(connection, me, shows)?;
            }
            users::by_id(connection, me)
        })
        .await?;
    let user = user.ok_or(Code::UserNotFound)?;
    let name = user.display_name.unwrap_or_default();
    Ok(Json(json!({ "status": "updated", "display_name": name })).into_response())
}

/// Body of `DELETE /api/profile`: clients of the core dialect send none.
#[derive(Default, Deserialize)]
struct Farewell {
    password: Option<String>,
}

/// `DELETE /api/profile`.
pub async fn delete(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    headers: HeaderMap,
    peer: axum::Extension<PeerAddr>,
    body: Bytes,
) -> Response {
    // Whoever got hold of a session must not find out the password with it.
    limited(&app, app.login_limit.as_ref(), *peer, &headers, async {
        let Farewell { password } = if body.is_empty() {
            Farewell::default()
        } else {
            serde_json::from_slice(&body).map_err(|_| Code::BadRequest)?
        };
        let me = session.user;
        let origin = origin::origin(&app, *peer, &headers).by(me, &session.username);
        let until = u64::try_from(now().0 / 1000).unwrap_or(0) + LONGEST_CREDENTIAL_S;
        let asked = password.is_some();
        let guesses = app.guesses.as_ref().filter(|_| asked);
        let proof = app.accounts.delete(me, password, until, origin);
        let gone = guarded(guesses, Whose::Person(me), proof).await??;
        for id in gone.ended {
            app.pump.session_ended(me, id).await;
        }
        app.pump.account_ended(me).await;
        app.pump.deleted(gone.deletion).await;
        app.store.finish_erasing().await;
        app.files.erased.notify_one();
        Ok(Json(json!({ "status": "deleted" })).into_response())
    })
    .await
}

/// Control characters, and those that turn the direction of the text around
/// them (Unicode TR36 §2.3).
pub(super) fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
