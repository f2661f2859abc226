//! One connection over TCP, with TLS or without, and what waits on it.

use std::io;
use std::time::Instant;

use rustix::event::epoll::EventFlags;

use super::link::Link;
use super::streams::StreamId;
use crate::stream::inbox::Inbox;
use crate::stream::life::Life;
use crate::stream::outbox::Outbox;
use crate::turn::ClientId;

/// See the module.
pub(super) struct Stream {
    pub(super) link: Link,
    pub(super) client: ClientId,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    pub(super) life: Life,
    /// What epoll was told to look for.
    pub(super) interest: EventFlags,
    /// When the timer is set for: never later than the deadline.
    pub(super) timer: Instant,
    pub(super) is_dirty: bool,
}

/// Has something written to this connection at the end of the turn.
pub(super) fn mark(dirty: &mut Vec<StreamId>, id: StreamId, stream: &mut Stream) {
    if !stream.is_dirty {
        stream.is_dirty = true;
        dirty.push(id);
    }
}

impl Stream {
    /// What epoll is to look for. Who does not read its answers is asked for
    /// no further questions.
    pub(super) fn wants(&self) -> EventFlags {
        let mut interest = EventFlags::empty();
        if !self.outbox.is_full() {
            interest |= EventFlags::IN;
        }
        if self.link.has_to_write(&self.outbox) {
            interest |= EventFlags::OUT;
        }
        interest
    }

    /// Writes what waits, as far as the kernel takes it.
    pub(super) fn write(&mut self, now: Instant) -> io::Result<()> {
        let took = self.link.write(&mut self.outbox)?;
        let waits = self.link.has_to_write(&self.outbox);
        self.life.wrote(took, waits, now);
        Ok(())
    }
}
