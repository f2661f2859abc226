//! STUN and ChannelData as a client writes and reads them (RFC 8489 §5,
//! RFC 8656 §12.4), by a second hand: nothing here comes from the core or from
//! its message layer.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use ring::hmac;

/// Methods and classes in one number, as the header has them.
pub mod kind {
    /// A Binding request.
    pub const BINDING: u16 = 0x0001;
    /// An Allocate request.
    pub const ALLOCATE: u16 = 0x0003;
    /// A Refresh request.
    pub const REFRESH: u16 = 0x0004;
    /// A CreatePermission request.
    pub const CREATE_PERMISSION: u16 = 0x0008;
    /// A ChannelBind request.
    pub const CHANNEL_BIND: u16 = 0x0009;
    /// A Send indication.
    pub const SEND: u16 = 0x0016;
    /// A Data indication.
    pub const DATA: u16 = 0x0017;
    /// The bits of a success response.
    pub const SUCCESS: u16 = 0x0100;
    /// The bits of an error response.
    pub const ERROR: u16 = 0x0110;
}

/// Attribute types.
pub mod attribute {
    /// USERNAME.
    pub const USERNAME: u16 = 0x0006;
    /// MESSAGE-INTEGRITY.
    pub const INTEGRITY: u16 = 0x0008;
    /// ERROR-CODE.
    pub const ERROR_CODE: u16 = 0x0009;
    /// CHANNEL-NUMBER.
    pub const CHANNEL: u16 = 0x000C;
    /// LIFETIME.
    pub const LIFETIME: u16 = 0x000D;
    /// XOR-PEER-ADDRESS.
    pub const PEER: u16 = 0x0012;
    /// DATA.
    pub const DATA: u16 = 0x0013;
    /// REALM.
    pub const REALM: u16 = 0x0014;
    /// NONCE.
    pub const NONCE: u16 = 0x0015;
    /// XOR-RELAYED-ADDRESS.
    pub const RELAYED: u16 = 0x0016;
    /// REQUESTED-ADDRESS-FAMILY.
    pub const FAMILY: u16 = 0x0017;
    /// EVEN-PORT.
    pub const EVEN_PORT: u16 = 0x0018;
    /// REQUESTED-TRANSPORT.
    pub const TRANSPORT: u16 = 0x0019;
    /// DONT-FRAGMENT.
    pub const DONT_FRAGMENT: u16 = 0x001A;
    /// XOR-MAPPED-ADDRESS.
    pub const MAPPED: u16 = 0x0020;
    /// RESERVATION-TOKEN.
    pub const TOKEN: u16 = 0x0022;
    /// ADDITIONAL-ADDRESS-FAMILY.
    pub const ADDITIONAL_FAMILY: u16 = 0x8000;
    /// ADDRESS-ERROR-CODE.
    pub const ADDRESS_ERROR: u16 = 0x8001;
    /// FINGERPRINT.
    pub const FINGERPRINT: u16 = 0x8028;
}

/// The 96 bits that pair a response with its request.
pub type Transaction = [u8; 12];

const HEADER: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// A message that is being written.
#[derive(Clone, Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Only a header.
    #[must_use]
    pub fn new(kind: u16, transaction: Transaction) -> Self {
        let header = [&kind.to_be_bytes()[..], &[0, 0], &COOKIE, &transaction];
        Self(header.concat())
    }

    /// One attribute more, padded with zeros.
    #[must_use]
    pub fn add(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).expect("an attribute is short");
        self.0.extend(kind.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// An address in the form of XOR-PEER-ADDRESS.
    #[must_use]
    pub fn address(self, kind: u16, address: SocketAddr) -> Self {
        let mask = [&COOKIE[..], &self.0[8..HEADER]].concat();
        let port = address.port() ^ 0x2112;
        let (family, octets) = match address.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let masked = octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask);
        let mut value = vec![0, family];
        value.extend(port.to_be_bytes());
        value.extend(masked);
        self.add(kind, &value)
    }

    /// MESSAGE-INTEGRITY with the key of a long-term credential.
    #[must_use]
    pub fn sign(mut self, key: &[u8; 16]) -> Self {
        self.set_length(24);
        let tag = integrity(key, &self.0);
        self.add(attribute::INTEGRITY, &tag)
    }

    /// FINGERPRINT.
    #[must_use]
    pub fn fingerprint(mut self) -> Self {
        self.set_length(8);
        let value = crc32(&self.0) ^ 0x5354_554E;
        self.add(attribute::FINGERPRINT, &value.to_be_bytes())
    }

    /// The message so far.
    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    /// Counts the body and `more` bytes that are to follow.
    fn set_length(&mut self, more: usize) {
        let length = u16::try_from(self.0.len() - HEADER + more).expect("a message is short");
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// ChannelData without padding.
#[must_use]
pub fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("data is short");
    [&number.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}

/// A message, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    bytes: &'a [u8],
    /// Method and class.
    pub kind: u16,
    /// The transaction id.
    pub transaction: Transaction,
    /// Type and place of every attribute's value, in order.
    pub attributes: Vec<(u16, Range<usize>)>,
}

impl<'a> Reading<'a> {
    /// Reads a message whose lengths fit together exactly. What the attributes
    /// say, FINGERPRINT included, is not looked at.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let number = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let kind = number(0)?;
        let body = usize::from(number(2)?);
        let well_formed = kind < 0x4000
            && bytes.get(4..8)? == COOKIE
            && body % 4 == 0
            && bytes.len() == HEADER + body;
        if !well_formed {
            return None;
        }
        let mut attributes = Vec::new();
        let mut at = HEADER;
        while at < bytes.len() {
            let (kind, length) = (number(at)?, usize::from(number(at + 2)?));
            let value = at + 4..at + 4 + length;
            at += 4 + length.div_ceil(4) * 4;
            if at > bytes.len() {
                return None;
            }
            attributes.push((kind, value));
        }
        Some(Self {
            bytes,
            kind,
            transaction: bytes[8..HEADER].try_into().ok()?,
            attributes,
        })
    }

    /// The attributes that MESSAGE-INTEGRITY covers, or all without one.
    #[must_use]
    pub fn covered(&self) -> &[(u16, Range<usize>)] {
        let end = self.place_of_integrity();
        &self.attributes[..end.unwrap_or(self.attributes.len())]
    }

    fn place_of_integrity(&self) -> Option<usize> {
        let mut kinds = self.attributes.iter();
        kinds.position(|(kind, _)| *kind == attribute::INTEGRITY)
    }

    /// Where the value of the first such attribute lies, before
    /// MESSAGE-INTEGRITY.
    #[must_use]
    pub fn place(&self, kind: u16) -> Option<Range<usize>> {
        let mut covered = self.covered().iter();
        let (_, place) = covered.find(|(other, _)| *other == kind)?;
        Some(place.clone())
    }

    /// The value of the first such attribute before MESSAGE-INTEGRITY.
    #[must_use]
    pub fn value(&self, kind: u16) -> Option<&'a [u8]> {
        self.place(kind).map(|place| &self.bytes[place])
    }

    /// The values of all such attributes before MESSAGE-INTEGRITY.
    pub fn values(&self, kind: u16) -> impl Iterator<Item = &'a [u8]> {
        let covered = self.covered().iter();
        covered
            .filter(move |(other, _)| *other == kind)
            .map(|(_, place)| &self.bytes[place.clone()])
    }

    /// Whether there is such an attribute anywhere.
    #[must_use]
    pub fn has(&self, kind: u16) -> bool {
        self.attributes.iter().any(|(other, _)| *other == kind)
    }

    /// Every address in attributes of this kind; `None` for one that does not
    /// read.
    #[must_use]
    pub fn addresses(&self, kind: u16) -> Vec<Option<SocketAddr>> {
        let values = self.values(kind);
        values
            .map(|value| unmask(value, &self.transaction))
            .collect()
    }

    /// The code of an error response, 0 for a success; `None` for what is not
    /// a response.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self.kind & kind::ERROR {
            kind::SUCCESS => Some(0),
            kind::ERROR => {
                let value = self.value(attribute::ERROR_CODE)?;
                let &[_, _, class, number, ..] = value else {
                    return None;
                };
                Some(u16::from(class) * 100 + u16::from(number))
            }
            _ => None,
        }
    }

    /// The seconds in LIFETIME.
    #[must_use]
    pub fn lifetime(&self) -> Option<u32> {
        let value = self.value(attribute::LIFETIME)?;
        Some(u32::from_be_bytes(value.try_into().ok()?))
    }

    /// Whether MESSAGE-INTEGRITY is there and was made with `key`.
    #[must_use]
    pub fn is_signed_with(&self, key: &[u8; 16]) -> bool {
        let Some((_, place)) = self.place_of_integrity().map(|at| &self.attributes[at]) else {
            return false;
        };
        let mut covered = self.bytes[..place.start - 4].to_vec();
        let body = u16::try_from(place.start - HEADER + 20).expect("a message is short");
        covered[2..4].copy_from_slice(&body.to_be_bytes());
        self.bytes[place.clone()] == integrity(key, &covered)
    }

    /// Whether no FINGERPRINT is there but one right one at the very end.
    #[must_use]
    pub fn fingerprint_is_right(&self) -> bool {
        let mut fingerprints = self
            .attributes
            .iter()
            .filter(|(kind, _)| *kind == attribute::FINGERPRINT);
        fingerprints.all(|(_, place)| {
            let right = crc32(&self.bytes[..place.start - 4]) ^ 0x5354_554E;
            place.end == self.bytes.len() && self.bytes[place.clone()] == right.to_be_bytes()
        })
    }
}

fn unmask(value: &[u8], transaction: &Transaction) -> Option<SocketAddr> {
    let mask = [&COOKIE[..], transaction].concat();
    let (&[_, family, p0, p1], octets) = value.split_first_chunk()?;
    let plain: Vec<u8> = octets
        .iter()
        .zip(mask)
        .map(|(octet, mask)| octet ^ mask)
        .collect();
    let port = u16::from_be_bytes([p0, p1]) ^ 0x2112;
    let ip = match (family, octets.len()) {
        (1, 4) => IpAddr::from(<[u8; 4]>::try_from(plain).ok()?),
        (2, 16) => IpAddr::from(<[u8; 16]>::try_from(plain).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn integrity(key: &[u8; 16], covered: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    hmac::sign(&key, covered).as_ref().to_vec()
}

/// CRC-32 of ISO-HDLC, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let fold = |crc: u32, byte: &u8| {
        let shift = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        (0..8).fold(crc ^ u32::from(*byte), shift)
    };
    !bytes.iter().fold(u32::MAX, fold)
}

#[cfg(test)]
mod tests;
