//! A relay with both address families, and what is always true of it: checked
//! after everything that is done to it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use payambar_media::counters::Metric;
use payambar_media::turn::codec::Crypto;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::server::{Effect, Entropy, Forward, RelayFailure, Server};
use payambar_media::turn::{ClientId, Family, PeerAddr, RelayPort};
use payambar_media::{
    AllocationInfo, Counters, Plane, RelayAddress, RelayConfig, long_term_key, mint_credential,
};

use crate::wire::{Reading, Transaction, Writer, attribute, kind};

/// The longest with which no answer to a stranger is over 3.5 times its
/// question.
pub(crate) const REALM: &str = "a-realm-of-44-bytes.for-the-relay.fuzz.test.";
pub(crate) const STATIC: &str = "static";
pub(crate) const UNIX: u64 = 1_900_000_000;
const SECRET: &[u8] = b"a secret of the operator";
const PORTS: std::ops::RangeInclusive<u16> = 50_000..=50_031;
const EXCLUDED: u16 = 50_000;
const PER_OWNER: usize = 3;

/// Somebody with a credential.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) id: ClientId,
    pub(crate) username: String,
    pub(crate) key: [u8; 16],
    pub(crate) nonce: Vec<u8>,
}

impl Caller {
    fn new(address: &str, (username, password): (String, String)) -> Self {
        let key = long_term_key(&username, REALM, &password).unwrap();
        Self {
            id: client(address),
            username,
            key: key.0,
            nonce: Vec::new(),
        }
    }

    /// A session of a person, with a credential for an hour.
    pub(crate) fn session(address: &str, user: i64, session: i64) -> Self {
        Self::new(address, mint_credential(SECRET, UNIX + 3600, user, session))
    }

    pub(crate) fn static_pair(address: &str) -> Self {
        Self::new(address, (STATIC.to_owned(), "pass".to_owned()))
    }

    /// Ends a request with the credential.
    pub(crate) fn sign(&self, request: Writer) -> Writer {
        request
            .add(attribute::USERNAME, self.username.as_bytes())
            .add(attribute::REALM, REALM.as_bytes())
            .add(attribute::NONCE, &self.nonce)
            .sign(&self.key)
    }
}

pub(crate) fn client(address: &str) -> ClientId {
    ClientId {
        listener: 0,
        address: address.parse().unwrap(),
    }
}

pub(crate) struct Stage {
    pub(crate) server: Server,
    counters: Arc<Counters>,
    pub(crate) now: Instant,
    pub(crate) unix: u64,
    /// What will come of the next relay sockets; then all open.
    pub(crate) failures: Vec<RelayFailure>,
    /// Whether relay sockets are left to open later, and which.
    pub(crate) holds: bool,
    pub(crate) held: BTreeSet<RelayPort>,
    open: BTreeSet<RelayPort>,
    closed: BTreeMap<RelayPort, Instant>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let counters = Arc::new(Counters::new());
        let mut state = 1_u64;
        let random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state >> 20
        };
        let entropy = Entropy {
            nonce_key: [7; 32],
            random: Box::new(random),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "there is no other way to an `Instant`"
        )]
        let now = Instant::now();
        let crypto = Crypto::new().unwrap();
        Self {
            server: Server::new(
                &config(),
                &[3478],
                crypto,
                entropy,
                Arc::clone(&counters),
                now,
            ),
            counters,
            now,
            unix: UNIX,
            failures: Vec::new(),
            holds: false,
            held: BTreeSet::new(),
            open: BTreeSet::new(),
            closed: BTreeMap::new(),
        }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.unix += seconds;
    }

    pub(crate) fn allocations(&self) -> Vec<AllocationInfo> {
        self.server.allocations(self.now)
    }

    /// The relay port of a client in this family.
    pub(crate) fn port_of(&self, client: ClientId, family: Family) -> Option<RelayPort> {
        let all = self.allocations();
        let held = all.iter().find(|info| info.client == client.address)?;
        let mut relayed = held.relayed.iter();
        let address = relayed.find(|address| Family::of(address.ip()) == family)?;
        Some(RelayPort {
            family,
            port: address.port(),
        })
    }

    /// A datagram from a client: where it goes and as what, and what was
    /// answered.
    pub(crate) fn hear_client(&mut self, from: ClientId, bytes: &[u8]) -> Passed {
        let Some(mut packet) = Packet::holding(bytes) else {
            return Passed::default();
        };
        let forward = self
            .server
            .handle_client(from, &mut packet, self.now, self.unix);
        let answers = self.drain();
        assert!(
            answers.len() <= 1,
            "{} answers to one datagram",
            answers.len()
        );
        assert!(
            forward.is_none() || answers.is_empty(),
            "passed on and answered"
        );
        for (to, _) in &answers {
            assert_eq!(*to, from, "an answer to somebody else");
        }
        self.check();
        Passed {
            forward: forward.map(|forward| (forward, packet.datagram().to_vec())),
            answer: answers.into_iter().next().map(|(_, bytes)| bytes),
        }
    }

    /// A datagram from a peer: to whom it goes and as what.
    pub(crate) fn hear_peer(
        &mut self,
        port: RelayPort,
        peer: SocketAddr,
        bytes: &[u8],
    ) -> Option<(Forward, Vec<u8>)> {
        let mut packet = Packet::holding(bytes)?;
        let forward = self
            .server
            .handle_peer(port, PeerAddr(peer), &mut packet, self.now);
        assert_eq!(self.drain(), [], "peers are not answered");
        self.check();
        Some((forward?, packet.datagram().to_vec()))
    }

    /// Says that a relay socket opened at last.
    pub(crate) fn open_held(&mut self, port: RelayPort) -> Vec<(ClientId, Vec<u8>)> {
        self.held.remove(&port);
        self.open.insert(port);
        self.server.handle_relay_opened(port, self.now);
        self.drain()
    }

    /// Does what the core wants done; returns what clients are told.
    pub(crate) fn drain(&mut self) -> Vec<(ClientId, Vec<u8>)> {
        let mut told = Vec::new();
        while let Some(effect) = self.server.poll_effect() {
            match effect {
                Effect::Answer { client, bytes } => told.push((client, bytes)),
                Effect::OpenRelay(port) => self.open(port),
                Effect::KeepRelay(port) => assert!(self.open.contains(&port)),
                Effect::TakeRelay(port) => {
                    assert!(self.open.contains(&port), "{port:?} was not kept");
                    self.server.handle_relay_opened(port, self.now);
                }
                Effect::CloseRelay(port) => {
                    self.open.remove(&port);
                    self.closed.insert(port, self.now);
                }
            }
        }
        told
    }

    fn open(&mut self, port: RelayPort) {
        assert!(
            PORTS.contains(&port.port) && port.port != EXCLUDED,
            "{port:?}"
        );
        assert!(!self.open.contains(&port), "{port:?} is open");
        let rested = self.closed.get(&port).map(|closed| self.now - *closed);
        assert!(
            rested.is_none_or(|rested| rested.as_secs() >= 120),
            "{port:?}: {rested:?}"
        );
        if self.holds {
            self.held.insert(port);
        } else if let Some(failure) = self.failures.pop() {
            if failure == RelayFailure::PortTaken {
                self.closed.insert(port, self.now);
            }
            self.server.handle_relay_failed(port, failure, self.now);
        } else {
            self.open.insert(port);
            self.server.handle_relay_opened(port, self.now);
        }
    }

    /// What is true of a relay at all times.
    pub(crate) fn check(&mut self) {
        self.server.handle_timeout(self.now);
        assert_eq!(self.drain(), [], "time alone answers nobody");
        let next = self.server.poll_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "a timer that stays due"
        );
        let all = self.allocations();
        let ports: Vec<SocketAddr> = all.iter().flat_map(|info| info.relayed.clone()).collect();
        let distinct: BTreeSet<&SocketAddr> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len(), "a port with two holders");
        for info in &all {
            let of_owner = all
                .iter()
                .filter(|other| other.subject.owner() == info.subject.owner());
            let is_person = matches!(info.subject, payambar_media::Subject::Session { .. });
            assert!(!is_person || of_owner.count() <= PER_OWNER, "{info:?}");
            assert!(
                !info.relayed.is_empty() && !info.expires_in.is_zero(),
                "{info:?}"
            );
            assert!(info.expires_in.as_secs() <= 3600, "{info:?}");
        }
        let count = |metric| usize::try_from(self.counters.value(metric)).unwrap();
        assert_eq!(count(Metric::Panics), 0);
        if self.held.is_empty() {
            assert_eq!(count(Metric::Allocations), all.len());
            assert_eq!(self.open.len(), ports.len() + count(Metric::Reservations));
            let known = count(Metric::PortsFree) + count(Metric::PortsResting) + self.open.len();
            assert_eq!(known, 2 * (PORTS.len() - 1), "a port is lost or doubled");
        }
    }

    /// Signs a request and sends it; with a fresh nonce where one is due.
    pub(crate) fn ask(&mut self, caller: &mut Caller, request: &Writer) -> Option<Vec<u8>> {
        for _ in 0..2 {
            let signed = caller.sign(request.clone()).done();
            let answer = self.hear_client(caller.id, &signed).answer?;
            let reading = Reading::of(&answer).expect("an answer that holds together");
            if !matches!(reading.code(), Some(401 | 438)) {
                return Some(answer);
            }
            caller.nonce = reading.value(attribute::NONCE)?.to_vec();
        }
        None
    }

    /// The same, for what must succeed.
    pub(crate) fn must(&mut self, caller: &mut Caller, request: &Writer) {
        let answer = self.ask(caller, request).expect("an answer");
        assert_eq!(Reading::of(&answer).unwrap().code(), Some(0));
    }
}

/// What became of a client's datagram.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) forward: Option<(Forward, Vec<u8>)>,
    pub(crate) answer: Option<Vec<u8>>,
}

pub(crate) fn transaction(number: u16) -> Transaction {
    let mut id = *b"fuzzed id \0\0";
    id[10..].copy_from_slice(&number.to_be_bytes());
    id
}

/// An Allocate for addresses of both families.
pub(crate) fn allocate_both(number: u16) -> Writer {
    Writer::new(kind::ALLOCATE, transaction(number))
        .add(attribute::TRANSPORT, &[17, 0, 0, 0])
        .add(attribute::ADDITIONAL_FAMILY, &[2, 0, 0, 0])
}

fn config() -> RelayConfig {
    let relay = |bind: &str, advertise: &str| RelayAddress {
        bind: bind.parse().unwrap(),
        advertise: advertise.parse().unwrap(),
    };
    RelayConfig {
        listen: vec!["0.0.0.0:3478".parse().unwrap()],
        listen_tcp: vec![],
        listen_tls: vec![],
        tls: None,
        relays: vec![relay("0.0.0.0", "203.0.113.9"), relay("::", "2001:db8::9")],
        ports: PORTS,
        excluded_ports: vec![EXCLUDED],
        realm: REALM.to_owned(),
        secret: SECRET.to_vec(),
        static_users: vec![(
            STATIC.to_owned(),
            long_term_key(STATIC, REALM, "pass").unwrap(),
        )],
        own_addresses: vec![],
        allow_peers: vec![],
        max_allocations_per_user: PER_OWNER,
        max_allocations_per_ip_static: 0,
        max_allocations_per_ip_session: 0,
        max_allocations: 0,
        max_bytes_per_second_each: 0,
        max_bytes_per_second: 0,
        max_unauthenticated_answers: 0,
        max_streams: 0,
        max_streams_per_network: 0,
        legacy_channels: false,
        max_credential_lifetime: Duration::from_secs(3600),
        plane: Plane::default(),
        rooms: None,
    }
}
