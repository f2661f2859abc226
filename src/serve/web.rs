//! Accepts connections and says when to stop.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tower::ServiceExt as _;

use crate::http::PeerAddr;

/// A caller has this long to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Accepts connections until `stop` resolves.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of files or the like: it passes when others close.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => return graceful,
        };
        // Small frames must not wait for the acknowledgement of the last one.
        let _ = stream.set_nodelay(true);
        let peer = PeerAddr(peer.ip().to_canonical());
        let service = router.clone().map_request(
            move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(peer);
                request.map(axum::body::Body::new)
            },
        );
        let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD);
        let connection = server.serve_connection_with_upgrades(
            TokioIo::new(stream),
            TowerToHyperService::new(service),
        );
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

/// What the host says to a server that is to stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they do not end the process by themselves.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says what to do about an address that cannot be listened on.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other causes have no advice of their own"
)]
pub(super) fn explain_bind(address: SocketAddr, error: &io::Error) -> String {
    let fix = match error.kind() {
        io::ErrorKind::AddrInUse => "another program has it; stop that one or set PORT",
        io::ErrorKind::PermissionDenied => "ports below 1024 need rights; set PORT to a higher one",
        io::ErrorKind::AddrNotAvailable => "this host does not have that address; set LISTEN",
        _ => "set LISTEN and PORT",
    };
    format!("cannot listen on {address} ({error}): {fix}")
}
