//! Whose a datagram is. All connections share one port, so a datagram's first
//! byte says what it is (RFC 7983), and its source whose it is; which source
//! belongs to whom is learnt from binding requests alone, and from those only
//! that prove they know the password.

use ring::hmac;

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message of ICE.
    Stun,
    /// A record of DTLS.
    Dtls,
    /// RTP or RTCP, encrypted.
    Media,
}

/// Looks at the first byte (RFC 7983 §7). None: nothing that belongs here.
pub fn kind(datagram: &[u8]) -> Option<Kind> {
    match datagram.first()? {
        0..=3 => Some(Kind::Stun),
        20..=63 => Some(Kind::Dtls),
        128..=191 => Some(Kind::Media),
        _ => None,
    }
}

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0, 1];
const BINDING_SUCCESS: [u8; 2] = [1, 1];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const INTEGRITY_LENGTH: usize = 20;

/// Whether this says that it answers a binding request.
pub fn is_response(datagram: &[u8]) -> bool {
    datagram.starts_with(&BINDING_SUCCESS)
}

/// A binding request that has a name and a proof in it.
#[derive(Debug)]
pub struct BindingRequest<'a> {
    /// Our half of the name, in front of the colon (RFC 8445 §7.2.2).
    pub ufrag: &'a str,
    /// What the proof covers.
    covered: &'a [u8],
    proof: &'a [u8],
}

impl<'a> BindingRequest<'a> {
    /// Reads a datagram as one (RFC 8489 §5).
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let header = datagram.get(..HEADER)?;
        let length = usize::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?));
        if header.get(..2)? != BINDING_REQUEST
            || header.get(4..8)? != COOKIE
            || HEADER + length != datagram.len()
        {
            return None;
        }
        let (mut at, mut ufrag) = (HEADER, None);
        while at < datagram.len() {
            let [t0, t1, l0, l1] = datagram.get(at..at + 4)?.try_into().ok()?;
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let value = datagram.get(at + 4..at + 4 + length)?;
            match u16::from_be_bytes([t0, t1]) {
                USERNAME if ufrag.is_none() => {
                    let name = str::from_utf8(value).ok()?;
                    ufrag = Some(name.split_once(':')?.0);
                }
                MESSAGE_INTEGRITY => {
                    return (length == INTEGRITY_LENGTH).then_some(Self {
                        ufrag: ufrag?,
                        covered: datagram.get(..at)?,
                        proof: value,
                    });
                }
                _ => {}
            }
            at += 4 + length.next_multiple_of(4);
        }
        None
    }

    /// Whether it was made by somebody who knows this password.
    pub fn is_proven(&self, pwd: &str) -> bool {
        // The proof was made when it was the last attribute, and the length in
        // the header said so (RFC 8489 §14.5).
        let length = self.covered.len() - HEADER + 4 + INTEGRITY_LENGTH;
        let Ok(length) = u16::try_from(length) else {
            return false;
        };
        let mut covered = self.covered.to_vec();
        if let Some(place) = covered.get_mut(2..4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pwd.as_bytes());
        hmac::verify(&key, &covered, self.proof).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of RFC 5769 §2.1, whose password this is.
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e\
        207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a\
        3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";

    fn request() -> Vec<u8> {
        let digits: Vec<u8> = REQUEST.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn the_request_of_the_rfc_is_read_and_proven() {
        let request = request();
        let read = BindingRequest::read(&request).unwrap();
        assert_eq!(read.ufrag, "evtj");
        assert!(read.is_proven(PASSWORD));
        assert!(!read.is_proven("VOkJxbRl1RmTxUk/WvJxBu"));
    }

    #[test]
    fn no_changed_byte_is_proven() {
        let whole = request();
        // Behind the proof stands the fingerprint, which it does not cover.
        for place in 0..whole.len() - 8 {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            let read = BindingRequest::read(&changed);
            assert!(
                !read.is_some_and(|read| read.is_proven(PASSWORD)),
                "byte {place}"
            );
        }
    }

    #[test]
    fn no_beginning_of_a_request_is_one() {
        let whole = request();
        for length in 0..whole.len() {
            assert!(BindingRequest::read(&whole[..length]).is_none());
        }
    }

    #[test]
    fn the_first_byte_tells_what_it_is() {
        let kinds = [0, 3, 4, 19, 20, 63, 64, 127, 128, 191, 192, 255].map(|byte| kind(&[byte]));
        use Kind::{Dtls, Media, Stun};
        let (s, d, m) = (Some(Stun), Some(Dtls), Some(Media));
        assert_eq!(
            kinds,
            [s, s, None, None, d, d, None, None, m, m, None, None]
        );
        assert_eq!(kind(&[]), None);
    }
}
