//! Removes what nobody has a use for: bytes that nothing refers to any more,
//! files whose message is gone, and what a crash or a client that broke off
//! left behind. In small steps, so that nobody waits.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Files;
use crate::store::{Error, Store, files};

/// How often bytes of erased messages are removed.
const BURY_EVERY: Duration = Duration::from_secs(60);

/// How often everything is looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// What is on the disk and unknown may be on its way into the database for so
/// long.
const ON_ITS_WAY: Duration = Duration::from_secs(3600);

/// A draft that is a day old belongs to nobody.
const DRAFT: Duration = Duration::from_secs(86_400);

/// Rows or names in one step.
const STEP: u32 = 200;

/// Collects until it is aborted. Whatever was left from before this start
/// goes at once.
pub async fn run(store: Store, files: Arc<Files>) {
    let start = SystemTime::now();
    loop {
        let swept = sweep(&store, &files, start).await;
        report(swept);
        let next = Instant::now() + SWEEP_EVERY;
        while Instant::now() < next {
            tokio::select! {
                () = tokio::time::sleep(BURY_EVERY) => {}
                () = files.erased.notified() => {}
            }
            report(bury(&store, &files).await);
        }
    }
}

fn report(done: Result<usize, Error>) {
    match done {
        Ok(0) => {}
        Ok(removed) => tracing::debug!(removed, "bytes without a use were removed"),
        Err(error) => tracing::error!(%error, "bytes without a use could not be looked for"),
    }
}

/// Looks through everything.
async fn sweep(store: &Store, files: &Files, start: SystemTime) -> Result<usize, Error> {
    forget_unused(store).await?;
    let mut removed = bury(store, files).await?;
    let now = SystemTime::now();
    let since = |age| now.checked_sub(age).unwrap_or(start).max(start);
    for folder in 0..=u8::MAX {
        let names = files.blobs.kept_before(folder, since(ON_ITS_WAY)).await;
        for names in complain(names).chunks(STEP as usize) {
            let names = names.to_vec();
            let orphans = store
                .read(move |connection| files::unknown(connection, names))
                .await?;
            removed += remove(files, &orphans).await.len();
        }
    }
    removed += complain(files.blobs.remove_drafts_before(since(DRAFT)).await);
    Ok(removed)
}

/// Files whose message was erased by a way that knows of no files.
async fn forget_unused(store: &Store) -> Result<(), Error> {
    let mut after = Some(0);
    while let Some(id) = after {
        let (unused, last) = store
            .read(move |connection| files::unused(connection, id, STEP))
            .await?;
        if !unused.is_empty() {
            let release = move |connection: &_| {
                unused
                    .iter()
                    .try_for_each(|id| files::release(connection, *id))
            };
            store.write(release).await?;
        }
        after = last;
    }
    Ok(())
}

/// Removes bytes that were given up, and then their names.
async fn bury(store: &Store, files: &Files) -> Result<usize, Error> {
    let mut removed = 0;
    loop {
        let dead = store
            .read(|connection| files::dead(connection, STEP))
            .await?;
        let gone = remove(files, &dead).await;
        if gone.is_empty() {
            return Ok(removed);
        }
        removed += gone.len();
        store
            .write(move |connection| files::buried(connection, &gone))
            .await?;
    }
}

/// Removes these from the disk; says which are gone.
async fn remove(files: &Files, names: &[String]) -> Vec<String> {
    let mut gone = Vec::new();
    for name in names {
        match files.blobs.remove(name).await {
            Ok(()) => gone.push(name.clone()),
            Err(error) => tracing::error!(%error, "a file cannot be removed from the disk"),
        }
    }
    gone
}

fn complain<T: Default>(looked: std::io::Result<T>) -> T {
    looked.unwrap_or_else(|error| {
        tracing::error!(%error, "the folder of files cannot be looked through");
        T::default()
    })
}
