//! What carries a client's messages: datagrams, or a byte stream with TLS on
//! it or without.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};
use socket2::{Domain, Type};

use crate::client::LONG;
use crate::target::{Over, Target};

/// How long a message is, by its head, and what the padding adds.
const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;

pub(crate) enum Line {
    Datagrams(UdpSocket),
    Bytes(Stream),
}

impl Line {
    /// From that address; port 0 is any.
    pub(crate) fn new(target: &Target, address: &str) -> Self {
        if target.over == Over::Udp {
            let socket = UdpSocket::bind((address, 0)).unwrap();
            socket.connect(target.address).unwrap();
            return Self::Datagrams(socket);
        }
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let from = SocketAddr::new(address.parse().unwrap(), 0);
        socket.bind(&from.into()).unwrap();
        socket.connect(&target.address.into()).unwrap();
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self::Bytes(Stream::new(socket, target.over))
    }

    pub(crate) fn local(&self) -> SocketAddr {
        match self {
            Self::Datagrams(socket) => socket.local_addr().unwrap(),
            Self::Bytes(stream) => stream.socket().local_addr().unwrap(),
        }
    }

    /// Sends a message, padded where that is due.
    pub(crate) fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Datagrams(socket) => socket.send(message).map(drop),
            Self::Bytes(stream) => {
                let mut padded = message.to_vec();
                padded.resize(message.len().next_multiple_of(4), 0);
                stream.write(&padded)
            }
        }
    }

    /// The next message, without its padding, if it comes in time.
    pub(crate) fn receive(&mut self, patience: Duration) -> Option<Vec<u8>> {
        match self {
            Self::Datagrams(socket) => {
                socket.set_read_timeout(Some(patience)).unwrap();
                let mut buffer = vec![0; 1 << 16];
                let length = socket.recv(&mut buffer).ok()?;
                buffer.truncate(length);
                Some(buffer)
            }
            Self::Bytes(stream) => stream.receive(patience),
        }
    }
}

/// A connection, and what came of a message that is not whole.
pub(crate) struct Stream {
    wire: Wire,
    part: Vec<u8>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn new(mut socket: TcpStream, over: Over) -> Self {
        let wire = if over == Over::Tls {
            let mut session = anybody();
            while session.is_handshaking() {
                session.complete_io(&mut socket).unwrap();
            }
            Wire::Tls(Box::new(StreamOwned::new(session, socket)))
        } else {
            Wire::Plain(socket)
        };
        Self {
            wire,
            part: Vec::new(),
        }
    }

    fn socket(&self) -> &TcpStream {
        match &self.wire {
            Wire::Plain(socket) => socket,
            Wire::Tls(session) => &session.sock,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.wire {
            Wire::Plain(socket) => socket.write_all(bytes),
            Wire::Tls(session) => session.write_all(bytes),
        }
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let mut buffer = [0; 4096];
        let length = match &mut self.wire {
            Wire::Plain(socket) => socket.read(&mut buffer)?,
            Wire::Tls(session) => session.read(&mut buffer)?,
        };
        self.part.extend(&buffer[..length]);
        Ok(length)
    }

    fn receive(&mut self, patience: Duration) -> Option<Vec<u8>> {
        self.socket().set_read_timeout(Some(patience)).unwrap();
        loop {
            if let Some(message) = self.whole() {
                return Some(message);
            }
            match self.read() {
                Ok(length) if length > 0 => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    fn whole(&mut self) -> Option<Vec<u8>> {
        let &[first, _, high, low] = self.part.first_chunk()?;
        let body = usize::from(u16::from_be_bytes([high, low]));
        let head = if first < 0x40 {
            STUN_HEADER
        } else {
            CHANNEL_HEADER
        };
        let length = head + body;
        if self.part.len() < length.next_multiple_of(4) {
            return None;
        }
        let rest = self.part.split_off(length.next_multiple_of(4));
        let mut message = std::mem::replace(&mut self.part, rest);
        message.truncate(length);
        Some(message)
    }
}

/// A session with whoever is there: both servers made their certificates
/// themselves.
fn anybody() -> ClientConnection {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believing(provider)))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

#[derive(Debug)]
struct Believing(Arc<CryptoProvider>);

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
