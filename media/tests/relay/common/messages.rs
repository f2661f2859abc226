//! Messages as clients write them and answers as they read them.

use std::net::SocketAddr;
use std::sync::Arc;

use payambar_media::turn::frame::xor_address;
use rtc_stun::attributes::{
    ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS, ATTR_XORMAPPED_ADDRESS, AttrType,
};
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::message::{Getter, Message};
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::crypto::{RTCCryptoProvider, default_provider};

pub(crate) const BINDING: u16 = 0x0001;
pub(crate) const ALLOCATE: u16 = 0x0003;
pub(crate) const REFRESH: u16 = 0x0004;
pub(crate) const CREATE_PERMISSION: u16 = 0x0008;
pub(crate) const CHANNEL_BIND: u16 = 0x0009;
pub(crate) const CONNECT: u16 = 0x000A;
pub(crate) const SEND_INDICATION: u16 = 0x0016;

pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
pub(crate) const LIFETIME: u16 = 0x000D;
pub(crate) const PEER: u16 = 0x0012;
pub(crate) const DATA: u16 = 0x0013;
pub(crate) const FAMILY: u16 = 0x0017;
pub(crate) const EVEN_PORT: u16 = 0x0018;
pub(crate) const TRANSPORT: u16 = 0x0019;
pub(crate) const DONT_FRAGMENT: u16 = 0x001A;
pub(crate) const ADDITIONAL_FAMILY: u16 = 0x8000;
pub(crate) const ADDRESS_ERROR: u16 = 0x8001;
pub(crate) const RESERVATION_TOKEN: u16 = 0x0022;

/// An attribute to be written: its type and value.
pub(crate) type Attribute = (u16, Vec<u8>);

pub(crate) fn udp() -> Attribute {
    (TRANSPORT, vec![17, 0, 0, 0])
}

pub(crate) fn lifetime(seconds: u32) -> Attribute {
    (LIFETIME, seconds.to_be_bytes().to_vec())
}

/// REQUESTED-ADDRESS-FAMILY: 1 is IPv4, 2 is IPv6.
pub(crate) fn family(number: u8) -> Attribute {
    (FAMILY, vec![number, 0, 0, 0])
}

/// ADDITIONAL-ADDRESS-FAMILY.
pub(crate) fn additional(number: u8) -> Attribute {
    (ADDITIONAL_FAMILY, vec![number, 0, 0, 0])
}

pub(crate) fn channel(number: u16) -> Attribute {
    (CHANNEL_NUMBER, [number.to_be_bytes(), [0, 0]].concat())
}

/// XOR-PEER-ADDRESS; it is masked when the transaction id is known.
pub(crate) fn peer(address: &str) -> Attribute {
    (PEER, address.as_bytes().to_vec())
}

pub(super) fn provider() -> Arc<dyn RTCCryptoProvider> {
    default_provider().unwrap()
}

/// Writes a message. A PEER attribute holds its address as text.
pub(crate) fn message(kind: u16, transaction: [u8; 12], attributes: &[Attribute]) -> Message {
    let mut message = Message::new();
    message.typ.read_value(kind);
    message.transaction_id.0 = transaction;
    message.write_header();
    for (kind, value) in attributes {
        let text = std::str::from_utf8(value).unwrap_or_default();
        match text.parse::<SocketAddr>() {
            Ok(address) if *kind == PEER => {
                let address = XorMappedAddress {
                    ip: address.ip(),
                    port: address.port(),
                };
                address
                    .add_to_as(&mut message, ATTR_XOR_PEER_ADDRESS)
                    .unwrap();
            }
            Ok(_) | Err(_) => message.add(AttrType(*kind), value),
        }
    }
    message
}

/// An answer, decoded.
#[derive(Clone, Debug)]
pub(crate) struct Reply(pub(crate) Message);

impl Reply {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut message = Message::new();
        message.unmarshal_binary(bytes).unwrap();
        Self(message)
    }

    /// The code of an error, 0 for a success.
    pub(crate) fn code(&self) -> u16 {
        let mut code = ErrorCodeAttribute::default();
        match self.0.typ.value() & 0x0110 {
            0x0100 => 0,
            0x0110 => {
                code.get_from(&self.0).unwrap();
                assert!(
                    code.reason.is_empty(),
                    "reason phrases only make answers larger"
                );
                code.code.0
            }
            other => panic!("not an answer: {other:#x}"),
        }
    }

    pub(crate) fn relayed(&self) -> SocketAddr {
        self.address(ATTR_XOR_RELAYED_ADDRESS)
    }

    /// Every relayed transport address, in order.
    pub(crate) fn all_relayed(&self) -> Vec<SocketAddr> {
        let attributes = self.0.attributes.0.iter();
        attributes
            .filter(|attribute| attribute.typ == ATTR_XOR_RELAYED_ADDRESS)
            .map(|attribute| {
                xor_address(&attribute.value, &self.0.transaction_id.0).expect("an address")
            })
            .collect()
    }

    pub(crate) fn mapped(&self) -> SocketAddr {
        self.address(ATTR_XORMAPPED_ADDRESS)
    }

    fn address(&self, kind: AttrType) -> SocketAddr {
        let mut address = XorMappedAddress::default();
        address.get_from_as(&self.0, kind).unwrap();
        SocketAddr::new(address.ip, address.port)
    }

    pub(crate) fn lifetime(&self) -> u32 {
        u32::from_be_bytes(self.0.get(AttrType(LIFETIME)).unwrap().try_into().unwrap())
    }

    pub(crate) fn has(&self, kind: AttrType) -> bool {
        self.0.contains(kind)
    }
}

/// A Send indication.
pub(crate) fn send_indication(to: &str, data: &[u8]) -> Vec<u8> {
    message(
        SEND_INDICATION,
        *b"indication!!",
        &[peer(to), (DATA, data.to_vec())],
    )
    .raw
}

/// ChannelData without padding.
pub(crate) fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    [&number.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}

/// What a Data indication says: from whom, and what.
pub(crate) fn data_indication(bytes: &[u8]) -> (SocketAddr, Vec<u8>) {
    let reply = Reply::read(bytes);
    assert_eq!(reply.0.typ.value(), 0x0017);
    (
        reply.address(ATTR_XOR_PEER_ADDRESS),
        reply.0.get(AttrType(DATA)).unwrap(),
    )
}
