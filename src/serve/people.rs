//! What goes on about accounts while the server runs.

use std::sync::Arc;
use std::time::Duration;

use payambar_media::RelayHandle;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::control::{Living, PeopleDesk};
use crate::i18n::Catalogue;
use crate::mail::Mail;
use crate::pump::Pump;
use crate::store::{Store, audit, standing};

/// How often those who were not let in are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// The longest life of a relay credential, where there is no relay now.
const LONGEST: Duration = Duration::from_secs(3600);

/// The people's part of the running server's desk.
pub(super) fn desk(
    config: &Config,
    (accounts, mail): (&Accounts, Option<&Mail>),
    pump: &Pump,
    relay: Option<&Arc<RelayHandle>>,
    catalogue: &Arc<Catalogue>,
) -> PeopleDesk {
    let turn = config.turn.as_ref();
    let living = Living {
        pump: pump.clone(),
        relay: relay.cloned(),
    };
    PeopleDesk::new(
        turn.map_or(LONGEST, |turn| turn.credential_ttl),
        (accounts.clone(), mail.cloned()),
        Some(living),
        Arc::clone(catalogue),
    )
}

/// Removes those who were not let in, and what the audit has kept for a year, at
/// the start and every hour.
pub(super) async fn sweep(store: Store) {
    let mut hours = tokio::time::interval(SWEEP_EVERY);
    loop {
        hours.tick().await;
        while let Ok(1..) = store.write(audit::sweep).await {}
        loop {
            match store.write(standing::sweep).await {
                Ok(0) => break,
                Ok(removed) => {
                    tracing::info!(removed, "accounts that were not let in were removed");
                }
                Err(error) => {
                    tracing::error!(%error, "the accounts that were not let in stay");
                    break;
                }
            }
        }
    }
}
