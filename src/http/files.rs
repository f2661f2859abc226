//! `GET /api/files/{id}`: a file on its way out, whole or a range of it. To
//! whoever may not have it, it is not there.

use std::io::SeekFrom;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use payambar_signaling::ids::{FileId, UserId};
use payambar_signaling::wire::Code;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::api::Answer;
use super::client::PeerAddr;
use super::error::ApiError;
use super::{App, auth};
use crate::files::{disposition, is_inline, sniff};
use crate::store::files::Served;
use crate::store::{files, now, sessions};

/// The picture of a person stays the same under its address.
const AVATAR_CACHING: &str = "private, max-age=604800, immutable";

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// A file may do nothing in our name, should a browser ever take it for a page.
const CSP: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'";

/// `GET /api/files/{id}`.
pub async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    peer: Extension<PeerAddr>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let id: FileId = id.parse().map_err(|_| Code::NotFound)?;
    let query = query.unwrap_or_default();
    let thumb = query.split('&').any(|pair| pair == "size=thumb");
    let reader = match auth::bearer(&headers) {
        Some(token) => Some(auth::session(&app, token, *peer, &headers).await?.user),
        None => owner(&app, id, &query).await?,
    };
    let served = app
        .store
        .read(move |connection| files::find(connection, id, reader, thumb))
        .await?
        .ok_or(Code::NotFound)?;
    let tag = format!("\"{id}{}\"", if thumb { "-t" } else { "" });
    let wanted = Wanted {
        head: method == Method::HEAD,
        thumb,
        headers: &headers,
    };
    send(&app, &served, &tag, wanted).await
}

/// What of a file is asked for.
struct Wanted<'a> {
    head: bool,
    thumb: bool,
    headers: &'a HeaderMap,
}

/// Whose session it is that the address was made for.
async fn owner(app: &App, id: FileId, query: &str) -> Result<Option<UserId>, ApiError> {
    let Some(session) = app.files.links.check(id, query, now()) else {
        return Ok(None);
    };
    Ok(app
        .store
        .read(move |connection| sessions::person(connection, session))
        .await?)
}

async fn send(app: &App, served: &Served, tag: &str, wanted: Wanted<'_>) -> Answer {
    let Wanted {
        head,
        thumb,
        headers,
    } = wanted;
    let mut file = app.files.blobs.read(&served.blob).await.map_err(|error| {
        tracing::error!(%error, "a file cannot be read");
        Code::Internal
    })?;
    let kind = if thumb {
        thumb_type(&mut file).await
    } else {
        served.content_type.as_str()
    };
    let inline = is_inline(kind);
    let known = text(headers, header::IF_NONE_MATCH);
    let (status, from, length) = if known.is_some_and(|known| known.contains(tag)) {
        (StatusCode::NOT_MODIFIED, 0, 0)
    } else {
        part(headers, served.size_bytes, tag)
    };
    let mut response = if head || length == 0 {
        Response::new(Body::empty())
    } else {
        file.seek(SeekFrom::Start(from))
            .await
            .map_err(|_| Code::Internal)?;
        Response::new(Body::from_stream(stream::try_unfold((file, length), chunk)))
    };
    *response.status_mut() = status;
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::ETAG, tag);
    set(header::CONTENT_SECURITY_POLICY, CSP);
    if served.is_avatar {
        set(header::CACHE_CONTROL, AVATAR_CACHING);
    }
    set(header::ACCEPT_RANGES, "bytes");
    if status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    set(
        header::CONTENT_TYPE,
        if inline {
            kind
        } else {
            "application/octet-stream"
        },
    );
    set(
        header::CONTENT_DISPOSITION,
        &disposition(&served.name, inline),
    );
    set(header::CONTENT_LENGTH, &length.to_string());
    let size = served.size_bytes;
    if status == StatusCode::PARTIAL_CONTENT {
        let last = from + length - 1;
        set(
            header::CONTENT_RANGE,
            &format!("bytes {from}-{last}/{size}"),
        );
    } else if status == StatusCode::RANGE_NOT_SATISFIABLE {
        set(header::CONTENT_RANGE, &format!("bytes */{size}"));
    }
    Ok(response.into_response())
}

/// Small pictures are ours; which kind was chosen is in their bytes.
async fn thumb_type(file: &mut tokio::fs::File) -> &'static str {
    let mut head = [0; 16];
    let read = file.read(&mut head).await.unwrap_or(0);
    sniff(head.get(..read).unwrap_or_default(), false)
}

async fn chunk(
    (mut file, left): (tokio::fs::File, u64),
) -> std::io::Result<Option<(Bytes, (tokio::fs::File, u64))>> {
    let mut buffer = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
    let read = file.read(&mut buffer).await?;
    buffer.truncate(read);
    if read == 0 {
        return Ok(None);
    }
    let left = left.saturating_sub(u64::try_from(read).unwrap_or(0));
    Ok(Some((buffer.into(), (file, left))))
}

/// Status, first byte and length of what is sent. What is no single range in
/// bytes is passed over, as RFC 9110 §14.2 lets us: the whole file goes.
fn part(headers: &HeaderMap, size: u64, tag: &str) -> (StatusCode, u64, u64) {
    let whole = (StatusCode::OK, 0, size);
    let unchanged = text(headers, header::IF_RANGE).is_none_or(|known| known == tag);
    let Some(range) = text(headers, header::RANGE).filter(|_| unchanged) else {
        return whole;
    };
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return whole;
    };
    let number = |digits: &str| digits.trim().parse::<u64>().ok();
    let (from, to) = match (number(first), number(last)) {
        (Some(from), Some(to)) if from <= to => (from, to.saturating_add(1).min(size)),
        (Some(from), None) if last.trim().is_empty() => (from, size),
        (None, Some(length)) if first.trim().is_empty() => (size.saturating_sub(length), size),
        (Some(_) | None, Some(_) | None) => return whole,
    };
    if from >= to {
        return (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0);
    }
    (StatusCode::PARTIAL_CONTENT, from, to - from)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> (u16, u64, u64) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        let (status, from, length) = part(&headers, 100, "\"t\"");
        (status.as_u16(), from, length)
    }

    #[test]
    fn one_range_is_answered_with_that_part() {
        assert_eq!(asked("bytes=0-0"), (206, 0, 1));
        assert_eq!(asked("bytes=10-19"), (206, 10, 10));
        assert_eq!(asked("bytes=90-"), (206, 90, 10));
        assert_eq!(asked("bytes=90-1000"), (206, 90, 10));
        assert_eq!(asked("bytes=-10"), (206, 90, 10));
        assert_eq!(asked("bytes=-1000"), (206, 0, 100));
    }

    #[test]
    fn a_range_outside_the_file_cannot_be_had() {
        assert_eq!(asked("bytes=100-").0, 416);
        assert_eq!(asked("bytes=100-200").0, 416);
        assert_eq!(asked("bytes=-0").0, 416);
    }

    #[test]
    fn what_is_no_range_is_passed_over() {
        for range in [
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes=a-b",
            "bytes=1",
            "bytes=-5-6",
        ] {
            assert_eq!(asked(range), (200, 0, 100), "{range}");
        }
    }

    #[test]
    fn a_range_of_another_file_is_not_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-1".parse().unwrap());
        headers.insert(header::IF_RANGE, "\"old\"".parse().unwrap());
        assert_eq!(part(&headers, 100, "\"t\"").0, 200);
        headers.insert(header::IF_RANGE, "\"t\"".parse().unwrap());
        assert_eq!(part(&headers, 100, "\"t\"").0, 206);
    }
}
