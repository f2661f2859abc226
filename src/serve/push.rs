//! Starts Web Push, and says at the end what became of it.

use std::error::Error;
use std::sync::Arc;

use payambar_signaling::hub::Input;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::i18n::Catalogue;
use crate::push::{AllowedHosts, Pair, Parts, Pushes};
use crate::secrets;
use crate::store::Store;

pub(super) async fn start(
    config: &Config,
    store: &Store,
    catalogue: &Arc<Catalogue>,
    woken: mpsc::UnboundedSender<Input>,
) -> Result<Pushes, Box<dyn Error>> {
    let pair = match &config.push.pair {
        Some((public, private)) => Pair::from_settings(public, private.expose()),
        None => Pair::from_document(secrets::load_or_make_pair(&config.data_dir)?.expose()),
    };
    for host in &config.push.allow_hosts {
        tracing::warn!(%host, "PUSH_ALLOW_HOSTS opens this host for pushes");
    }
    let parts = Parts {
        store: store.clone(),
        pair: pair.ok_or("the key pair of Web Push cannot be used")?,
        subject: config.push.subject.clone(),
        allowed: AllowedHosts::new(config.push.allow_hosts.clone()),
        catalogue: Arc::clone(catalogue),
        origin: config.public_url.clone().unwrap_or_default(),
        woken,
    };
    Ok(Pushes::start(parts).await?)
}

pub(super) fn report(pushes: &Pushes) {
    for (name, value) in pushes.counts().iter() {
        if value > 0 {
            tracing::info!(name, value, "push");
        }
    }
}
