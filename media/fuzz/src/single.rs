//! One datagram for a relay with two allocations: from a client, from a
//! stranger, from a peer.

use std::net::SocketAddr;

use payambar_media::turn::frame::{Frame, classify};
use payambar_media::turn::packet::MAX_DATAGRAM;
use payambar_media::turn::server::Forward;
use payambar_media::turn::{Family, PeerAddr, RelayPort};

use crate::input::Input;
use crate::stage::{Caller, Passed, Stage, allocate_both, client, transaction};
use crate::wire::{Reading, Writer, attribute, kind};

/// A peer with a channel, one with a permission, and one of each family
/// without.
const BOUND: &str = "9.9.9.9:1000";
const PERMITTED: &str = "[2606:4700::1]:1000";
const STRANGERS: [&str; 2] = ["1.1.1.1:53", "[2606:4700::2]:53"];
pub(crate) const CHANNEL: u16 = 0x4000;

/// Two allocations, of which the second one may be reached by the first one,
/// and the first one by the two peers.
pub(crate) struct Pair {
    pub(crate) stage: Stage,
    pub(crate) first: Caller,
    pub(crate) second: Caller,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Pair {
    pub(crate) fn new() -> Self {
        let mut stage = Stage::new();
        let mut first = Caller::static_pair("192.0.2.1:4000");
        let mut second = Caller::session("[2001:db8:1::1]:4001", 7, 3);
        stage.must(&mut first, &allocate_both(1));
        stage.must(&mut second, &allocate_both(2));
        let bind = Writer::new(kind::CHANNEL_BIND, transaction(3))
            .add(attribute::CHANNEL, &[0x40, 0, 0, 0])
            .address(attribute::PEER, address(BOUND));
        let permit = |number, to: &str| {
            Writer::new(kind::CREATE_PERMISSION, transaction(number))
                .address(attribute::PEER, address(to))
        };
        stage.must(&mut first, &bind);
        stage.must(&mut first, &permit(4, PERMITTED));
        stage.must(&mut first, &permit(5, "203.0.113.9:1"));
        stage.must(&mut second, &permit(6, "203.0.113.9:1"));
        Self {
            stage,
            first,
            second,
        }
    }

    fn port(&self, of: &Caller, family: Family) -> RelayPort {
        self.stage.port_of(of.id, family).expect("an allocation")
    }
}

/// The bytes as a datagram from a stranger, and then from the client of an
/// allocation.
pub fn client_datagram(data: &[u8]) {
    let mut pair = Pair::new();
    let before = pair.stage.allocations();
    let stranger = client("198.51.100.7:4000");
    let Passed { forward, answer } = pair.stage.hear_client(stranger, data);
    assert_eq!(forward, None, "a stranger's data is passed on");
    assert_eq!(
        pair.stage.allocations(),
        before,
        "a stranger changes something"
    );
    if let Some(answer) = answer {
        small(&answer, data);
    }
    let passed = pair.stage.hear_client(pair.first.id, data);
    if let Some(answer) = &passed.answer {
        let reading = Reading::of(answer).expect("an answer that holds together");
        let is_signed = reading.has(attribute::INTEGRITY);
        assert!(!is_signed || reading.is_signed_with(&pair.first.key));
        if !is_signed {
            small(answer, data);
            assert_eq!(
                pair.stage.allocations(),
                before,
                "unsigned, and something changed"
            );
        }
    }
    if let Some((forward, bytes)) = passed.forward {
        went_where_it_may(&pair, forward, &bytes, data);
    }
}

/// Who forges a sender must not gain by it.
fn small(answer: &[u8], question: &[u8]) {
    let (answer, question) = (answer.len(), question.len());
    assert!(2 * answer <= 7 * question, "{answer} bytes for {question}");
}

fn went_where_it_may(pair: &Pair, forward: Forward, bytes: &[u8], data: &[u8]) {
    let of_first = Family::ALL.map(|family| pair.port(&pair.first, family));
    match forward {
        Forward::ToPeer(port, PeerAddr(peer)) | Forward::ToPeerWhole(port, PeerAddr(peer)) => {
            assert!(of_first.contains(&port), "{port:?} is another's");
            assert_eq!(port.family, Family::of(peer.ip()));
            let permitted = [BOUND, PERMITTED].map(|text| address(text).ip());
            assert!(permitted.contains(&peer.ip()), "{peer}");
            let sent = match classify(data) {
                Ok(Frame::Channel(number, place)) => {
                    assert_eq!((number.value(), peer), (CHANNEL, address(BOUND)));
                    assert!(matches!(forward, Forward::ToPeer(..)));
                    place
                }
                Ok(Frame::Stun(stun)) => {
                    assert_eq!(
                        matches!(forward, Forward::ToPeerWhole(..)),
                        stun.dont_fragment
                    );
                    stun.data.expect("data")
                }
                Err(metric) => panic!("{metric:?} was passed on"),
            };
            assert_eq!(bytes, &data[sent]);
        }
        Forward::ToRooms(_) => panic!("there are no rooms"),
        Forward::ToClient(to) => {
            // Both allow our own address, so either may be meant.
            assert!([pair.first.id, pair.second.id].contains(&to), "{to:?}");
            let reading = Reading::of(bytes).expect("a Data indication");
            let from = SocketAddr::new("203.0.113.9".parse().unwrap(), of_first[0].port);
            assert_eq!(reading.addresses(attribute::PEER), [Some(from)]);
            let Ok(Frame::Stun(stun)) = classify(data) else {
                panic!("no channel leads there");
            };
            assert_eq!(
                reading.value(attribute::DATA),
                stun.data.map(|place| &data[place])
            );
        }
        Forward::ToShard(..) => panic!("there is one shard"),
    }
}

/// Two bytes choose the relay port and the peer, the rest is what it sends.
pub fn peer_datagram(data: &[u8]) {
    let mut pair = Pair::new();
    let mut input = Input::new(data);
    let family = input.one_of(&Family::ALL);
    let ports = [
        pair.port(&pair.first, family),
        pair.port(&pair.second, family),
        RelayPort {
            family,
            port: 50_000,
        },
    ];
    let port = input.one_of(&ports);
    let own = SocketAddr::new("203.0.113.9".parse().unwrap(), ports[1].port);
    let peers = [
        BOUND,
        PERMITTED,
        "9.9.9.9:1001",
        STRANGERS[0],
        STRANGERS[1],
        "10.0.0.1:9",
    ];
    let peer = match usize::from(input.byte()) % (peers.len() + 1) {
        0 => own,
        n => address(peers[n - 1]),
    };
    let payload = input.take(usize::MAX);
    let permitted = [BOUND, PERMITTED].map(|text| address(text).ip());
    let is_heard =
        port == ports[0] && permitted.contains(&peer.ip()) && payload.len() <= MAX_DATAGRAM;
    let Some((forward, bytes)) = pair.stage.hear_peer(port, peer, payload) else {
        assert!(!is_heard, "{peer} is not heard");
        return;
    };
    assert!(is_heard, "{peer} is heard");
    assert_eq!(forward, Forward::ToClient(pair.first.id));
    match classify(&bytes).expect("ChannelData or a Data indication") {
        Frame::Channel(number, place) => {
            assert_eq!((number.value(), peer), (CHANNEL, address(BOUND)));
            assert_eq!(&bytes[place], payload);
        }
        Frame::Stun(_) => {
            assert_ne!(peer, address(BOUND), "the channel is not used");
            let reading = Reading::of(&bytes).unwrap();
            assert_eq!(reading.kind, kind::DATA);
            assert_eq!(reading.addresses(attribute::PEER), [Some(peer)]);
            assert_eq!(reading.value(attribute::DATA), Some(payload));
        }
    }
}
