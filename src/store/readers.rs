//! Read-only connections and who may use them when.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::Error;

/// Queries that run at the same time; more of them would only wait for the
/// disk together.
const CONNECTIONS: usize = 4;

/// A small pool.
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn open(connect: impl Fn() -> rusqlite::Result<Connection>) -> Result<Self, Error> {
        let connections = (0..CONNECTIONS)
            .map(|_| connect())
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            idle: Mutex::new(connections),
            permits: Semaphore::new(CONNECTIONS),
        })
    }

    pub(super) async fn run<T, F>(self: &std::sync::Arc<Self>, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let pool = std::sync::Arc::clone(self);
        let _permit = self.permits.acquire().await.map_err(|_| Error::Closed)?;
        tokio::task::spawn_blocking(move || {
            let connection = pool
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop()
                .ok_or(Error::Closed)?;
            let began = Instant::now();
            let answer = query(&connection);
            tracing::debug!(query_us = began.elapsed().as_micros(), "read");
            pool.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            answer
        })
        .await
        .map_err(|_| Error::Closed)?
    }
}
