//! Composition: open the store, bind, start; and drain in reverse order.

use std::error::Error;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use payambar_media::{Key, RelayAddress, RelayConfig, RelayHandle, long_term_key};
use payambar_signaling::hub::Limits;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use crate::accounts::Accounts;
use crate::config::{ANY, Config, Environment, Redacted, TurnConfig};
use crate::host::{self, External};
use crate::http::{
    App, Ice, LOGIN_PER_MINUTE, PeerAddr, REGISTER_PER_MINUTE, Site, Tokens, Windows,
    install_crypto, router,
};
use crate::i18n::Catalogue;
use crate::pump::{Parts, Pump};
use crate::secrets;
use crate::store::Store;

/// How long requests in flight may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(8);

/// A caller has this long to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Files besides relay ports: web sockets, database, log.
const OTHER_FILES: u64 = 2048;

/// Runs the server until it is told to stop.
///
/// # Errors
///
/// Whatever keeps it from starting, as a sentence for the operator.
pub fn run(config: Config) -> Result<(), Box<dyn Error>> {
    install_crypto();
    // Up to two cores one thread is faster: batches stay whole.
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), environment = ?config.environment, "Payambar starts");
    secrets::private_dir(&config.data_dir)?;
    let _lock = lock(&config.data_dir)?;
    let files = host::raise_file_limit();
    secrets::private_dir(&config.file_storage)?;
    let jwt = config
        .jwt_secret
        .clone()
        .map_or_else(|| secrets::load_or_make(&config.data_dir, "jwt"), Ok)?;
    let turn_secret = match config.turn.as_ref().and_then(|turn| turn.secret.clone()) {
        Some(secret) => secret,
        None => secrets::load_or_make(&config.data_dir, "turn")?,
    };
    let (outcomes_in, outcomes) = mpsc::unbounded_channel();
    let on_batch = Box::new(move |batch| {
        // Fails only while the server stops, when nobody waits any more.
        let _ = outcomes_in.send(batch);
    });
    let store = Store::open(&config.database, on_batch)?;
    let listener = TcpListener::bind(config.web)
        .await
        .map_err(|error| explain_bind(config.web, &error))?;

    let addresses = host::addresses();
    let set = config.turn.as_ref().and_then(|turn| turn.external_ip);
    let external = host::external(set, &addresses, host::routed());
    let relay = match &config.turn {
        Some(turn) => Some(Arc::new(start_relay(
            turn,
            &turn_secret,
            &external,
            &addresses,
            config.environment,
            files,
        )?)),
        None => None,
    };
    let catalogue = Arc::new(Catalogue::load());
    let limits = if config.rate_limit {
        Limits::default()
    } else {
        Limits {
            call_frames: None,
            other_frames: None,
            ..Limits::default()
        }
    };
    let pump = Pump::start(Parts {
        store: store.clone(),
        outcomes,
        relay: relay.clone(),
        catalogue: Arc::clone(&catalogue),
        limits,
    });
    let accounts = Accounts::new(store.clone(), config.bcrypt_cost);
    let windows = |calls| config.rate_limit.then(|| Windows::new(calls));
    let app = Arc::new(App {
        tokens: Tokens::new(&jwt),
        ice: Ice::new(&config, &turn_secret, external.ip, &addresses),
        site: Site::new(),
        register_limit: windows(REGISTER_PER_MINUTE),
        login_limit: windows(LOGIN_PER_MINUTE),
        accounts: accounts.clone(),
        pump: pump.clone(),
        store: store.clone(),
        catalogue,
        config,
    });
    tokio::spawn(async move {
        if let Err(error) = accounts.warm().await {
            tracing::error!(%error, "the hash for unknown names cannot be made");
        }
    });
    tracing::info!(address = %listener.local_addr()?, "web listens");

    let stopped = accept(listener, app, stop_signal()?).await;
    tracing::info!("stopping");
    pump.stop().await;
    if tokio::time::timeout(DRAIN, stopped.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests in flight were cut off");
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    if let Some(relay) = relay {
        report(&relay);
    }
    tracing::info!("stopped");
    Ok(())
}

/// Keeps a second server away from the same data: two of them would each take
/// the other's people for offline. Held until the returned file is dropped.
fn lock(data_dir: &Path) -> Result<File, String> {
    let path = data_dir.join("server.lock");
    let explain = |error: &dyn std::fmt::Display| {
        let (data_dir, path) = (data_dir.display(), path.display());
        format!(
            "cannot lock {path} ({error}): is another server running on {data_dir}? Stop it, or set DATA_DIR"
        )
    };
    let file = File::create(&path).map_err(|error| explain(&error))?;
    file.try_lock().map_err(|error| explain(&error))?;
    Ok(file)
}

/// Accepts connections until `stop` resolves.
async fn accept(
    listener: TcpListener,
    app: Arc<App>,
    stop: impl Future<Output = ()>,
) -> GracefulShutdown {
    let graceful = GracefulShutdown::new();
    let router = router(app);
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

fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other causes have no advice of their own"
)]
fn explain_bind(address: SocketAddr, error: &io::Error) -> String {
    let fix = match error.kind() {
        io::ErrorKind::AddrInUse => "another program has it; stop that one or set PORT",
        io::ErrorKind::PermissionDenied => "ports below 1024 need rights; set PORT to a higher one",
        io::ErrorKind::AddrNotAvailable => "this host does not have that address; set LISTEN",
        _ => "set LISTEN and PORT",
    };
    format!("cannot listen on {address} ({error}): {fix}")
}

fn start_relay(
    turn: &TurnConfig,
    secret: &Redacted<String>,
    external: &External,
    addresses: &[IpAddr],
    environment: Environment,
    files: Option<u64>,
) -> Result<RelayHandle, Box<dyn Error>> {
    tracing::info!(ip = %external.ip, why = external.why, "callers are told this relay address");
    if environment == Environment::Production && !external.public {
        tracing::warn!(ip = %external.ip, "callers outside this network cannot reach that address; set TURN_EXTERNAL_IP to the public one");
    }
    for network in &turn.allow_peers {
        tracing::warn!(%network, "TURN_ALLOW_PEERS opens this range for relaying");
    }
    let ports = u64::from(turn.ports.1 - turn.ports.0) + 1;
    if let Some(limit) = files
        && limit < ports + OTHER_FILES
    {
        let usable = limit.saturating_sub(OTHER_FILES);
        tracing::warn!(
            limit,
            ports,
            usable,
            "fewer files may be open than there are relay ports; raise LimitNOFILE"
        );
    }
    let mut relays = vec![IpAddr::V4(external.ip)];
    relays.extend(host::external_v6(turn, addresses).map(IpAddr::V6));
    match relays.get(1) {
        Some(ip) => tracing::info!(%ip, "the relay also has this IPv6 address"),
        None => tracing::info!("no global IPv6 address was found: the relay has IPv4 alone"),
    }
    let mut own_addresses = addresses.to_vec();
    own_addresses.extend(&relays);
    let relays: Vec<RelayAddress> = relays
        .iter()
        .map(|ip| relay_address(*ip, addresses))
        .collect();
    let realm = &turn.realm;
    let static_users: Vec<(String, Key)> = turn
        .static_pair
        .iter()
        .filter_map(|(name, password)| {
            let key = long_term_key(name, realm, password.expose())?;
            Some((name.clone(), key))
        })
        .collect();
    let bytes_per_second = |kbits: u64| kbits * 1000 / 8;
    let config = |listen: &[IpAddr]| RelayConfig {
        listen: listen
            .iter()
            .map(|ip| SocketAddr::new(*ip, turn.port))
            .collect(),
        relays: relays.clone(),
        ports: turn.ports.0..=turn.ports.1,
        excluded_ports: vec![turn.sfu_port],
        realm: turn.realm.clone(),
        secret: secret.expose().as_bytes().to_vec(),
        static_users: static_users.clone(),
        own_addresses: own_addresses.clone(),
        allow_peers: turn.allow_peers.clone(),
        max_allocations_per_user: turn.max_allocations_per_user,
        max_allocations_per_ip_static: turn.max_allocations_per_ip.0,
        max_allocations_per_ip_session: turn.max_allocations_per_ip.1,
        max_allocations: turn.max_allocations,
        max_bytes_per_second_each: bytes_per_second(turn.max_kbits_per_allocation),
        max_bytes_per_second: bytes_per_second(turn.max_kbits),
        max_unauthenticated_answers: turn.max_unauthenticated_answers,
        legacy_channels: turn.legacy_channels,
        max_credential_lifetime: turn.credential_ttl,
    };
    let started = match &turn.listen {
        Some(listen) => payambar_media::start(config(listen)),
        // A host without IPv6 still relays for everybody it can reach.
        None => payambar_media::start(config(&ANY)).or_else(|both| {
            tracing::debug!(error = %both, "the relay cannot listen on IPv6 and IPv4; trying IPv4 alone");
            payambar_media::start(config(&[IpAddr::V4(Ipv4Addr::UNSPECIFIED)]))
        }),
    };
    let relay = started.map_err(|error| {
        format!(
            "the relay cannot start: {error}; set TURN_LISTEN or TURN_PORT, or TURN_ENABLED=false"
        )
    })?;
    for address in relay.local_addresses() {
        tracing::info!(%address, "STUN and TURN listen (UDP)");
    }
    Ok(relay)
}

/// Behind a NAT the address that others see is not ours to bind.
fn relay_address(advertise: IpAddr, local: &[IpAddr]) -> RelayAddress {
    let any = match advertise {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let is_local = local.contains(&advertise);
    RelayAddress {
        bind: if is_local { advertise } else { any },
        advertise,
    }
}

/// Says at the end what the relay did, and what it dropped and why.
fn report(relay: &RelayHandle) {
    for (name, labels, value) in relay.counters().iter() {
        if value > 0 {
            tracing::info!(name, labels, value, "relay");
        }
    }
}
