//! What any bytes are taken for.

use payambar_media::counters::Metric;
use payambar_media::turn::frame::{Class, DataHeader, Frame, Integrity, Stun, channel_header};
use payambar_media::turn::frame::{classify, xor_address};

use crate::wire::{Reading, attribute, channel_data, kind};

/// Classifies the bytes, reads them a second time by another hand, and writes
/// what was read anew.
pub fn frame(data: &[u8]) {
    let reading = Reading::of(data).filter(Reading::fingerprint_is_right);
    match classify(data) {
        Ok(Frame::Channel(number, place)) => {
            let payload = &data[place.clone()];
            let padding = data.len() - place.end;
            assert!(padding < 4, "{padding} bytes follow the data");
            let header = channel_header(number, u16::try_from(payload.len()).unwrap());
            assert_eq!(data[..place.start], header);
            let anew = channel_data(number.value(), payload);
            assert_eq!(classify(&anew), Ok(Frame::Channel(number, place)));
        }
        Ok(Frame::Stun(stun)) => {
            let reading = reading.expect("a message that holds together");
            same(&stun, &reading);
            carried(data, &stun, &reading);
        }
        Err(metric) => {
            assert!(reading.is_none(), "{metric:?} for {reading:?}");
            assert!(
                [
                    Metric::DroppedNotStun,
                    Metric::DroppedMalformed,
                    Metric::DroppedNoChannel,
                    Metric::DroppedFingerprint
                ]
                .contains(&metric),
                "{metric:?}"
            );
        }
    }
}

/// Both hands read the same.
fn same(stun: &Stun, reading: &Reading<'_>) {
    let class = match reading.kind & kind::ERROR {
        0 => Class::Request,
        0x0010 => Class::Indication,
        _ => Class::Response,
    };
    let bits = |from: u16, count: u16, to: u16| (reading.kind >> from & ((1 << count) - 1)) << to;
    assert_eq!(stun.class, class);
    assert_eq!(stun.method, bits(0, 4, 0) | bits(5, 3, 4) | bits(9, 5, 7));
    assert_eq!(stun.transaction, reading.transaction);
    assert_eq!(stun.fingerprint, reading.has(attribute::FINGERPRINT));
    assert_eq!(stun.peer, reading.place(attribute::PEER));
    assert_eq!(stun.data, reading.place(attribute::DATA));
    assert_eq!(
        stun.dont_fragment,
        reading.value(attribute::DONT_FRAGMENT).is_some()
    );
    let mut all = reading.attributes.iter();
    let integrity = match all.find(|(kind, _)| *kind == attribute::INTEGRITY) {
        None => Integrity::Absent,
        Some((_, place)) if place.len() == 20 => Integrity::EndsAt(place.end),
        Some(_) => Integrity::BadLength,
    };
    assert_eq!(stun.integrity, integrity);
    let foreign = reading.covered().iter().any(|(kind, _)| {
        *kind < 0x8000
            && ![attribute::PEER, attribute::DATA, attribute::DONT_FRAGMENT].contains(kind)
    });
    assert_eq!(stun.unknown_in_send, foreign);
}

/// What a Send indication would carry comes out of a Data indication as it
/// went in.
fn carried(data: &[u8], stun: &Stun, reading: &Reading<'_>) {
    let (Some(place), Some(payload)) = (&stun.peer, &stun.data) else {
        return;
    };
    let peer = xor_address(&data[place.clone()], &stun.transaction);
    assert_eq!(Some(&peer), reading.addresses(attribute::PEER).first());
    let Some(peer) = peer else {
        return;
    };
    let payload = &data[payload.clone()];
    let length = u16::try_from(payload.len()).unwrap();
    // A header, the address and the padding must fit into a length of 16 bits.
    if length > 65_000 {
        return;
    }
    let mut anew = DataHeader::new(&stun.transaction, peer, length)
        .bytes()
        .to_vec();
    anew.extend(payload);
    anew.resize(anew.len().next_multiple_of(4), 0);
    let told = Reading::of(&anew).expect("a Data indication");
    assert_eq!(told.kind, kind::DATA);
    assert_eq!(told.addresses(attribute::PEER), [Some(peer)]);
    assert_eq!(told.value(attribute::DATA), Some(payload));
}
