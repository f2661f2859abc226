//! The web app: immutable files under the build's own folder, and the few
//! fixed names that must always be fresh.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use payambar_signaling::wire::Code;

use super::App;
use super::error::ApiError;
use crate::assets::{self, Assets};

/// Stands in `index.html` and `manifest.json` where the build's hash goes.
const PLACEHOLDER: &str = "__BUILD__";

/// Names outside the build's folder, and the files behind them.
const FIXED: &[(&str, &str)] = &[
    ("/", "index.html"),
    ("/index.html", "index.html"),
    ("/manifest.json", "manifest.json"),
    ("/favicon.svg", "icons/favicon.svg"),
    ("/favicon.ico", "icons/favicon.svg"),
    ("/apple-touch-icon.png", "icons/apple-touch-icon.png"),
];

/// The build that is served.
#[derive(Debug)]
pub struct Site {
    build: String,
}

impl Site {
    /// Names the build by its contents.
    pub fn new() -> Self {
        Self {
            build: assets::build_hash(),
        }
    }
}

/// Whether a browser asks for a page.
pub fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// Serves a file, or the app itself for the paths it routes on its own.
pub async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let path = request.uri().path();
    let not_found = || ApiError::from(Code::NotFound).into_response();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return not_found();
    }
    let build = &app.site.build;
    if let Some(rest) = path.strip_prefix("/a/") {
        return match rest.split_once('/') {
            // Files of another build are gone: mixing two builds breaks a page
            // in ways nobody can tell from its address.
            Some((hash, name)) if hash == build => file(name).unwrap_or_else(not_found),
            Some(_) | None => not_found(),
        };
    }
    let fixed = FIXED
        .iter()
        .find(|(fixed, _)| *fixed == path)
        .map(|(_, name)| *name);
    let is_page = || {
        !path.starts_with("/api/")
            && !path.rsplit('/').next().unwrap_or_default().contains('.')
            && accepts_html(request.headers())
    };
    match fixed.or_else(|| is_page().then_some("index.html")) {
        Some(name) => fresh(name, build, &request).unwrap_or_else(not_found),
        None => not_found(),
    }
}

/// A file of this build: it never changes.
fn file(name: &str) -> Option<Response> {
    let file = Assets::get(name)?;
    let caching = if cfg!(debug_assertions) {
        "no-cache"
    } else {
        "public, max-age=31536000, immutable"
    };
    Some(answer(name, file.data.into_owned(), caching))
}

/// A file under a fixed name: kept by nobody without asking.
fn fresh(name: &str, build: &str, request: &Request) -> Option<Response> {
    let tag = HeaderValue::from_str(&format!("\"{build}\"")).ok()?;
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.to_str().is_ok_and(|value| value.contains(build)));
    let mut response = if known && !cfg!(debug_assertions) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let data = Assets::get(name)?.data;
        let data = match name {
            "index.html" | "manifest.json" => String::from_utf8_lossy(&data)
                .replace(PLACEHOLDER, build)
                .into_bytes(),
            _ => data.into_owned(),
        };
        answer(name, data, "no-cache")
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(header::ETAG, tag);
    Some(response)
}

fn answer(name: &str, data: Vec<u8>, caching: &'static str) -> Response {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let kind = match kind.essence_str() {
        "text/html" | "text/css" | "text/javascript" | "application/json" => {
            format!("{kind}; charset=utf-8")
        }
        _ => kind.to_string(),
    };
    let mut response = Response::new(Body::from(data));
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}
