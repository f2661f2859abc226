//! Many datagrams with one system call, for those who stand beside the relay.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg};
use rustix::net::addr::SocketAddrArg as _;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

/// Datagrams in one call.
pub(crate) const BATCH: usize = 64;

/// A batch of a few is made ready faster.
const FEW: usize = 8;

const SLOT: usize = 2048;

/// Room for one batch.
pub(crate) struct Batch {
    headers: MultiHeaders<SockaddrIn>,
    slots: Vec<[u8; SLOT]>,
    /// Who sent what lies in the slot of the same number, and its length.
    from: Vec<(SocketAddr, usize)>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self {
            headers: MultiHeaders::preallocate(BATCH, None),
            slots: vec![[0; SLOT]; BATCH],
            from: Vec::with_capacity(BATCH),
        }
    }

    /// Takes what is there; waits for the first one, unless the flags say not
    /// to or the socket's time is up. Says how many.
    pub(crate) fn receive(&mut self, socket: &UdpSocket, flags: MsgFlags) -> usize {
        self.from.clear();
        let mut slots = self.slots.iter_mut();
        let mut spaces: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(slots.next().unwrap())]);
        let spaces = spaces.iter_mut();
        if let Ok(messages) = recvmmsg(socket.as_raw_fd(), &mut self.headers, spaces, flags, None) {
            let entry = |address: SockaddrIn| SocketAddr::V4(SocketAddrV4::from(address));
            let received = messages.map(|message| (entry(message.address.unwrap()), message.bytes));
            self.from.extend(received);
        }
        self.from.len()
    }

    /// A datagram, and who sent it.
    pub(crate) fn datagram(&mut self, nth: usize) -> (SocketAddr, &mut [u8]) {
        let (from, length) = self.from[nth];
        (from, &mut self.slots[nth][..length])
    }

    /// Sends what was received on, to the address that is named for each.
    pub(crate) fn send(&self, socket: &UdpSocket, to: &[SocketAddr]) {
        let mut done = 0;
        while done < to.len() {
            let sent = match to.len() - done {
                1 => {
                    let bytes = &self.slots[done][..self.from[done].1];
                    socket.send_to(bytes, to[done]).map(|_| 1).unwrap_or(0)
                }
                2..=FEW => self.send_some::<FEW>(socket, done, &to[done..]),
                _ => self.send_some::<BATCH>(socket, done, &to[done..]),
            };
            // One that cannot be sent is lost.
            done += sent.max(1);
        }
    }

    fn send_some<const N: usize>(
        &self,
        socket: &UdpSocket,
        first: usize,
        to: &[SocketAddr],
    ) -> usize {
        const NOWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
        struct Message<'s>(
            SocketAddrAny,
            [IoSlice<'s>; 1],
            SendAncillaryBuffer<'static, 'static, 'static>,
        );
        let mut messages: [Message<'_>; N] = std::array::from_fn(|nth| {
            let there = to.get(nth);
            let bytes = there.map_or(&[][..], |_| {
                let nth = first + nth;
                &self.slots[nth][..self.from[nth].1]
            });
            let to = there.copied().unwrap_or(NOWHERE).as_any();
            Message(to, [IoSlice::new(bytes)], SendAncillaryBuffer::default())
        });
        let mut headers = messages
            .each_mut()
            .map(|Message(to, bytes, control)| MMsgHdr::new_with_addr(to, bytes, control));
        let headers = &mut headers[..to.len().min(N)];
        sendmmsg(socket, headers, SendFlags::DONTWAIT).unwrap_or(0)
    }
}
