//! Sockets at single addresses of ours, beside a listener on all of them. The
//! kernel divides what arrives at an address among the sockets that are there,
//! so all shards get theirs before any of them answers, or none does.
//!
//! It divides by another rule than for the listener on all addresses. So what
//! comes first may come to another shard than what follows, but it can only
//! ask for a nonce, and that is good in every shard.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::socket;
use crate::turn::{FIRST_OWN_LISTENER, Shard};

/// Addresses of ours that get sockets of their own.
pub(super) const MOST_ADDRESSES: usize = 64;

/// See the module.
pub(super) struct Addresses {
    shards: usize,
    opened: Mutex<Opened>,
}

#[derive(Default)]
struct Opened {
    /// Which listener has what arrives at an address of one for all addresses:
    /// that itself, where the address could get none.
    known: BTreeMap<(u16, SocketAddr), u16>,
    /// From [`FIRST_OWN_LISTENER`] on.
    listeners: Vec<Own>,
}

/// One address, and for each shard its socket until it comes for it.
struct Own {
    address: SocketAddr,
    sockets: Vec<Option<OwnedFd>>,
}

impl Addresses {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            shards,
            opened: Mutex::default(),
        }
    }

    /// The listener for what arrived at `at`, an address of the listener
    /// `all`; opens it where need be. Says whether it did, since every shard
    /// is to come for its socket then.
    pub(super) fn listener_at(&self, all: u16, at: SocketAddr) -> (u16, bool) {
        let mut opened = self.opened();
        if let Some(own) = opened.known.get(&(all, at)) {
            return (*own, false);
        }
        if opened.known.len() >= MOST_ADDRESSES {
            return (all, false);
        }
        let own = self.open(&mut opened, at).unwrap_or_else(|error| {
            tracing::debug!(%error, "an address of ours got no socket of its own");
            all
        });
        opened.known.insert((all, at), own);
        (own, own != all)
    }

    fn open(&self, opened: &mut Opened, at: SocketAddr) -> io::Result<u16> {
        let count = u16::try_from(opened.listeners.len()).map_err(io::Error::other)?;
        let sockets = socket::listeners_beside(at, self.shards)?;
        opened.listeners.push(Own {
            address: at,
            sockets: sockets.into_iter().map(Some).collect(),
        });
        Ok(FIRST_OWN_LISTENER.saturating_add(count))
    }

    /// The sockets for this shard, of the listeners from the one on that it
    /// does not have yet.
    pub(super) fn take(&self, shard: Shard, from: usize) -> Vec<(OwnedFd, SocketAddr)> {
        let mut opened = self.opened();
        let own = opened.listeners.iter_mut().skip(from);
        own.filter_map(|own| {
            let socket = own.sockets.get_mut(usize::from(shard.0))?.take()?;
            Some((socket, own.address))
        })
        .collect()
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
