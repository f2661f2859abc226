//! Bytes as a series of things that happen to a relay, with requests signed,
//! so that fuzzing gets past the credential.

use std::net::SocketAddr;

use payambar_media::turn::auth::Revoked;
use payambar_media::turn::server::{Forward, RelayFailure};
use payambar_media::turn::{ClientId, Family, Key, RelayPort};
use payambar_media::{Kick, Owner};

use crate::input::Input;
use crate::stage::{Caller, STATIC, Stage, transaction};
use crate::wire::{Reading, Writer, attribute, channel_data, kind};

/// More would only make one run slow.
const MOST_STEPS: usize = 48;
const KINDS: [u16; 7] = [
    kind::ALLOCATE,
    kind::REFRESH,
    kind::CREATE_PERMISSION,
    kind::CHANNEL_BIND,
    kind::BINDING,
    kind::SEND,
    0x000A,
];
const PEERS: [&str; 6] = [
    "9.9.9.9:1000",
    "9.9.9.9:1001",
    "1.1.1.1:53",
    "[2606:4700::1]:1000",
    "10.0.0.1:9",
    "203.0.113.9:50001",
];
const TIMES: [u64; 8] = [1, 30, 119, 120, 299, 300, 599, 1800];
const FAILURES: [RelayFailure; 2] = [RelayFailure::PortTaken, RelayFailure::Other];

struct Play {
    stage: Stage,
    callers: Vec<Caller>,
    tokens: Vec<Vec<u8>>,
    last: Option<(usize, Writer)>,
    asked: u16,
}

/// Plays the bytes; see the module.
pub fn sequence(data: &[u8]) {
    let callers = vec![
        Caller::session("192.0.2.1:4000", 7, 3),
        Caller::session("192.0.2.1:4001", 7, 4),
        Caller::session("[2001:db8:1::1]:4000", 8, 5),
        Caller::static_pair("198.51.100.7:4000"),
        // The same 5-tuple as the first, and somebody else.
        Caller::session("192.0.2.1:4000", 8, 5),
    ];
    let mut play = Play {
        stage: Stage::new(),
        callers,
        tokens: Vec::new(),
        last: None,
        asked: 0,
    };
    let mut input = Input::new(data);
    for _ in 0..MOST_STEPS {
        if input.is_empty() {
            break;
        }
        play.step(&mut input);
        play.stage.check();
    }
    play.end();
}

impl Play {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 16 {
            0..=5 => {
                let who = usize::from(input.byte()) % self.callers.len();
                let request = self.request(input);
                self.ask(who, request);
            }
            6 => {
                if let Some((who, request)) = self.last.clone() {
                    self.ask(who, request);
                }
            }
            7 => {
                let number = u16::from(input.byte() % 4) + 0x4000;
                let length = usize::from(input.byte());
                self.send(input, |payload| channel_data(number, payload), length);
            }
            8 => {
                let peer = peer(input);
                let length = usize::from(input.byte());
                let send = |payload: &[u8]| {
                    Writer::new(kind::SEND, transaction(0))
                        .address(attribute::PEER, peer)
                        .add(attribute::DATA, payload)
                        .done()
                };
                self.send(input, send, length);
            }
            9 => self.hear(input),
            10 | 11 => {
                let seconds = input.one_of(&TIMES);
                self.stage.wait(seconds);
            }
            12 => {
                let failure = input.one_of(&FAILURES);
                self.stage.failures.push(failure);
            }
            13 => self.hold(input),
            14 => self.operate(input),
            _ => {
                let length = usize::from(input.byte());
                let who = input.one_of(&[0, 1, 2, 3]);
                let raw = input.take(length);
                let passed = self.stage.hear_client(self.callers[who].id, raw);
                assert!(
                    passed
                        .answer
                        .is_none_or(|answer| 2 * answer.len() <= 7 * raw.len())
                );
            }
        }
    }

    /// A request with attributes that mean something, mostly.
    fn request(&mut self, input: &mut Input<'_>) -> Writer {
        self.asked += 1;
        let kind = input.one_of(&KINDS);
        let mut request = Writer::new(kind, transaction(self.asked));
        if kind == kind::ALLOCATE {
            request = request.add(attribute::TRANSPORT, &[17, 0, 0, 0]);
        }
        for _ in 0..input.byte() % 4 {
            let family = [1 + input.byte() % 3, 0, 0, 0];
            request = match input.byte() % 10 {
                0 | 1 => request.address(attribute::PEER, peer(input)),
                2 => request.add(attribute::CHANNEL, &[0x40, input.byte() % 4, 0, 0]),
                3 => {
                    let seconds = u32::from(input.number());
                    request.add(attribute::LIFETIME, &seconds.to_be_bytes())
                }
                4 => request.add(attribute::FAMILY, &family),
                5 => request.add(attribute::ADDITIONAL_FAMILY, &family),
                6 => request.add(attribute::EVEN_PORT, &[input.byte()]),
                7 => match self.tokens.last() {
                    Some(token) => request.add(attribute::TOKEN, token),
                    None => request.add(attribute::TOKEN, input.take(8)),
                },
                8 => request.add(attribute::LIFETIME, &[0; 4]),
                _ => {
                    let (kind, length) = (input.number(), usize::from(input.byte() % 32));
                    request.add(kind, input.take(length))
                }
            };
        }
        request
    }

    fn ask(&mut self, who: usize, request: Writer) {
        let caller = &mut self.callers[who];
        let answer = self.stage.ask(caller, &request);
        let asked = request.clone().done();
        self.last = Some((who, request));
        let Some(answer) = answer else {
            return;
        };
        let reading = Reading::of(&answer).expect("an answer that holds together");
        let asked = Reading::of(&asked).expect("our request");
        assert_eq!(reading.transaction, asked.transaction);
        assert_eq!(reading.kind & !kind::ERROR, asked.kind);
        let is_signed = asked.kind != kind::BINDING && !asked.has(attribute::INTEGRITY);
        assert!(!is_signed || reading.is_signed_with(&caller.key));
        if let Some(token) = reading.value(attribute::TOKEN) {
            self.tokens.push(token.to_vec());
        }
        if reading.code() == Some(0) && asked.kind == kind::ALLOCATE {
            self.check_allocated(who, &reading);
        }
    }

    /// What the client was told is what is there.
    fn check_allocated(&self, who: usize, told: &Reading<'_>) {
        let client = self.callers[who].id;
        let mut told = told.addresses(attribute::RELAYED);
        // A retransmission gets the first answer again, and meanwhile an
        // address may have been given back.
        told.retain(|address| {
            let address = address.expect("an address that reads");
            let port = self.stage.port_of(client, Family::of(address.ip()));
            port.is_none_or(|port| port.port != address.port())
        });
        assert_eq!(told, []);
    }

    fn send(&mut self, input: &mut Input<'_>, write: impl Fn(&[u8]) -> Vec<u8>, length: usize) {
        let who = usize::from(input.byte()) % self.callers.len();
        let client = self.callers[who].id;
        let payload = input.take(length);
        let passed = self.stage.hear_client(client, &write(payload));
        assert_eq!(passed.answer, None, "data is answered");
        match passed.forward {
            None => {}
            Some((Forward::ToPeer(port, _) | Forward::ToPeerWhole(port, _), bytes)) => {
                assert_eq!(bytes, payload);
                assert_eq!(self.stage.port_of(client, port.family), Some(port));
            }
            Some((Forward::ToClient(to), _)) => self.holds_something(to),
            Some((Forward::ToShard(..), _)) => panic!("there is one shard"),
            Some((Forward::ToRooms(_), _)) => panic!("there are no rooms"),
        }
    }

    fn hear(&mut self, input: &mut Input<'_>) {
        let family = input.one_of(&Family::ALL);
        let client = self.callers[usize::from(input.byte()) % self.callers.len()].id;
        let some = RelayPort {
            family,
            port: 50_001 + u16::from(input.byte() % 31),
        };
        let port = self.stage.port_of(client, family).unwrap_or(some);
        let from = peer(input);
        let length = usize::from(input.byte());
        let payload = input.take(length);
        if let Some((forward, _)) = self.stage.hear_peer(port, from, payload) {
            let Forward::ToClient(to) = forward else {
                panic!("a peer's packet went to a peer");
            };
            assert_eq!(self.stage.port_of(to, family), Some(port));
        }
    }

    fn holds_something(&self, client: ClientId) {
        let all = self.stage.allocations();
        assert!(
            all.iter().any(|info| info.client == client.address),
            "{client:?}"
        );
    }

    /// From now on relay sockets open late, or all of them open at last.
    fn hold(&mut self, input: &mut Input<'_>) {
        self.stage.holds = input.byte().is_multiple_of(2);
        if !self.stage.holds {
            self.open_all();
        }
    }

    fn open_all(&mut self) {
        while let Some(port) = self.stage.held.first().copied() {
            for (client, answer) in self.stage.open_held(port) {
                let reading = Reading::of(&answer).expect("an answer that holds together");
                let mut signers = self.callers.iter().filter(|caller| caller.id == client);
                assert!(signers.any(|caller| reading.is_signed_with(&caller.key)));
            }
        }
    }

    fn operate(&mut self, input: &mut Input<'_>) {
        let (now, unix) = (self.stage.now, self.stage.unix);
        let server = &mut self.stage.server;
        match input.byte() % 7 {
            0 => server.handle_revoke(Revoked::User(7), now, unix),
            1 => server.handle_revoke(Revoked::Session(8, 5), now, unix),
            2 => {
                server.handle_kick(&Kick::All, now);
            }
            3 => {
                server.handle_kick(&Kick::Owner(Owner::User(8)), now);
            }
            4 => server.handle_remove_static(STATIC, now),
            5 => server.handle_add_static(STATIC.to_owned(), Key(self.callers[3].key), now),
            _ => server.handle_drain(),
        }
        assert_eq!(self.stage.drain(), [], "an operator's deed answers nobody");
    }

    /// However it went, nothing is left once everybody is silent.
    fn end(&mut self) {
        self.stage.holds = false;
        self.open_all();
        self.stage.wait(3600);
        self.stage.check();
        assert_eq!(self.stage.allocations(), []);
        assert_eq!(self.stage.server.poll_timeout(), None);
    }
}

fn peer(input: &mut Input<'_>) -> SocketAddr {
    input.one_of(&PEERS).parse().unwrap()
}
