//! Control messages: requests read and answers written with the message layer
//! of webrtc-rs, which nothing outside this file sees. It is only given
//! datagrams that [`super::frame`] has found to hold together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_CHANNEL_NUMBER, ATTR_EVEN_PORT, ATTR_LIFETIME, ATTR_NONCE, ATTR_REALM,
    ATTR_REQUESTED_ADDRESS_FAMILY, ATTR_REQUESTED_TRANSPORT, ATTR_RESERVATION_TOKEN, ATTR_USERNAME,
    ATTR_XOR_PEER_ADDRESS, AttrType,
};
use rtc_stun::error_code::{ErrorCode, ErrorCodeAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_SUCCESS_RESPONSE, Getter, METHOD_ALLOCATE, METHOD_BINDING,
    METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH, Message, MessageClass,
    MessageType, Setter,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::uattrs::UnknownAttributes;
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::crypto::{CryptoError, HashAlgorithm, RTCCryptoProvider, default_provider};
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::channum;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::relayaddr::RelayedAddress;
use rtc_turn::proto::reqfamily::REQUESTED_FAMILY_IPV4;
use rtc_turn::proto::reqtrans::RequestedTransport;

use super::frame::{Integrity, Stun, xor_address};
use super::{Key, TransactionBytes};

/// Comprehension-required attributes that we understand, or that say nothing
/// in a request. DONT-FRAGMENT is not among them.
const UNDERSTOOD: [u16; 17] = [
    0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x000C, 0x000D, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016,
    0x0017, 0x0018, 0x0019, 0x0020, 0x0022,
];

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

    /// Whether REQUESTED-ADDRESS-FAMILY is there, and is IPv4.
    ///
    /// # Errors
    ///
    /// [`BadAttribute`].
    pub fn wants_ipv4(&self) -> Result<Option<bool>, BadAttribute> {
        // The crate's reader takes an unknown family for a bad attribute; it
        // deserves 440 like IPv6.
        match self.message.get(ATTR_REQUESTED_ADDRESS_FAMILY).as_deref() {
            Ok([family, _, _, _]) => Ok(Some(*family == REQUESTED_FAMILY_IPV4.0)),
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

    /// Whether RESERVATION-TOKEN is there.
    #[must_use]
    pub fn has_reservation_token(&self) -> bool {
        self.message.contains(ATTR_RESERVATION_TOKEN)
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
            kind: MessageType::new(typ.method, CLASS_SUCCESS_RESPONSE),
            transaction: self.transaction,
            fingerprint: self.fingerprint,
        }
    }
}

/// What an answer takes over from its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    kind: MessageType,
    transaction: TransactionBytes,
    fingerprint: bool,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub enum Answer<'a> {
    /// Binding: the client's address.
    Bound {
        /// As our listener sees it.
        client: SocketAddr,
    },
    /// Allocate.
    Allocated {
        /// The relayed transport address.
        relayed: SocketAddr,
        /// How long it lives without a refresh.
        lifetime: Duration,
        /// The client's address as our listener sees it.
        client: SocketAddr,
    },
    /// Refresh.
    Refreshed {
        /// How long the allocation lives from now on.
        lifetime: Duration,
    },
    /// CreatePermission and ChannelBind.
    Done,
    /// No, for this reason.
    Refused(Code),
    /// No, since these attributes are unknown (420).
    Unknown(&'a [u16]),
    /// No, but with this realm and nonce try again (401 and 438).
    Challenge {
        /// 401 or 438.
        code: Code,
        /// Our realm.
        realm: &'a str,
        /// A fresh nonce.
        nonce: &'a str,
    },
}

impl Answer<'_> {
    /// The code of an error response; none for a success.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Bound { .. } | Self::Allocated { .. } | Self::Refreshed { .. } | Self::Done => {
                None
            }
            Self::Refused(code) | Self::Challenge { code, .. } => Some(*code),
            Self::Unknown(_) => Some(Code::UnknownAttribute),
        }
    }

    /// Writes the answer, signed if there is a `key`. No reason phrase and no
    /// SOFTWARE: they help nobody but who wants large answers.
    ///
    /// `None` if the message layer refuses it, which it has no reason to.
    #[must_use]
    pub fn encode(&self, to: &Envelope, key: Option<&Key>, crypto: &Crypto) -> Option<Vec<u8>> {
        let class = match self.code() {
            None => CLASS_SUCCESS_RESPONSE,
            Some(_) => CLASS_ERROR_RESPONSE,
        };
        let mut message = begin(to, class);
        if let Some(code) = self.code() {
            let code = ErrorCodeAttribute {
                code: ErrorCode(code as u16),
                reason: Vec::new(),
            };
            code.add_to(&mut message).ok()?;
        }
        for attribute in self.attributes() {
            attribute.add_to(&mut message).ok()?;
        }
        if let Some(key) = key {
            let crypto = crypto.0.crypto();
            let integrity = MessageIntegrity::new_raw_integrity_with_provider(key.0, crypto);
            integrity.add_to(&mut message).ok()?;
        }
        if to.fingerprint {
            FINGERPRINT.add_to(&mut message).ok()?;
        }
        Some(message.raw)
    }

    fn attributes(&self) -> Vec<Box<dyn Setter>> {
        match self {
            Self::Bound { client } => vec![mapped(client)],
            Self::Allocated {
                relayed,
                lifetime,
                client,
            } => vec![
                Box::new(RelayedAddress {
                    ip: relayed.ip(),
                    port: relayed.port(),
                }),
                Box::new(Lifetime(*lifetime)),
                mapped(client),
            ],
            Self::Refreshed { lifetime } => vec![Box::new(Lifetime(*lifetime))],
            Self::Done | Self::Refused(_) => vec![],
            Self::Unknown(kinds) => {
                vec![Box::new(UnknownAttributes(
                    kinds.iter().copied().map(AttrType).collect(),
                ))]
            }
            Self::Challenge { realm, nonce, .. } => vec![
                Box::new(TextAttribute::new(ATTR_REALM, (*realm).to_owned())),
                Box::new(TextAttribute::new(ATTR_NONCE, (*nonce).to_owned())),
            ],
        }
    }
}

fn mapped(client: &SocketAddr) -> Box<dyn Setter> {
    Box::new(XorMappedAddress {
        ip: client.ip(),
        port: client.port(),
    })
}

fn begin(to: &Envelope, class: MessageClass) -> Message {
    let mut message = Message::new();
    message.typ = MessageType::new(to.kind.method, class);
    message.transaction_id.0 = to.transaction;
    message.write_header();
    message
}

#[cfg(test)]
mod tests;
