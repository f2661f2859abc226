//! Datagrams that are almost right: valid ones with bytes changed, and
//! requests with odd attributes under a valid signature. No such request names
//! a peer outside this host, so nothing is ever sent there.

use super::{Rows, Stage};
use crate::client::Client;
use crate::peer::Peer;
use crate::table::row;
use crate::target::{Over, Target};
use crate::wire::{
    ALLOCATE, Attribute, BINDING, CHANNEL_BIND, CREATE_PERMISSION, DATA, Message, PEER, REFRESH,
    SEND, channel, channel_data, even_port, family, lifetime, raw, udp,
};

const DATAGRAMS: usize = 100_000;

/// coturn gets fewer: a signed request costs it milliseconds.
const FOR_COTURN: usize = 5_000;

/// Over connections there are fewer too: what is no message ends its own.
const ON_STREAMS: usize = 2_000;

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// Datagrams sent before the server's queue is looked at.
const BURST: usize = 64;

/// Datagrams after which the wild client makes sure that it has an allocation.
const RENEWED: usize = 2_000;
const RENEWED_ON_STREAMS: usize = 200;

const CHANNEL: u16 = 0x4001;

pub(super) fn rows(over: Over) -> Rows {
    let name = if over == Over::Udp {
        "100,000 malformed datagrams (5,000 to coturn), then two new clients"
    } else {
        "2,000 malformed messages, then two new clients"
    };
    vec![row(name, "alive, relays both ways", |stage: &Stage| {
        run_wild(&stage.patient);
        relays(&stage.patient)
    })]
}

/// A generator that gives the same every time (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll()).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_be_bytes()[7]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.byte()).collect()
    }
}

fn run_wild(target: &Target) {
    let (mut holder, mut stranger) = (Client::new(target), Client::new(target));
    let peer = Peer::new();
    let mut dice = Dice(SEED);
    let mut samples = Vec::new();
    let on_streams = target.over != Over::Udp;
    let (messages, renewed) = match (on_streams, target.is_ours()) {
        (true, _) => (ON_STREAMS, RENEWED_ON_STREAMS),
        (false, true) => (DATAGRAMS, RENEWED),
        (false, false) => (FOR_COTURN, RENEWED),
    };
    for number in 0..messages {
        if number % renewed == 0 {
            target.catch_up();
            if on_streams {
                holder = Client::new(target);
            }
            holder.drain();
            // Refused while there is one, and where odd requests took the number.
            let _ = holder.word(ALLOCATE, &[udp()]);
            let _ = holder.bind(CHANNEL, peer.address());
            samples = requests(&peer)
                .iter()
                .map(|(kind, attributes)| holder.signed(*kind, attributes).bytes)
                .chain(told(&peer))
                .collect();
        }
        let is_bent = number % 2 == 0;
        if on_streams && is_bent {
            // What was bent before ended that connection, mostly.
            stranger = Client::new(target);
        }
        let is_strange = if on_streams { is_bent } else { number % 4 == 0 };
        let from = if is_strange { &stranger } else { &holder };
        if is_bent {
            from.tell(&bent(&samples, &mut dice));
        } else {
            let (kind, attributes) = odd(&peer, &mut dice);
            from.tell(&holder.signed(kind, &attributes).bytes);
        }
        if number % BURST == 0 {
            target.catch_up();
        }
    }
    target.catch_up();
}

/// Valid requests.
fn requests(peer: &Peer) -> Vec<(u16, Vec<Attribute>)> {
    let peer = Attribute::Peer(peer.address());
    vec![
        (ALLOCATE, vec![udp(), lifetime(700)]),
        (ALLOCATE, vec![udp(), even_port(true), family(1)]),
        (REFRESH, vec![lifetime(700)]),
        (CREATE_PERMISSION, vec![peer.clone()]),
        (CHANNEL_BIND, vec![channel(CHANNEL), peer]),
    ]
}

/// Valid datagrams of other kinds.
fn told(peer: &Peer) -> Vec<Vec<u8>> {
    let attributes = [Attribute::Peer(peer.address()), raw(DATA, b"some data")];
    vec![
        Message::new(BINDING, &[]).bytes,
        Message::new(BINDING, &[]).fingerprinted(0).bytes,
        Message::new(SEND, &attributes).bytes,
        channel_data(CHANNEL, b"some data"),
    ]
}

/// One of the samples with a few bytes changed, or cut, or with a tail.
fn bent(samples: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = samples[dice.below(samples.len())].clone();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.extend(dice.bytes(40)),
            2 => {
                let other = &samples[dice.below(samples.len())];
                bytes.truncate(at);
                bytes.extend(&other[dice.below(other.len())..]);
            }
            // Lengths and types are what parsers trip over.
            3 if bytes.len() > 3 => bytes[2 + dice.below(2)] = dice.byte(),
            _ if bytes.is_empty() => {}
            4 => bytes[at] ^= 1 << dice.below(8),
            _ => bytes[at] = dice.byte(),
        }
    }
    bytes
}

/// A request whose attributes are odd, to be signed.
fn odd(peer: &Peer, dice: &mut Dice) -> (u16, Vec<Attribute>) {
    let all = requests(peer);
    let (kind, mut attributes) = all[dice.below(all.len())].clone();
    for _ in 0..=dice.below(3) {
        let at = dice.below(attributes.len() + 1);
        let kind =
            u16::try_from(dice.below(0x28)).unwrap() | if dice.below(4) == 0 { 0x8000 } else { 0 };
        let attribute = match dice.below(3) {
            // Of no address's length.
            0 => raw(PEER, &dice.bytes(8)),
            _ if kind == PEER => raw(PEER, &[]),
            _ => raw(kind, &dice.bytes(24)),
        };
        match dice.below(3) {
            0 if at < attributes.len() => {
                attributes.remove(at);
            }
            1 if at < attributes.len() => attributes[at] = attribute,
            _ => attributes.insert(at, attribute),
        }
    }
    (kind, attributes)
}

/// Whether newcomers are served as ever.
fn relays(target: &Target) -> Result<String, String> {
    let (mut one, mut two) = (
        Client::of(target, 1, "127.0.0.1"),
        Client::of(target, 2, "127.0.0.1"),
    );
    let (first, second) = (one.allocate()?, two.allocate()?);
    one.permit(second)?;
    two.permit(first)?;
    one.send(second, b"there");
    let there = two.data().is_some_and(|data| data.payload() == b"there");
    two.send(first, b"back");
    let back = one.data().is_some_and(|data| data.payload() == b"back");
    Ok(match (there, back) {
        (true, true) => "alive, relays both ways".to_owned(),
        (there, back) => format!("alive, there {there}, back {back}"),
    })
}
