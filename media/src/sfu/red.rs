//! Redundant audio (RFC 2198): what a client that does not take it is sent
//! instead.

use std::ops::Range;

/// Where the newest frame lies in a payload of RED: behind the headers and the
/// older frames. None if the payload does not hold together.
pub(super) fn newest(payload: &[u8]) -> Option<Range<usize>> {
    let (mut at, mut older) = (0_usize, 0_usize);
    // The header of an older frame has four bytes with its length in the last
    // ten bits; that of the newest has one, without the top bit.
    while payload.get(at)? & 0x80 != 0 {
        let [_, _, high, low] = payload.get(at..at + 4)?.try_into().ok()?;
        older += usize::from(u16::from_be_bytes([high & 0x03, low]));
        at += 4;
    }
    let begin = at + 1 + older;
    (begin < payload.len()).then_some(begin..payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_frame_is_behind_the_older_ones() {
        // One older frame of three bytes, 960 ticks ago, then the newest.
        let payload = [0x80 | 111, 0x0F, 0x00, 0x03, 111, 1, 2, 3, 7, 8];
        assert_eq!(newest(&payload), Some(8..10));
        assert_eq!(newest(&[111, 7, 8]), Some(1..3));
    }

    #[test]
    fn a_payload_that_lies_about_lengths_has_none() {
        assert_eq!(newest(&[]), None);
        assert_eq!(newest(&[111]), None);
        assert_eq!(newest(&[0x80 | 111, 0x0F, 0x00]), None);
        assert_eq!(newest(&[0x80 | 111, 0x0F, 0x03, 0xFF, 111, 1]), None);
    }
}
