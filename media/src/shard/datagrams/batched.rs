//! One system call for many datagrams, as Linux has it.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno as NixErrno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg};
use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

use super::{BATCH, Outgoing, Slots, portable};
use crate::counters::{Counters, Metric};
use crate::turn::Family;
use crate::turn::packet::Packet;

/// A batch of a few: what is made ready for each call is paid for whether or
/// not there is a datagram.
const FEW: usize = 8;

/// What the kernel writes senders into. It is told how much room there is for
/// an address once, and then says how much it used: each family has its own.
pub(in crate::shard) struct Headers {
    v4: MultiHeaders<SockaddrIn>,
    v6: MultiHeaders<SockaddrIn6>,
}

impl Headers {
    pub(super) fn new() -> Self {
        Self {
            v4: MultiHeaders::preallocate(BATCH, None),
            v6: MultiHeaders::preallocate(BATCH, None),
        }
    }

    pub(super) fn receive(
        &mut self,
        (socket, family): (BorrowedFd<'_>, Family),
        most: usize,
        slots: &mut Slots,
        counters: &Counters,
    ) {
        let v4 = |from: SockaddrIn| SocketAddr::V4(SocketAddrV4::from(from));
        let v6 = |from: SockaddrIn6| SocketAddr::V6(SocketAddrV6::from(from));
        let received = match (family, most <= FEW) {
            (Family::V4, true) => fill::<FEW, _>(&mut self.v4, v4, socket, most, slots, counters),
            (Family::V4, false) => {
                fill::<BATCH, _>(&mut self.v4, v4, socket, most, slots, counters)
            }
            (Family::V6, true) => fill::<FEW, _>(&mut self.v6, v6, socket, most, slots, counters),
            (Family::V6, false) => {
                fill::<BATCH, _>(&mut self.v6, v6, socket, most, slots, counters)
            }
        };
        match received {
            Ok(()) | Err(NixErrno::EAGAIN | NixErrno::EINTR) => {}
            Err(_) => counters.count(Metric::ReceiveErrors),
        }
    }
}

/// Receives into the next free slots, `N` at most.
fn fill<const N: usize, S: SockaddrLike + Copy>(
    headers: &mut MultiHeaders<S>,
    address: impl Fn(S) -> SocketAddr,
    socket: BorrowedFd<'_>,
    most: usize,
    slots: &mut Slots,
    counters: &Counters,
) -> nix::Result<()> {
    let mut received: [Option<(usize, SocketAddr)>; N] = [None; N];
    let mut free = slots.free().iter_mut();
    let most = most.min(N).min(free.len());
    let mut spaces: [[IoSliceMut<'_>; 1]; N] = std::array::from_fn(|_| {
        let space = free.next().map(Packet::space);
        [IoSliceMut::new(space.unwrap_or_default())]
    });
    let messages = recvmmsg(
        socket.as_raw_fd(),
        headers,
        spaces.iter_mut().take(most),
        MsgFlags::MSG_DONTWAIT,
        None,
    )?;
    let mut count = 0;
    for (message, place) in messages.zip(&mut received) {
        *place = message.address.map(|from| (message.bytes, address(from)));
        count += 1;
    }
    for place in received.iter().take(count) {
        match place {
            Some((length, from)) => slots.take(*length, Some(*from), counters),
            None => slots.take(0, None, counters),
        }
    }
    Ok(())
}

pub(super) fn send(
    socket: BorrowedFd<'_>,
    outgoing: &[Outgoing],
    slots: &Slots,
    counters: &Counters,
) {
    let mut rest = outgoing;
    while !rest.is_empty() {
        let sent = match rest.len() {
            1 => return portable::send(socket, rest, slots, counters),
            2..=FEW => send_some::<FEW>(socket, rest, slots),
            _ => send_some::<BATCH>(socket, rest, slots),
        };
        let done = match sent {
            Ok(sent) => sent,
            Err(Errno::INTR) => continue,
            // It is the first that could not be sent. The others are tried.
            Err(_) => {
                counters.count(Metric::DroppedSendFailed);
                1
            }
        };
        rest = rest.get(done..).unwrap_or_default();
    }
}

/// One datagram as the kernel takes it.
struct Message<'s> {
    to: SocketAddrAny,
    bytes: [IoSlice<'s>; 1],
    control: SendAncillaryBuffer<'static, 'static, 'static>,
}

/// Sends the first `N`, or up to the first that cannot be sent; says how many.
fn send_some<const N: usize>(
    socket: BorrowedFd<'_>,
    outgoing: &[Outgoing],
    slots: &Slots,
) -> Result<usize, Errno> {
    const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let mut messages: [Message<'_>; N] = std::array::from_fn(|nth| {
        let outgoing = outgoing.get(nth);
        let packet = outgoing.and_then(|outgoing| slots.packet(outgoing.slot));
        Message {
            to: outgoing.map_or(NOWHERE, |outgoing| outgoing.to).as_any(),
            bytes: [IoSlice::new(
                packet.map(Packet::datagram).unwrap_or_default(),
            )],
            control: SendAncillaryBuffer::default(),
        }
    });
    let mut headers = messages
        .each_mut()
        .map(|message| MMsgHdr::new_with_addr(&message.to, &message.bytes, &mut message.control));
    let headers = headers.get_mut(..outgoing.len().min(N)).unwrap_or_default();
    sendmmsg(socket, headers, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
}
