//! Answers: what they say, and how that is written.

use std::net::SocketAddr;
use std::time::Duration;

use rtc_stun::attributes::{
    ATTR_NONCE, ATTR_REALM, ATTR_RESERVATION_TOKEN, AttrType, RawAttribute,
};
use rtc_stun::error_code::{ErrorCode, ErrorCodeAttribute};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_SUCCESS_RESPONSE, Message, MessageClass, MessageType, Method,
    Setter,
};
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::uattrs::UnknownAttributes;
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::relayaddr::RelayedAddress;

use super::{Code, Crypto};
use crate::turn::frame::{FAMILY_IPV4, FAMILY_IPV6};
use crate::turn::reservation::Token;
use crate::turn::{Family, Key, TransactionBytes};

/// ADDRESS-ERROR-CODE (RFC 8656 §18.12).
const ADDRESS_ERROR_CODE: AttrType = AttrType(0x8001);

/// What an answer takes over from its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub(super) method: Method,
    pub(super) transaction: TransactionBytes,
    pub(super) fingerprint: bool,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub enum Answer<'a> {
    /// Binding: the client's address.
    Bound {
        /// As our listener sees it.
        client: SocketAddr,
    },
    /// Allocate.
    Allocated {
        /// The relayed transport addresses: one, or one of each family.
        relayed: Vec<SocketAddr>,
        /// How long it lives without a refresh.
        lifetime: Duration,
        /// The client's address as our listener sees it.
        client: SocketAddr,
        /// Stands for the next port, which is kept back.
        token: Option<Token>,
        /// The family asked for besides that is not given, and why.
        refused: Option<(Family, Code)>,
    },
    /// Refresh.
    Refreshed {
        /// How long the allocation lives from now on.
        lifetime: Duration,
    },
    /// CreatePermission and ChannelBind.
    Done,
    /// No, for this reason.
    Refused(Code),
    /// No, since these attributes are unknown (420).
    Unknown(&'a [u16]),
    /// No, but with this realm and nonce try again (401 and 438).
    Challenge {
        /// 401 or 438.
        code: Code,
        /// Our realm.
        realm: &'a str,
        /// A fresh nonce.
        nonce: &'a str,
    },
}

impl Answer<'_> {
    /// The code of an error response; none for a success.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Bound { .. } | Self::Allocated { .. } | Self::Refreshed { .. } | Self::Done => {
                None
            }
            Self::Refused(code) | Self::Challenge { code, .. } => Some(*code),
            Self::Unknown(_) => Some(Code::UnknownAttribute),
        }
    }

    /// Writes the answer, signed if there is a `key`. No reason phrase and no
    /// SOFTWARE: they help nobody but who wants large answers.
    ///
    /// `None` if the message layer refuses it, which it has no reason to.
    #[must_use]
    pub fn encode(&self, to: &Envelope, key: Option<&Key>, crypto: &Crypto) -> Option<Vec<u8>> {
        let class = match self.code() {
            None => CLASS_SUCCESS_RESPONSE,
            Some(_) => CLASS_ERROR_RESPONSE,
        };
        let mut message = begin(to, class);
        if let Some(code) = self.code() {
            let code = ErrorCodeAttribute {
                code: ErrorCode(code as u16),
                reason: Vec::new(),
            };
            code.add_to(&mut message).ok()?;
        }
        for attribute in self.attributes() {
            attribute.add_to(&mut message).ok()?;
        }
        if let Some(key) = key {
            let crypto = crypto.0.crypto();
            let integrity = MessageIntegrity::new_raw_integrity_with_provider(key.0, crypto);
            integrity.add_to(&mut message).ok()?;
        }
        if to.fingerprint {
            FINGERPRINT.add_to(&mut message).ok()?;
        }
        Some(message.raw)
    }

    fn attributes(&self) -> Vec<Box<dyn Setter>> {
        match self {
            Self::Bound { client } => vec![mapped(client)],
            Self::Allocated {
                relayed,
                lifetime,
                client,
                token,
                refused,
            } => {
                let relayed = relayed.iter().map(|address| -> Box<dyn Setter> {
                    Box::new(RelayedAddress {
                        ip: address.ip(),
                        port: address.port(),
                    })
                });
                let mut all: Vec<Box<dyn Setter>> = relayed.collect();
                all.push(Box::new(Lifetime(*lifetime)));
                all.push(mapped(client));
                if let Some(token) = token {
                    all.push(raw(ATTR_RESERVATION_TOKEN, token));
                }
                if let Some((family, code)) = refused {
                    let family = match family {
                        Family::V4 => FAMILY_IPV4,
                        Family::V6 => FAMILY_IPV6,
                    };
                    all.push(raw(ADDRESS_ERROR_CODE, &address_error(family, *code)));
                }
                all
            }
            Self::Refreshed { lifetime } => vec![Box::new(Lifetime(*lifetime))],
            Self::Done | Self::Refused(_) => vec![],
            Self::Unknown(kinds) => {
                vec![Box::new(UnknownAttributes(
                    kinds.iter().copied().map(AttrType).collect(),
                ))]
            }
            Self::Challenge { realm, nonce, .. } => vec![
                Box::new(TextAttribute::new(ATTR_REALM, (*realm).to_owned())),
                Box::new(TextAttribute::new(ATTR_NONCE, (*nonce).to_owned())),
            ],
        }
    }
}

/// The value of ADDRESS-ERROR-CODE: family, class and number.
fn address_error(family: u8, code: Code) -> [u8; 4] {
    let code = code as u16;
    let [_, class] = (code / 100).to_be_bytes();
    let [_, number] = (code % 100).to_be_bytes();
    [family, 0, class, number]
}

/// An attribute for which the message layer has no writer.
fn raw(kind: AttrType, value: &[u8]) -> Box<dyn Setter> {
    Box::new(RawAttribute {
        typ: kind,
        length: 0,
        value: value.to_vec(),
    })
}

fn mapped(client: &SocketAddr) -> Box<dyn Setter> {
    Box::new(XorMappedAddress {
        ip: client.ip(),
        port: client.port(),
    })
}

fn begin(to: &Envelope, class: MessageClass) -> Message {
    let mut message = Message::new();
    message.typ = MessageType::new(to.method, class);
    message.transaction_id.0 = to.transaction;
    message.write_header();
    message
}
