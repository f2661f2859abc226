//! The names of things: one newtype per kind of id, and the time stamp as it
//! goes on the wire. Nothing here knows what the ids are used for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A person's account.
    UserId(i64)
);
id!(
    /// One log-in of a person; a token belongs to exactly one.
    SessionId(i64)
);
id!(
    /// A conversation of two people.
    ConversationId(i64)
);
id!(
    /// A stored message.
    MessageId(i64)
);
id!(
    /// A message's place in its conversation, from 1 without gaps.
    Seq(i64)
);
id!(
    /// One socket, never used again after it closed.
    ConnId(u64)
);
id!(
    /// One socket's seat in a voice room, never used again in a process.
    ParticipantId(u64)
);
id!(
    /// Pairs a store effect with its answer.
    Ticket(u64)
);

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id made of these random bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes it is made of.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let lower_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
                if text.len() != 32 || !text.bytes().all(lower_hex) {
                    return Err(InvalidId);
                }
                let number = u128::from_str_radix(text, 16).map_err(|_| InvalidId)?;
                Ok(Self(number.to_be_bytes()))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_id!(
    /// A call: 128 random bits made by the server, 32 lower-case hex digits on
    /// the wire.
    CallId
);
hex_id!(
    /// A file: 128 random bits, since who knows the id of a picture of a person
    /// may see it.
    FileId
);

/// The text is not 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind is 32 lower-case hex digits")]
pub struct InvalidId;

/// Unix time in milliseconds; RFC 3339 in UTC with milliseconds on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// 0000-01-01T00:00:00.000Z: RFC 3339 can say nothing earlier.
    const FIRST: i64 = -62_167_219_200_000;
    /// 9999-12-31T23:59:59.999Z: RFC 3339 can say nothing later.
    const LAST: i64 = 253_402_300_799_999;
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.clamp(Self::FIRST, Self::LAST);
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
            .map_err(|_| fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_reads_back_what_it_shows() {
        let id = CallId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 254, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0dfeff");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_call_id_is_nothing_but_32_lower_case_hex_digits() {
        for text in [
            "",
            "0",
            "000102030405060708090A0B0C0DFEFF",
            "+00102030405060708090a0b0c0dfeff",
            "000102030405060708090a0b0c0dfeff0",
            "000102030405060708090a0b0c0dfefg",
            "۰۱۰۲۰۳۰۴۰۵۰۶۰۷۰۸",
        ] {
            assert_eq!(text.parse::<CallId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn a_time_is_shown_in_utc_with_milliseconds() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Timestamp(1_795_222_923_456).to_string(),
            "2026-11-21T01:02:03.456Z"
        );
    }

    #[test]
    fn a_time_outside_rfc_3339_is_shown_as_the_nearest_inside() {
        assert_eq!(Timestamp(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(i64::MIN).to_string(), "0000-01-01T00:00:00.000Z");
    }
}
