//! One datagram in a slot with room before and behind it, so that headers are
//! put on and taken off where the payload lies.

use std::ops::Range;

/// Largest datagram that is relayed, in bytes, with whatever header it came in.
pub const MAX_DATAGRAM: usize = 2048;

/// Room before a datagram. A Data indication's header over IPv6 takes 48.
const HEAD_ROOM: usize = 64;

/// Room behind a datagram: padding of a Data indication, and one byte more
/// than [`MAX_DATAGRAM`] by which a datagram too large is known.
const TAIL_ROOM: usize = 8;

/// A datagram and the room around it.
#[derive(Debug)]
pub struct Packet {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Packet {
    /// An empty slot.
    #[must_use]
    pub fn new() -> Self {
        let bytes = vec![0; HEAD_ROOM + MAX_DATAGRAM + TAIL_ROOM].into_boxed_slice();
        Self {
            bytes,
            start: HEAD_ROOM,
            end: HEAD_ROOM,
        }
    }

    /// A slot that holds `datagram`, or none if that is too large.
    #[must_use]
    pub fn holding(datagram: &[u8]) -> Option<Self> {
        let mut packet = Self::new();
        packet
            .space()
            .get_mut(..datagram.len())?
            .copy_from_slice(datagram);
        packet.filled(datagram.len()).then_some(packet)
    }

    /// Where the next datagram is received. One byte longer than
    /// [`MAX_DATAGRAM`], so that a larger one shows.
    pub fn space(&mut self) -> &mut [u8] {
        self.bytes
            .get_mut(HEAD_ROOM..HEAD_ROOM + MAX_DATAGRAM + 1)
            .unwrap_or_default()
    }

    /// Says how many bytes of [`Self::space`] were received. `false`: it was
    /// too large, and the slot is empty.
    #[must_use]
    pub fn filled(&mut self, length: usize) -> bool {
        let fits = length <= MAX_DATAGRAM;
        self.start = HEAD_ROOM;
        self.end = if fits { HEAD_ROOM + length } else { HEAD_ROOM };
        fits
    }

    /// The datagram as it is now.
    #[must_use]
    pub fn datagram(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Leaves only `part` of the datagram. `false`: there is no such part, and
    /// nothing changed.
    #[must_use]
    pub fn narrow(&mut self, part: Range<usize>) -> bool {
        let (start, end) = (
            self.start.saturating_add(part.start),
            self.start.saturating_add(part.end),
        );
        if part.start > part.end || end > self.end {
            return false;
        }
        (self.start, self.end) = (start, end);
        true
    }

    /// Puts `header` before the datagram and fills its end with zeros up to a
    /// length divisible by `align`. `false`: no room, and nothing changed.
    #[must_use]
    pub fn wrap(&mut self, header: &[u8], align: usize) -> bool {
        let Some(start) = self.start.checked_sub(header.len()) else {
            return false;
        };
        let end = start + (self.end - start).next_multiple_of(align.max(1));
        let Some(padding) = self.bytes.get_mut(self.end..end) else {
            return false;
        };
        padding.fill(0);
        let Some(place) = self.bytes.get_mut(start..self.start) else {
            return false;
        };
        place.copy_from_slice(header);
        (self.start, self.end) = (start, end);
        true
    }
}

impl Default for Packet {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_datagram_takes_the_largest_header_and_padding() {
        let mut packet = Packet::holding(&[7; MAX_DATAGRAM - 1]).unwrap();
        assert!(packet.wrap(&[9; 48], 4));
        assert_eq!(packet.datagram().len(), MAX_DATAGRAM + 48);
        assert_eq!(packet.datagram().last(), Some(&0));
    }

    #[test]
    fn one_byte_too_many_leaves_the_slot_empty() {
        let mut packet = Packet::new();
        assert!(!packet.filled(MAX_DATAGRAM + 1));
        assert!(packet.datagram().is_empty());
        assert!(Packet::holding(&[0; 70_000]).is_none());
    }

    #[test]
    fn a_header_without_room_changes_nothing() {
        let mut packet = Packet::holding(b"abc").unwrap();
        assert!(!packet.wrap(&[0; 65], 1));
        assert_eq!(packet.datagram(), b"abc");
    }

    #[test]
    fn narrowing_beyond_the_end_changes_nothing() {
        let mut packet = Packet::holding(b"abcdef").unwrap();
        assert!(!packet.narrow(2..7));
        assert!(!packet.narrow(usize::MAX - 1..usize::MAX));
        assert!(packet.narrow(2..4));
        assert_eq!(packet.datagram(), b"cd");
    }
}
