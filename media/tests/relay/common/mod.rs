//! A world around the core: a clock, a kernel that opens ports, and clients
//! that write requests with the message layer and read the answers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use payambar_media::counters::Metric;
use payambar_media::turn::auth::Revoked;
use payambar_media::turn::codec::Crypto;
use payambar_media::turn::ledger::Ledger;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::server::{Effect, Forward, RelayFailure, Server};
use payambar_media::turn::{ClientId, PeerAddr, Random, RelayPort, Shard};
use payambar_media::{Counters, Plane, RelayAddress, RelayConfig, long_term_key, mint_credential};
use rtc_stun::attributes::{ATTR_MESSAGE_INTEGRITY, ATTR_NONCE, ATTR_REALM};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{Message, Setter};

mod messages;

pub(crate) use messages::*;

pub(crate) const SECRET: &[u8] = b"a secret of the operator";
pub(crate) const REALM: &str = "relay.test";
pub(crate) const ADVERTISED: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);
pub(crate) const UNIX: u64 = 1_900_000_000;
pub(crate) const HOUR: u64 = 3600;

/// Somebody with a credential, and what the server told last.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) id: ClientId,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) realm: String,
    pub(crate) nonce: Vec<u8>,
    pub(crate) fingerprint: bool,
    sent: u32,
}

impl Caller {
    pub(crate) fn new(address: &str, username: &str, password: &str) -> Self {
        Self {
            id: ClientId {
                listener: 0,
                address: address.parse().unwrap(),
            },
            username: username.to_owned(),
            password: password.to_owned(),
            realm: REALM.to_owned(),
            nonce: Vec::new(),
            fingerprint: false,
            sent: 0,
        }
    }

    /// A person's session, with a credential for an hour.
    pub(crate) fn session(address: &str, user: i64, session: i64) -> Self {
        let (username, password) = mint_credential(SECRET, UNIX + HOUR, user, session);
        Self::new(address, &username, &password)
    }

    pub(crate) fn transaction(&mut self) -> [u8; 12] {
        self.sent += 1;
        let mut id = *b"transact\0\0\0\0";
        id[8..].copy_from_slice(&self.sent.to_be_bytes());
        id
    }

    /// A request signed with the credential.
    pub(crate) fn signed(&mut self, kind: u16, attributes: &[Attribute]) -> Message {
        let transaction = self.transaction();
        self.signed_as(kind, transaction, attributes)
    }

    pub(crate) fn signed_as(
        &self,
        kind: u16,
        transaction: [u8; 12],
        attributes: &[Attribute],
    ) -> Message {
        let mut all = attributes.to_vec();
        all.push((USERNAME, self.username.clone().into_bytes()));
        all.push((ATTR_REALM.0, self.realm.clone().into_bytes()));
        all.push((ATTR_NONCE.0, self.nonce.clone()));
        let mut message = message(kind, transaction, &all);
        self.sign(&mut message);
        message
    }

    pub(crate) fn sign(&self, message: &mut Message) {
        let provider = provider();
        let integrity = MessageIntegrity::new_long_term_integrity_with_provider(
            self.username.clone(),
            self.realm.clone(),
            self.password.clone(),
            provider.crypto(),
        );
        integrity.unwrap().add_to(message).unwrap();
        if self.fingerprint {
            FINGERPRINT.add_to(message).unwrap();
        }
    }

    /// Whether the answer's MESSAGE-INTEGRITY was made with our password.
    pub(crate) fn trusts(&self, reply: &Reply) -> bool {
        let provider = provider();
        let key = MessageIntegrity::long_term_integrity_key(
            self.username.clone(),
            self.realm.clone(),
            self.password.clone(),
            provider.crypto(),
        );
        let mut message = reply.0.clone();
        reply.has(ATTR_MESSAGE_INTEGRITY)
            && MessageIntegrity::check(&mut message, &key.unwrap(), provider.crypto()).is_ok()
    }
}

pub(crate) fn config() -> RelayConfig {
    RelayConfig {
        listen: vec![
            "0.0.0.0:3478".parse().unwrap(),
            "[::]:3478".parse().unwrap(),
        ],
        listen_tcp: vec![],
        listen_tls: vec![],
        tls: None,
        relays: vec![RelayAddress {
            bind: Ipv4Addr::UNSPECIFIED.into(),
            advertise: ADVERTISED.into(),
        }],
        ports: 50_000..=50_099,
        excluded_ports: vec![50_000],
        realm: REALM.to_owned(),
        secret: SECRET.to_vec(),
        static_users: vec![(
            "static".to_owned(),
            long_term_key("static", REALM, "pass").unwrap(),
        )],
        own_addresses: vec!["8.8.4.4".parse().unwrap()],
        allow_peers: vec![],
        max_allocations_per_user: 3,
        max_allocations_per_ip_static: 0,
        max_allocations_per_ip_session: 0,
        max_allocations: 0,
        max_bytes_per_second_each: 0,
        max_bytes_per_second: 0,
        max_unauthenticated_answers: 0,
        max_streams: 0,
        max_streams_per_network: 0,
        legacy_channels: false,
        max_credential_lifetime: Duration::from_secs(HOUR),
        plane: Plane::default(),
        rooms: None,
    }
}

pub(crate) const ADVERTISED_V6: &str = "2a00:1450::99";

/// A relay with an address of each family.
pub(crate) fn dual_config() -> RelayConfig {
    let mut config = config();
    config.relays.push(RelayAddress {
        bind: Ipv6Addr::UNSPECIFIED.into(),
        advertise: ADVERTISED_V6.parse().unwrap(),
    });
    config
}

/// The core, its clock, and the kernel's part of the bargain.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) counters: Arc<Counters>,
    pub(crate) now: Instant,
    pub(crate) unix: u64,
    /// Relay ports that are open.
    pub(crate) open: BTreeSet<RelayPort>,
    /// How opening a port ends, until this many have failed.
    pub(crate) failures: Vec<RelayFailure>,
    /// How many ports open before the first of `failures`.
    pub(crate) succeed_first: usize,
    /// Leaves [`Effect::OpenRelay`] unanswered and collects the ports.
    pub(crate) hold: Option<Vec<RelayPort>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&config())
    }

    pub(crate) fn with(config: &RelayConfig) -> Self {
        let [world] = Self::sharing(config);
        world
    }

    /// The shards of one relay, each with clients of its own and all on one
    /// clock, if that is moved for all.
    pub(crate) fn sharing<const SHARDS: usize>(config: &RelayConfig) -> [Self; SHARDS] {
        #[expect(
            clippy::disallowed_methods,
            reason = "there is no other way to an `Instant`"
        )]
        let now = Instant::now();
        let mut config = config.clone();
        config.plane.shards = u8::try_from(SHARDS).unwrap().try_into().unwrap();
        let counters = [(); SHARDS].map(|()| Arc::new(Counters::new()));
        let ledger = Ledger::new(&config, random(), Arc::clone(&counters[0]), now);
        let ledger = Arc::new(ledger);
        let mut shards = (0..).map(Shard);
        counters.map(|counters| {
            let shared = (shards.next().unwrap(), Arc::clone(&ledger));
            let (crypto, counted) = (Crypto::new().unwrap(), Arc::clone(&counters));
            let server = Server::sharing(shared, &config, &[3478], crypto, &[7; 32], counted, now);
            Self::around(server, counters, now)
        })
    }

    fn around(server: Server, counters: Arc<Counters>, now: Instant) -> Self {
        Self {
            server,
            counters,
            now,
            unix: UNIX,
            open: BTreeSet::new(),
            failures: Vec::new(),
            succeed_first: 0,
            hold: None,
        }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.unix += seconds;
    }

    pub(crate) fn revoke(&mut self, whom: Revoked) {
        self.server.handle_revoke(whom, self.now, self.unix);
    }

    pub(crate) fn count(&self, metric: Metric) -> u64 {
        self.counters.value(metric)
    }

    fn next_failure(&mut self) -> Option<RelayFailure> {
        if let Some(left) = self.succeed_first.checked_sub(1) {
            self.succeed_first = left;
            return None;
        }
        self.failures.pop()
    }

    /// Does what the core wants done; returns what clients were told.
    pub(crate) fn drain(&mut self) -> Vec<(ClientId, Reply)> {
        let mut told = Vec::new();
        while let Some(effect) = self.server.poll_effect() {
            match effect {
                Effect::Answer { client, bytes } => told.push((client, Reply::read(&bytes))),
                Effect::OpenRelay(port) => match (self.next_failure(), &mut self.hold) {
                    (_, Some(held)) => held.push(port),
                    (Some(failure), None) => {
                        self.server.handle_relay_failed(port, failure, self.now);
                    }
                    (None, None) => {
                        assert!(self.open.insert(port), "{port:?} is open already");
                        self.server.handle_relay_opened(port, self.now);
                    }
                },
                Effect::KeepRelay(port) => assert!(self.open.contains(&port)),
                Effect::TakeRelay(port) => {
                    assert!(self.open.contains(&port), "{port:?} was not kept");
                    self.server.handle_relay_opened(port, self.now);
                }
                Effect::CloseRelay(port) => {
                    self.open.remove(&port);
                }
            }
        }
        told
    }

    /// Sends a client's bytes; returns its answer, if there is one.
    pub(crate) fn ask(&mut self, client: ClientId, bytes: &[u8]) -> Option<Reply> {
        let mut packet = Packet::holding(bytes).unwrap();
        let forward = self
            .server
            .handle_client(client, &mut packet, self.now, self.unix);
        assert_eq!(forward, None, "a request is not passed on");
        let mut told = self.drain();
        assert!(told.len() <= 1, "one answer at most");
        told.pop().map(|(to, reply)| {
            assert_eq!(to, client);
            assert_eq!(reply.0.transaction_id.0, bytes[8..20]);
            reply
        })
    }

    /// Sends a request without a credential.
    pub(crate) fn ask_plainly(
        &mut self,
        caller: &mut Caller,
        kind: u16,
        attributes: &[Attribute],
    ) -> Reply {
        let message = message(kind, caller.transaction(), attributes);
        self.ask(caller.id, &message.raw).unwrap()
    }

    /// Sends a signed request, after fetching a nonce if there is none yet.
    pub(crate) fn request(
        &mut self,
        caller: &mut Caller,
        kind: u16,
        attributes: &[Attribute],
    ) -> Reply {
        if caller.nonce.is_empty() {
            self.challenge(caller);
        }
        let message = caller.signed(kind, attributes);
        self.ask(caller.id, &message.raw).unwrap()
    }

    pub(crate) fn challenge(&mut self, caller: &mut Caller) {
        let reply = self.ask_plainly(caller, ALLOCATE, &[udp()]);
        assert_eq!(reply.code(), 401);
        caller.nonce = reply.0.get(ATTR_NONCE).unwrap();
    }

    /// Allocates; returns the relay port.
    pub(crate) fn allocate(&mut self, caller: &mut Caller) -> RelayPort {
        let reply = self.request(caller, ALLOCATE, &[udp()]);
        assert_eq!(reply.code(), 0);
        assert_eq!(reply.relayed().ip(), IpAddr::V4(ADVERTISED));
        RelayPort::v4(reply.relayed().port())
    }

    pub(crate) fn permit(&mut self, caller: &mut Caller, address: &str) {
        let reply = self.request(caller, CREATE_PERMISSION, &[peer(address)]);
        assert_eq!(reply.code(), 0);
    }

    pub(crate) fn bind(&mut self, caller: &mut Caller, number: u16, address: &str) {
        let reply = self.request(caller, CHANNEL_BIND, &[channel(number), peer(address)]);
        assert_eq!(reply.code(), 0);
    }

    /// Sends data from a client; returns where it goes and as what.
    pub(crate) fn send(&mut self, caller: &Caller, bytes: &[u8]) -> Option<(Forward, Vec<u8>)> {
        let mut packet = Packet::holding(bytes).unwrap();
        let forward = self
            .server
            .handle_client(caller.id, &mut packet, self.now, self.unix)?;
        Some((forward, packet.datagram().to_vec()))
    }

    /// Sends data from a peer; returns to whom it goes and as what.
    pub(crate) fn receive(
        &mut self,
        port: RelayPort,
        from: &str,
        bytes: &[u8],
    ) -> Option<(Forward, Vec<u8>)> {
        let mut packet = Packet::holding(bytes).unwrap();
        let from = PeerAddr(from.parse().unwrap());
        let forward = self.server.handle_peer(port, from, &mut packet, self.now)?;
        Some((forward, packet.datagram().to_vec()))
    }
}

/// SplitMix64: every bit of it is as good as the others.
fn random() -> Random {
    let mut state = 1_u64;
    Box::new(move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    })
}

/// The code an Allocate with these attributes gets in an empty world.
pub(crate) fn code_of_allocate(attributes: &[Attribute]) -> u16 {
    let (mut world, mut caller) = (World::new(), Caller::session("192.0.2.1:4000", 7, 3));
    let reply = world.request(&mut caller, ALLOCATE, attributes);
    assert!(caller.trusts(&reply));
    reply.code()
}
