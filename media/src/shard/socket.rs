#![expect(
    clippy::disallowed_types,
    reason = "this file is where sockets are made"
)]
//! How UDP sockets are made, and what they are told.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use socket2::{Domain, Protocol, Socket, Type};

use super::arrivals;
use crate::turn::Family;

/// Kernel buffers asked for per listener, in bytes: half a second of 10,000
/// voice packets.
const LISTENER_BUFFER: usize = 4 << 20;

/// Sockets that clients talk to, one for each of `count` shards, and the
/// address they got.
pub(super) fn listeners(
    address: SocketAddr,
    count: usize,
) -> io::Result<(Vec<OwnedFd>, SocketAddr)> {
    let first = new_listener(address)?;
    first.bind(&address.into())?;
    let local = first.local_addr()?.as_socket().unwrap_or(address);
    if count > 1 || address.ip().is_unspecified() {
        // Only now: before, nobody else may have the port.
        first.set_reuse_port(true)?;
    }
    let mut sockets = vec![OwnedFd::from(first)];
    while sockets.len() < count {
        sockets.push(listener_beside(local)?);
    }
    if address.ip().is_unspecified() {
        for socket in &sockets {
            arrivals::say_where(socket.as_fd(), Family::of(address.ip()))?;
        }
    }
    Ok((sockets, local))
}

/// The same for an address that listeners on all addresses leave to them.
pub(super) fn listeners_beside(address: SocketAddr, count: usize) -> io::Result<Vec<OwnedFd>> {
    (0..count).map(|_| listener_beside(address)).collect()
}

fn listener_beside(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = new_listener(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A socket that the participants of voice rooms talk to, and its address.
pub(super) fn rooms(address: SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = new_listener(address)?;
    socket.bind(&address.into())?;
    let local = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket.into(), local))
}

fn new_listener(address: SocketAddr) -> io::Result<Socket> {
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
    Ok(socket)
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
    keep_whole(&socket, Family::of(address.ip()), false)?;
    // Bound last: until then the port is nobody's.
    rustix::net::bind(&socket, &address)?;
    Ok(socket)
}

/// Says whether what is sent from now on may be fragmented.
fn keep_whole(socket: impl AsFd, family: Family, whole: bool) -> io::Result<()> {
    match family {
        Family::V4 => {
            let how = if whole {
                Ipv4PathMtuDiscovery::DO
            } else {
                Ipv4PathMtuDiscovery::DONT
            };
            sockopt::set_ip_mtu_discover(socket, how)?;
        }
        Family::V6 => {
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

/// What `send` sends through a relay socket goes in one piece or not at all.
///
/// # Errors
///
/// The socket cannot be told; nothing was sent.
pub(super) fn unfragmented(
    socket: BorrowedFd<'_>,
    family: Family,
    send: impl FnOnce(),
) -> io::Result<()> {
    keep_whole(socket, family, true)?;
    send();
    if let Err(error) = keep_whole(socket, family, false) {
        tracing::warn!(%error, "a relay socket goes on without fragmenting");
    }
    Ok(())
}
