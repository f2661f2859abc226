#![expect(
    clippy::disallowed_types,
    reason = "this file is where sockets are made"
)]
//! The socket of a connection with TLS on it or without, and the sockets that
//! connections come from.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::{ServerConfig, ServerConnection};
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

/// Plaintext that TLS takes before the kernel has taken what it made of the
/// last. What is in there cannot be dropped any more.
const TLS_BUFFER: usize = 16 * 1024;

/// What became of a look for bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// So many are there.
    Bytes(usize),
    /// None are there now.
    Nothing,
    /// None will come any more.
    End,
    /// What came is not TLS, or not as we speak it.
    Refused,
}

/// A connection's way to its client.
pub(super) struct Link {
    pub(super) socket: OwnedFd,
    tls: Option<Box<Tls>>,
}

struct Tls {
    session: ServerConnection,
    /// Bytes that somebody else read before the socket came to us.
    read_before: Vec<u8>,
}

impl Link {
    pub(super) fn plain(socket: OwnedFd) -> Self {
        Self { socket, tls: None }
    }

    /// Of a client that speaks TLS and has sent `read` so far.
    ///
    /// # Errors
    ///
    /// Cryptography fails.
    pub(super) fn tls(
        socket: OwnedFd,
        config: Arc<ServerConfig>,
        read: Vec<u8>,
    ) -> Result<Self, rustls::Error> {
        let mut session = ServerConnection::new(config)?;
        session.set_buffer_limit(Some(TLS_BUFFER));
        let tls = Tls {
            session,
            read_before: read,
        };
        Ok(Self {
            socket,
            tls: Some(Box::new(tls)),
        })
    }

    /// Whether keys are still being agreed upon, which is work.
    pub(super) fn is_handshaking(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| tls.session.is_handshaking())
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads once.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let Some(tls) = &mut self.tls else {
            return match recv(&self.socket, buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => Received::End,
                Ok((length, _)) => Received::Bytes(length),
                Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
                Err(_) => Received::End,
            };
        };
        match tls.take_in(&mut Kernel(&self.socket)) {
            Received::Bytes(_) | Received::Nothing => self.more(buffer),
            Received::End => Received::End,
            Received::Refused => {
                // The alert says why; who does not take it now never will.
                let _ = tls.session.write_tls(&mut Kernel(&self.socket));
                Received::Refused
            }
        }
    }

    /// Further bytes of what was read last. Asked for until there are none.
    pub(super) fn more(&mut self, buffer: &mut [u8]) -> Received {
        let Some(tls) = &mut self.tls else {
            return Received::Nothing;
        };
        match tls.session.reader().read(buffer) {
            Ok(0) => Received::End,
            Ok(length) => Received::Bytes(length),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// Whether the kernel is to take something.
    pub(super) fn has_to_write(&self, outbox: &Outbox) -> bool {
        self.tls_has_to_write() || (!outbox.is_empty() && !self.is_handshaking())
    }

    fn tls_has_to_write(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| tls.session.wants_write())
    }

    /// Writes what waits, as far as the kernel takes it; says whether it took
    /// anything.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    pub(super) fn write(&mut self, outbox: &mut Outbox) -> io::Result<bool> {
        let mut took = false;
        while !outbox.is_empty() || self.tls_has_to_write() {
            let mut kernel = Kernel(&self.socket);
            let written = match &mut self.tls {
                None => kernel.write(outbox.waiting()),
                Some(tls) => tls.write(outbox, &mut kernel),
            };
            if let (Ok(count), None) = (&written, &self.tls) {
                outbox.written(*count);
            }
            match written {
                Ok(0) => break,
                Ok(_) => took = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(took)
    }
}

impl Tls {
    fn take_in(&mut self, kernel: &mut Kernel<'_>) -> Received {
        let before = std::mem::take(&mut self.read_before);
        let mut before = before.as_slice();
        while !before.is_empty() {
            if self.session.read_tls(&mut before).is_err()
                || self.session.process_new_packets().is_err()
            {
                return Received::Refused;
            }
        }
        match self.session.read_tls(kernel) {
            Ok(0) => return Received::End,
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                return Received::Nothing;
            }
            Err(_) => return Received::End,
        }
        match self.session.process_new_packets() {
            Ok(state) => Received::Bytes(state.plaintext_bytes_to_read()),
            Err(_) => Received::Refused,
        }
    }

    /// What TLS has made is written before it is given more to make, so that
    /// what waits can still be dropped.
    fn write(&mut self, outbox: &mut Outbox, kernel: &mut Kernel<'_>) -> io::Result<usize> {
        if !self.session.wants_write() {
            if self.session.is_handshaking() {
                return Ok(0);
            }
            // Each message is a record of its own: there are clients that take
            // one for the other.
            let mut taken = 0;
            for message in outbox.messages() {
                let count = self.session.writer().write(message)?;
                taken += count;
                if count < message.len() || taken >= TLS_BUFFER {
                    break;
                }
            }
            outbox.written(taken);
        }
        self.session.write_tls(kernel)
    }
}

/// A socket as what reads and writes for TLS.
struct Kernel<'a>(&'a OwnedFd);

impl Read for Kernel<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (length, _) = recv(self.0, buffer, RecvFlags::DONTWAIT)?;
        Ok(length)
    }
}

impl Write for Kernel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(
            self.0,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        )?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sockets that clients connect to, one for each of `count` shards, and the
/// address they got.
pub(super) fn listen(address: SocketAddr, count: usize) -> io::Result<(Vec<OwnedFd>, SocketAddr)> {
    let first = new_listener(address)?;
    first.bind(&address.into())?;
    let local = first.local_addr()?.as_socket().unwrap_or(address);
    if count > 1 {
        // Only now: before, nobody else may have the port.
        first.set_reuse_port(true)?;
    }
    let mut sockets = vec![first];
    while sockets.len() < count {
        let socket = new_listener(local)?;
        socket.set_reuse_port(true)?;
        socket.bind(&local.into())?;
        sockets.push(socket);
    }
    for socket in &sockets {
        socket.listen(BACKLOG)?;
    }
    Ok((sockets.into_iter().map(OwnedFd::from).collect(), local))
}

fn new_listener(address: SocketAddr) -> io::Result<Socket> {
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
    Ok(socket)
}

/// Makes a socket that others have accepted one of ours; says who is at its
/// other end.
pub(super) fn adopt(socket: &OwnedFd) -> io::Result<SocketAddr> {
    let ours = SockRef::from(socket);
    ours.set_nonblocking(true)?;
    tune(&ours)?;
    let address = ours.peer_addr()?.as_socket();
    address.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))
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
        let (listeners, address) = listen((Ipv4Addr::LOCALHOST, 0).into(), 1).unwrap();
        let _client = TcpStream::connect(address).unwrap();
        let accepted = rustix::net::accept(&listeners[0]).unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(2 * TO_READ));
        // The kernel doubles what it is asked for.
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * KERNEL_BUFFER);
    }
}
