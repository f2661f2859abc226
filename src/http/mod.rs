//! The web side: routes, and what holds for every answer.

mod api;
mod auth;
mod avatar;
mod blocks;
mod client;
mod email;
mod enter;
mod erase;
mod error;
mod files;
mod groups;
mod guesses;
mod ice;
mod keys;
mod limit;
mod origin;
mod people;
mod person;
mod push;
mod recovery;
mod refresh;
mod sessions;
mod site;
mod upload;
mod ws;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use payambar_signaling::wire::Code;

pub use auth::{LIFETIME, Tokens, install_crypto};
pub use client::PeerAddr;
pub use guesses::Guesses;
pub use ice::Ice;
pub use limit::Windows;
pub use site::Site;

use crate::accounts::Accounts;
use crate::config::{Config, Origins};
use crate::files::Files;
use crate::i18n::{Catalogue, Lang};
use crate::mail::Mail;
use crate::pump::Pump;
use crate::push::Pushes;
use crate::store::Store;
use error::ApiError;

/// Everything a handler may need.
pub struct App {
    /// The checked configuration.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// Registration and log-in.
    pub accounts: Accounts,
    /// Files of people.
    pub files: Arc<Files>,
    /// The way to the hub.
    pub pump: Pump,
    /// The way to sleeping devices.
    pub pushes: Pushes,
    /// Makes and checks tokens.
    pub tokens: Tokens,
    /// What callers are told about STUN and TURN.
    pub ice: Ice,
    /// The web app.
    pub site: Site,
    /// Texts of errors.
    pub catalogue: Arc<Catalogue>,
    /// Limit of `register`; `None` = off.
    pub register_limit: Option<Windows>,
    /// Limit of `login`; `None` = off.
    pub login_limit: Option<Windows>,
    /// Failed proofs of passwords by name; `None` = not counted.
    pub guesses: Option<Guesses>,
    /// Limit of searches for people; `None` = off.
    pub search_limit: Option<Windows>,
    /// Limit of push subscriptions; `None` = off.
    pub push_limit: Option<Windows>,
    /// The way to write mails; `None` = there is none.
    pub mail: Option<Mail>,
    /// Limit of mails that somebody causes; `None` = off.
    pub mail_limit: Option<Windows>,
}

/// Calls of `register` and `login` in a minute per client address.
pub const REGISTER_PER_MINUTE: u32 = 2;
/// See [`REGISTER_PER_MINUTE`].
pub const LOGIN_PER_MINUTE: u32 = 5;
/// Subscriptions in a minute per client address: each looks up a host.
pub const SUBSCRIBE_PER_MINUTE: u32 = 30;

/// Mails to one address, and those that one person or one client address
/// causes, within [`MAIL_WINDOW`].
pub const MAILS: u32 = 3;
/// See [`MAILS`].
pub const MAIL_WINDOW: Duration = Duration::from_secs(15 * 60);

/// Searches for people in a minute per person.
pub const SEARCH_PER_MINUTE: u32 = 60;

/// The largest body of a JSON call in bytes.
const BODY: usize = 64 * 1024;

/// Nothing but our own origin, nothing inline, nobody may frame us.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; \
connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// All routes of the server.
pub fn router(app: Arc<App>) -> Router {
    let site = Router::new()
        .fallback(site::serve)
        .with_state(Arc::clone(&app))
        .layer(tower_http::compression::CompressionLayer::new());
    // What is refused is read to its end, up to a bound.
    let room = |bytes: u64| {
        let room = bytes.saturating_mul(2).saturating_add(upload::AROUND);
        axum::extract::DefaultBodyLimit::max(usize::try_from(room).unwrap_or(usize::MAX))
    };
    let uploads = post(upload::post).layer(room(app.files.limits.max_bytes));
    let avatars = post(avatar::set)
        .delete(avatar::remove)
        .layer(room(avatar::LIMIT));
    Router::new()
        .route("/ws", get(ws::upgrade))
        .route("/health", get(api::health))
        .route("/api/version", get(api::version))
        .route("/api/auth/options", get(enter::options))
        .route("/api/auth/register", post(enter::register))
        .route("/api/auth/login", post(enter::login))
        .route("/api/auth/refresh", post(refresh::renew))
        .route("/api/auth/logout", post(sessions::log_out))
        .route("/api/auth/logout-all", post(sessions::log_out_all))
        .route("/api/auth/sessions", get(sessions::list))
        .route("/api/auth/sessions/{id}", delete(sessions::end))
        .route("/api/auth/password", put(sessions::change_password))
        .route("/api/auth/password/forgot", post(recovery::forgot))
        .route("/api/auth/password/reset", post(recovery::reset))
        .route("/api/users", get(people::search))
        .route("/api/users/{username}", get(person::show))
        .route("/api/users/{username}/qr.svg", get(person::qr))
        .route("/users/{username}", get(person::show_or_page))
        .route(
            "/api/profile",
            get(people::profile)
                .put(people::set_profile)
                .delete(people::delete),
        )
        .route("/api/profile/email", put(email::set).delete(email::remove))
        .route("/api/profile/email/verify", post(email::verify))
        .route("/api/blocks", get(blocks::list).post(blocks::block))
        .route("/api/blocks/{user_id}", delete(blocks::unblock))
        .route(
            "/api/conversations",
            get(api::conversations).post(api::open_conversation),
        )
        .route("/api/groups", get(groups::list).post(groups::create))
        .route(
            "/api/groups/{id}",
            get(groups::show)
                .patch(groups::rename)
                .delete(groups::delete),
        )
        .route("/api/groups/{id}/members", post(groups::add))
        .route(
            "/api/groups/{id}/members/{user_id}",
            delete(groups::remove).put(groups::set_role),
        )
        .route(
            "/api/groups/{id}/link",
            get(groups::link)
                .post(groups::new_link)
                .delete(groups::end_link),
        )
        .route(
            "/api/groups/join/{code}",
            get(groups::welcome).post(groups::join),
        )
        .route("/api/messages", get(api::history))
        .route("/api/conversations/{id}", delete(erase::conversation))
        .route("/api/messages/{id}", delete(erase::message))
        .route("/api/messages/{id}/{mark}", put(api::mark))
        .route("/api/keys/devices", post(keys::publish))
        .route("/api/keys/devices/self", get(keys::own))
        .route("/api/keys/users/{id}/devices", get(keys::of))
        .route("/api/files/{id}", get(files::get))
        .route("/api/push/vapid-key", get(push::key))
        .route("/api/push/key", get(push::key))
        .route(
            "/api/push/subscribe",
            post(push::subscribe).delete(push::unsubscribe),
        )
        .route(
            "/api/push/settings",
            get(push::settings).put(push::set_settings),
        )
        .route("/api/webrtc/config", get(api::ice))
        .route("/api/upload", uploads)
        .route("/api/profile/avatar", avatars)
        .method_not_allowed_fallback(not_found)
        .layer(axum::extract::DefaultBodyLimit::max(BODY))
        .fallback_service(site)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

async fn not_found() -> Response {
    ApiError::from(Code::NotFound).into_response()
}

/// What holds for every answer: words for errors in the caller's language,
/// security and caching headers, CORS, and a line in the log without query,
/// since that may hold a token.
async fn around(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = origin::name(request.headers_mut());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let language = text(request.headers(), header::ACCEPT_LANGUAGE).unwrap_or_default();
    let lang = Lang::from_header(&language, app.config.default_lang);
    let origin = text(request.headers(), header::ORIGIN);

    let response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let mut response = error::localize(response, &app.catalogue, lang);
    let private = path.starts_with("/api/") || path == "/ws" || path == "/health";
    let headers = response.headers_mut();
    headers.insert(origin::HEADER, id.clone());
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json")
    {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
    }
    if private {
        // Pictures of people say something else.
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        cors(headers, &app.config.origins, origin.as_deref());
    }
    // Files have a stricter one.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(CSP));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        "permissions-policy",
        HeaderValue::from_static("microphone=(self), camera=(self), geolocation=()"),
    );
    tracing::debug!(%method, path, correlation_id = ?id, status = response.status().as_u16(), took_ms = millis(began.elapsed()), "request");
    response
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn cors(headers: &mut HeaderMap, origins: &Origins, origin: Option<&str>) {
    let allowed = match (origins, origin) {
        (Origins::Any, _) => "*",
        (Origins::Listed(list), Some(origin)) if list.iter().any(|listed| listed == origin) => {
            origin
        }
        (Origins::Listed(list), _) => {
            if !list.is_empty() {
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
            }
            return;
        }
    };
    let Ok(value) = HeaderValue::from_str(allowed) else {
        return;
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    );
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Content-Type, Authorization"),
    );
    if allowed != "*" {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
