use payambar_media::long_term_key;

use super::*;
use crate::seeds::{RFC5769_LONG_TERM, RFC5769_REQUEST, RFC5769_V4, RFC5769_V6, bytes};

#[test]
fn the_vectors_of_rfc_5769_read() {
    let request = bytes(RFC5769_REQUEST);
    let request = Reading::of(&request).unwrap();
    assert_eq!(request.value(attribute::USERNAME), Some(&b"evtj:h6vY"[..]));
    assert!(request.has(attribute::FINGERPRINT) && request.fingerprint_is_right());
    let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
    for (hex, address) in [(RFC5769_V4, "192.0.2.1:32853"), (RFC5769_V6, v6)] {
        let response = bytes(hex);
        let response = Reading::of(&response).unwrap();
        assert_eq!(
            response.addresses(attribute::MAPPED),
            [Some(address.parse().unwrap())]
        );
        assert_eq!(response.code(), Some(0));
    }
    let long_term = bytes(RFC5769_LONG_TERM);
    let long_term = Reading::of(&long_term).unwrap();
    let name = std::str::from_utf8(long_term.value(attribute::USERNAME).unwrap()).unwrap();
    let key = |password| long_term_key(name, "example.org", password).unwrap().0;
    assert!(long_term.is_signed_with(&key("TheMatrIX")));
    assert!(!long_term.is_signed_with(&key("thematrix")));
}

#[test]
fn what_is_written_reads() {
    let address: SocketAddr = "[2001:db8::7]:4000".parse().unwrap();
    let written = Writer::new(kind::SEND, *b"twelve bytes")
        .address(attribute::PEER, address)
        .add(attribute::DATA, b"hello")
        .sign(&[3; 16])
        .fingerprint()
        .done();
    let reading = Reading::of(&written).unwrap();
    assert_eq!(
        (reading.kind, &reading.transaction),
        (kind::SEND, b"twelve bytes")
    );
    assert_eq!(reading.addresses(attribute::PEER), [Some(address)]);
    assert_eq!(reading.value(attribute::DATA), Some(&b"hello"[..]));
    assert!(reading.is_signed_with(&[3; 16]) && !reading.is_signed_with(&[4; 16]));
    assert!(reading.fingerprint_is_right());
}
