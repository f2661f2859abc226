//! How datagrams come out of sockets and go into them: the one place that
//! knows the system calls. What is received in one turn of the loop lies in
//! [`Slots`] until it is sent, and is never copied.

#[cfg(target_os = "linux")]
mod batched;
mod portable;

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use crate::config::Calls;
use crate::counters::{Counters, Metric};
use crate::turn::Family;
use crate::turn::packet::Packet;

/// Datagrams one turn may hold. Enough for one from each socket that was ready,
/// few enough that they stay near the processor.
const SLOTS: usize = 256;

/// Datagrams taken from one ready socket before the next has its turn.
pub(super) const BATCH: usize = 64;

/// Where the datagrams of one turn lie.
pub(super) struct Slots {
    packets: Vec<Packet>,
    used: usize,
    /// Who sent what was received last, and in which slot it lies.
    pub(super) received: Vec<(usize, SocketAddr)>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            packets: std::iter::repeat_with(Packet::new).take(SLOTS).collect(),
            used: 0,
            received: Vec::with_capacity(BATCH),
        }
    }

    pub(super) fn packet(&self, slot: usize) -> Option<&Packet> {
        self.packets.get(slot)
    }

    pub(super) fn packet_mut(&mut self, slot: usize) -> Option<&mut Packet> {
        self.packets.get_mut(slot)
    }

    /// How many more datagrams there is room for.
    pub(super) fn left(&self) -> usize {
        self.packets.len().saturating_sub(self.used)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.received.clear();
    }

    /// A slot with a copy of `bytes`; none if there is no room for them.
    pub(super) fn hold(&mut self, bytes: &[u8]) -> Option<usize> {
        let slot = self.used;
        let packet = self.packets.get_mut(slot)?;
        let space = packet.space().get_mut(..bytes.len())?;
        space.copy_from_slice(bytes);
        self.used += 1;
        packet.filled(bytes.len()).then_some(slot)
    }

    /// The next slot that nobody uses, and which it is. It is in use once it
    /// is [kept](Self::keep).
    pub(super) fn spare(&mut self) -> Option<(usize, &mut Packet)> {
        let slot = self.used;
        self.packets.get_mut(slot).map(|packet| (slot, packet))
    }

    /// What lies in the [spare](Self::spare) slot is to be sent.
    pub(super) fn keep(&mut self) {
        self.used += 1;
    }

    /// The slots nobody uses.
    pub(super) fn free(&mut self) -> &mut [Packet] {
        self.packets.get_mut(self.used..).unwrap_or_default()
    }

    /// Notes that the next free slot got `length` bytes from `from`.
    pub(super) fn take(&mut self, length: usize, from: Option<SocketAddr>, counters: &Counters) {
        let slot = self.used;
        let Some(packet) = self.packets.get_mut(slot) else {
            return;
        };
        self.used += 1;
        match (packet.filled(length), from) {
            (true, Some(from)) => self.received.push((slot, from)),
            (false, _) => counters.count(Metric::DroppedTooLarge),
            (true, None) => counters.count(Metric::ReceiveErrors),
        }
    }
}

/// A datagram to be sent: the slot it lies in, and where it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) slot: usize,
    pub(super) to: SocketAddr,
}

/// The system calls in use.
pub(super) enum Io {
    /// One call for many datagrams.
    #[cfg(target_os = "linux")]
    Batched(batched::Headers),
    /// One call for each datagram.
    Portable,
}

impl Io {
    pub(super) fn new(calls: Calls) -> Self {
        match calls {
            #[cfg(target_os = "linux")]
            Calls::Batched => Self::Batched(batched::Headers::new()),
            #[cfg(not(target_os = "linux"))]
            Calls::Batched => Self::Portable,
            Calls::Portable => Self::Portable,
        }
    }

    /// Takes what is there from a socket of this family, `most` datagrams and
    /// what there is room for at most. An error ends the batch, not the socket.
    pub(super) fn receive(
        &mut self,
        socket: (BorrowedFd<'_>, Family),
        most: usize,
        slots: &mut Slots,
        counters: &Counters,
    ) {
        slots.received.clear();
        match self {
            #[cfg(target_os = "linux")]
            Self::Batched(headers) if most > 1 => headers.receive(socket, most, slots, counters),
            #[cfg(target_os = "linux")]
            Self::Batched(_) => portable::receive(socket.0, most, slots, counters),
            Self::Portable => portable::receive(socket.0, most, slots, counters),
        }
    }

    /// Sends these, in this order, now or not at all. Whatever keeps one back
    /// (no route, a firewall, a full buffer), it is that datagram's end and
    /// nobody else's.
    pub(super) fn send(
        &mut self,
        socket: BorrowedFd<'_>,
        outgoing: &[Outgoing],
        slots: &Slots,
        counters: &Counters,
    ) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Batched(_) => batched::send(socket, outgoing, slots, counters),
            Self::Portable => portable::send(socket, outgoing, slots, counters),
        }
    }
}

#[cfg(test)]
mod tests;
