//! A running relay as the rest of the process holds it: what is told to it is
//! told to every shard, and what they answer becomes one answer.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::commands::{Command, Commander, Reply, gather};
use super::listeners::Listeners;
use crate::counters::Counters;
use crate::tls::TlsIdentity;
use crate::turn::Key;
use crate::turn::auth::Revoked;
use crate::turn::operate::{AllocationInfo, Kick};

/// A running relay. Dropping it ends it, as [`Self::stop`] does.
pub struct RelayHandle {
    local_addresses: Vec<SocketAddr>,
    tcp_addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    pub(super) room_addresses: Vec<SocketAddr>,
    counters: Arc<Counters>,
    shards: Vec<Commander>,
    threads: Vec<JoinHandle<()>>,
    /// Which shard takes in the next connection that others have accepted.
    next: AtomicUsize,
}

impl RelayHandle {
    /// One that has no thread yet.
    pub(super) fn new(
        listeners: &Listeners,
        room_addresses: &[SocketAddr],
        shards: Vec<Commander>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            local_addresses: listeners.local_addresses.clone(),
            tcp_addresses: listeners.tcp_addresses.clone(),
            tls_addresses: listeners.tls_addresses.clone(),
            room_addresses: room_addresses.to_vec(),
            counters,
            shards,
            threads: Vec::new(),
            next: AtomicUsize::new(0),
        }
    }

    /// Has it wait for this thread at its end.
    pub(super) fn runs(&mut self, thread: JoinHandle<()>) {
        self.threads.push(thread);
    }
}

impl fmt::Debug for RelayHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayHandle")
            .field("local_addresses", &self.local_addresses)
            .finish_non_exhaustive()
    }
}

impl RelayHandle {
    /// The addresses that are listened on, in the order of
    /// [`RelayConfig::listen`](crate::RelayConfig::listen), with the ports the kernel gave for 0.
    #[must_use]
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.local_addresses
    }

    /// The same over TCP, in the order of [`RelayConfig::listen_tcp`](crate::RelayConfig::listen_tcp).
    #[must_use]
    pub fn tcp_addresses(&self) -> &[SocketAddr] {
        &self.tcp_addresses
    }

    /// The same over TLS, in the order of [`RelayConfig::listen_tls`](crate::RelayConfig::listen_tls).
    #[must_use]
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// From now on shows this to those who come over TLS; connections that are
    /// there go on. Does not wait.
    pub fn show(&self, identity: TlsIdentity) {
        self.tell(|| Command::Show(identity.clone()));
    }

    /// Takes a TCP connection that was accepted elsewhere and on which TLS has
    /// begun; `read` is what was read of it. It is closed if there is no
    /// identity to show, or if there are too many. Does not wait.
    pub fn adopt_tls(&self, socket: OwnedFd, read: Vec<u8>) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let shards = self.shards.len().max(1);
        if let Some(shard) = self.shards.get(next % shards) {
            shard.send(Command::Adopt(socket, read));
        }
    }

    /// Ends what this session has allocated, and refuses its credentials from
    /// now on. Does not wait; it is done within a few milliseconds.
    pub fn revoke_session(&self, user: i64, session: i64) {
        self.tell(|| Command::Revoke(Revoked::Session(user, session)));
    }

    /// Ends what all sessions of this person have allocated, and refuses the
    /// credentials made so far. One made later, with the full
    /// [`RelayConfig::max_credential_lifetime`](crate::RelayConfig::max_credential_lifetime), is good. Does not wait.
    pub fn revoke_user(&self, user: i64) {
        self.tell(|| Command::Revoke(Revoked::User(user)));
    }

    /// Lets a static pair in from now on (see [`crate::long_term_key`]), or
    /// gives the one of that name another key: what was allocated with the old
    /// one ends. Does not wait.
    pub fn add_static(&self, name: String, key: Key) {
        self.tell(|| Command::AddStatic(name.clone(), key.clone()));
    }

    /// Shuts a static pair out and ends its allocations. Does not wait.
    pub fn remove_static(&self, name: String) {
        self.tell(|| Command::RemoveStatic(name.clone()));
    }

    /// Ends allocations without taking their credentials back; `reply` is told
    /// how many, on a thread of the relay, so it must not block. It is dropped
    /// uncalled if the relay ends first.
    pub fn kick(&self, whom: Kick, reply: impl FnOnce(usize) + Send + 'static) {
        self.ask(
            |ended, also| ended + also,
            Box::new(reply),
            |reply| Command::Kick(whom.clone(), reply),
        );
    }

    /// Asks which allocations there are; `reply` is told as in [`Self::kick`].
    pub fn allocations(&self, reply: impl FnOnce(Vec<AllocationInfo>) + Send + 'static) {
        let join = |mut infos: Vec<AllocationInfo>, others: Vec<AllocationInfo>| {
            infos.extend(others);
            infos.sort_unstable_by_key(|info| info.id);
            infos
        };
        self.ask(join, Box::new(reply), Command::List);
    }

    /// From now on refuses new allocations (508) and keeps those that live;
    /// the gauge `turn_allocations` tells when none is left. Does not wait.
    pub fn drain(&self) {
        self.tell(|| Command::Drain);
    }

    /// What this relay has counted.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Tells the shard in which the voice rooms are.
    pub(super) fn tell_rooms(&self, command: Command) {
        if let Some(first) = self.shards.first() {
            first.send(command);
        }
    }

    /// Tells every shard.
    fn tell(&self, command: impl Fn() -> Command) {
        for shard in &self.shards {
            shard.send(command());
        }
    }

    /// The same, and replies with what `join` makes of all answers.
    fn ask<T: Send + 'static>(
        &self,
        join: fn(T, T) -> T,
        reply: Reply<T>,
        command: impl Fn(Reply<T>) -> Command,
    ) {
        let replies = gather(self.shards.len(), join, reply);
        for (shard, reply) in self.shards.iter().zip(replies) {
            shard.send(command(reply));
        }
    }

    /// Ends the relay and waits for its threads. Its sockets are closed then.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RelayHandle {
    fn drop(&mut self) {
        self.tell(|| Command::Stop);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the relay had panicked");
            }
        }
    }
}
