//! One WebSocket: the upgrade, frames in to the hub, frames out of the outbox.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use payambar_signaling::hub::{Input, Known};
use payambar_signaling::ids::{ConnId, ConversationId, Seq};
use payambar_signaling::wire::Code;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::client::{self, PeerAddr};
use super::error::ApiError;
use super::{App, auth};
use crate::config::Origins;
use crate::i18n::Lang;
use crate::pump::{self, FrameReceiver, Outbox, Outgoing, Pump, Taken};
use crate::store::{Session, people, sessions};

/// The largest frame and message in bytes (close 1009 above).
const FRAME: usize = 128 * 1024;

/// Bytes read at a time: some frames. The library's default of 128 KiB costs
/// that much memory for every idle socket.
const READ_BUFFER: usize = 1024;

/// Bytes that are written at once.
const WRITE_BUFFER: usize = 4 * 1024;

/// Bytes that wait for a reader who does not read, above which nothing more is
/// taken: the library answers pings by itself, also those of a flood.
const MAX_WRITE_BUFFER: usize = 2 * FRAME;

/// How often the other side is asked whether it lives; below the 100 s after
/// which proxies cut idle connections.
const PING_EVERY: Duration = Duration::from_secs(25);

/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// How long one write may take.
const WRITE: Duration = Duration::from_secs(10);

/// How long the other side has to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// `GET /ws`: checks token and origin, then switches protocols.
pub async fn upgrade(
    State(app): State<Arc<App>>,
    peer: axum::Extension<PeerAddr>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers();
    let protocol = subprotocol(headers);
    let query = request.uri().query().unwrap_or_default();
    let query_token = || {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="))
    };
    let token = protocol
        .as_ref()
        .map(|(_, token)| token.as_str())
        .or_else(|| auth::bearer(headers))
        .or_else(query_token);
    let session = auth::session(&app, token.ok_or(Code::MissingToken)?, peer.0, headers).await?;
    if !is_allowed_origin(&app, peer.0.0, headers) {
        return Err(Code::OriginForbidden.into());
    }
    let asks = |name, wanted: &str| {
        let value: Option<&HeaderValue> = headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains(wanted))
    };
    let is_websocket = asks(header::UPGRADE, "websocket")
        && asks(header::CONNECTION, "upgrade")
        && asks(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .filter(|_| is_websocket)
        .map(|key| derive_accept_key(key.as_bytes()));
    let accept = key
        .and_then(|key| HeaderValue::from_str(&key).ok())
        .ok_or(Code::BadRequest)?;
    let language = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let lang = Lang::from_header(language, app.config.default_lang);

    let user = session.user;
    let known = app
        .store
        .read(move |connection| people::known(connection, user))
        .await?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(run(Arc::clone(&app), upgrade, (session, known), lang));

    let mut response = (StatusCode::SWITCHING_PROTOCOLS, Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some((name, _)) =
        protocol.and_then(|(name, token)| Some((HeaderValue::from_str(&name).ok()?, token)))
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    Ok(response)
}

/// The token of `Sec-WebSocket-Protocol: bearer, <token>`, with the name that
/// has to be answered.
fn subprotocol(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let mut items = value.split(',').map(str::trim);
    let name = items.next()?;
    let is_ours = name.eq_ignore_ascii_case("bearer") || name.eq_ignore_ascii_case("authorization");
    is_ours
        .then(|| items.next())
        .flatten()
        .map(|token| (name.to_owned(), token.to_owned()))
}

/// A page may open the socket if it is our own or listed; a program that sends
/// no `Origin` is no page.
fn is_allowed_origin(app: &App, peer: std::net::IpAddr, headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or("\0"))
    };
    let Some(origin) = text(header::ORIGIN) else {
        return true;
    };
    let own = match &app.config.public_url {
        Some(public) => origin == public,
        None => text(header::HOST).is_some_and(|host| {
            let scheme = client::scheme(peer, headers, &app.config.trusted_proxies);
            origin == format!("{scheme}://{host}")
        }),
    };
    own || match &app.config.origins {
        Origins::Any => true,
        Origins::Listed(list) => list.iter().any(|listed| listed == origin),
    }
}

async fn run(app: Arc<App>, upgrade: OnUpgrade, (session, known): (Session, Known), lang: Lang) {
    let Ok(upgraded) = upgrade.await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(FRAME))
        .max_frame_size(Some(FRAME));
    let socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (writer, reader) = socket.split();
    let (frames, outgoing) = pump::channel();
    let conn = app
        .pump
        .attach(
            session.user,
            session.id,
            known,
            Outbox {
                frames,
                lang,
                session: session.id,
            },
        )
        .await;
    tracing::debug!(%conn, session = %session.id, "socket opened");
    // Ended between the look at its token and the arrival at the hub, which
    // then heard of the end before it knew this socket.
    let lives = app
        .store
        .read(move |connection| sessions::lives(connection, session.id));
    if !matches!(lives.await, Ok(true)) {
        app.pump.session_ended(session.user, session.id).await;
    }

    let (refused, refusal) = oneshot::channel();
    let writing = Writing {
        pump: app.pump.clone(),
        conn,
        writer,
    };
    let writing = tokio::spawn(writing.run(outgoing, refusal));
    // A task of its own: the way here took three times the room that the
    // socket needs while it is open.
    tokio::spawn(attend(app.pump.clone(), conn, reader, writing, refused));
}

/// Stays with an open socket until one of its halves ends, and ends the other.
async fn attend(
    pump: Pump,
    conn: ConnId,
    reader: SplitStream<Socket>,
    mut writing: JoinHandle<()>,
    refused: oneshot::Sender<Option<CloseCode>>,
) {
    let reading = read(&pump, conn, reader);
    tokio::pin!(reading);
    tokio::select! {
        close = &mut reading => {
            // Before the pump lets go of the outbox, which ends the writer too.
            let _ = refused.send(close);
            pump.input(Input::Disconnected { conn }).await;
            let _ = timeout(WRITE, &mut writing).await;
        }
        _ = &mut writing => {
            pump.input(Input::Disconnected { conn }).await;
            // Closing with unread bytes would reset the connection, and the
            // client would never see the code it is closed with.
            let _ = timeout(FAREWELL, &mut reading).await;
        }
    }
    writing.abort();
    tracing::debug!(%conn, "socket closed");
}

/// Reads until the socket ends; says with which code to close it, if any.
async fn read(pump: &Pump, conn: ConnId, mut reader: SplitStream<Socket>) -> Option<CloseCode> {
    loop {
        let message = match timeout(SILENCE, reader.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return close_code(&error),
            Ok(None) => return None,
            Err(_) => return Some(CloseCode::Away),
        };
        match message {
            Message::Text(text) => {
                pump.input(Input::Text {
                    conn,
                    text: text.as_str().to_owned(),
                })
                .await
            }
            Message::Binary(_) => return Some(CloseCode::Unsupported),
            // The library answers pings with the next read.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            Message::Close(_) => return Some(CloseCode::Normal),
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's enum may grow; what is new closes without a word"
)]
fn close_code(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        _ => None,
    }
}

struct Writing {
    pump: Pump,
    conn: ConnId,
    writer: SplitSink<Socket, Message>,
}

impl Writing {
    async fn run(
        mut self,
        mut frames: FrameReceiver,
        mut refusal: oneshot::Receiver<Option<CloseCode>>,
    ) {
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        let code = loop {
            let written = tokio::select! {
                biased;
                code = &mut refusal => break code.ok().flatten(),
                taken = frames.take() => match taken {
                    Taken::Frames(batch) => self.write(batch).await,
                    Taken::Close(code) => break Some(CloseCode::from(code)),
                    Taken::Ended => break None,
                },
                _ = ping.tick() => self.send(Message::Ping(bytes::Bytes::new())).await,
            };
            if written.is_err() {
                return;
            }
        };
        if let Some(code) = code {
            let frame = CloseFrame {
                code,
                reason: Utf8Bytes::default(),
            };
            let _ = self.send(Message::Close(Some(frame))).await;
        }
        let _ = timeout(WRITE, self.writer.close()).await;
    }

    /// Writes what is waiting with one flush, then reports what went out.
    async fn write(&mut self, batch: VecDeque<Outgoing>) -> Result<(), ()> {
        let mut receipts = BTreeMap::<ConversationId, Seq>::new();
        let writing = async {
            for Outgoing { text, receipt } in batch {
                self.writer.feed(Message::Text(text)).await?;
                if let Some((conversation, seq)) = receipt {
                    let newest = receipts.entry(conversation).or_insert(seq);
                    *newest = seq.max(*newest);
                }
            }
            self.writer.flush().await
        };
        match timeout(WRITE, writing).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(()),
        }
        for (conversation, seq) in receipts {
            self.pump
                .input(Input::Written {
                    conn: self.conn,
                    conversation,
                    seq,
                })
                .await;
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), ()> {
        match timeout(WRITE, self.writer.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }
}
