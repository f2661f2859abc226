//! The shape of what clients send, read without allocating: ChannelData
//! (RFC 8656 §12.4), and the header and attributes of STUN messages
//! (RFC 8489 §5) as far as data needs them. Also the headers put before data
//! on its way to a client. Requests are read further by [`super::codec`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use rtc_stun::fingerprint::fingerprint_value;

use super::TransactionBytes;
use crate::counters::Metric;

const STUN_HEADER: usize = 20;
const ATTRIBUTE_HEADER: usize = 4;
const CHANNEL_HEADER: usize = 4;
pub(crate) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
/// IPv4 in an address attribute (RFC 8489 §14.1).
pub(super) const FAMILY_IPV4: u8 = 1;
/// IPv6 there.
pub(super) const FAMILY_IPV6: u8 = 2;

const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const DONT_FRAGMENT: u16 = 0x001A;
const FINGERPRINT: u16 = 0x8028;
const DATA_INDICATION: u16 = 0x0017;

/// The Binding method (RFC 8489 §18.2).
pub const BINDING: u16 = 0x001;
/// The Send method, only ever an indication (RFC 8656 §17).
pub const SEND: u16 = 0x006;

/// A number that stands for a channel on the wire: 0x4000 to 0x7FFF, by the
/// first two bits of a datagram (RFC 5766 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelNumber(u16);

impl ChannelNumber {
    /// The channel with this number, if there can be one.
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (0x4000..=0x7FFF).contains(&number).then_some(Self(number))
    }

    /// The number on the wire.
    #[must_use]
    pub fn value(self) -> u16 {
        self.0
    }

    /// Whether RFC 8656 §12 still gives it: those from 0x5000 on belong to
    /// other protocols that may share a socket (RFC 7983).
    #[must_use]
    pub fn is_current(self) -> bool {
        self.0 <= 0x4FFF
    }
}

/// What a datagram from a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// ChannelData: where in the datagram the data lies.
    Channel(ChannelNumber, Range<usize>),
    /// A STUN message that holds together.
    Stun(Stun),
}

/// The two bits that say what a STUN message is (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// A success or an error response.
    Response,
}

/// A MESSAGE-INTEGRITY attribute, not yet verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// There is none.
    Absent,
    /// There is one of a length that no HMAC-SHA1 has.
    BadLength,
    /// There is one, and it ends at this offset of the datagram.
    EndsAt(usize),
}

/// What the header and one walk over the attributes tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stun {
    /// Request, indication or response.
    pub class: Class,
    /// The method's number.
    pub method: u16,
    /// The transaction id.
    pub transaction: TransactionBytes,
    /// Whether it carries a FINGERPRINT; a wrong one does not get this far.
    pub fingerprint: bool,
    /// Whether it carries MESSAGE-INTEGRITY.
    pub integrity: Integrity,
    /// Where the value of the first XOR-PEER-ADDRESS lies.
    pub peer: Option<Range<usize>>,
    /// Where the value of the first DATA lies.
    pub data: Option<Range<usize>>,
    /// Whether DONT-FRAGMENT is there.
    pub dont_fragment: bool,
    /// An attribute that a Send indication must understand and we do not.
    pub unknown_in_send: bool,
}

/// Says what a client's datagram is.
///
/// # Errors
///
/// The metric under which the datagram is dropped: it is not ours, does not
/// hold together, or its FINGERPRINT is wrong.
pub fn classify(bytes: &[u8]) -> Result<Frame, Metric> {
    match bytes.first() {
        Some(0x00..=0x3F) => stun(bytes).map(Frame::Stun),
        Some(0x40..=0x7F) => channel_data(bytes),
        Some(_) | None => Err(Metric::DroppedNotStun),
    }
}

fn channel_data(bytes: &[u8]) -> Result<Frame, Metric> {
    let (number, length) = type_and_length(bytes, 0).ok_or(Metric::DroppedMalformed)?;
    let number = ChannelNumber::new(number).ok_or(Metric::DroppedNoChannel)?;
    let end = CHANNEL_HEADER + length;
    // Over UDP padding to a multiple of four is allowed, not asked for.
    if bytes.len() < end || bytes.len() > end.next_multiple_of(4) {
        return Err(Metric::DroppedMalformed);
    }
    Ok(Frame::Channel(number, CHANNEL_HEADER..end))
}

fn stun(bytes: &[u8]) -> Result<Stun, Metric> {
    let (kind, length) = type_and_length(bytes, 0).ok_or(Metric::DroppedNotStun)?;
    if bytes.get(4..8) != Some(&MAGIC_COOKIE) {
        return Err(Metric::DroppedNotStun);
    }
    let transaction = bytes
        .get(8..STUN_HEADER)
        .and_then(|id| TransactionBytes::try_from(id).ok())
        .ok_or(Metric::DroppedNotStun)?;
    if !length.is_multiple_of(4) || bytes.len() != STUN_HEADER + length {
        return Err(Metric::DroppedMalformed);
    }
    let class = match (kind >> 4 & 1, kind >> 8 & 1) {
        (0, 0) => Class::Request,
        (1, 0) => Class::Indication,
        (_, _) => Class::Response,
    };
    let method = (kind & 0x000F) | (kind >> 1 & 0x0070) | (kind >> 2 & 0x0F80);
    let mut message = Stun {
        class,
        method,
        transaction,
        fingerprint: false,
        integrity: Integrity::Absent,
        peer: None,
        data: None,
        dont_fragment: false,
        unknown_in_send: false,
    };
    let mut at = STUN_HEADER;
    while at < bytes.len() {
        at = message.note_attribute(bytes, at)?;
    }
    Ok(message)
}

impl Stun {
    /// Takes down the attribute that begins at `at`; returns where the next
    /// one begins.
    fn note_attribute(&mut self, bytes: &[u8], at: usize) -> Result<usize, Metric> {
        let (kind, length) = type_and_length(bytes, at).ok_or(Metric::DroppedMalformed)?;
        let value = at + ATTRIBUTE_HEADER..at + ATTRIBUTE_HEADER + length;
        let next = value.end.next_multiple_of(4);
        if next > bytes.len() {
            return Err(Metric::DroppedMalformed);
        }
        if kind == FINGERPRINT {
            check_fingerprint(bytes, at, value)?;
            self.fingerprint = true;
            return Ok(next);
        }
        // What follows MESSAGE-INTEGRITY is not covered by it and is ignored
        // (RFC 8489 §14.5).
        if self.integrity != Integrity::Absent {
            return Ok(next);
        }
        match kind {
            MESSAGE_INTEGRITY if length == 20 => self.integrity = Integrity::EndsAt(value.end),
            MESSAGE_INTEGRITY => self.integrity = Integrity::BadLength,
            XOR_PEER_ADDRESS if self.peer.is_none() => self.peer = Some(value),
            DATA if self.data.is_none() => self.data = Some(value),
            DONT_FRAGMENT => self.dont_fragment = true,
            XOR_PEER_ADDRESS | DATA | 0x8000.. => {}
            0x0000..=0x7FFF => self.unknown_in_send = true,
        }
        Ok(next)
    }
}

/// A FINGERPRINT is the last attribute, four bytes long, and right
/// (RFC 8489 §14.7).
fn check_fingerprint(bytes: &[u8], at: usize, value: Range<usize>) -> Result<(), Metric> {
    let covered = bytes.get(..at).ok_or(Metric::DroppedFingerprint)?;
    let right = fingerprint_value(covered).to_be_bytes();
    if value.end == bytes.len() && bytes.get(value) == Some(&right) {
        Ok(())
    } else {
        Err(Metric::DroppedFingerprint)
    }
}

fn type_and_length(bytes: &[u8], at: usize) -> Option<(u16, usize)> {
    let &[a, b, c, d] = bytes.get(at..)?.first_chunk::<4>()?;
    Some((
        u16::from_be_bytes([a, b]),
        usize::from(u16::from_be_bytes([c, d])),
    ))
}

/// Reads the value of an XOR-…-ADDRESS attribute (RFC 8489 §14.2).
#[must_use]
pub fn xor_address(value: &[u8], transaction: &TransactionBytes) -> Option<SocketAddr> {
    let (&[_, family, p0, p1], address) = value.split_first_chunk::<4>()?;
    let [c0, c1, _, _] = MAGIC_COOKIE;
    let port = u16::from_be_bytes([p0 ^ c0, p1 ^ c1]);
    let mask = MAGIC_COOKIE.iter().chain(transaction);
    let ip = match family {
        FAMILY_IPV4 => {
            let mut octets = <[u8; 4]>::try_from(address).ok()?;
            octets
                .iter_mut()
                .zip(mask)
                .for_each(|(octet, mask)| *octet ^= mask);
            IpAddr::V4(Ipv4Addr::from(octets))
        }
        FAMILY_IPV6 => {
            let mut octets = <[u8; 16]>::try_from(address).ok()?;
            octets
                .iter_mut()
                .zip(mask)
                .for_each(|(octet, mask)| *octet ^= mask);
            IpAddr::V6(Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The header of ChannelData that carries `length` bytes.
#[must_use]
pub fn channel_header(channel: ChannelNumber, length: u16) -> [u8; 4] {
    let [n0, n1] = channel.value().to_be_bytes();
    let [l0, l1] = length.to_be_bytes();
    [n0, n1, l0, l1]
}

/// What stands before the payload in a Data indication: the STUN header,
/// XOR-PEER-ADDRESS and the beginning of DATA (RFC 8656 §11.3). The payload
/// follows, padded to four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataHeader {
    bytes: [u8; 48],
    length: usize,
}

impl DataHeader {
    /// The header for `length` bytes from `peer`: 36 bytes long for an IPv4
    /// peer, 48 for an IPv6 one.
    #[must_use]
    pub fn new(transaction: &TransactionBytes, peer: SocketAddr, length: u16) -> Self {
        let cookie = u32::from_be_bytes(MAGIC_COOKIE);
        match peer.ip() {
            IpAddr::V4(ip) => {
                let address = (ip.to_bits() ^ cookie).to_be_bytes();
                Self::lay(transaction, (FAMILY_IPV4, 8), &address, peer.port(), length)
            }
            IpAddr::V6(ip) => {
                let transaction_bits = transaction
                    .iter()
                    .fold(0, |bits, byte| bits << 8 | u128::from(*byte));
                let mask = u128::from(cookie) << 96 | transaction_bits;
                let address = (ip.to_bits() ^ mask).to_be_bytes();
                Self::lay(
                    transaction,
                    (FAMILY_IPV6, 20),
                    &address,
                    peer.port(),
                    length,
                )
            }
        }
    }

    fn lay(
        transaction: &TransactionBytes,
        (family, address_length): (u8, u8),
        address: &[u8],
        port: u16,
        length: u16,
    ) -> Self {
        let [c0, c1, _, _] = MAGIC_COOKIE;
        let [p0, p1] = port.to_be_bytes();
        let body = 8 + u16::from(address_length) + length.next_multiple_of(4);
        let parts: [&[u8]; 9] = [
            &DATA_INDICATION.to_be_bytes(),
            &body.to_be_bytes(),
            &MAGIC_COOKIE,
            transaction,
            &XOR_PEER_ADDRESS.to_be_bytes(),
            &[0, address_length, 0, family, p0 ^ c0, p1 ^ c1],
            address,
            &DATA.to_be_bytes(),
            &length.to_be_bytes(),
        ];
        let mut header = Self {
            bytes: [0; 48],
            length: 28 + usize::from(address_length),
        };
        let written = header.bytes.iter_mut().zip(parts.into_iter().flatten());
        written.for_each(|(place, byte)| *place = *byte);
        header
    }

    /// The header's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
