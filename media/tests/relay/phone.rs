#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these are the clients and peers of a real relay"
)]
//! Clients and peers with real sockets, and a relay on loopback for them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payambar_media::turn::Transport;
use payambar_media::{Calls, RelayAddress, RelayConfig, RelayHandle, TlsIdentity, mint_credential};
use rcgen::{CertifiedKey, KeyPair};
use rtc_stun::attributes::ATTR_NONCE;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::common::*;

pub(crate) fn loopback() -> RelayConfig {
    let mut config = config();
    config.listen = vec!["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()];
    config.listen_tcp = config.listen.clone();
    config.listen_tls = config.listen.clone();
    config.tls = Some(identity(pair()));
    config.relays = vec![RelayAddress {
        bind: Ipv4Addr::LOCALHOST.into(),
        advertise: Ipv4Addr::LOCALHOST.into(),
    }];
    config.ports = 20_000..=29_999;
    config.allow_peers = vec!["127.0.0.0/8".parse().unwrap()];
    // These tests are built into several programs.
    match env!("CARGO_CRATE_NAME") {
        "relay_portable" => config.plane.calls = Calls::Portable,
        "relay_shards" => {
            config.plane.shards = 3.try_into().unwrap();
            // One connection's end and the next one's Allocate may come to two
            // shards, which hear of them in either order.
            config.max_allocations_per_user = 16;
        }
        _ => {}
    }
    config
}

/// A way into a relay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
}

/// Every way into this relay.
pub(crate) fn doors(relay: &RelayHandle) -> Vec<Door> {
    let door = |transport| {
        move |address: &SocketAddr| Door {
            transport,
            address: *address,
        }
    };
    let udp = relay.local_addresses().iter().map(door(Transport::Udp));
    let tcp = relay.tcp_addresses().iter().map(door(Transport::Tcp));
    let tls = relay.tls_addresses().iter().map(door(Transport::Tls));
    udp.chain(tcp).chain(tls).collect()
}

/// What carries a client's messages.
pub(crate) enum Line {
    Datagrams(UdpSocket),
    Bytes(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Line {
    fn to(door: Door) -> Self {
        match door.transport {
            Transport::Udp => {
                let local = if door.address.is_ipv6() {
                    "[::1]:0"
                } else {
                    "127.0.0.1:0"
                };
                let socket = echo_at(local);
                socket.connect(door.address).unwrap();
                Self::Datagrams(socket)
            }
            Transport::Tcp => Self::Bytes(connect(door.address)),
            Transport::Tls => Self::over_tls(connect(door.address), pair()),
        }
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        match self {
            Self::Datagrams(socket) => socket.local_addr().unwrap(),
            Self::Bytes(stream) => stream.local_addr().unwrap(),
            Self::Tls(session) => session.sock.local_addr().unwrap(),
        }
    }

    /// Sends a message, padded where that is due.
    pub(crate) fn send(&mut self, message: &[u8]) {
        match self {
            Self::Datagrams(socket) => assert_eq!(socket.send(message).unwrap(), message.len()),
            Self::Bytes(_) | Self::Tls(_) => {
                let mut padded = message.to_vec();
                padded.resize(message.len().next_multiple_of(4), 0);
                self.write(&padded);
            }
        }
    }

    /// Writes bytes to a stream as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Bytes(stream) => stream.write_all(bytes).unwrap(),
            Self::Tls(session) => session.write_all(bytes).unwrap(),
            Self::Datagrams(_) => panic!("datagrams are no stream"),
        }
    }

    /// What is under TLS, if that is spoken.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        match self {
            Self::Bytes(stream) => stream,
            Self::Tls(session) => &mut session.sock,
            Self::Datagrams(_) => panic!("datagrams are no stream"),
        }
    }

    /// Speaks TLS with who has this pair.
    pub(crate) fn over_tls(socket: TcpStream, pair: &Pair) -> Self {
        Self::in_session(socket, client_session(pair))
    }

    /// Speaks TLS as this session does.
    pub(crate) fn in_session(mut socket: TcpStream, mut session: ClientConnection) -> Self {
        while session.is_handshaking() {
            session.complete_io(&mut socket).unwrap();
        }
        Self::Tls(Box::new(StreamOwned::new(session, socket)))
    }

    /// The next message without its padding; nothing once the stream ends.
    pub(crate) fn receive(&mut self) -> Vec<u8> {
        match self {
            Self::Datagrams(socket) => {
                let mut bytes = vec![0; 4096];
                let length = socket.recv(&mut bytes).unwrap();
                bytes.truncate(length);
                bytes
            }
            Self::Bytes(stream) => next_message(stream).unwrap_or_default(),
            Self::Tls(session) => next_message(session).unwrap_or_default(),
        }
    }
}

/// A certificate and its key, in PEM form.
pub(crate) type Pair = CertifiedKey<KeyPair>;

pub(crate) fn new_pair() -> Pair {
    rcgen::generate_simple_self_signed(["relay.test".to_owned()]).unwrap()
}

/// The pair of every relay here.
pub(crate) fn pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(new_pair)
}

pub(crate) fn identity(pair: &Pair) -> TlsIdentity {
    let (chain, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    TlsIdentity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

/// A client that trusts this pair alone.
pub(crate) fn client_session(pair: &Pair) -> ClientConnection {
    session_with(client_config(pair, rustls::DEFAULT_VERSIONS))
}

pub(crate) fn session_with(config: Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(config, "relay.test".try_into().unwrap()).unwrap()
}

pub(crate) fn client_config(
    pair: &Pair,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads a message and its padding.
fn next_message(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut message = vec![0; 4];
    stream.read_exact(&mut message).ok()?;
    let body = usize::from(u16::from_be_bytes([message[2], message[3]]));
    let length = if message[0] < 0x40 { 20 } else { 4 } + body;
    message.resize(length.next_multiple_of(4), 0);
    stream.read_exact(&mut message[4..]).ok()?;
    assert!(message[length..].iter().all(|byte| *byte == 0));
    message.truncate(length);
    Some(message)
}

/// How long an answer may take on a busy host.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client with a socket.
pub(crate) struct Phone {
    pub(crate) line: Line,
    pub(crate) caller: Caller,
}

impl Phone {
    /// One that comes over UDP.
    pub(crate) fn new(address: SocketAddr, user: i64, session: i64) -> Self {
        let transport = Transport::Udp;
        Self::at(Door { transport, address }, user, session)
    }

    pub(crate) fn at(door: Door, user: i64, session: i64) -> Self {
        Self::on(Line::to(door), user, session)
    }

    pub(crate) fn on(line: Line, user: i64, session: i64) -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let (name, password) = mint_credential(SECRET, unix + 600, user, session);
        let caller = Caller::new(&line.local_addr().to_string(), &name, &password);
        Self { line, caller }
    }

    pub(crate) fn send(&mut self, message: &[u8]) {
        self.line.send(message);
    }

    pub(crate) fn receive(&mut self) -> Vec<u8> {
        self.line.receive()
    }

    pub(crate) fn request(&mut self, kind: u16, attributes: &[Attribute]) -> Reply {
        if self.caller.nonce.is_empty() {
            let plain = message(ALLOCATE, self.caller.transaction(), &[udp()]);
            self.send(&plain.raw);
            let challenge = Reply::read(&self.receive());
            assert_eq!(challenge.code(), 401);
            self.caller.nonce = challenge.0.get(ATTR_NONCE).unwrap();
        }
        let request = self.caller.signed(kind, attributes);
        self.send(&request.raw);
        let reply = Reply::read(&self.receive());
        assert_eq!(reply.0.transaction_id, request.transaction_id);
        reply
    }

    pub(crate) fn allocate(&mut self) -> SocketAddr {
        let reply = self.request(ALLOCATE, &[udp()]);
        assert_eq!(reply.code(), 0);
        assert_eq!(reply.mapped(), self.line.local_addr());
        reply.relayed()
    }
}

/// A peer's socket.
pub(crate) fn echo() -> UdpSocket {
    echo_at("127.0.0.1:0")
}

pub(crate) fn echo_at(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}
