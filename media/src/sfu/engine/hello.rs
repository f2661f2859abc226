//! Client hellos that come again. Whoever waits for the rest of a flight
//! repeats its own; `rtc` stops its timer at that and then says nothing any
//! more, so that a lost answer to a hello is never repeated and the connection
//! never comes about. Kept from what was seen already, it repeats its answer by
//! its own timer.

/// Parts of a hello that are remembered; one has two at most, so far.
const PARTS: usize = 8;

const RECORD_HEADER: usize = 13;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// Which hello it is a part of, and where its place is in that.
type Part = (u16, [u8; 3]);

/// The parts of hellos that came, by their number and their place in it.
#[derive(Debug, Default)]
pub(super) struct Hellos {
    seen: Vec<Part>,
}

impl Hellos {
    /// Whether this datagram has nothing in it but parts of a hello that were
    /// in another one before. The first hello of all is not meant: it is
    /// answered without anything being remembered (RFC 6347 §4.2.1), unless the
    /// second has come.
    pub(super) fn are_known(&mut self, datagram: &[u8]) -> bool {
        let (mut rest, mut all_known) = (datagram, true);
        while !rest.is_empty() {
            let Some((part, behind)) = part(rest) else {
                return false;
            };
            let is_known = self.seen.contains(&part);
            let is_first = part.0 == 0 && self.seen.iter().all(|(number, _)| *number == 0);
            if !is_known && self.seen.len() < PARTS {
                self.seen.push(part);
            }
            all_known &= is_known && !is_first;
            rest = behind;
        }
        all_known && !datagram.is_empty()
    }
}

/// The number and place of the hello's part in the first record, and what is
/// behind that record.
fn part(records: &[u8]) -> Option<(Part, &[u8])> {
    let header = records.get(..RECORD_HEADER)?;
    let length = usize::from(u16::from_be_bytes(header.get(11..13)?.try_into().ok()?));
    let message = records.get(RECORD_HEADER..RECORD_HEADER + length)?;
    // In epoch 0 nothing is encrypted.
    if header.first() != Some(&HANDSHAKE)
        || header.get(3..5)? != [0, 0]
        || message.first() != Some(&CLIENT_HELLO)
    {
        return None;
    }
    let number = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let place = message.get(6..9)?.try_into().ok()?;
    Some(((number, place), records.get(RECORD_HEADER + length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, place: u8) -> Vec<u8> {
        let message = [CLIENT_HELLO, 0, 0, 9, 0, number, 0, 0, place, 0, 0, 1, 77];
        let mut record = vec![HANDSHAKE, 254, 253, 0, 0, 0, 0, 0, 0, 0, 5, 0, 13];
        record.extend(message);
        record
    }

    #[test]
    fn a_second_hello_that_comes_again_is_known_and_the_first_is_not() {
        let mut hellos = Hellos::default();
        assert!(!hellos.are_known(&record(0, 0)));
        assert!(!hellos.are_known(&record(0, 0)));
        assert!(!hellos.are_known(&record(1, 0)));
        assert!(hellos.are_known(&record(1, 0)));
        assert!(hellos.are_known(&record(0, 0)));
    }

    #[test]
    fn a_part_that_is_new_makes_its_datagram_new() {
        let mut hellos = Hellos::default();
        assert!(!hellos.are_known(&record(1, 0)));
        assert!(!hellos.are_known(&[record(1, 0), record(1, 5)].concat()));
        assert!(hellos.are_known(&[record(1, 0), record(1, 5)].concat()));
    }

    #[test]
    fn what_is_no_hello_is_never_known() {
        let mut hellos = Hellos::default();
        let (mut encrypted, mut other) = (record(1, 0), record(1, 0));
        encrypted[4] = 1;
        other[RECORD_HEADER] = 16;
        for datagram in [
            &encrypted,
            &other,
            &record(1, 0)[..20].to_vec(),
            &Vec::new(),
        ] {
            assert!(!hellos.are_known(datagram));
            assert!(!hellos.are_known(datagram));
        }
    }
}
