//! Carries one push to its push service: looks up the host, connects to an
//! address that was checked, says the request and reads the status. Follows
//! no redirect, reads no body, waits for nothing long.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::encrypt;
use super::endpoint::{AllowedHosts, Endpoint, Refusal};
use super::queue::{Kind, Outcome, Push};

/// From the look-up to the status.
const PATIENCE: Duration = Duration::from_secs(10);

/// To one address, so that the next one gets its turn.
const CONNECT: Duration = Duration::from_secs(3);

/// Addresses of a host that are tried.
const ADDRESSES: usize = 3;

/// The longest head of an answer in bytes.
const HEAD: usize = 16 * 1024;

/// What all pushes have in common.
pub struct Sender {
    tls: TlsConnector,
    allowed: AllowedHosts,
}

/// The push service said nothing, or nothing we can read.
struct Silent;

impl Sender {
    /// A sender that believes the certificates browsers believe.
    ///
    /// # Errors
    ///
    /// The TLS library's.
    pub fn new(allowed: AllowedHosts) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Self::with_roots(allowed, roots)
    }

    fn with_roots(allowed: AllowedHosts, roots: RootCertStore) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            allowed,
        })
    }

    /// Reads an address a browser named, and looks whether its host is public.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub async fn examine(&self, address: &str) -> Result<Endpoint, Refusal> {
        let endpoint = Endpoint::parse(address, &self.allowed)?;
        let found = tokio::time::timeout(PATIENCE, endpoint.resolve()).await;
        found.map_err(|_| Refusal::NoAddress)??;
        Ok(endpoint)
    }

    /// The origin of an address, for the token.
    pub fn origin(&self, address: &str) -> Option<String> {
        let endpoint = Endpoint::parse(address, &self.allowed);
        endpoint.ok().map(|endpoint| endpoint.origin())
    }

    /// Sends a push under this `Authorization`.
    pub async fn send(&self, push: &Push, authorization: &str) -> Outcome {
        let sent = tokio::time::timeout(PATIENCE, self.try_send(push, authorization)).await;
        sent.unwrap_or(Ok(Outcome::Unreachable))
            .unwrap_or_else(|refusal| match refusal {
                Refusal::Shape | Refusal::NotPublic => Outcome::Forbidden,
                Refusal::NoAddress => Outcome::Unreachable,
            })
    }

    async fn try_send(&self, push: &Push, authorization: &str) -> Result<Outcome, Refusal> {
        // The name may lead elsewhere than when the browser subscribed.
        let endpoint = Endpoint::parse(&push.to.endpoint, &self.allowed)?;
        let addresses = endpoint.resolve().await?;
        let Some(request) = request(&endpoint, push, authorization) else {
            return Ok(Outcome::Refused);
        };
        let answered = match connect(&addresses).await {
            None => Err(Silent),
            Some(stream) if endpoint.is_tls() => self.talk_tls(&endpoint, stream, request).await,
            Some(stream) => talk(stream, request).await,
        };
        Ok(answered.map_or(Outcome::Unreachable, |(status, headers)| {
            judge(status, &headers, SystemTime::now())
        }))
    }

    async fn talk_tls(
        &self,
        endpoint: &Endpoint,
        stream: TcpStream,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap), Silent> {
        let name = ServerName::try_from(endpoint.host().to_owned()).map_err(|_| Silent)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| {
            tracing::debug!(%error, "no TLS with a push service");
            Silent
        })?;
        talk(stream, request).await
    }
}

async fn connect(addresses: &[SocketAddr]) -> Option<TcpStream> {
    for address in addresses.iter().take(ADDRESSES) {
        let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
        if let Ok(Ok(stream)) = connected {
            // One small request and its answer.
            let _ = stream.set_nodelay(true);
            return Some(stream);
        }
    }
    None
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, HeaderMap), Silent> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Silent)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(|_| Silent)?;
        let (head, _body) = answer.into_parts();
        Ok((head.status, head.headers))
    };
    tokio::pin!(answer, connection);
    // The connection ends with the answer, and the other way round.
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

fn request(endpoint: &Endpoint, push: &Push, authorization: &str) -> Option<Request<Full<Bytes>>> {
    let body = encrypt::encrypt(&push.to.keys, &push.text)
        .inspect_err(|error| tracing::warn!(%error, "a push cannot be encrypted"))
        .ok()?;
    let urgency = match push.kind {
        Kind::Message => "normal",
        Kind::Ringing(_) | Kind::RingingOver => "high",
    };
    Request::post(endpoint.target())
        .header(header::HOST, endpoint.authority())
        .header(header::AUTHORIZATION, authorization)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_ENCODING, "aes128gcm")
        .header("ttl", push.ttl.as_secs())
        .header("urgency", urgency)
        .header("topic", &push.topic)
        .body(Full::new(Bytes::from(body)))
        .ok()
}

/// What a status means (RFC 8030 §5, §7.3, §8.4).
fn judge(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Outcome {
    match status {
        status if status.is_success() => Outcome::Accepted,
        StatusCode::NOT_FOUND | StatusCode::GONE => Outcome::Gone,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Outcome::Later(retry_after(headers, now))
        }
        status if status.is_server_error() => Outcome::Later(retry_after(headers, now)),
        // A redirect too: who sends us elsewhere is no push service.
        _ => Outcome::Refused,
    }
}

/// `Retry-After` as seconds or as a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    at.duration_since(now).ok()
}

#[cfg(test)]
mod tests;
