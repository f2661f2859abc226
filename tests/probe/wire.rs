//! STUN and TURN messages by the byte: right ones, and wrong ones of every
//! kind (RFC 8489, RFC 8656).

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use ring::hmac;
use rtc_stun::fingerprint::fingerprint_value;
use rtc_turn::crypto::{HashAlgorithm, default_provider};

pub(crate) const BINDING: u16 = 0x0001;
pub(crate) const ALLOCATE: u16 = 0x0003;
pub(crate) const REFRESH: u16 = 0x0004;
pub(crate) const CREATE_PERMISSION: u16 = 0x0008;
pub(crate) const CHANNEL_BIND: u16 = 0x0009;
/// RFC 6062.
pub(crate) const CONNECT: u16 = 0x000A;
pub(crate) const SEND: u16 = 0x0016;
pub(crate) const DATA_INDICATION: u16 = 0x0017;

pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const INTEGRITY: u16 = 0x0008;
pub(crate) const ERROR_CODE: u16 = 0x0009;
pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
pub(crate) const CHANNEL_NUMBER: u16 = 0x000C;
pub(crate) const LIFETIME: u16 = 0x000D;
pub(crate) const PEER: u16 = 0x0012;
pub(crate) const DATA: u16 = 0x0013;
pub(crate) const REALM: u16 = 0x0014;
pub(crate) const NONCE: u16 = 0x0015;
pub(crate) const RELAYED: u16 = 0x0016;
pub(crate) const FAMILY: u16 = 0x0017;
pub(crate) const EVEN_PORT: u16 = 0x0018;
pub(crate) const TRANSPORT: u16 = 0x0019;
pub(crate) const DONT_FRAGMENT: u16 = 0x001A;
pub(crate) const MAPPED: u16 = 0x0020;
pub(crate) const TOKEN: u16 = 0x0022;
pub(crate) const ADDITIONAL_FAMILY: u16 = 0x8000;
pub(crate) const ADDRESS_ERROR: u16 = 0x8001;
pub(crate) const SOFTWARE: u16 = 0x8022;
pub(crate) const FINGERPRINT: u16 = 0x8028;
/// Of the kind that must be understood, and meant for nothing.
pub(crate) const MEANINGLESS: u16 = 0x7F77;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER: usize = 20;

/// A transaction id.
pub(crate) type Id = [u8; 12];

/// One that was not used before.
pub(crate) fn fresh_id() -> Id {
    static USED: AtomicU64 = AtomicU64::new(0);
    let mut id = *b"prob\0\0\0\0\0\0\0\0";
    id[4..].copy_from_slice(&USED.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    id
}

/// What a message says besides its header.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    /// Type and value, as they are.
    Raw(u16, Vec<u8>),
    /// XOR-PEER-ADDRESS.
    Peer(SocketAddr),
}

pub(crate) fn raw(kind: u16, value: &[u8]) -> Attribute {
    Attribute::Raw(kind, value.to_vec())
}

pub(crate) fn udp() -> Attribute {
    raw(TRANSPORT, &[17, 0, 0, 0])
}

pub(crate) fn lifetime(seconds: u32) -> Attribute {
    raw(LIFETIME, &seconds.to_be_bytes())
}

pub(crate) fn channel(number: u16) -> Attribute {
    raw(CHANNEL_NUMBER, &[number.to_be_bytes(), [0, 0]].concat())
}

/// REQUESTED-ADDRESS-FAMILY: 1 is IPv4, 2 IPv6.
pub(crate) fn family(number: u8) -> Attribute {
    raw(FAMILY, &[number, 0, 0, 0])
}

/// ADDITIONAL-ADDRESS-FAMILY.
pub(crate) fn additional(number: u8) -> Attribute {
    raw(ADDITIONAL_FAMILY, &[number, 0, 0, 0])
}

pub(crate) fn even_port(reserve: bool) -> Attribute {
    raw(EVEN_PORT, &[if reserve { 0x80 } else { 0 }])
}

/// A message that is being written.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    pub(crate) fn new(kind: u16, attributes: &[Attribute]) -> Self {
        Self::with_id(kind, fresh_id(), attributes)
    }

    pub(crate) fn with_id(kind: u16, id: Id, attributes: &[Attribute]) -> Self {
        let bytes = [&kind.to_be_bytes()[..], &[0, 0], &COOKIE, &id].concat();
        let message = Self { bytes };
        attributes
            .iter()
            .fold(message, |message, attribute| match attribute {
                Attribute::Raw(kind, value) => message.add(*kind, value),
                Attribute::Peer(address) => message.add(PEER, &masked(*address, &id)),
            })
    }

    pub(crate) fn add(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap();
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.promise(0);
        self
    }

    /// Writes into the header that `more` bytes will follow.
    fn promise(&mut self, more: usize) {
        let length = u16::try_from(self.bytes.len() - HEADER + more).unwrap();
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }

    /// With MESSAGE-INTEGRITY.
    pub(crate) fn signed(mut self, key: &[u8]) -> Self {
        self.promise(24);
        let tag = sha1(key, &self.bytes);
        self.add(INTEGRITY, tag.as_ref())
    }

    /// With FINGERPRINT, and with `error` turned into it.
    pub(crate) fn fingerprinted(mut self, error: u32) -> Self {
        self.promise(8);
        let value = fingerprint_value(&self.bytes) ^ error;
        self.add(FINGERPRINT, &value.to_be_bytes())
    }
}

/// The key of a long-term credential (RFC 8489 §9.2.2).
pub(crate) fn long_term_key(username: &str, realm: &str, password: &str) -> Vec<u8> {
    let text = [username, realm, password].join(":");
    let provider = default_provider().unwrap();
    let hash = provider
        .crypto()
        .hash(HashAlgorithm::Md5, text.as_bytes())
        .unwrap();
    hash.as_slice().to_vec()
}

pub(crate) fn sha1(key: &[u8], text: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    hmac::sign(&key, text)
}

fn masked(address: SocketAddr, id: &Id) -> Vec<u8> {
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let [p0, p1] = address.port().to_be_bytes();
    let mask = COOKIE.iter().chain(id);
    let ip = ip.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
    [0, family, p0 ^ COOKIE[0], p1 ^ COOKIE[1]]
        .into_iter()
        .chain(ip)
        .collect()
}

/// A STUN message that came.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) kind: u16,
    pub(crate) id: Id,
    pub(crate) attributes: Vec<(u16, Vec<u8>)>,
    bytes: Vec<u8>,
}

impl Reply {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]));
        let (header, mut rest) = bytes.split_at_checked(HEADER)?;
        if header[4..8] != COOKIE || rest.len() != length {
            return None;
        }
        let mut attributes = Vec::new();
        while let Some((&[k0, k1, l0, l1], after)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let value = after.get(..length)?.to_vec();
            attributes.push((u16::from_be_bytes([k0, k1]), value));
            rest = after.get(length.next_multiple_of(4)..)?;
        }
        Some(Self {
            kind: u16::from_be_bytes([header[0], header[1]]),
            id: header[8..].try_into().ok()?,
            attributes,
            bytes: bytes.to_vec(),
        })
    }

    pub(crate) fn is_response(&self) -> bool {
        self.kind & 0x0100 != 0
    }

    pub(crate) fn get(&self, kind: u16) -> Option<&[u8]> {
        let mut all = self.attributes.iter();
        let (_, value) = all.find(|(of, _)| *of == kind)?;
        Some(value)
    }

    /// The code of an error.
    pub(crate) fn error(&self) -> Option<u16> {
        let value = self.get(ERROR_CODE)?;
        Some(u16::from(*value.get(2)?) * 100 + u16::from(*value.get(3)?))
    }

    /// Every address under this attribute.
    pub(crate) fn addresses(&self, kind: u16) -> Vec<SocketAddr> {
        let these = self.attributes.iter().filter(|(of, _)| *of == kind);
        these.filter_map(|(_, value)| self.unmask(value)).collect()
    }

    fn unmask(&self, value: &[u8]) -> Option<SocketAddr> {
        let (&[_, family, p0, p1], ip) = value.split_first_chunk()?;
        let port = u16::from_be_bytes([p0 ^ COOKIE[0], p1 ^ COOKIE[1]]);
        let mask = COOKIE.iter().chain(&self.id);
        let ip: Vec<u8> = ip
            .iter()
            .zip(mask)
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        let ip = match family {
            1 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
            2 => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with this key.
    pub(crate) fn is_signed_with(&self, key: &[u8]) -> bool {
        let Some((mut covered, tag)) = self.before(INTEGRITY) else {
            return false;
        };
        let length = u16::try_from(covered.len() - HEADER + 24).unwrap();
        covered[2..4].copy_from_slice(&length.to_be_bytes());
        sha1(key, &covered).as_ref() == tag
    }

    /// Whether FINGERPRINT is there and right.
    pub(crate) fn is_fingerprinted(&self) -> bool {
        self.before(FINGERPRINT).is_some_and(|(covered, value)| {
            fingerprint_value(&covered).to_be_bytes().as_slice() == value
        })
    }

    /// The bytes in front of an attribute, and its value.
    fn before(&self, kind: u16) -> Option<(Vec<u8>, &[u8])> {
        let mut at = HEADER;
        for (of, value) in &self.attributes {
            if *of == kind {
                return Some((self.bytes[..at].to_vec(), value));
            }
            at += 4 + value.len().next_multiple_of(4);
        }
        None
    }
}

/// ChannelData, not padded.
pub(crate) fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [&number.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}
