//! Looks at pictures that came from an earlier server: one after the other, and
//! between two it rests as long as it worked, so that nobody who is here notices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Files;
use super::picture::Pictures;
use crate::store::pictures::{self, Found, Unseen};
use crate::store::{Error, Store};

/// A small picture takes no more of the disk than this.
const ROOM: u64 = 1024 * 1024;

/// Looks at all of them, and ends. What is left when the server stops, or when
/// the disk is full, waits for the next start.
pub async fn run(store: Store, files: Arc<Files>) {
    // A turn of its own: it waits for no upload, and none waits for it.
    let pictures = Pictures::new();
    let mut seen = 0_u64;
    loop {
        let began = Instant::now();
        match step(&store, &files, &pictures).await {
            Ok(true) => seen += 1,
            Ok(false) => break,
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "pictures of the earlier server are not looked at");
                return;
            }
        }
        let worked = began.elapsed();
        tokio::time::sleep(worked.min(Duration::from_secs(5))).await;
    }
    if seen > 0 {
        tracing::info!(
            pictures = seen,
            "pictures of the earlier server were looked at"
        );
    }
}

/// Looks at the next one; says whether there was one to look at.
async fn step(store: &Store, files: &Files, pictures: &Pictures) -> Result<bool, Error> {
    if !files.has_room(ROOM) {
        return Ok(false);
    }
    let Some(Unseen { file, blob }) = store.read(pictures::unseen).await? else {
        return Ok(false);
    };
    let found = match pictures.look(files.blobs.path(&blob)).await {
        Some(seen) => {
            let thumb = match &seen.thumb {
                // Without its small picture it has its sides at least.
                Some(small) => files.keep(small).await.ok(),
                None => None,
            };
            Some(Found {
                sides: (seen.width, seen.height),
                thumb,
            })
        }
        None => None,
    };
    let spare = store
        .write(move |connection| pictures::seen(connection, file, found.as_ref()))
        .await?;
    files.discard(&spare).await;
    Ok(true)
}
