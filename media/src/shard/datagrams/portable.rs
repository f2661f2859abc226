//! One system call for each datagram, as every system has it.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};

use super::{Outgoing, Slots};
use crate::counters::{Counters, Metric};
use crate::turn::packet::Packet;

pub(super) fn receive(socket: BorrowedFd<'_>, most: usize, slots: &mut Slots, counters: &Counters) {
    for _ in 0..most {
        let Some(packet) = slots.free().first_mut() else {
            return;
        };
        match recvfrom(socket, packet.space(), RecvFlags::DONTWAIT) {
            Ok((length, _, from)) => {
                let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                slots.take(length, from, counters);
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return,
            Err(_) => return counters.count(Metric::ReceiveErrors),
        }
    }
}

pub(super) fn send(
    socket: BorrowedFd<'_>,
    outgoing: &[Outgoing],
    slots: &Slots,
    counters: &Counters,
) {
    for Outgoing { slot, to } in outgoing {
        let bytes = slots.packet(*slot).map(Packet::datagram);
        if bytes.is_none_or(|bytes| send_one(socket, *to, bytes).is_err()) {
            counters.count(Metric::DroppedSendFailed);
        }
    }
}

/// Sends one datagram, now or not at all.
pub(super) fn send_one(socket: BorrowedFd<'_>, to: SocketAddr, bytes: &[u8]) -> Result<(), Errno> {
    loop {
        match sendto(
            socket,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
            &to,
        ) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}
