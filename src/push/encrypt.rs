//! Encryption of a push for one browser: `aes128gcm` (RFC 8188) under a key
//! that the browser's public key and its shared secret lead to (RFC 8291).

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

/// An uncompressed point of P-256.
pub const POINT: usize = 65;

/// The shared secret of a subscription, in bytes.
pub const SECRET: usize = 16;

/// Record size of the one record (RFC 8291 §4 asks push services for 4096).
const RECORD: usize = 4096;

/// Salt, record size, length of the key id, key id.
const HEADER: usize = 16 + 4 + 1 + POINT;

/// Of AES-GCM.
const TAG: usize = 16;

/// The longest text: one record of a message of 4096 bytes.
const MAX_TEXT: usize = RECORD - HEADER - TAG - 1;

/// Texts are filled up to a multiple of this, so that their length says
/// little.
const BLOCK: usize = 1024;

/// What a browser gave us to encrypt for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Its public key, a point of P-256.
    pub p256dh: [u8; POINT],
    /// The secret it shares with us.
    pub auth: [u8; SECRET],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[keys]")
    }
}

/// Why a text was not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not fit into one record.
    #[error("the text is too long for a push")]
    TooLong,
    /// The public key is no point of the curve.
    #[error("the subscription's key is no point of P-256")]
    BadKey,
    /// The system has no randomness.
    #[error("no random bytes from the system")]
    NoRandomness,
}

impl Keys {
    /// Whether the public key can be agreed with at all.
    pub fn are_sound(&self) -> bool {
        encrypt(self, b"").is_ok()
    }
}

/// Encrypts a text for this browser under fresh keys.
///
/// # Errors
///
/// See [`Error`].
pub fn encrypt(keys: &Keys, text: &[u8]) -> Result<Vec<u8>, Error> {
    if text.len() > MAX_TEXT {
        return Err(Error::TooLong);
    }
    let random = SystemRandom::new();
    let mut salt = [0; 16];
    random.fill(&mut salt).map_err(|_| Error::NoRandomness)?;
    let own =
        EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(|_| Error::NoRandomness)?;
    let public = own.compute_public_key().map_err(|_| Error::NoRandomness)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, keys.p256dh);
    let room = (text.len() + 1).next_multiple_of(BLOCK).min(MAX_TEXT + 1);
    agree_ephemeral(own, &peer, |shared| {
        seal(keys, shared, public.as_ref(), salt, text, room)
    })
    .map_err(|_| Error::BadKey)?
}

/// The message for a shared ECDH secret; `room` is the length of the text with
/// its delimiter and padding.
fn seal(
    keys: &Keys,
    shared: &[u8],
    public: &[u8],
    salt: [u8; 16],
    text: &[u8],
    room: usize,
) -> Result<Vec<u8>, Error> {
    let mut ikm = [0; 32];
    let info = [b"WebPush: info\0", keys.p256dh.as_slice(), public];
    derive(&keys.auth, shared, &info, &mut ikm)?;
    let (mut key, mut nonce) = ([0; 16], [0; 12]);
    derive(&salt, &ikm, &[b"Content-Encoding: aes128gcm\0"], &mut key)?;
    derive(&salt, &ikm, &[b"Content-Encoding: nonce\0"], &mut nonce)?;

    let mut message = Vec::with_capacity(HEADER + room + TAG);
    message.extend_from_slice(&salt);
    message.extend_from_slice(&u32::try_from(RECORD).unwrap_or(u32::MAX).to_be_bytes());
    message.push(u8::try_from(public.len()).map_err(|_| Error::BadKey)?);
    message.extend_from_slice(public);
    // The last record's delimiter, then padding (RFC 8188 §2).
    let mut record = text.to_vec();
    record.push(2);
    record.resize(room.max(record.len()), 0);
    let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| Error::BadKey)?;
    LessSafeKey::new(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut record,
        )
        .map_err(|_| Error::TooLong)?;
    message.append(&mut record);
    Ok(message)
}

/// HKDF-SHA-256 (RFC 5869) of any length.
fn derive(salt: &[u8], secret: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, Length(out.len()))
        .and_then(|derived| derived.fill(out))
        .map_err(|_| Error::BadKey)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The browser of RFC 8291 appendix A.
    fn browser() -> Keys {
        Keys {
            p256dh: bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4").try_into().unwrap(),
            auth: bytes("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap(),
        }
    }

    #[test]
    fn the_example_of_rfc_8291_comes_out_byte_for_byte() {
        let message = seal(
            &browser(),
            &bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            &bytes("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
            bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap(),
            b"When I grow up, I want to be a watermelon",
            0,
        )
        .unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(message),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn lengths_say_little_and_never_more_than_a_push_may_have() {
        let length = |text: usize| encrypt(&browser(), &vec![b'x'; text]).map(|m| m.len());
        let fixed = HEADER + TAG;
        assert_eq!(length(1), Ok(fixed + 1024));
        assert_eq!(length(1023), Ok(fixed + 1024));
        assert_eq!(length(1024), Ok(fixed + 2048));
        assert_eq!(length(MAX_TEXT), Ok(4096));
        assert_eq!(length(MAX_TEXT + 1), Err(Error::TooLong));
    }

    #[test]
    fn no_two_pushes_are_alike() {
        let (one, two) = (
            encrypt(&browser(), b"same").unwrap(),
            encrypt(&browser(), b"same").unwrap(),
        );
        assert_ne!(one[..16], two[..16], "the salt");
        assert_ne!(one[21..86], two[21..86], "the key");
    }

    #[test]
    fn a_key_off_the_curve_is_refused() {
        let mut keys = browser();
        assert!(keys.are_sound());
        keys.p256dh[40] ^= 1;
        assert!(!keys.are_sound());
        keys.p256dh = [0; POINT];
        assert!(!keys.are_sound());
    }
}
