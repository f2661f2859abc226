//! Where a request comes from and by which id it is followed: through the log,
//! the answer and the audit.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::App;
use super::auth;
use super::client::PeerAddr;
use super::error::ApiError;
use crate::store::audit::Origin;

/// Carries the id in and out.
pub const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest id taken from a caller.
const LONGEST: usize = 64;

/// Gives a request its id: the caller's where it can stand in a log, else a new
/// one. From here on the header holds it.
pub fn name(headers: &mut HeaderMap) -> HeaderValue {
    let given = [HEADER, HeaderName::from_static("x-request-id")]
        .iter()
        .filter_map(|name| headers.get(name))
        .find(|value| is_plain(value.as_bytes()))
        .cloned();
    let id = given.unwrap_or_else(|| {
        let made = Uuid::now_v7().to_string();
        HeaderValue::from_str(&made).unwrap_or_else(|_| HeaderValue::from_static("none"))
    });
    headers.insert(HEADER, id.clone());
    id
}

fn is_plain(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

/// Where these headers come from; by whom is not known yet.
pub fn origin(app: &App, peer: PeerAddr, headers: &HeaderMap) -> Origin {
    let id = headers.get(HEADER).and_then(|id| id.to_str().ok());
    Origin {
        address: auth::address(app, peer, headers),
        correlation_id: id.unwrap_or_default().to_owned(),
        ..Origin::default()
    }
}

/// The same as a part of a request.
pub struct From(pub Origin);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get().copied();
        let peer = peer.ok_or(payambar_signaling::wire::Code::Internal)?;
        Ok(Self(origin(app, peer, &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(given: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let id = name(&mut headers);
        assert_eq!(headers.get(HEADER), Some(&id));
        id.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_plain_id_of_the_caller_is_kept_and_any_other_replaced() {
        assert_eq!(named(&[("x-correlation-id", "a-1_b.2")]), "a-1_b.2");
        assert_eq!(named(&[("x-request-id", "r7")]), "r7");
        assert_eq!(
            named(&[("x-correlation-id", "two words"), ("x-request-id", "r7")]),
            "r7"
        );
        let long = "x".repeat(LONGEST + 1);
        for odd in ["", "a b", "<script>", "a\"b", &long] {
            let made = named(&[("x-correlation-id", odd)]);
            assert_eq!(made.len(), 36, "{odd}: {made}");
        }
        assert_ne!(named(&[]), named(&[]));
    }
}
