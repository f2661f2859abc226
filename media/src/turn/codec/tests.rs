use std::net::IpAddr;

use proptest::prelude::*;
use rtc_stun::xoraddr::XorMappedAddress;

use super::*;
use crate::turn::frame::{Frame, classify};

/// RFC 5769 §2.1: a request with a short-term credential.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c\
    69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa7\
    0cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";

/// RFC 5769 §2.2: a response with an IPv4 address.
const RESPONSE_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

/// RFC 5769 §2.3: a response with an IPv6 address.
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed\
    4180280004c8fb0b4c";

/// RFC 5769 §2.4: a request with a long-term credential.
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e3\
    82afe382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d\
    706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

const SHORT_TERM_PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

fn read(hex: &str) -> Request {
    let bytes = bytes(hex);
    let Ok(Frame::Stun(stun)) = classify(&bytes) else {
        panic!("not STUN")
    };
    assert_eq!(stun.fingerprint, hex != LONG_TERM);
    Request::decode(&bytes, &stun).unwrap()
}

fn is_signed(request: &mut Request, password: &[u8]) -> bool {
    let crypto = Crypto::new().unwrap();
    MessageIntegrity::check(&mut request.message, password, crypto.0.crypto()).is_ok()
}

#[test]
fn the_short_term_request_of_rfc_5769_verifies() {
    let mut request = read(REQUEST);
    assert_eq!(request.method(), Method::Binding);
    assert_eq!(request.username().unwrap(), b"evtj:h6vY");
    assert!(is_signed(&mut request, SHORT_TERM_PASSWORD));
    assert!(!is_signed(&mut request, b"another password"));
}

#[test]
fn the_responses_of_rfc_5769_verify_and_hold_their_addresses() {
    let v6 = "2001:db8:1234:5678:11:2233:4455:6677";
    for (hex, ip) in [(RESPONSE_V4, "192.0.2.1"), (RESPONSE_V6, v6)] {
        let mut response = read(hex);
        assert!(is_signed(&mut response, SHORT_TERM_PASSWORD));
        let mut mapped = XorMappedAddress::default();
        mapped.get_from(&response.message).unwrap();
        assert_eq!(
            (mapped.ip, mapped.port),
            (ip.parse::<IpAddr>().unwrap(), 32_853)
        );
    }
}

#[test]
fn the_long_term_request_of_rfc_5769_verifies() {
    let crypto = Crypto::new().unwrap();
    let mut request = read(LONG_TERM);
    let name = String::from_utf8(request.username().unwrap()).unwrap();
    assert_eq!(name, "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}");
    assert_eq!(request.realm().unwrap(), b"example.org");
    assert_eq!(request.nonce().unwrap(), b"f//499k954d6OL34oL9FSTvy64sA");
    let key = crypto
        .long_term_key(&name, "example.org", "TheMatrIX")
        .unwrap();
    assert!(request.is_signed_with(&key, &crypto));
    let other = crypto
        .long_term_key(&name, "example.org", "thematrix")
        .unwrap();
    assert!(!request.is_signed_with(&other, &crypto));
}

#[test]
fn an_answer_carries_a_fingerprint_if_the_request_did() {
    let crypto = Crypto::new().unwrap();
    for (hex, expected) in [(REQUEST, true), (LONG_TERM, false)] {
        let answer = Answer::Done
            .encode(&read(hex).envelope(), None, &crypto)
            .unwrap();
        let Ok(Frame::Stun(stun)) = classify(&answer) else {
            panic!("not STUN")
        };
        assert_eq!(stun.fingerprint, expected);
    }
}

fn read_everything(bytes: &[u8]) {
    let Ok(Frame::Stun(stun)) = classify(bytes) else {
        return;
    };
    let Some(mut request) = Request::decode(bytes, &stun) else {
        return;
    };
    let crypto = Crypto::new().unwrap();
    let _ = request.is_signed_with(&Key([0; 16]), &crypto);
    let _ = (
        request.username(),
        request.realm(),
        request.nonce(),
        request.method(),
    );
    let _ = (
        request.lifetime(),
        request.wants_udp(),
        request.requested_family(),
        request.additional_family(),
        request.reservation_token(),
        request.even_port(),
    );
    let _ = (
        request.channel_number(),
        request.peers(),
        request.unknown_attributes(),
    );
    let _ = Answer::Done.encode(&request.envelope(), Some(&Key([0; 16])), &crypto);
}

/// A valid message, changed somewhere, its header's length made right again.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![REQUEST, RESPONSE_V6, LONG_TERM]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (start, changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(hex, changes, cut, shorten)| {
            let mut bytes = bytes(hex);
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if shorten {
                bytes.truncate(20 + cut.index(bytes.len() - 20) / 4 * 4);
            }
            bytes[0] &= 0x3F;
            let length = (bytes.len() - 20) as u16;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn changed_messages_never_panic(bytes in mutated()) {
        read_everything(&bytes);
    }
}

#[test]
fn an_integrity_attribute_of_every_length_is_survived() {
    for length in 0..64_u16 {
        let mut bytes = b"\x00\x03\x00\x00\x21\x12\xA4\x42abcdefghijkl\x00\x08".to_vec();
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.resize(24 + usize::from(length).next_multiple_of(4), 0);
        let total = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&total.to_be_bytes());
        read_everything(&bytes);
    }
}
