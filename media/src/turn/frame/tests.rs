use proptest::prelude::*;
use rtc_stun::attributes::{ATTR_DATA, ATTR_XOR_PEER_ADDRESS};
use rtc_stun::message::{Getter, Message};
use rtc_turn::proto::peeraddr::PeerAddress;

use super::*;

const BINDING_REQUEST: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xA4\x42abcdefghijkl";

fn with_attributes(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = BINDING_REQUEST.to_vec();
    bytes[..2].copy_from_slice(&kind.to_be_bytes());
    for (kind, value) in attributes {
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let length = (bytes.len() - 20) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

fn stun_of(bytes: &[u8]) -> Stun {
    match classify(bytes) {
        Ok(Frame::Stun(stun)) => stun,
        other => panic!("not STUN: {other:?}"),
    }
}

#[test]
fn channel_data_is_taken_padded_and_unpadded() {
    let number = ChannelNumber::new(0x4001).unwrap();
    let unpadded = b"\x40\x01\x00\x05hello";
    let padded = b"\x40\x01\x00\x05hello\0\0\0";
    assert_eq!(classify(unpadded), Ok(Frame::Channel(number, 4..9)));
    assert_eq!(classify(padded), Ok(Frame::Channel(number, 4..9)));
}

#[test]
fn channel_data_that_lies_about_its_length_is_malformed() {
    for bytes in [
        &b"\x40\x01\x00\x06hello"[..],
        b"\x40\x01\x00\x05hello\0\0\0\0",
        b"\x40\x01\x00",
    ] {
        assert_eq!(classify(bytes), Err(Metric::DroppedMalformed));
    }
}

#[test]
fn channels_end_at_0x7fff() {
    assert!(ChannelNumber::new(0x3FFF).is_none());
    assert!(ChannelNumber::new(0x4000).is_some());
    assert!(ChannelNumber::new(0x7FFF).is_some());
    assert!(ChannelNumber::new(0x8000).is_none());
}

#[test]
fn what_is_not_stun_is_told_apart() {
    for bytes in [
        &b""[..],
        b"\x80abc",
        b"\xFFabc",
        b"\x00\x01\x00\x00",
        &[0; 20],
    ] {
        assert_eq!(classify(bytes), Err(Metric::DroppedNotStun));
    }
}

#[test]
fn a_stun_length_that_is_not_the_datagrams_is_malformed() {
    let mut longer = BINDING_REQUEST.to_vec();
    longer.extend_from_slice(&[0; 4]);
    assert_eq!(classify(&longer), Err(Metric::DroppedMalformed));
    let mut odd = BINDING_REQUEST.to_vec();
    odd[3] = 2;
    odd.extend_from_slice(&[0; 2]);
    assert_eq!(classify(&odd), Err(Metric::DroppedMalformed));
}

#[test]
fn an_attribute_that_reaches_beyond_the_message_is_malformed() {
    for length in [4_u8, 8] {
        let mut bytes = with_attributes(0x16, &[(DATA, &[0; 4])]);
        bytes[23] += length;
        assert_eq!(classify(&bytes), Err(Metric::DroppedMalformed));
    }
}

#[test]
fn class_and_method_are_read_from_their_scattered_bits() {
    for (kind, class, method) in [
        (0x0001, Class::Request, 0x001),
        (0x0016, Class::Indication, 0x006),
        (0x0101, Class::Response, 0x001),
        (0x0111, Class::Response, 0x001),
        (0x3EEF, Class::Request, 0xFFF),
    ] {
        let stun = stun_of(&with_attributes(kind, &[]));
        assert_eq!((stun.class, stun.method), (class, method), "{kind:#x}");
    }
}

#[test]
fn a_wrong_fingerprint_is_dropped_and_a_right_one_noted() {
    let mut bytes = with_attributes(1, &[(0x8028, &[0; 4])]);
    let right = fingerprint_value(&bytes[..20]).to_be_bytes();
    assert_eq!(classify(&bytes), Err(Metric::DroppedFingerprint));
    bytes[24..].copy_from_slice(&right);
    assert!(stun_of(&bytes).fingerprint);
}

#[test]
fn a_fingerprint_must_be_the_last_attribute() {
    let mut bytes = with_attributes(1, &[(0x8028, &[0; 4]), (0x8022, b"name")]);
    let right = fingerprint_value(&bytes[..20]).to_be_bytes();
    bytes[24..28].copy_from_slice(&right);
    assert_eq!(classify(&bytes), Err(Metric::DroppedFingerprint));
}

#[test]
fn what_follows_message_integrity_is_not_looked_at() {
    let data: (u16, &[u8]) = (DATA, b"data");
    let before = stun_of(&with_attributes(
        0x16,
        &[data, (MESSAGE_INTEGRITY, &[0; 20])],
    ));
    let after = stun_of(&with_attributes(
        0x16,
        &[(MESSAGE_INTEGRITY, &[0; 20]), data],
    ));
    assert!(before.data.is_some());
    assert_eq!(after.data, None);
    assert_eq!(after.integrity, Integrity::EndsAt(44));
}

#[test]
fn an_integrity_of_another_length_is_noted_as_bad() {
    let stun = stun_of(&with_attributes(1, &[(MESSAGE_INTEGRITY, &[0; 19])]));
    assert_eq!(stun.integrity, Integrity::BadLength);
}

#[test]
fn a_data_indication_header_is_what_other_decoders_expect() {
    for peer in ["198.51.100.7:40000", "[2001:db8:1:2:3:4:5:6]:40001"] {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut raw = DataHeader::new(b"abcdefghijkl", peer, 5).bytes().to_vec();
        raw.extend_from_slice(b"hello\0\0\0");
        let mut message = Message::new();
        message.unmarshal_binary(&raw).unwrap();
        let mut address = PeerAddress::default();
        address.get_from(&message).unwrap();
        assert_eq!(SocketAddr::new(address.ip, address.port), peer);
        assert_eq!(message.get(ATTR_DATA).unwrap(), b"hello");
        assert_eq!(message.typ.value(), 0x0017);
    }
}

proptest! {
    #[test]
    fn addresses_of_both_families_read_as_other_encoders_write_them(
        ip: IpAddr, port: u16, transaction: [u8; 12],
    ) {
        let mut message = Message::new();
        message.transaction_id.0 = transaction;
        message.write_header();
        let address = rtc_stun::xoraddr::XorMappedAddress { ip, port };
        address.add_to_as(&mut message, ATTR_XOR_PEER_ADDRESS).unwrap();
        let value = message.get(ATTR_XOR_PEER_ADDRESS).unwrap();
        prop_assert_eq!(xor_address(&value, &transaction), Some(SocketAddr::new(ip, port)));
    }

    #[test]
    fn any_bytes_are_classified(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = classify(&bytes);
    }

    #[test]
    fn ranges_lie_inside_the_datagram(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = BINDING_REQUEST.to_vec();
        bytes.extend_from_slice(&tail);
        bytes.truncate(bytes.len() / 4 * 4);
        let length = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        if let Ok(Frame::Stun(stun)) = classify(&bytes) {
            for range in stun.peer.into_iter().chain(stun.data) {
                prop_assert!(bytes.get(range).is_some());
            }
        }
    }
}
