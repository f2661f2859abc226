//! A client's connection to the relay: datagrams, or a stream with TLS on it
//! or without, that messages are taken out of one by one.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// What a relay that is talked to on loopback is called.
const HOST: &str = "localhost";

/// Longest message of ours, and how much is read at once.
const MESSAGE: usize = 2048;
const READ: usize = 16 * 1024;

/// A stream that takes nothing for so long is broken.
const STUCK: Duration = Duration::from_secs(5);

/// What clients speak to the relay over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
    Tls,
}

impl Over {
    pub(crate) const NAMES: [&str; 3] = ["udp", "tcp", "tls"];

    pub(crate) fn named(name: &str) -> Self {
        match name {
            "udp" => Self::Udp,
            "tcp" => Self::Tcp,
            "tls" => Self::Tls,
            _ => panic!("there is no transport {name}"),
        }
    }
}

/// A certificate made on the spot, and who believes in it.
pub(crate) struct Identity {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    client: Arc<ClientConfig>,
}

impl Identity {
    /// Makes one and leaves it in `folder`.
    pub(crate) fn make(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        fs::write(&chain, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Self {
            chain,
            key,
            client: believing(made.cert.der().clone()),
        }
    }
}

fn believing(certificate: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// See the module. One thread may write while another one reads.
pub(super) struct Link {
    wire: Wire,
    inbox: Mutex<Inbox>,
}

enum Wire {
    Datagrams(UdpSocket),
    Stream(TcpStream),
    Tls(TcpStream, Box<Mutex<ClientConnection>>),
}

/// What was read and is no whole message yet.
struct Inbox {
    bytes: Vec<u8>,
    filled: usize,
}

impl Link {
    /// Goes to `server`; reading from it waits so long at most.
    pub(super) fn open(server: SocketAddr, patience: Duration, over: Over, who: &Identity) -> Self {
        let stream = || {
            let stream = TcpStream::connect(server).unwrap();
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(patience)).unwrap();
            stream.set_write_timeout(Some(STUCK)).unwrap();
            stream
        };
        Self::of(match over {
            Over::Udp => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                socket.connect(server).unwrap();
                socket.set_read_timeout(Some(patience)).unwrap();
                Wire::Datagrams(socket)
            }
            Over::Tcp => Wire::Stream(stream()),
            Over::Tls => {
                let name = ServerName::try_from(HOST).unwrap();
                let tls = ClientConnection::new(Arc::clone(&who.client), name);
                Wire::Tls(stream(), Box::new(Mutex::new(tls.unwrap())))
            }
        })
    }

    /// Of a socket that is connected to wherever its packets go.
    pub(super) fn datagrams(socket: UdpSocket) -> Self {
        Self::of(Wire::Datagrams(socket))
    }

    fn of(wire: Wire) -> Self {
        let inbox = Inbox {
            bytes: vec![0; READ + MESSAGE],
            filled: 0,
        };
        Self {
            wire,
            inbox: Mutex::new(inbox),
        }
    }

    /// Has a datagram sent at once or not at all. A stream is read only when
    /// something is there, and never holds so much that it would have to wait.
    pub(super) fn hurry(&self) {
        if let Wire::Datagrams(socket) = &self.wire {
            socket.set_nonblocking(true).unwrap();
        }
    }

    /// Sends one message, on a stream with its padding; says whether it went.
    pub(super) fn send(&self, message: &[u8]) -> bool {
        let padded = |message: &[u8]| {
            let padding = message.len().next_multiple_of(4) - message.len();
            [message, &[0; 3][..padding]].concat()
        };
        match &self.wire {
            Wire::Datagrams(socket) => socket.send(message).is_ok(),
            Wire::Stream(stream) => {
                (&mut &*stream).write_all(&padded(message)).unwrap();
                true
            }
            Wire::Tls(stream, tls) => {
                let mut tls = tls.lock().unwrap();
                let mut wire = stream;
                let mut stream = rustls::Stream::new(&mut *tls, &mut wire);
                stream.write_all(&padded(message)).unwrap();
                stream.flush().unwrap();
                true
            }
        }
    }

    /// Reads once and shows each message that is whole now; says whether
    /// anything came.
    pub(super) fn receive(&self, mut each: impl FnMut(&mut [u8])) -> bool {
        let mut inbox = self.inbox.lock().unwrap();
        let Inbox { bytes, filled } = &mut *inbox;
        let space = &mut bytes[*filled..];
        let read = match &self.wire {
            Wire::Datagrams(socket) => {
                let Ok(length) = socket.recv(space) else {
                    return false;
                };
                each(&mut bytes[..length]);
                return true;
            }
            Wire::Stream(stream) => (&mut &*stream).read(space).and_then(not_over),
            Wire::Tls(stream, tls) => {
                let mut tls = tls.lock().unwrap();
                read_tls(&mut tls, stream, space)
            }
        };
        match read {
            Ok(length) => *filled += length,
            Err(error) if is_nothing(&error) => return false,
            Err(error) => panic!("a connection is broken: {error}"),
        }
        let mut at = 0;
        while let Some(length) = whole(&bytes[at..*filled]) {
            each(&mut bytes[at..at + length]);
            at += length;
        }
        bytes.copy_within(at..*filled, 0);
        *filled -= at;
        true
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.wire {
            Wire::Datagrams(socket) => socket.as_fd(),
            Wire::Stream(stream) | Wire::Tls(stream, _) => stream.as_fd(),
        }
    }
}

fn not_over(length: usize) -> std::io::Result<usize> {
    let is_over = length == 0;
    let over = || ErrorKind::UnexpectedEof.into();
    (!is_over).then_some(length).ok_or_else(over)
}

fn is_nothing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Reads from the socket once, and gives all that came of it: the socket says
/// nothing of what is left in here.
fn read_tls(
    tls: &mut ClientConnection,
    mut stream: &TcpStream,
    space: &mut [u8],
) -> std::io::Result<usize> {
    not_over(tls.read_tls(&mut stream)?)?;
    tls.process_new_packets().unwrap();
    let mut filled = 0;
    loop {
        match tls.reader().read(&mut space[filled..]) {
            Ok(0) => return Ok(filled),
            Ok(length) => filled += length,
            Err(error) if is_nothing(&error) => return Ok(filled),
            Err(error) => return Err(error),
        }
    }
}

/// The length of the message that `bytes` begin with, with its padding, once
/// all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let &[first, _, high, low] = bytes.first_chunk::<4>()?;
    let head = if first < 0x40 { 20 } else { 4 };
    let length = head + usize::from(u16::from_be_bytes([high, low])).next_multiple_of(4);
    (length <= bytes.len()).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_with_its_padding() {
        let data = [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 0x40];
        assert_eq!(whole(&data), Some(12));
        assert_eq!(whole(&data[..11]), None);
        let mut request = [0; 28];
        request[3] = 8;
        assert_eq!(whole(&request), Some(28));
        assert_eq!(whole(&request[..27]), None);
        assert_eq!(whole(&request[..3]), None);
    }

    #[test]
    fn messages_come_out_of_a_stream_however_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let who = Identity::make(folder.path());
        let link = Link::open(address, Duration::from_secs(5), Over::Tcp, &who);
        let (mut relay, _) = listener.accept().unwrap();
        relay.set_read_timeout(Some(STUCK)).unwrap();
        link.send(&[0x40, 0, 0, 1, 7]);
        let mut sent = [0; 8];
        relay.read_exact(&mut sent).unwrap();
        assert_eq!(sent, [0x40, 0, 0, 1, 7, 0, 0, 0]);
        let mut messages = Vec::new();
        let message = [0x40, 0, 0, 4, 1, 2, 3, 4];
        for part in [&message[..3], &[&message[3..], &message[..]].concat()] {
            relay.write_all(part).unwrap();
            link.receive(|message| messages.push(message.to_vec()));
        }
        assert_eq!(messages, [message; 2]);
    }
}
