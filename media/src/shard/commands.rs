//! What others tell the shard: a queue, and an eventfd that wakes it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use rustix::event::{EventfdFlags, eventfd};

use crate::sfu::{ParticipantId, RoomEvent, RoomId};
use crate::tls::TlsIdentity;
use crate::turn::Key;
use crate::turn::auth::Revoked;
use crate::turn::operate::{AllocationInfo, Kick};

/// Where an answer of the shard goes. Called on the shard's thread, so it only
/// hands the answer on.
pub(super) type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// Something the shard is told.
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
