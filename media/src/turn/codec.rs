//! Control messages: requests read and answers written with the message layer
//! of webrtc-rs, which nothing outside of here sees. It is only given
//! datagrams that [`super::frame`] has found to hold together.

mod answer;

pub use answer::{Answer, Envelope};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_EVEN_PORT, ATTR_LIFETIME, ATTR_NONCE, ATTR_REALM,
    ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT, ATTR_RESERVATION_TOKEN, ATTR_USERNAME,
    ATTR_XOR_PEER_ADDRESS, AttrType,
};
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    Getter, METHOD_ALLOCATE, METHOD_BINDING, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION,
    METHOD_REFRESH, Message,
};
use rtc_turn::crypto::{CryptoError, HashAlgorithm, RTCCryptoProvider, default_provider};
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::channum;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::reqtrans::RequestedTransport;

use super::frame::{FAMILY_IPV4, FAMILY_IPV6, Integrity, Stun, xor_address};
use super::reservation::Token;
use super::{Family, Key, TransactionBytes};

/// Comprehension-required attributes that we understand, or that say nothing
/// in a request.
const UNDERSTOOD: [u16; 18] = [
    0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x000C, 0x000D, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016,
    0x0017, 0x0018, 0x0019, 0x001A, 0x0020, 0x0022,
];

/// ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.11).
const ADDITIONAL_ADDRESS_FAMILY: AttrType = AttrType(0x8000);

/// The crypto that the message layer computes with.
#[derive(Clone)]
pub struct Crypto(Arc<dyn RTCCryptoProvider>);

impl Crypto {
    /// The built-in provider.
    ///
    /// # Errors
    ///
    /// [`CryptoError`] when the message layer was built without one.
    pub fn new() -> Result<Self, CryptoError> {
        default_provider().map(Self)
    }

    /// The key of a long-term credential: MD5 of name, realm and password
    /// (RFC 8489 §9.2.2).
    #[must_use]
    pub fn long_term_key(&self, username: &str, realm: &str, password: &str) -> Option<Key> {
        let text = [username, realm, password].join(":");
        let hash = self
            .0
            .crypto()
            .hash(HashAlgorithm::Md5, text.as_bytes())
            .ok()?;
        <[u8; 16]>::try_from(hash.as_slice()).ok().map(Key)
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Which address do you see me at?
    Binding,
    /// A relayed address.
    Allocate,
    /// A longer or shorter life for an allocation.
    Refresh,
    /// Peers that may be heard.
    CreatePermission,
    /// A short header for one peer.
    ChannelBind,
    /// Something we do not do.
    Other,
}

/// The codes of our error responses (RFC 8489 §14.8, RFC 8656 §19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Code {
    /// The request makes no sense.
    BadRequest = 400,
    /// Credentials are missing or wrong.
    Unauthenticated = 401,
    /// This peer may not be reached.
    Forbidden = 403,
    /// A comprehension-required attribute is unknown here.
    UnknownAttribute = 420,
    /// No allocation, or one where there must be none.
    AllocationMismatch = 437,
    /// The nonce is not, or no longer, good.
    StaleNonce = 438,
    /// Relayed addresses of this family are not given.
    FamilyNotSupported = 440,
    /// The allocation is somebody else's.
    WrongCredentials = 441,
    /// Only UDP is relayed.
    TransportNotSupported = 442,
    /// The peer's family is not the allocation's.
    PeerFamilyMismatch = 443,
    /// This user has allocations enough.
    QuotaReached = 486,
    /// No port, or no room.
    NoCapacity = 508,
}

/// An attribute is there but does not read as its kind must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an attribute does not read as its kind must")]
pub struct BadAttribute;

/// A request, as far as MESSAGE-INTEGRITY covers it.
#[derive(Debug)]
pub struct Request {
    message: Message,
    length: usize,
    fingerprint: bool,
    integrity: Integrity,
    transaction: TransactionBytes,
}

impl Request {
    /// Reads the request that `stun` was found to be. What comes after
    /// MESSAGE-INTEGRITY is left out.
    #[must_use]
    pub fn decode(bytes: &[u8], stun: &Stun) -> Option<Self> {
        let mut message = Message::new();
        message.raw.clear();
        message.raw.extend_from_slice(bytes);
        if let Integrity::EndsAt(end) = stun.integrity {
            message.raw.truncate(end);
            let body = u16::try_from(end.checked_sub(20)?).ok()?;
            message
                .raw
                .get_mut(2..4)?
                .copy_from_slice(&body.to_be_bytes());
        }
        message.decode().ok()?;
        Some(Self {
            message,
            length: bytes.len(),
            fingerprint: stun.fingerprint,
            integrity: stun.integrity,
            transaction: stun.transaction,
        })
    }

    /// What it asks for.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.message.typ.method {
            METHOD_BINDING => Method::Binding,
            METHOD_ALLOCATE => Method::Allocate,
            METHOD_REFRESH => Method::Refresh,
            METHOD_CREATE_PERMISSION => Method::CreatePermission,
            METHOD_CHANNEL_BIND => Method::ChannelBind,
            _ => Method::Other,
        }
    }

    /// Its transaction id.
    #[must_use]
    pub fn transaction(&self) -> TransactionBytes {
        self.transaction
    }

    /// Its length on the wire, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether it carries MESSAGE-INTEGRITY.
    #[must_use]
    pub fn integrity(&self) -> Integrity {
        self.integrity
    }

    /// USERNAME, if there is one.
    #[must_use]
    pub fn username(&self) -> Option<Vec<u8>> {
        self.message.get(ATTR_USERNAME).ok()
    }

    /// REALM, if there is one.
    #[must_use]
    pub fn realm(&self) -> Option<Vec<u8>> {
        self.message.get(ATTR_REALM).ok()
    }

    /// NONCE, if there is one.
    #[must_use]
    pub fn nonce(&self) -> Option<Vec<u8>> {
        self.message.get(ATTR_NONCE).ok()
    }

    /// Whether MESSAGE-INTEGRITY was made with `key`.
    #[must_use]
    pub fn is_signed_with(&mut self, key: &Key, crypto: &Crypto) -> bool {
        match self.integrity {
            Integrity::EndsAt(_) => {
                MessageIntegrity::check(&mut self.message, &key.0, crypto.0.crypto()).is_ok()
            }
            Integrity::Absent | Integrity::BadLength => false,
        }
    }

    /// Comprehension-required attributes that we do not understand.
    #[must_use]
    pub fn unknown_attributes(&self) -> Vec<u16> {
        let kinds = self
            .message
            .attributes
            .0
            .iter()
            .map(|attribute| attribute.typ.value());
        let mut unknown: Vec<u16> = kinds
            .filter(|kind| *kind < 0x8000 && !UNDERSTOOD.contains(kind))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// LIFETIME, if there is one.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn lifetime(&self) -> Result<Option<Duration>, BadAttribute> {
        let mut lifetime = Lifetime::default();
        Ok(self
            .read(ATTR_LIFETIME, &mut lifetime)?
            .then_some(lifetime.0))
    }

    /// Whether REQUESTED-TRANSPORT is there, and is UDP.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn wants_udp(&self) -> Result<Option<bool>, BadAttribute> {
        let mut transport = RequestedTransport::default();
        let there = self.read(ATTR_REQUESTED_TRANSPORT, &mut transport)?;
        Ok(there.then_some(transport.protocol == PROTO_UDP))
    }

    /// REQUESTED-ADDRESS-FAMILY, if there is one; `Some(None)` is a family
    /// that does not exist.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn requested_family(&self) -> Result<Option<Option<Family>>, BadAttribute> {
        self.family(ATTR_REQUESTED_ADDRESS_FAMILY)
    }

    /// ADDITIONAL-ADDRESS-FAMILY, like [`Self::requested_family`].
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn additional_family(&self) -> Result<Option<Option<Family>>, BadAttribute> {
        self.family(ADDITIONAL_ADDRESS_FAMILY)
    }

    fn family(&self, kind: AttrType) -> Result<Option<Option<Family>>, BadAttribute> {
        // The crate's reader takes an unknown family for a bad attribute; it
        // deserves an answer of its own.
        match self.message.get(kind).as_deref() {
            Ok([FAMILY_IPV4, _, _, _]) => Ok(Some(Some(Family::V4))),
            Ok([FAMILY_IPV6, _, _, _]) => Ok(Some(Some(Family::V6))),
            Ok([_, _, _, _]) => Ok(Some(None)),
            Ok(_) => Err(BadAttribute),
            Err(_) => Ok(None),
        }
    }

    /// Whether EVEN-PORT is there, and also reserves the next port.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn even_port(&self) -> Result<Option<bool>, BadAttribute> {
        // The crate's reader keeps what it read to itself.
        match self.message.get(ATTR_EVEN_PORT).as_deref() {
            Ok([flags]) => Ok(Some(flags & 0x80 != 0)),
            Ok(_) => Err(BadAttribute),
            Err(_) => Ok(None),
        }
    }

    /// RESERVATION-TOKEN, if there is one.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn reservation_token(&self) -> Result<Option<Token>, BadAttribute> {
        match self.message.get(ATTR_RESERVATION_TOKEN) {
            Ok(value) => Token::try_from(value).map(Some).map_err(|_| BadAttribute),
            Err(_) => Ok(None),
        }
    }

    /// CHANNEL-NUMBER, if there is one.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn channel_number(&self) -> Result<Option<u16>, BadAttribute> {
        let mut number = channum::ChannelNumber::default();
        Ok(self
            .read(ATTR_CHANNEL_NUMBER, &mut number)?
            .then_some(number.0))
    }

    /// Every XOR-PEER-ADDRESS, in order.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`] if one of them does not read.
    pub fn peers(&self) -> Result<Vec<SocketAddr>, BadAttribute> {
        let attributes = self.message.attributes.0.iter();
        attributes
            .filter(|attribute| attribute.typ == ATTR_XOR_PEER_ADDRESS)
            .map(|attribute| xor_address(&attribute.value, &self.transaction).ok_or(BadAttribute))
            .collect()
    }

    fn read(&self, kind: AttrType, into: &mut dyn Getter) -> Result<bool, BadAttribute> {
        if !self.message.contains(kind) {
            return Ok(false);
        }
        into.get_from(&self.message).map_err(|_| BadAttribute)?;
        Ok(true)
    }

    /// What an answer to this request needs to know of it.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        let Message { typ, .. } = &self.message;
        Envelope {
            method: typ.method,
            transaction: self.transaction,
            fingerprint: self.fingerprint,
        }
    }
}

#[cfg(test)]
mod tests;
