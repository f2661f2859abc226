//! What the relay shows over TLS: the operator's pair of files, else in
//! development one that we make; and how a renewed pair comes into force.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use payambar_media::{RelayHandle, TlsError, TlsIdentity};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use crate::config::{Config, Environment, TlsPair};
use crate::secrets;

/// Tries the operator's pair, before anything is made or opened.
///
/// # Errors
///
/// What is wrong with it, as a sentence.
pub(super) fn check(config: &Config) -> Result<(), String> {
    let tls = config.turn.as_ref().and_then(|turn| turn.tls.as_ref());
    match tls.and_then(|tls| tls.pair.as_ref()) {
        Some(pair) => read(pair).map(drop),
        None => Ok(()),
    }
}

/// What is shown, if TLS is served.
///
/// # Errors
///
/// The pair cannot be read or made.
pub(super) fn identity(config: &Config) -> Result<Option<TlsIdentity>, Box<dyn Error>> {
    let Some(turn) = &config.turn else {
        return Ok(None);
    };
    let Some(tls) = &turn.tls else {
        if config.environment == Environment::Production {
            tracing::info!(
                "the relay serves no TLS: set TLS_CERT and TLS_KEY for callers whose network lets nothing else through"
            );
        }
        return Ok(None);
    };
    if let Some(pair) = &tls.pair {
        return Ok(Some(read(pair)?));
    }
    tracing::info!("the relay shows a certificate that it made itself and no browser believes");
    let made = secrets::load_or_make_certificate(&config.data_dir)?;
    let pem = made.expose().as_bytes();
    Ok(Some(TlsIdentity::from_pem(pem, pem)?))
}

fn read(TlsPair { chain, key }: &TlsPair) -> Result<TlsIdentity, String> {
    let cannot_be_read = |name: &str, path: &Path, error: io::Error| {
        format!(
            "{name}={:?} cannot be read ({error}); correct the path or the rights",
            path.display()
        )
    };
    let of_chain = fs::read(chain).map_err(|error| cannot_be_read("TLS_CERT", chain, error))?;
    let of_key = fs::read(key).map_err(|error| cannot_be_read("TLS_KEY", key, error))?;
    TlsIdentity::from_pem(&of_chain, &of_key).map_err(|error| {
        let (name, path) = match error {
            TlsError::NoCertificate => ("TLS_CERT", chain),
            TlsError::NoKey | TlsError::Mismatch(_) | TlsError::Crypto(_) => ("TLS_KEY", key),
        };
        format!("{name}={:?} cannot be used: {error}", path.display())
    })
}

/// Reads the operator's pair again whenever the process is told to (SIGHUP).
///
/// # Errors
///
/// The signal cannot be caught.
pub(super) fn renew(
    config: &Config,
    relay: Option<&Arc<RelayHandle>>,
) -> io::Result<JoinHandle<()>> {
    let mut told = signal(SignalKind::hangup())?;
    let tls = config.turn.as_ref().and_then(|turn| turn.tls.clone());
    let pair = tls.and_then(|tls| tls.pair);
    let relay = relay.cloned();
    Ok(tokio::spawn(async move {
        while told.recv().await.is_some() {
            let (Some(pair), Some(relay)) = (pair.clone(), &relay) else {
                tracing::info!("told to read TLS_CERT and TLS_KEY again, but they are not set");
                continue;
            };
            match tokio::task::spawn_blocking(move || read(&pair)).await {
                Ok(Ok(identity)) => {
                    relay.show(identity);
                    tracing::info!("new connections over TLS are shown the pair as it is now");
                }
                Ok(Err(error)) => {
                    tracing::error!("{error}; the pair that was read before stays in force");
                }
                Err(_) => tracing::error!("reading the pair again failed"),
            }
        }
    }))
}
