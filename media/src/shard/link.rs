#![expect(
    clippy::disallowed_types,
    reason = "this file is where sockets are made"
)]
//! The socket of a connection, and those that connections come from.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::stream::life::TO_READ;
use crate::stream::outbox::Outbox;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Kernel buffers of one connection, in bytes, each way: a video call over a
/// fifth of a second's round trip.
const KERNEL_BUFFER: usize = 128 * 1024;

/// Of what the kernel takes to send, how much may not be under way yet. What
/// waits waits with us, where the oldest of it is dropped.
const UNSENT: u32 = 16 * 1024;

/// What became of a look for bytes.
pub(super) enum Received {
    /// So many are there.
    Bytes(usize),
    /// None are there now.
    Nothing,
    /// None will come any more.
    End,
}

/// A connection's way to its client.
pub(super) struct Link {
    pub(super) socket: OwnedFd,
}

impl Link {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// Reads once.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        match recv(&self.socket, buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => Received::End,
            Ok((length, _)) => Received::Bytes(length),
            Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// Writes what waits, as far as the kernel takes it; says whether it took
    /// anything.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub(super) fn write(&mut self, outbox: &mut Outbox) -> io::Result<bool> {
        let mut took = false;
        while !outbox.is_empty() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match send(&self.socket, outbox.waiting(), flags) {
                Ok(count) => {
                    took |= count > 0;
                    outbox.written(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(took)
    }
}

/// A socket that clients connect to, and the address it got.
pub(super) fn listen(address: SocketAddr) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // After a restart the ends of old connections still linger here.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // What is accepted inherits it.
    tune(&SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let local = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok((socket.into(), local))
}

/// Modest buffers, nothing held back, and an end for who is not there any more.
fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_recv_buffer_size(KERNEL_BUFFER)?;
    socket.set_send_buffer_size(KERNEL_BUFFER)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket.set_tcp_nodelay(true)?;
    // After the time in which we give up who only does not read.
    socket.set_tcp_user_timeout(Some(2 * TO_READ))?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(Duration::from_secs(60))
            .with_interval(Duration::from_secs(10)),
    )
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn what_is_accepted_has_the_listeners_options() {
        let (listener, address) = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let _client = TcpStream::connect(address).unwrap();
        let accepted = rustix::net::accept(&listener).unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(2 * TO_READ));
        // The kernel doubles what it is asked for.
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * KERNEL_BUFFER);
    }
}
