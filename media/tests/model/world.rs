//! The relay and the model side by side: every step is taken by both, and what
//! they say is compared.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use payambar_media::turn::codec::Crypto;
use payambar_media::turn::packet::Packet;
use payambar_media::turn::server::{Effect, Entropy, RelayFailure, Server};
use payambar_media::turn::{ClientId, Family, Key, PeerAddr, RelayPort};
use payambar_media::{Counters, Plane, RelayAddress, RelayConfig, long_term_key};
use payambar_media_fuzz::wire::{Writer, attribute, channel_data, kind};

use crate::callers::{self, Caller, REALM, SECRET, UNIX, transaction};
use crate::compare::went;
use crate::model::{self, Model, PORTS, RELAYS, Told, Way, Who};
use crate::steps::{CALLERS, Deed, PEERS, Peer, Step, Wish};

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) counters: Arc<Counters>,
    pub(crate) model: Model,
    pub(crate) began: Instant,
    /// Time passed that the relay was not told of yet.
    pub(crate) is_behind: bool,
    pub(crate) callers: [Caller; CALLERS],
    /// What each caller's last Allocate was.
    pub(crate) asked: [Option<(Wish, u32)>; CALLERS],
    /// What each caller's last ChannelBind was.
    pub(crate) bound: [Option<(u16, SocketAddr)>; CALLERS],
    /// Tokens in the order in which they were given.
    pub(crate) tokens: Vec<Vec<u8>>,
    /// The nonce of the last challenge.
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) open: BTreeSet<RelayPort>,
    pub(crate) failures: VecDeque<RelayFailure>,
    pub(crate) later: bool,
    pub(crate) held: Vec<RelayPort>,
    /// Answers of the relay, and those that the model gives.
    pub(crate) told: Vec<(ClientId, Vec<u8>)>,
    pub(crate) due: Vec<(Who, u32, Told)>,
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
        relays: vec![relay("0.0.0.0", RELAYS[0]), relay("::", RELAYS[1])],
        ports: PORTS.start() - 1..=*PORTS.end(),
        excluded_ports: vec![PORTS.start() - 1],
        realm: REALM.to_owned(),
        secret: SECRET.to_vec(),
        static_users: vec![("static".to_owned(), static_key())],
        own_addresses: vec![],
        allow_peers: vec![],
        max_allocations_per_user: model::PER_OWNER,
        max_allocations_per_ip_static: model::PER_IP_STATIC,
        max_allocations_per_ip_session: model::PER_IP_SESSION,
        max_allocations: model::IN_ALL,
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

fn static_key() -> Key {
    long_term_key("static", REALM, "pass").unwrap()
}

impl World {
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
        let began = Instant::now();
        let crypto = Crypto::new().unwrap();
        Self {
            server: Server::new(
                &config(),
                &[3478],
                crypto,
                entropy,
                Arc::clone(&counters),
                began,
            ),
            counters,
            model: Model::default(),
            began,
            is_behind: false,
            callers: callers::all(),
            asked: [const { None }; CALLERS],
            bound: [None; CALLERS],
            tokens: Vec::new(),
            nonce: None,
            open: BTreeSet::new(),
            failures: VecDeque::new(),
            later: false,
            held: Vec::new(),
            told: Vec::new(),
            due: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.began + Duration::from_secs(self.model.now)
    }

    fn unix(&self) -> u64 {
        UNIX + self.model.now
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Allocate {
                who,
                wish,
                failures,
                later,
            } => {
                let transaction = self.callers[who].next_transaction();
                self.failures = if later {
                    VecDeque::new()
                } else {
                    failures.into()
                };
                self.later = later;
                self.allocate(who, wish, transaction);
                self.later = false;
                self.failures.clear();
            }
            Step::Repeat(who) => {
                if let Some((wish, transaction)) = self.asked[who].clone() {
                    self.allocate(who, wish, transaction);
                }
            }
            Step::Open => {
                for port in std::mem::take(&mut self.held) {
                    self.opens(port);
                    self.drain();
                }
            }
            Step::Refresh {
                who,
                lifetime,
                family,
            } => {
                let mut request = self.begin(who, kind::REFRESH);
                if let Some(lifetime) = lifetime {
                    request = request.add(attribute::LIFETIME, &lifetime.to_be_bytes());
                }
                if let Some(family) = family {
                    request = request.add(attribute::FAMILY, &number_of(family));
                }
                self.ask(who, request, |model, who| {
                    model.refresh(who, lifetime, family)
                });
            }
            Step::Permit(who, peers) => {
                let peers: Vec<SocketAddr> = peers.iter().map(|peer| self.address(*peer)).collect();
                let begun = self.begin(who, kind::CREATE_PERMISSION);
                let add =
                    |request: Writer, peer: &SocketAddr| request.address(attribute::PEER, *peer);
                let request = peers.iter().fold(begun, add);
                self.ask(who, request, |model, who| model.permit(who, &peers));
            }
            Step::Bind(who, number, peer) => self.bind(who, number, self.address(peer)),
            Step::BindAgain(who) => {
                if let Some((number, peer)) = self.bound[who] {
                    self.bind(who, number, peer);
                }
            }
            Step::Send { who, peer, whole } => self.send(who, self.address(peer), whole),
            Step::Channel(who, number) => self.send_in_channel(who, number),
            Step::Hear(who, family, peer) => self.hear(who, family, self.address(peer)),
            Step::Wait(seconds, told) => self.wait(seconds, told),
            Step::WaitForEnd { before } => {
                let seconds = self.model.next_end().map_or(0, |end| end - self.model.now);
                self.wait(seconds - u64::from(before && seconds > 0), true);
            }
            Step::Mint(who) => {
                let unix = self.unix();
                self.callers[who].mint(unix);
            }
            Step::Operate(deed) => self.operate(&deed),
        }
    }

    fn wait(&mut self, seconds: u64, told: bool) {
        self.model.now += seconds;
        self.is_behind |= seconds > 0;
        if told {
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.model.pass();
        self.server.handle_timeout(self.now());
        self.drain();
    }

    fn operate(&mut self, deed: &Deed) {
        self.tick();
        let (now, unix) = (self.now(), self.unix());
        match deed {
            Deed::Revoke(whom) => {
                self.server.handle_revoke(*whom, now, unix);
                self.model.revoke(*whom, unix);
            }
            Deed::Kick(whom) => {
                let kicked = self.server.handle_kick(whom, now);
                assert_eq!(kicked as u64, self.model.kick(whom));
            }
            Deed::Disconnect(who) => {
                let client = self.callers[*who].who.client;
                self.server.handle_client_gone(&client, now);
                self.model.disconnect(client);
                assert!(!self.server.holds_allocation(&client) || self.model.opens(client));
            }
            Deed::RemoveStatic => {
                self.server.handle_remove_static("static", now);
                self.model.remove_static();
            }
            Deed::AddStatic => {
                self.server
                    .handle_add_static("static".to_owned(), static_key(), now);
                self.model.remove_static();
                self.model.static_is_gone = false;
            }
            Deed::Drain => {
                self.server.handle_drain();
                self.model.draining = true;
            }
        }
        self.drain();
    }

    fn address(&self, peer: Peer) -> SocketAddr {
        match peer {
            Peer::Known(n) => PEERS[n].0.parse().unwrap(),
            Peer::Relayed(who, family) => {
                let port = self.model.port_of(self.callers[who].who.client, family);
                let nobody = RelayPort {
                    family,
                    port: *PORTS.start(),
                };
                model::relayed(port.unwrap_or(nobody))
            }
        }
    }

    fn begin(&mut self, who: usize, kind: u16) -> Writer {
        let number = self.callers[who].next_transaction();
        Writer::new(kind, transaction(number))
    }

    fn allocate(&mut self, who: usize, wish: Wish, number: u32) {
        let mut request = Writer::new(kind::ALLOCATE, transaction(number))
            .add(attribute::TRANSPORT, &[17, 0, 0, 0]);
        if let Some(family) = wish.family {
            request = request.add(attribute::FAMILY, &number_of(family));
        }
        if wish.additional {
            request = request.add(attribute::ADDITIONAL_FAMILY, &number_of(Family::V6));
        }
        if let Some(reserves) = wish.even {
            request = request.add(attribute::EVEN_PORT, &[u8::from(reserves) << 7]);
        }
        if let Some(n) = wish.token {
            let unknown = vec![0; 8];
            request = request.add(attribute::TOKEN, self.tokens.get(n).unwrap_or(&unknown));
        }
        if let Some(lifetime) = wish.lifetime {
            request = request.add(attribute::LIFETIME, &lifetime.to_be_bytes());
        }
        self.asked[who] = Some((wish.clone(), number));
        self.ask(who, request, |model, who| {
            model.allocate(who, &wish, number)
        });
    }

    fn bind(&mut self, who: usize, number: u16, peer: SocketAddr) {
        self.bound[who] = Some((number, peer));
        let [high, low] = number.to_be_bytes();
        let request = self
            .begin(who, kind::CHANNEL_BIND)
            .add(attribute::CHANNEL, &[high, low, 0, 0])
            .address(attribute::PEER, peer);
        self.ask(who, request, |model, who| model.bind(who, number, peer));
    }

    /// Sends a request with what it takes to be let in, and has the model say
    /// what must come of it.
    fn ask(&mut self, who: usize, request: Writer, verdict: impl Fn(&mut Model, &Who) -> Told) {
        let bytes = request.clone().done();
        let number = u32::from_be_bytes(bytes[16..20].try_into().unwrap());
        let method = u16::from_be_bytes([bytes[0], bytes[1]]);
        for _ in 0..3 {
            let caller = self.callers[who].clone();
            let (bytes, code) = match &caller.nonce {
                None => (request.clone().done(), Some(401)),
                Some((nonce, made)) => {
                    let age = self.model.now - made;
                    (
                        caller.sign(request.clone(), nonce),
                        (age > 600).then_some(438),
                    )
                }
            };
            self.model.pass();
            let admitted = self
                .model
                .admits(&caller.who, method == kind::ALLOCATE, self.unix());
            let refusal = code.or((!admitted).then_some(401));
            match refusal {
                Some(code) => self
                    .due
                    .push((caller.who.clone(), number, Told::Error(code))),
                None => {
                    let told = verdict(&mut self.model, &caller.who);
                    if told != Told::Nothing {
                        self.due.push((caller.who.clone(), number, told));
                    }
                }
            }
            let mut packet = Packet::holding(&bytes).unwrap();
            let now = self.now();
            let forward =
                self.server
                    .handle_client(caller.who.client, &mut packet, now, self.unix());
            assert_eq!(forward, None);
            self.drain();
            if let Some(nonce) = self.nonce.take() {
                self.callers[who].nonce = Some((nonce, self.model.now));
            }
            if code.is_none() {
                return;
            }
        }
        panic!("a fresh nonce is not taken");
    }

    fn send(&mut self, who: usize, peer: SocketAddr, whole: bool) {
        self.model.pass();
        let client = self.callers[who].who.client;
        let mut datagram = Writer::new(kind::SEND, transaction(0))
            .address(attribute::PEER, peer)
            .add(attribute::DATA, b"hello");
        if whole {
            datagram = datagram.add(attribute::DONT_FRAGMENT, &[]);
        }
        let way = self.model.way_up(client, peer);
        self.pass_on(client, &datagram.done(), way, whole);
    }

    fn send_in_channel(&mut self, who: usize, number: u16) {
        self.model.pass();
        let client = self.callers[who].who.client;
        let peer = self.model.peer_of(client, number);
        let way = peer.and_then(|peer| self.model.way_up(client, peer));
        self.pass_on(client, &channel_data(number, b"hello"), way, false);
    }

    fn pass_on(&mut self, client: ClientId, datagram: &[u8], way: Option<Way>, whole: bool) {
        let mut packet = Packet::holding(datagram).unwrap();
        let (now, unix) = (self.now(), self.unix());
        let forward = self.server.handle_client(client, &mut packet, now, unix);
        self.drain();
        went(forward, packet.datagram(), way, whole);
    }

    fn hear(&mut self, who: usize, family: Family, peer: SocketAddr) {
        let port = self.model.port_of(self.callers[who].who.client, family);
        let (Some(port), true) = (port, Family::of(peer.ip()) == family) else {
            return;
        };
        // If that is over by now, the relay finds out by itself.
        self.model.pass();
        let mut packet = Packet::holding(b"hello").unwrap();
        let way = self.model.way_down(port, peer);
        let now = self.now();
        let forward = self
            .server
            .handle_peer(port, PeerAddr(peer), &mut packet, now);
        self.drain();
        went(forward, packet.datagram(), way, false);
    }

    /// Does what the relay wants done, in order.
    fn drain(&mut self) {
        self.is_behind = false;
        let mut queue = VecDeque::new();
        loop {
            while let Some(effect) = self.server.poll_effect() {
                if let Effect::OpenRelay(port) = effect {
                    self.model.name_port(port);
                }
                queue.push_back(effect);
            }
            match queue.pop_front() {
                None => break,
                Some(Effect::Answer { client, bytes }) => self.told.push((client, bytes)),
                Some(Effect::KeepRelay(_)) => {}
                Some(Effect::TakeRelay(port)) => {
                    assert!(self.open.contains(&port), "{port:?} was not kept");
                    let now = self.now();
                    self.server.handle_relay_opened(port, now);
                }
                Some(Effect::CloseRelay(port)) => {
                    self.open.remove(&port);
                    self.held.retain(|held| *held != port);
                }
                Some(Effect::OpenRelay(port)) if self.later => self.held.push(port),
                Some(Effect::OpenRelay(port)) => match self.failures.pop_front() {
                    Some(failure) => {
                        let due = self.model.failed(port, failure);
                        self.due.extend(due);
                        let now = self.now();
                        self.server.handle_relay_failed(port, failure, now);
                    }
                    None => self.opens(port),
                },
            }
        }
        assert!(self.model.all_are_named(), "a port is not asked for");
        self.compare_answers();
    }

    fn opens(&mut self, port: RelayPort) {
        self.model.pass();
        self.open.insert(port);
        let due = self.model.opened(port);
        self.due.extend(due);
        let now = self.now();
        self.server.handle_relay_opened(port, now);
    }
}

fn number_of(family: Family) -> [u8; 4] {
    match family {
        Family::V4 => [1, 0, 0, 0],
        Family::V6 => [2, 0, 0, 0],
    }
}
