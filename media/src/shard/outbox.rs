//! What one turn of the loop sends, until its end: everything that leaves by
//! one socket leaves together, and in the order it came.

use std::os::fd::BorrowedFd;

use super::datagrams::{BATCH, Io, Outgoing, Slots};
use super::socket;
use crate::counters::{Counters, Metric};
use crate::turn::{Family, RelayPort};

/// The socket a datagram leaves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// A listener.
    Client(u16),
    /// A relay socket.
    Peer(RelayPort),
    /// The voice rooms.
    Rooms(Family),
}

#[derive(Debug)]
struct Entry {
    exit: Exit,
    nth: usize,
    outgoing: Outgoing,
    /// It must not be fragmented.
    whole: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Outbox {
    entries: Vec<Entry>,
    /// What leaves by one socket.
    together: Vec<Outgoing>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::with_capacity(BATCH),
            together: Vec::with_capacity(BATCH),
        }
    }

    pub(super) fn put(&mut self, exit: Exit, outgoing: Outgoing, whole: bool) {
        self.entries.push(Entry {
            exit,
            nth: self.entries.len(),
            outgoing,
            whole,
        });
    }

    /// Sends everything. `open` finds the socket of an exit, if there is one.
    pub(super) fn flush<'s>(
        &mut self,
        open: impl Fn(Exit) -> Option<(BorrowedFd<'s>, Family)>,
        io: &mut Io,
        slots: &Slots,
        counters: &Counters,
    ) {
        self.entries
            .sort_unstable_by_key(|entry| (entry.exit, entry.nth));
        let same = |a: &Entry, b: &Entry| a.exit == b.exit && a.whole == b.whole;
        for entries in self.entries.chunk_by(same) {
            let Some(Entry { exit, whole, .. }) = entries.first() else {
                continue;
            };
            let Some((socket, family)) = open(*exit) else {
                count_lost(entries.len(), counters);
                continue;
            };
            self.together.clear();
            self.together
                .extend(entries.iter().map(|entry| entry.outgoing));
            let mut send = || io.send(socket, &self.together, slots, counters);
            if !whole {
                send();
            } else if socket::unfragmented(socket, family, send).is_err() {
                count_lost(entries.len(), counters);
            }
        }
        self.entries.clear();
    }
}

fn count_lost(datagrams: usize, counters: &Counters) {
    let count = u64::try_from(datagrams).unwrap_or(u64::MAX);
    counters.add(Metric::DroppedSendFailed, count);
}
