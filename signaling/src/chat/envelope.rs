//! A text that only its two people can read. The server checks its size,
//! keeps it and passes it on as it came; it knows none of the algorithms.

use serde::{Deserialize, Serialize};

use crate::wire::Code;

/// A sealed text has at most so many bytes, as it is written on the wire.
pub const MAX_CIPHERTEXT_BYTES: usize = 64 * 1024;

/// Every other word of an envelope has at most so many bytes.
pub const MAX_ENVELOPE_FIELD_BYTES: usize = 256;

/// A sealed text and what its receiver needs to open it. The fields are those
/// of `PROTOCOL.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Version of the scheme, from 1.
    pub e2ee_v: u32,
    /// How it is encrypted.
    pub alg: String,
    /// The device that wrote it.
    pub sender_device_id: String,
    /// Which of that device's keys.
    pub key_id: String,
    /// The initialisation vector.
    pub iv: String,
    /// The sealed text.
    pub ciphertext: String,
    /// What is authenticated with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aad: Option<String>,
}

impl Envelope {
    /// Decides whether each field has a permitted length.
    ///
    /// # Errors
    ///
    /// [`Code::EnvelopeInvalid`].
    pub fn check(&self) -> Result<(), Code> {
        let words = [&self.alg, &self.sender_device_id, &self.key_id, &self.iv];
        let fits = |text: &str, most: usize| (1..=most).contains(&text.len());
        let sound = self.e2ee_v > 0
            && words
                .into_iter()
                .chain(&self.aad)
                .all(|word| fits(word, MAX_ENVELOPE_FIELD_BYTES))
            && fits(&self.ciphertext, MAX_CIPHERTEXT_BYTES);
        if sound {
            Ok(())
        } else {
            Err(Code::EnvelopeInvalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            e2ee_v: 1,
            alg: "AES-256-GCM".to_owned(),
            sender_device_id: "phone".to_owned(),
            key_id: "k-1".to_owned(),
            iv: "aXY".to_owned(),
            ciphertext: "c2VhbGVk".to_owned(),
            aad: None,
        }
    }

    type Change = fn(&mut Envelope, String);

    #[test]
    fn an_envelope_has_every_field_and_none_too_long() {
        assert_eq!(envelope().check(), Ok(()));
        let with = |change: Change, length: usize| {
            let mut envelope = envelope();
            change(&mut envelope, "x".repeat(length));
            envelope.check().is_ok()
        };
        let fields: [(Change, usize); 6] = [
            (|e, text| e.alg = text, MAX_ENVELOPE_FIELD_BYTES),
            (
                |e, text| e.sender_device_id = text,
                MAX_ENVELOPE_FIELD_BYTES,
            ),
            (|e, text| e.key_id = text, MAX_ENVELOPE_FIELD_BYTES),
            (|e, text| e.iv = text, MAX_ENVELOPE_FIELD_BYTES),
            (|e, text| e.aad = Some(text), MAX_ENVELOPE_FIELD_BYTES),
            (|e, text| e.ciphertext = text, MAX_CIPHERTEXT_BYTES),
        ];
        for (number, (change, most)) in fields.into_iter().enumerate() {
            let verdicts = [0, 1, most, most + 1].map(|length| with(change, length));
            assert_eq!(verdicts, [false, true, true, false], "field {number}");
        }
    }

    #[test]
    fn an_envelope_names_a_version() {
        let unnamed = Envelope {
            e2ee_v: 0,
            ..envelope()
        };
        assert_eq!(unnamed.check(), Err(Code::EnvelopeInvalid));
    }
}
