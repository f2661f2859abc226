//! The sender against push services in the same process, over real TLS.

use std::net::Ipv4Addr;

use payambar_signaling::ids::{SessionId, UserId};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::i18n::Lang;
use crate::push::Keys;
use crate::store::{Subscription, SubscriptionId};

/// A push service with a certificate for this name; says one answer to each.
async fn service(name: &str, answer: &'static str) -> (u16, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 16];
            stream.read_exact(&mut head).await.unwrap();
            assert_eq!(&head, b"POST /wpush/v2/x");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, certificate)
}

async fn send(port: u16, trusted: Option<CertificateDer<'static>>, allowed: bool) -> Outcome {
    let mut roots = RootCertStore::empty();
    trusted
        .into_iter()
        .for_each(|root| roots.add(root).unwrap());
    let hosts = allowed.then(|| "localhost".to_owned());
    let allowed = AllowedHosts::new(hosts.into_iter().collect());
    let sender = Sender::with_roots(allowed, roots).unwrap();
    // The browser of RFC 8291 appendix A.
    let point =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    let point = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, point);
    let push = Push {
        to: Arc::new(Subscription {
            id: SubscriptionId(1),
            user: UserId(1),
            session: SessionId(1),
            endpoint: format!("https://localhost:{port}/wpush/v2/x"),
            keys: Keys {
                p256dh: point.unwrap().try_into().unwrap(),
                auth: [7; 16],
            },
            lang: Lang::Fa,
        }),
        kind: Kind::Message,
        topic: "t".to_owned(),
        ttl: Duration::from_secs(60),
        text: b"{}".as_slice().into(),
    };
    sender.send(&push, "vapid t=x, k=y").await
}

#[tokio::test]
async fn a_push_goes_out_over_tls_to_a_host_with_the_right_certificate_alone() {
    const CREATED: &str = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
    let (port, certificate) = service("localhost", CREATED).await;
    let trusted = send(port, Some(certificate), true).await;
    assert_eq!(trusted, Outcome::Accepted);
    assert_eq!(send(port, None, true).await, Outcome::Unreachable);
    let (port, certificate) = service("other.example", CREATED).await;
    let other_name = send(port, Some(certificate), true).await;
    assert_eq!(other_name, Outcome::Unreachable);
}

#[tokio::test]
async fn a_name_that_leads_to_our_own_network_is_not_called() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(send(port, None, false).await, Outcome::Forbidden);
    let called = listener.accept().map(|_| ());
    assert_eq!(
        called.map_err(|error| error.kind()),
        Err(std::io::ErrorKind::WouldBlock)
    );
}

#[tokio::test]
async fn a_long_head_is_cut_off() {
    let long: &'static str =
        format!("HTTP/1.1 201 Created\r\nx: {}\r\n\r\n", "x".repeat(40_000)).leak();
    let (port, certificate) = service("localhost", long).await;
    let cut_off = send(port, Some(certificate), true).await;
    assert_eq!(cut_off, Outcome::Unreachable);
}

#[tokio::test]
async fn a_long_body_is_not_read() {
    let long = "HTTP/1.1 201 Created\r\ncontent-length: 1000000000000\r\n\r\nx";
    let (port, certificate) = service("localhost", long).await;
    let unread = send(port, Some(certificate), true).await;
    assert_eq!(unread, Outcome::Accepted);
}

#[test]
fn each_status_means_what_the_rfc_says() {
    let judge = |status: u16| {
        let status = StatusCode::from_u16(status).unwrap();
        judge(status, &HeaderMap::new(), SystemTime::UNIX_EPOCH)
    };
    for (statuses, outcome) in [
        (&[200, 201, 202, 204][..], Outcome::Accepted),
        (&[404, 410], Outcome::Gone),
        (&[408, 429, 500, 502, 503, 504], Outcome::Later(None)),
        (&[301, 302, 307, 308, 400, 401, 403, 413], Outcome::Refused),
    ] {
        for status in statuses {
            assert_eq!(judge(*status), outcome, "{status}");
        }
    }
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
    for (value, seconds) in [
        ("120", Some(120)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Sun, 06 Nov 1994 08:48:37 GMT", None),
        ("-1", None),
        ("soon", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", value.parse().unwrap());
        let expected = seconds.map(Duration::from_secs);
        assert_eq!(retry_after(&headers, now), expected, "{value}");
    }
}
