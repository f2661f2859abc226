#![expect(
    clippy::disallowed_types,
    reason = "this file is where sockets are made"
)]
//! UDP sockets, and how datagrams come out of and go into them. Receiving by
//! the batch is one call here, whatever system call serves it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use crate::counters::{Counters, Metric};
use crate::turn::packet::Packet;

/// Datagrams taken from one ready socket before the next has its turn.
pub(super) const BATCH: usize = 32;

/// Kernel buffers asked for per listener, in bytes: half a second of 10,000
/// voice packets.
const LISTENER_BUFFER: usize = 4 << 20;

/// Slots for one batch, used again and again.
pub(super) struct Batch {
    slots: Vec<Packet>,
    /// Who sent what lies in which slot.
    pub(super) received: Vec<(usize, SocketAddr)>,
}

impl Batch {
    pub(super) fn new() -> Self {
        let slots = std::iter::repeat_with(Packet::new).take(BATCH).collect();
        Self {
            slots,
            received: Vec::with_capacity(BATCH),
        }
    }

    pub(super) fn slot(&mut self, index: usize) -> Option<&mut Packet> {
        self.slots.get_mut(index)
    }

    /// Takes what is there from `socket`, at most one batch. An error ends the
    /// batch, not the socket.
    pub(super) fn receive(&mut self, socket: impl AsFd, counters: &Counters) {
        self.received.clear();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            match recvfrom(&socket, slot.space(), RecvFlags::DONTWAIT) {
                Ok((length, _, from)) => {
                    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                    match (slot.filled(length), from) {
                        (true, Some(from)) => self.received.push((index, from)),
                        (false, _) => counters.count(Metric::DroppedTooLarge),
                        (true, None) => counters.count(Metric::ReceiveErrors),
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => {
                    counters.count(Metric::ReceiveErrors);
                    break;
                }
            }
        }
    }
}

/// Sends one datagram, now or not at all.
pub(super) fn send(socket: impl AsFd, to: SocketAddr, bytes: &[u8], counters: &Counters) {
    loop {
        match sendto(
            &socket,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
            &to,
        ) {
            Ok(_) => return,
            Err(Errno::INTR) => {}
            // Whatever the reason (no route, a firewall, a full buffer), it is
            // this datagram's end and nobody else's.
            Err(_) => return counters.count(Metric::DroppedSendFailed),
        }
    }
}

/// A socket that clients talk to, and the address it got.
pub(super) fn listener(address: SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // Past the system's limit with the right to, up to it without.
    if sockopt::set_socket_recv_buffer_size_force(&socket, LISTENER_BUFFER).is_err() {
        socket.set_recv_buffer_size(LISTENER_BUFFER)?;
    }
    if sockopt::set_socket_send_buffer_size_force(&socket, LISTENER_BUFFER).is_err() {
        socket.set_send_buffer_size(LISTENER_BUFFER)?;
    }
    socket.bind(&address.into())?;
    let local = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket.into(), local))
}

/// A socket that peers talk to. What it sends may be fragmented on the way
/// (RFC 8656 §15).
pub(super) fn relay(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    let socket = OwnedFd::from(socket);
    keep_whole(&socket, address, false)?;
    // Bound last: until then the port is nobody's.
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

/// Says whether what is sent from now on may be fragmented.
fn keep_whole(socket: impl AsFd, address: SocketAddr, whole: bool) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => {
            let how = if whole {
                Ipv4PathMtuDiscovery::DO
            } else {
                Ipv4PathMtuDiscovery::DONT
            };
            sockopt::set_ip_mtu_discover(socket, how)?;
        }
        SocketAddr::V6(_) => {
            let how = if whole {
                Ipv6PathMtuDiscovery::DO
            } else {
                Ipv6PathMtuDiscovery::DONT
            };
            sockopt::set_ipv6_mtu_discover(socket, how)?;
        }
    }
    Ok(())
}

/// Sends one datagram, now and in one piece, or not at all.
pub(super) fn send_whole(socket: impl AsFd, to: SocketAddr, bytes: &[u8], counters: &Counters) {
    if keep_whole(&socket, to, true).is_err() {
        return counters.count(Metric::DroppedSendFailed);
    }
    send(&socket, to, bytes, counters);
    if let Err(error) = keep_whole(&socket, to, false) {
        tracing::warn!(%error, "a relay socket goes on without fragmenting");
    }
}
