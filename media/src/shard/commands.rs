//! What others tell a shard: a queue, and an eventfd that wakes it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::sfu::{ParticipantId, RoomEvent, RoomId};
use crate::tls::TlsIdentity;
use crate::turn::Key;
use crate::turn::auth::Revoked;
use crate::turn::operate::{AllocationInfo, Kick};

/// Where an answer of the shard goes. Called on the shard's thread, so it only
/// hands the answer on.
pub(super) type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// For as many shards one place each to put their answer. The last of them
/// replies with what `join` makes of all; none does if one of them ends first.
pub(super) fn gather<T: Send + 'static>(
    shards: usize,
    join: fn(T, T) -> T,
    reply: Reply<T>,
) -> Vec<Reply<T>> {
    let gathered: (Option<T>, Option<Reply<T>>) = (None, Some(reply));
    let gathered = Arc::new(Mutex::new((shards, gathered)));
    let place = || -> Reply<T> {
        let gathered = Arc::clone(&gathered);
        Box::new(move |answer| {
            let mut all = gathered.lock().unwrap_or_else(PoisonError::into_inner);
            let (left, (sum, reply)) = &mut *all;
            let answer = match sum.take() {
                Some(sum) => join(sum, answer),
                None => answer,
            };
            *left = left.saturating_sub(1);
            if *left > 0 {
                *sum = Some(answer);
                return;
            }
            let reply = reply.take();
            drop(all);
            if let Some(reply) = reply {
                reply(answer);
            }
        })
    };
    std::iter::repeat_with(place).take(shards).collect()
}

/// Something a shard is told.
pub(super) enum Command {
    /// Take back the credentials of a person or a session.
    Revoke(Revoked),
    /// Let a static pair in.
    AddStatic(String, Key),
    /// Shut a static pair out.
    RemoveStatic(String),
    /// End allocations, and say how many.
    Kick(Kick, Reply<usize>),
    /// Say which allocations there are.
    List(Reply<Vec<AllocationInfo>>),
    /// Show this over TLS.
    Show(TlsIdentity),
    /// Take in a connection over TLS of which this was read.
    Adopt(OwnedFd, Vec<u8>),
    /// Come for sockets that another shard has opened.
    Look,
    /// Something about the voice rooms.
    Room(RoomCommand),
    /// Make no allocation any more.
    Drain,
    /// End.
    Stop,
}

/// What the voice rooms are told.
pub(super) enum RoomCommand {
    /// Tell this what happens.
    Listen(Box<dyn FnMut(RoomEvent) + Send>),
    /// Somebody takes a seat.
    Join(RoomId, ParticipantId),
    /// The answer to an offer.
    Answer(ParticipantId, String),
    /// ICE begins anew.
    Restart(ParticipantId),
    /// Somebody leaves.
    Leave(ParticipantId),
    /// A moderator mutes, or no longer.
    Mute(ParticipantId, bool),
    /// Everybody leaves.
    Close(RoomId),
}

/// The end that tells.
#[derive(Clone)]
pub(super) struct Commander {
    queue: Sender<Command>,
    wake: Arc<OwnedFd>,
}

impl Commander {
    /// Never waits. If the shard has ended, nobody hears it.
    pub(super) fn send(&self, command: Command) {
        if self.queue.send(command).is_ok() {
            // It can fail only when 2^64 - 2 wake-ups are due already.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// What wakes the shard.
    pub(super) fn wake(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.wake)
    }
}

/// The end that listens.
pub(super) struct Commands {
    queue: Receiver<Command>,
    wake: Arc<OwnedFd>,
}

impl Commands {
    /// Readable when there is a command.
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Clears the wake-up. Called before the queue is emptied, so that nothing
    /// slips in between.
    pub(super) fn clear(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    /// The next command, if there is one.
    pub(super) fn next(&self) -> Option<Command> {
        self.queue.try_recv().ok()
    }
}

pub(super) fn channel() -> io::Result<(Commander, Commands)> {
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let (sender, receiver) = mpsc::channel();
    let commander = Commander {
        queue: sender,
        wake: Arc::clone(&wake),
    };
    Ok((
        commander,
        Commands {
            queue: receiver,
            wake,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_all_shards_replies_for_all() {
        let (sender, told) = mpsc::channel();
        let reply: Reply<usize> = Box::new(move |sum| sender.send(sum).unwrap());
        let mut places = gather(3, |a, b| a + b, reply);
        for answer in [1, 20] {
            places.pop().unwrap()(answer);
            assert!(told.try_recv().is_err());
        }
        places.pop().unwrap()(300);
        assert_eq!(told.recv(), Ok(321));
    }

    #[test]
    fn nobody_replies_for_a_shard_that_has_ended() {
        let (sender, told) = mpsc::channel::<usize>();
        let mut places = gather(
            2,
            |a, b| a + b,
            Box::new(move |sum| sender.send(sum).unwrap()),
        );
        places.pop().unwrap()(1);
        drop(places);
        assert!(told.recv().is_err());
    }
}
