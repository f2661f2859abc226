//! Starts the way of mails, where the operator named a server for them.

use std::error::Error;
use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::config::Config;
use crate::i18n::Catalogue;
use crate::mail::{self, Mail, Parts, Transport, Words};
use crate::secrets;
use crate::store::Store;

pub(super) struct Running {
    pub(super) mail: Mail,
    task: JoinHandle<()>,
}

impl Running {
    /// What is not handed over waits for the next start.
    pub(super) fn stop(self) {
        self.task.abort();
    }
}

pub(super) fn start(
    config: &Config,
    store: &Store,
    catalogue: &Arc<Catalogue>,
) -> Result<Option<Running>, Box<dyn Error>> {
    let Some(set) = &config.mail else {
        return Ok(None);
    };
    let key = secrets::load_or_make(&config.data_dir, "mail")?;
    let mail = Mail::new(&key, set.admin.clone(), config.default_lang);
    let parts = Parts {
        store: store.clone(),
        mail: mail.clone(),
        transport: Transport::new(set, config.public_url.as_deref())?,
        words: Words::new(Arc::clone(catalogue), config.public_url.clone()),
    };
    let task = tokio::spawn(mail::run(parts));
    Ok(Some(Running { mail, task }))
}
