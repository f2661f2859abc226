//! Talks to the relay as a browser would, with the client of the crate `turn`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use turn::client::{Client, ClientConfig as TurnClientConfig};
use webrtc_util::Conn;

use super::stream::Stream;
use super::{Credential, Transport, Way};

/// How long one step may take: a few retransmissions on a slow line.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one datagram is waited for before it is sent again.
const AGAIN: Duration = Duration::from_millis(500);

/// What a working way shows.
#[derive(Debug)]
pub(super) struct Relayed {
    /// The relayed address of the first allocation.
    pub(super) address: SocketAddr,
    /// From one allocation to the other and back.
    pub(super) round_trip: Duration,
    /// Why a browser would not believe the certificate.
    pub(super) distrust: Option<String>,
}

/// Why a way does not work.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody answers.
    Silent,
    /// The port is closed.
    Refused,
    /// This machine has no way there.
    NoRoute,
    /// The connection failed otherwise.
    Connection(String),
    /// Something answers that speaks no TLS, or another one.
    Tls(String),
    /// The relay refused: the error response as text.
    Relay(String),
    /// Both allocations stand, and nothing passes between them.
    NoEcho,
}

/// How far datagrams come between here and a relay port.
#[derive(Debug)]
pub(super) enum Ports {
    /// Both ways.
    Open,
    /// Nothing comes in there.
    Closed,
    /// Nothing comes back from there.
    OneWay,
    /// The relay sends nothing to where we are.
    Forbidden(SocketAddr),
    /// There was no allocation to try with.
    Unknown,
}

/// The client's side of all checks.
pub(super) struct Probe<'a> {
    credential: &'a Credential,
    strict: TlsConnector,
    lenient: TlsConnector,
}

type Socket = Arc<dyn Conn + Send + Sync>;

impl<'a> Probe<'a> {
    pub(super) fn new(credential: &'a Credential) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = || {
            ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
        };
        let strict = builder()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let lenient = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(Arc::clone(&provider))))
            .with_no_client_auth();
        Ok(Self {
            credential,
            strict: TlsConnector::from(Arc::new(strict)),
            lenient: TlsConnector::from(Arc::new(lenient)),
        })
    }

    /// Makes two allocations this way, and has them send to each other.
    pub(super) async fn relay(&self, way: &Way, address: SocketAddr) -> Result<Relayed, Trouble> {
        let (first, distrust) = self.connect(way, address).await?;
        let (second, _) = self.connect(way, address).await?;
        let first = self.client(first, address).await?;
        let second = self.client(second, address).await?;
        let near = allocate(&first).await?;
        let far = allocate(&second).await?;
        let echo = timeout(PATIENCE, echo(&near, &far)).await;
        let relayed = near.local_addr();
        let (_, _) = tokio::join!(near.close(), far.close());
        let (_, _) = tokio::join!(first.close(), second.close());
        Ok(Relayed {
            address: relayed.map_err(|error| Trouble::Relay(error.to_string()))?,
            round_trip: echo.ok().and_then(Result::ok).ok_or(Trouble::NoEcho)?,
            distrust,
        })
    }

    /// Sends between an allocation and a socket here, past the relay's
    /// listening port.
    pub(super) async fn ports(&self, address: SocketAddr) -> Ports {
        self.try_ports(address).await.unwrap_or(Ports::Unknown)
    }

    async fn try_ports(&self, address: SocketAddr) -> Result<Ports, Trouble> {
        let client = self.client(udp(address).await?, address).await?;
        let allocation = allocate(&client).await?;
        let relayed = allocation.local_addr();
        let relayed = relayed.map_err(|error| Trouble::Relay(error.to_string()))?;
        let peer = udp(address).await?;
        let asking = self.client(Arc::clone(&peer), address).await?;
        let mapped = timeout(PATIENCE, asking.send_binding_request()).await;
        let mapped = mapped.map_err(|_| Trouble::Silent)?;
        let mapped = mapped.map_err(|error| Trouble::Relay(error.to_string()))?;
        // From here on what comes to the socket is ours.
        let _ = asking.close().await;
        let found = if allocation.send_to(b"out", mapped).await.is_err() {
            Ports::Forbidden(mapped)
        } else {
            match pass(&allocation, (peer.as_ref(), mapped), relayed).await {
                // The relay keeps from its own host, whatever the firewall does.
                Ports::Closed | Ports::OneWay if mapped.ip() == relayed.ip() => {
                    Ports::Forbidden(mapped)
                }
                found @ (Ports::Open
                | Ports::Closed
                | Ports::OneWay
                | Ports::Forbidden(_)
                | Ports::Unknown) => found,
            }
        };
        let _ = allocation.close().await;
        let _ = client.close().await;
        Ok(found)
    }

    async fn connect(
        &self,
        way: &Way,
        address: SocketAddr,
    ) -> Result<(Socket, Option<String>), Trouble> {
        match way.transport {
            Transport::Udp => Ok((udp(address).await?, None)),
            Transport::Tcp => Ok((plain(tcp(address).await?, address)?, None)),
            Transport::Tls => match self.tls(&self.strict, way, address).await {
                Ok(socket) => Ok((socket, None)),
                Err(Handshake::Distrust(why)) => {
                    let socket = self.tls(&self.lenient, way, address).await;
                    Ok((socket.map_err(Trouble::from)?, Some(why)))
                }
                Err(Handshake::Trouble(trouble)) => Err(trouble),
            },
        }
    }

    async fn tls(
        &self,
        connector: &TlsConnector,
        way: &Way,
        address: SocketAddr,
    ) -> Result<Socket, Handshake> {
        let tcp = tcp(address).await?;
        let local = tcp.local_addr().map_err(Trouble::from)?;
        let name = ServerName::try_from(way.host.clone())
            .map_err(|_| Trouble::Tls(format!("{} is no host name", way.host)))?;
        let shaken = timeout(PATIENCE, connector.connect(name, tcp)).await;
        let stream = shaken.map_err(|_| Trouble::Silent)?.map_err(handshake)?;
        Ok(Arc::new(Stream::new(stream, local, address)))
    }

    async fn client(&self, socket: Socket, address: SocketAddr) -> Result<Client, Trouble> {
        let config = TurnClientConfig {
            stun_serv_addr: address.to_string(),
            turn_serv_addr: address.to_string(),
            username: self.credential.username.clone(),
            password: self.credential.password.expose().clone(),
            realm: String::new(),
            software: String::new(),
            rto_in_ms: 0,
            conn: socket,
            vnet: None,
        };
        let relay = |error: turn::Error| Trouble::Relay(error.to_string());
        let client = Client::new(config).await.map_err(relay)?;
        client.listen().await.map_err(relay)?;
        Ok(client)
    }
}

async fn udp(server: SocketAddr) -> Result<Socket, Trouble> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    // Asks the routes alone; nothing is sent.
    let route = UdpSocket::bind((any, 0)).await?;
    route.connect(server).await?;
    Ok(Arc::new(UdpSocket::bind((any, 0)).await?))
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, Trouble> {
    let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
    let stream = connected.map_err(|_| Trouble::Silent)??;
    // Browsers do not gather small writes either.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn plain(stream: TcpStream, address: SocketAddr) -> Result<Socket, Trouble> {
    let local = stream.local_addr()?;
    Ok(Arc::new(Stream::new(stream, local, address)))
}

async fn allocate(client: &Client) -> Result<impl Conn + use<>, Trouble> {
    let allocated = timeout(PATIENCE, client.allocate()).await;
    let allocated = allocated.map_err(|_| Trouble::Silent)?;
    allocated.map_err(|error| Trouble::Relay(error.to_string()))
}

/// Sends from one to the other and back, until it arrives.
async fn echo(near: &impl Conn, far: &impl Conn) -> Result<Duration, webrtc_util::Error> {
    let (near_address, far_address) = (near.local_addr()?, far.local_addr()?);
    // Each hears the other only once it has sent there itself.
    far.send_to(b"hello", near_address).await?;
    near.send_to(b"hello", far_address).await?;
    let mut buffer = [0; 64];
    loop {
        let begun = Instant::now();
        let trip = async {
            near.send_to(b"ping", far_address).await?;
            await_text(far, b"ping").await?;
            far.send_to(b"pong", near_address).await?;
            await_text(near, b"pong").await
        };
        if let Ok(arrived) = timeout(AGAIN, trip).await {
            arrived?;
            return Ok(begun.elapsed());
        }
        // What came late is not taken for the next answer.
        while timeout(Duration::ZERO, near.recv_from(&mut buffer))
            .await
            .is_ok()
        {}
    }
}

async fn await_text(socket: &(impl Conn + ?Sized), text: &[u8]) -> Result<(), webrtc_util::Error> {
    let mut buffer = [0; 64];
    loop {
        let (length, _) = socket.recv_from(&mut buffer).await?;
        if buffer.get(..length) == Some(text) {
            return Ok(());
        }
    }
}

/// Sends both ways between an allocation and a socket until both arrived.
async fn pass(
    allocation: &impl Conn,
    (peer, mapped): (&(dyn Conn + Send + Sync), SocketAddr),
    relayed: SocketAddr,
) -> Ports {
    let sending = async {
        loop {
            // A datagram that cannot be sent does not arrive, which shows.
            let _ = peer.send_to(b"in", relayed).await;
            let _ = allocation.send_to(b"out", mapped).await;
            tokio::time::sleep(AGAIN).await;
        }
    };
    let arriving = async {
        let came_in = timeout(PATIENCE, await_text(allocation, b"in"));
        let came_out = timeout(PATIENCE, await_text(peer, b"out"));
        tokio::join!(came_in, came_out)
    };
    let (came_in, came_out) = tokio::select! {
        arrived = arriving => arrived,
        () = sending => return Ports::Closed,
    };
    match (came_in, came_out) {
        (Ok(Ok(())), Ok(Ok(()))) => Ports::Open,
        (Ok(Ok(())), _) => Ports::OneWay,
        (_, _) => Ports::Closed,
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        const NO_ROUTE: [io::ErrorKind; 3] = [
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::AddrNotAvailable,
        ];
        let kind = error.kind();
        if kind == io::ErrorKind::ConnectionRefused {
            Self::Refused
        } else if kind == io::ErrorKind::TimedOut {
            Self::Silent
        } else if NO_ROUTE.contains(&kind) {
            Self::NoRoute
        } else {
            Self::Connection(error.to_string())
        }
    }
}

/// How a handshake ends without a connection.
enum Handshake {
    Distrust(String),
    Trouble(Trouble),
}

impl From<Trouble> for Handshake {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Handshake> for Trouble {
    fn from(ended: Handshake) -> Self {
        match ended {
            Handshake::Distrust(why) => Self::Tls(why),
            Handshake::Trouble(trouble) => trouble,
        }
    }
}

fn handshake(error: io::Error) -> Handshake {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => Handshake::Distrust(why.to_string()),
        Some(other) => Handshake::Trouble(Trouble::Tls(other.to_string())),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Handshake::Trouble(Trouble::Tls("the connection was closed".to_owned()))
        }
        None => Handshake::Trouble(error.into()),
    }
}

/// Takes any certificate, to see whether all else works. Its owner still has
/// to have the key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
