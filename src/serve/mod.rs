//! Composition: open the store, bind, start; and drain in reverse order. How
//! connections are accepted is in [`web`], what the relay is told in [`relay`],
//! and how push starts in [`push`].

mod mail;
mod metrics;
mod people;
mod ports;
mod push;
mod relay;
mod tls;
mod web;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use payambar_media::RelayHandle;
use payambar_signaling::hub::Limits;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::accounts::Accounts;
use crate::config::Config;
use crate::control::{self, Desk, TurnDesk};
use crate::files::{self, Files};
use crate::host;
use crate::http::{
    App, Guesses, Ice, LOGIN_PER_MINUTE, MAIL_WINDOW, MAILS, REGISTER_PER_MINUTE,
    SEARCH_PER_MINUTE, SUBSCRIBE_PER_MINUTE, Site, Tokens, Windows, install_crypto, router,
};
use crate::i18n::Catalogue;
use crate::lock;
use crate::pump::{Parts, Pump};
use crate::secrets;
use crate::store::{self, Store};

/// How long requests in flight may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs the server until it is told to stop.
///
/// # Errors
///
/// Whatever keeps it from starting, as a sentence for the operator.
pub fn run(config: Config) -> Result<(), Box<dyn Error>> {
    tls::check(&config)?;
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
    let _lock = lock::exclusive(&config.data_dir).await?;
    let control = control::listen(&config.data_dir)?;
    let open_files = host::raise_file_limit();
    let jwt = config
        .jwt_secret
        .clone()
        .map_or_else(|| secrets::load_or_make(&config.data_dir, "jwt"), Ok)?;
    let turn_secret = secrets::turn(&config)?;
    let files = Arc::new(Files::open(
        &config.file_storage,
        &secrets::load_or_make(&config.data_dir, "files")?,
        config.files,
        config.rate_limit,
    )?);
    let (outcomes_in, outcomes) = mpsc::unbounded_channel();
    let on_batch = Box::new(move |batch| {
        // Fails only while the server stops, when nobody waits any more.
        let _ = outcomes_in.send(batch);
    });
    take_over(&config)?;
    let store = Store::open(&config.database, on_batch)?;
    let listener = TcpListener::bind(config.web)
        .await
        .map_err(|error| web::explain_bind(config.web, &error))?;

    let addresses = host::addresses();
    let set = config.turn.as_ref().and_then(|turn| turn.external_ip);
    let external = host::external(set, &addresses, host::routed());
    let relay = match &config.turn {
        Some(turn) => {
            let kept = relay::kept(&store, turn).await?;
            Some(Arc::new(relay::start(
                turn,
                &turn_secret,
                &external,
                &addresses,
                &kept,
                &config,
                open_files,
            )?))
        }
        None => None,
    };
    let catalogue = Arc::new(Catalogue::load());
    let (woken, woken_in) = mpsc::unbounded_channel();
    let pushes = push::start(&config, &store, &catalogue, woken).await?;
    let mail = mail::start(&config, &store, &catalogue)?;
    let pump = Pump::start(Parts {
        store: store.clone(),
        outcomes,
        relay: relay.clone(),
        catalogue: Arc::clone(&catalogue),
        files: Arc::clone(&files),
        limits: limits(&config, relay.as_deref()),
        pushes: pushes.clone(),
        woken: woken_in,
    });
    let accounts = Accounts::new(store.clone(), config.bcrypt_cost);
    let windows = |calls| config.rate_limit.then(|| Windows::new(calls));
    let ice = Ice::new(&config, &turn_secret, external.ip, &addresses);
    let desk = Desk {
        store: store.clone(),
        turn: config
            .turn
            .as_ref()
            .map(|turn| TurnDesk::new(turn, turn_secret, ice.relay_urls(), relay.clone())),
        people: people::desk(
            &config,
            (&accounts, mail.as_ref().map(|running| &running.mail)),
            &pump,
            relay.as_ref(),
            &catalogue,
        ),
        pump: Some(pump.clone()),
    };
    let control = control::Server::start(control, desk);
    let metrics = match config.metrics {
        Some(address) => metrics::serve(address, relay.as_deref()).await,
        None => None,
    };
    let drain = config.drain;
    let app = Arc::new(App {
        tokens: Tokens::new(&jwt),
        ice,
        site: Site::new(),
        register_limit: windows(REGISTER_PER_MINUTE),
        login_limit: windows(LOGIN_PER_MINUTE),
        guesses: config.rate_limit.then(Guesses::default),
        search_limit: windows(SEARCH_PER_MINUTE),
        push_limit: windows(SUBSCRIBE_PER_MINUTE),
        mail: mail.as_ref().map(|running| running.mail.clone()),
        mail_limit: config
            .rate_limit
            .then(|| Windows::lasting(MAILS, MAIL_WINDOW)),
        accounts: accounts.clone(),
        pushes: pushes.clone(),
        pump: pump.clone(),
        store: store.clone(),
        files,
        catalogue,
        config,
    });
    let erasing = Arc::clone(&app);
    tokio::spawn(async move {
        erasing.store.finish_erasing().await;
        erasing.files.erased.notify_one();
    });
    let sweeping = tokio::spawn(people::sweep(store.clone()));
    tokio::spawn(async move {
        if let Err(error) = accounts.warm().await {
            tracing::error!(%error, "the hash for unknown names cannot be made");
        }
    });
    let looking = tokio::spawn(files::catch_up(store.clone(), Arc::clone(&app.files)));
    let collecting = tokio::spawn(files::collect(store.clone(), Arc::clone(&app.files)));
    let renewing = tls::renew(&app.config, relay.as_ref())?;
    let mut signals = web::Signals::catch()?;
    tracing::info!(address = %listener.local_addr()?, "web listens");

    let open = web::accept(listener, router(app), signals.next()).await;
    tracing::info!("stopping");
    tokio::select! {
        () = stop(&pump, open, relay.as_deref(), drain) => {}
        () = signals.next() => tracing::warn!("told to stop again: ending at once"),
    }
    looking.abort();
    collecting.abort();
    renewing.abort();
    if let Some(mail) = mail {
        mail.stop();
    }
    control.stop().await;
    sweeping.abort();
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    pushes.stop().await;
    push::report(&pushes);
    if let Some(relay) = relay {
        relay::report(&relay);
    }
    tracing::info!("stopped");
    Ok(())
}

/// Takes over a database of the earlier server and says what became of it.
fn take_over(config: &Config) -> Result<(), Box<dyn Error>> {
    let uploads = files::Uploads::open(&config.file_storage)?;
    let Some(report) = store::take_over(&config.database, &uploads)? else {
        return Ok(());
    };
    tracing::info!(
        copy = %report.copy.display(),
        people = report.people,
        conversations = report.conversations,
        messages = report.messages,
        device_keys = report.device_keys,
        files = report.files,
        avatars = report.avatars,
        "the database of an earlier server was taken over"
    );
    if report.twins > 0 {
        tracing::warn!(
            people = report.twins,
            "names that differ from another's by case alone have to be typed exactly"
        );
    }
    if report.files_missing > 0 {
        tracing::warn!(
            files = report.files_missing,
            "files were not where the earlier server had written them"
        );
    }
    if report.messages_left > 0 {
        tracing::warn!(
            messages = report.messages_left,
            "messages to oneself and of accounts that are gone stay in the copy"
        );
    }
    Ok(())
}

fn limits(config: &Config, relay: Option<&RelayHandle>) -> Limits {
    let has_rooms = relay.is_some_and(|relay| !relay.room_addresses().is_empty());
    let limits = Limits {
        room_participants: if has_rooms { config.room_max } else { 0 },
        ..Limits::default()
    };
    if config.rate_limit {
        return limits;
    }
    Limits {
        call_frames: None,
        other_frames: None,
        typing_frames: None,
        ..limits
    }
}

/// Ends what people do here, while those who talk through the relay may go on
/// for `drain`.
async fn stop(pump: &Pump, open: GracefulShutdown, relay: Option<&RelayHandle>, drain: Duration) {
    let end = Instant::now() + DRAIN;
    let web = async {
        pump.stop().await;
        if timeout_at(end, open.shutdown()).await.is_err() {
            tracing::warn!("requests in flight were cut off");
        }
    };
    let relayed = async {
        if let Some(relay) = relay {
            relay::drain(relay, drain).await;
        }
    };
    tokio::join!(web, relayed);
}
