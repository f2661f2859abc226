//! A client's side of TURN, as far as the load needs it: an allocation, its
//! permission or channel, and the frames that data travels in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_NONCE, ATTR_REALM, ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS, AttrType,
};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{Getter as _, Message, Setter as _, TransactionId};
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::crypto::{RTCCryptoProvider, default_provider};

use super::link::Link;

pub(super) const NAME: &str = "load";
pub(super) const PASSWORD: &str = "a password for loopback";
pub(super) const REALM: &str = "load";

const ALLOCATE: u16 = 0x0003;
const CREATE_PERMISSION: u16 = 0x0008;
const CHANNEL_BIND: u16 = 0x0009;
const SEND: u16 = 0x0016;

const USERNAME: AttrType = AttrType(0x0006);
const CHANNEL_NUMBER: AttrType = AttrType(0x000C);
const DATA: AttrType = AttrType(0x0013);
const TRANSPORT: AttrType = AttrType(0x0019);

/// The channel of every allocation: they have one peer each.
const CHANNEL: u16 = 0x4000;

/// How often a request is sent again, and how long each is waited for.
const TRIES: usize = 20;
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// One allocation and the connection it was made over.
pub(super) struct Allocation {
    pub(super) link: Link,
    pub(super) relayed: SocketAddr,
    nonce: Vec<u8>,
    provider: Arc<dyn RTCCryptoProvider>,
}

fn message(kind: u16) -> Message {
    let mut message = Message::new();
    message.typ.read_value(kind);
    message.transaction_id = TransactionId::new();
    message.write_header();
    message
}

fn add_peer(message: &mut Message, peer: SocketAddr) {
    let address = XorMappedAddress {
        ip: peer.ip(),
        port: peer.port(),
    };
    address.add_to_as(message, ATTR_XOR_PEER_ADDRESS).unwrap();
}

fn code(answer: &Message) -> u16 {
    let mut code = ErrorCodeAttribute::default();
    code.get_from(answer).map_or(0, |()| code.code.0)
}

impl Allocation {
    /// Allocates at the server that `link` leads to.
    pub(super) fn make(link: Link) -> Self {
        let mut allocation = Self {
            link,
            relayed: SocketAddr::from(([0; 4], 0)),
            nonce: Vec::new(),
            provider: default_provider().unwrap(),
        };
        let udp = |request: &mut Message| request.add(TRANSPORT, &[17, 0, 0, 0]);
        let mut first = message(ALLOCATE);
        udp(&mut first);
        let challenge = allocation.ask(&first);
        assert_eq!(code(&challenge), 401, "a stranger's Allocate");
        allocation.nonce = challenge.get(ATTR_NONCE).unwrap();
        let answer = allocation.request(ALLOCATE, udp);
        let mut relayed = XorMappedAddress::default();
        relayed
            .get_from_as(&answer, ATTR_XOR_RELAYED_ADDRESS)
            .unwrap();
        allocation.relayed = SocketAddr::new(relayed.ip, relayed.port);
        allocation
    }

    /// Lets this peer in.
    pub(super) fn permit(&self, peer: SocketAddr) {
        self.request(CREATE_PERMISSION, |request| add_peer(request, peer));
    }

    /// Gives this peer the channel.
    pub(super) fn bind(&self, peer: SocketAddr) {
        self.request(CHANNEL_BIND, |request| {
            request.add(CHANNEL_NUMBER, &[CHANNEL.to_be_bytes(), [0, 0]].concat());
            add_peer(request, peer);
        });
    }

    /// The answer to a signed request, which must be a success.
    fn request(&self, kind: u16, fill: impl Fn(&mut Message)) -> Message {
        let mut request = message(kind);
        fill(&mut request);
        request.add(USERNAME, NAME.as_bytes());
        request.add(ATTR_REALM, REALM.as_bytes());
        request.add(ATTR_NONCE, &self.nonce);
        let integrity = MessageIntegrity::new_long_term_integrity_with_provider(
            NAME.to_owned(),
            REALM.to_owned(),
            PASSWORD.to_owned(),
            self.provider.crypto(),
        );
        integrity.unwrap().add_to(&mut request).unwrap();
        let answer = self.ask(&request);
        assert_eq!(code(&answer), 0, "request {kind:#06x} was refused");
        answer
    }

    fn ask(&self, request: &Message) -> Message {
        let mut found = None;
        for _ in 0..TRIES {
            assert!(self.link.send(&request.raw), "a request cannot be sent");
            while found.is_none()
                && self.link.receive(|bytes| {
                    let mut answer = Message::new();
                    let read = answer.unmarshal_binary(bytes);
                    if read.is_ok() && answer.transaction_id == request.transaction_id {
                        found = Some(answer);
                    }
                })
            {}
            if let Some(answer) = found {
                return answer;
            }
        }
        panic!("a request is not answered");
    }
}

/// What data travels in between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// As it is.
    Bare,
    /// ChannelData.
    Channel,
    /// Send and Data indications.
    Indication,
}

impl Frame {
    /// A datagram for the peer, with `length` zeros as payload.
    pub(super) fn datagram(self, peer: SocketAddr, length: usize) -> Vec<u8> {
        match self {
            Self::Bare => vec![0; length],
            Self::Channel => {
                let size = u16::try_from(length).unwrap();
                let header = [CHANNEL.to_be_bytes(), size.to_be_bytes()].concat();
                [header, vec![0; length]].concat()
            }
            Self::Indication => {
                let mut indication = message(SEND);
                add_peer(&mut indication, peer);
                indication.add(DATA, &vec![0; length]);
                indication.raw
            }
        }
    }

    /// The payload of a datagram that came from the server.
    pub(super) fn payload(self, datagram: &mut [u8]) -> Option<&mut [u8]> {
        match self {
            Self::Bare => Some(datagram),
            Self::Channel => {
                let length = length_at(datagram, 2)?;
                datagram.get_mut(4..4 + length)
            }
            Self::Indication => {
                let mut at = 20;
                loop {
                    let length = length_at(datagram, at + 2)?;
                    if datagram[at..at + 2] == DATA.0.to_be_bytes() {
                        return datagram.get_mut(at + 4..at + 4 + length);
                    }
                    at += 4 + length.next_multiple_of(4);
                }
            }
        }
    }
}

fn length_at(datagram: &[u8], at: usize) -> Option<usize> {
    let bytes = datagram.get(at..at + 2)?.try_into().ok()?;
    Some(usize::from(u16::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_found_whatever_stands_before_it() {
        let peer = "127.0.0.1:9".parse().unwrap();
        for frame in [Frame::Bare, Frame::Channel, Frame::Indication] {
            let mut datagram = frame.datagram(peer, 172);
            frame.payload(&mut datagram).unwrap()[171] = 7;
            assert_eq!(datagram.last(), Some(&7), "{frame:?}");
        }
        let mut other = message(SEND);
        other.add(USERNAME, b"odd");
        other.add(DATA, b"abcde");
        add_peer(&mut other, peer);
        let payload = Frame::Indication.payload(&mut other.raw);
        assert_eq!(payload.unwrap(), b"abcde");
        assert_eq!(Frame::Indication.payload(&mut [0; 30]), None);
    }
}
