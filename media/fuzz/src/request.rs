//! Requests: everything that is read of one, and every answer to it.

use std::net::SocketAddr;
use std::time::Duration;

use payambar_media::turn::codec::{Answer, BadAttribute, Code, Crypto, Request};
use payambar_media::turn::frame::{Class, Frame, Integrity, classify};
use payambar_media::turn::{Family, Key};

use crate::wire::{Reading, attribute};

const KEY: [u8; 16] = [7; 16];

/// Reads every attribute of a request twice, by the codec and by another hand,
/// checks its signature, and answers it in every way.
pub fn request(data: &[u8]) {
    let Ok(Frame::Stun(stun)) = classify(data) else {
        return;
    };
    if stun.class != Class::Request {
        return;
    }
    let reading = Reading::of(data).expect("a message that holds together");
    let mut request = Request::decode(data, &stun).expect("what holds together decodes");
    assert_eq!(request.length(), data.len());
    assert_eq!(request.transaction(), reading.transaction);
    assert_eq!(request.integrity(), stun.integrity);
    // Nothing is read of a request whose MESSAGE-INTEGRITY is none: it gets a
    // 400, and where it ends for others it does not for the codec.
    if stun.integrity == Integrity::BadLength {
        return;
    }
    texts(&request, &reading);
    numbers(&request, &reading);
    peers(&request, &reading);
    unknown(&request, &reading);
    let crypto = Crypto::new().unwrap();
    let has_tag = matches!(stun.integrity, Integrity::EndsAt(_));
    assert_eq!(
        request.is_signed_with(&Key(KEY), &crypto),
        has_tag && reading.is_signed_with(&KEY)
    );
    answers(&request, &reading, &crypto);
}

fn texts(request: &Request, reading: &Reading<'_>) {
    let value = |kind| reading.value(kind).map(<[u8]>::to_vec);
    assert_eq!(request.username(), value(attribute::USERNAME));
    assert_eq!(request.realm(), value(attribute::REALM));
    assert_eq!(request.nonce(), value(attribute::NONCE));
}

/// What an attribute of exactly this length says; another length is an error.
fn read<T, const N: usize>(
    reading: &Reading<'_>,
    kind: u16,
    meaning: impl Fn([u8; N]) -> T,
) -> Result<Option<T>, BadAttribute> {
    let value = reading.value(kind);
    value
        .map(|value| value.try_into().map(&meaning).map_err(|_| BadAttribute))
        .transpose()
}

fn numbers(request: &Request, reading: &Reading<'_>) {
    let seconds = |value| Duration::from_secs(u32::from_be_bytes(value).into());
    let family = |[family, _, _, _]: [u8; 4]| match family {
        1 => Some(Family::V4),
        2 => Some(Family::V6),
        _ => None,
    };
    let number = |[high, low, _, _]: [u8; 4]| u16::from_be_bytes([high, low]);
    let is_udp = |[protocol, _, _, _]: [u8; 4]| protocol == 17;
    let reserves = |[flags]: [u8; 1]| flags >= 0x80;
    assert_eq!(
        request.lifetime(),
        read(reading, attribute::LIFETIME, seconds)
    );
    assert_eq!(
        request.wants_udp(),
        read(reading, attribute::TRANSPORT, is_udp)
    );
    assert_eq!(
        request.requested_family(),
        read(reading, attribute::FAMILY, family)
    );
    assert_eq!(
        request.additional_family(),
        read(reading, attribute::ADDITIONAL_FAMILY, family)
    );
    assert_eq!(
        request.even_port(),
        read(reading, attribute::EVEN_PORT, reserves)
    );
    assert_eq!(
        request.reservation_token(),
        read(reading, attribute::TOKEN, |token: [u8; 8]| token)
    );
    assert_eq!(
        request.channel_number(),
        read(reading, attribute::CHANNEL, number)
    );
}

fn peers(request: &Request, reading: &Reading<'_>) {
    let all: Option<Vec<SocketAddr>> = reading.addresses(attribute::PEER).into_iter().collect();
    assert_eq!(request.peers(), all.ok_or(BadAttribute));
}

/// Nothing is called unknown that is not there, and nothing that is optional.
fn unknown(request: &Request, reading: &Reading<'_>) {
    let unknown = request.unknown_attributes();
    assert!(unknown.is_sorted_by(|a, b| a < b), "{unknown:x?}");
    for kind in &unknown {
        assert!(*kind < 0x8000 && reading.has(*kind), "{kind:x}");
    }
}

fn answers(request: &Request, reading: &Reading<'_>, crypto: &Crypto) {
    let client: SocketAddr = "192.0.2.1:4000".parse().unwrap();
    let unknown = request.unknown_attributes();
    let all = [
        Answer::Bound { client },
        Answer::Allocated {
            relayed: vec![client, "[2001:db8::1]:50000".parse().unwrap()],
            lifetime: Duration::from_secs(600),
            client,
            token: Some([9; 8]),
            refused: Some((Family::V6, Code::NoCapacity)),
        },
        Answer::Refreshed {
            lifetime: Duration::ZERO,
        },
        Answer::Done,
        Answer::Refused(Code::BadRequest),
        Answer::Unknown(&unknown),
        Answer::Challenge {
            code: Code::Unauthenticated,
            realm: "realm",
            nonce: "nonce",
        },
    ];
    for answer in &all {
        let key = Key(KEY);
        let bytes = answer
            .encode(&request.envelope(), Some(&key), crypto)
            .expect("an answer");
        let told = Reading::of(&bytes).expect("an answer that holds together");
        assert_eq!(told.transaction, reading.transaction);
        assert_eq!(told.kind & !0x0110, reading.kind);
        assert_eq!(
            told.code(),
            Some(answer.code().map_or(0, |code| code as u16))
        );
        assert!(told.is_signed_with(&KEY) && told.fingerprint_is_right());
        assert_eq!(
            told.has(attribute::FINGERPRINT),
            reading.has(attribute::FINGERPRINT)
        );
    }
}
