//! What a client may say. A frame that parses has the right shape and size and
//! nothing more is known of it.

mod room;

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::code::Code;
use super::room::RoomFrame;
use crate::chat::{Destination, Envelope};
use crate::ids::{CallId, ConversationId, MessageId, UserId};

/// A text message of the WebSocket has at most so many bytes; the shell closes
/// the socket on a larger one.
pub const MAX_FRAME_BYTES: usize = 128 * 1024;

/// A session description has at most so many bytes.
pub const MAX_SDP_BYTES: usize = 32 * 1024;

/// A candidate has at most so many bytes as JSON.
pub const MAX_CANDIDATE_BYTES: usize = 2 * 1024;

/// A client's own name for a message has at most so many characters.
pub const MAX_CLIENT_MESSAGE_ID_CHARS: usize = 64;

/// A socket watches at most so many people.
pub const MAX_SUBSCRIPTIONS: usize = 200;

/// A `type` longer than this is not repeated in the refusal.
const MAX_TYPE_BYTES: usize = 32;

/// One frame of a client. `peer` is the other person of a call; without a
/// `call_id` the one call with that person is meant.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub enum ClientFrame {
    /// Send a text; its length is not judged yet.
    Message {
        receiver: UserId,
        content: String,
        client_message_id: Option<String>,
    },
    /// Send a text the server cannot read; its sizes are not judged yet.
    Sealed {
        receiver: UserId,
        envelope: Box<Envelope>,
        client_message_id: Option<String>,
    },
    /// Send a text to a group; its length is not judged yet.
    GroupMessage {
        conversation: ConversationId,
        content: String,
        client_message_id: Option<String>,
    },
    /// Everything up to this message has arrived.
    MarkDelivered { message: MessageId },
    /// Everything up to this message was read.
    MarkRead { message: MessageId },
    /// Replace the list of people this socket watches.
    PresenceSubscribe { users: Vec<UserId> },
    /// Nobody looks at this socket's tab, or somebody does again.
    Sleep { asleep: bool },
    /// The person writes there, or has stopped.
    Typing { to: Destination, active: bool },
    /// Start a call, or renegotiate an active one.
    CallOffer {
        peer: UserId,
        sdp: Sdp,
        call_id: Option<CallId>,
    },
    /// This device of the callee rings.
    CallRinging {
        peer: UserId,
        call_id: Option<CallId>,
    },
    /// Take the call, or answer a renegotiation.
    CallAnswer {
        peer: UserId,
        sdp: Sdp,
        call_id: Option<CallId>,
    },
    /// A way to this end.
    IceCandidate {
        peer: UserId,
        candidate: Candidate,
        call_id: Option<CallId>,
    },
    /// Decline, or say that this client is in another call.
    CallReject {
        peer: UserId,
        busy: bool,
        call_id: Option<CallId>,
    },
    /// End the call, or say that nothing was heard any more.
    CallHangup {
        peer: UserId,
        lost: bool,
        call_id: Option<CallId>,
    },
    /// Take an end of a call back after a reconnect.
    CallResume { call_id: CallId },
    /// Something about a voice room.
    Room(RoomFrame),
}

/// A session description: text that is not empty and at most
/// [`MAX_SDP_BYTES`] long. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdp(Arc<str>);

impl Sdp {
    /// # Errors
    ///
    /// [`Code::BadFrame`] for an empty text, [`Code::SdpTooLarge`].
    pub fn new(text: &str) -> Result<Self, Code> {
        match text.len() {
            0 => Err(Code::BadFrame),
            1..=MAX_SDP_BYTES => Ok(Self(text.into())),
            _ => Err(Code::SdpTooLarge),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A candidate, passed on as it came: a JSON object with a text `candidate`,
/// at most [`MAX_CANDIDATE_BYTES`] long. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate(Arc<Map<String, Value>>);

impl Candidate {
    /// # Errors
    ///
    /// [`Code::BadFrame`] if the shape or the size is not as above.
    pub fn new(fields: Map<String, Value>) -> Result<Self, Code> {
        let is_text = |v: &Value| v.is_string();
        let is_text_or_null = |v: &Value| v.is_string() || v.is_null();
        let is_line_or_null = |v: &Value| v.as_u64().is_some_and(|n| n <= 0xffff) || v.is_null();
        let shape = fields.get("candidate").is_some_and(is_text)
            && fields.get("sdpMid").is_none_or(is_text_or_null)
            && fields.get("sdpMLineIndex").is_none_or(is_line_or_null)
            && fields.get("usernameFragment").is_none_or(is_text_or_null);
        let written = serde_json::to_string(&fields).map_err(|_| Code::BadFrame)?;
        if !shape || written.len() > MAX_CANDIDATE_BYTES {
            return Err(Code::BadFrame);
        }
        Ok(Self(Arc::new(fields)))
    }
}

impl Serialize for Candidate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// What a refusal refers to: `ref` of an `error` frame.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reference {
    /// The type of the refused frame; empty if it had none worth repeating.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Its client message id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Its call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
}

/// A frame that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused: {}", code.as_str())]
pub struct Refused {
    /// Why.
    pub code: Code,
    /// What.
    pub reference: Reference,
}

impl ClientFrame {
    /// What a refusal of this frame refers to.
    #[must_use]
    pub fn reference(&self) -> Reference {
        let (word, name, call_id) = match self {
            Self::Message {
                client_message_id, ..
            }
            | Self::Sealed {
                client_message_id, ..
            } => ("message", client_message_id.clone(), None),
            Self::GroupMessage {
                client_message_id, ..
            } => ("group_message", client_message_id.clone(), None),
            Self::MarkDelivered { .. } => ("mark_delivered", None, None),
            Self::MarkRead { .. } => ("mark_read", None, None),
            Self::PresenceSubscribe { .. } => ("presence_subscribe", None, None),
            Self::Sleep { .. } => ("sleep", None, None),
            Self::Typing { .. } => ("typing", None, None),
            Self::CallOffer { call_id, .. } => ("call_offer", None, *call_id),
            Self::CallRinging { call_id, .. } => ("call_ringing", None, *call_id),
            Self::CallAnswer { call_id, .. } => ("call_answer", None, *call_id),
            Self::IceCandidate { call_id, .. } => ("ice_candidate", None, *call_id),
            Self::CallReject { call_id, .. } => ("call_reject", None, *call_id),
            Self::CallHangup { call_id, .. } => ("call_hangup", None, *call_id),
            Self::CallResume { call_id } => ("call_resume", None, Some(*call_id)),
            Self::Room(frame) => (frame.said.word(), None, frame.said.call_id()),
        };
        Reference {
            r#type: word.to_owned(),
            client_message_id: name,
            call_id,
        }
    }
}

/// Whether a frame of this type falls under the limit for frames of calls and
/// rooms.
pub(crate) fn counts_as_call(kind: &str) -> bool {
    kind.starts_with("call_") || kind.starts_with("room_") || kind == "ice_candidate"
}

/// Reads one text frame. Never panics; nesting is bounded by `serde_json`.
///
/// # Errors
///
/// [`Code::BadFrame`], [`Code::UnknownType`] or [`Code::SdpTooLarge`], with
/// what could be read of the reference.
pub fn parse(text: &str) -> Result<ClientFrame, Refused> {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Err(Refused {
            code: Code::BadFrame,
            reference: Reference::default(),
        });
    };
    let mut fields = Fields(fields);
    fields.frame().map_err(|code| Refused {
        code,
        reference: fields.reference(),
    })
}

/// The fields of a frame, read by name. A null counts as missing.
struct Fields(Map<String, Value>);

impl Fields {
    fn frame(&mut self) -> Result<ClientFrame, Code> {
        let kind = self.text("type").ok_or(Code::BadFrame)?.to_owned();
        Ok(match kind.as_str() {
            "message" if self.value("encrypted") == Some(&Value::Bool(true)) => {
                ClientFrame::Sealed {
                    receiver: self.person()?,
                    envelope: Box::new(self.envelope().ok_or(Code::EnvelopeInvalid)?),
                    client_message_id: self.client_message_id()?,
                }
            }
            "message" => ClientFrame::Message {
                receiver: self.person()?,
                content: self.owned_text("content")?,
                client_message_id: self.client_message_id()?,
            },
            // What the server cannot read is of two people so far.
            "group_message" if self.value("encrypted") == Some(&Value::Bool(true)) => {
                return Err(Code::EnvelopeInvalid);
            }
            "group_message" => ClientFrame::GroupMessage {
                conversation: self.conversation()?,
                content: self.owned_text("content")?,
                client_message_id: self.client_message_id()?,
            },
            "mark_delivered" => ClientFrame::MarkDelivered {
                message: self.message()?,
            },
            "mark_read" => ClientFrame::MarkRead {
                message: self.message()?,
            },
            "presence_subscribe" => ClientFrame::PresenceSubscribe {
                users: self.people()?,
            },
            "sleep" => ClientFrame::Sleep {
                asleep: self.flag("asleep")?,
            },
            "typing" => ClientFrame::Typing {
                to: self.destination()?,
                active: self.flag("active")?,
            },
            "call_offer" => ClientFrame::CallOffer {
                peer: self.person()?,
                sdp: self.description("offer")?,
                call_id: self.call_id()?,
            },
            "call_ringing" => ClientFrame::CallRinging {
                peer: self.person()?,
                call_id: self.call_id()?,
            },
            "call_answer" => ClientFrame::CallAnswer {
                peer: self.person()?,
                sdp: self.description("answer")?,
                call_id: self.call_id()?,
            },
            "ice_candidate" => ClientFrame::IceCandidate {
                peer: self.person()?,
                candidate: self.candidate()?,
                call_id: self.call_id()?,
            },
            "call_reject" => ClientFrame::CallReject {
                peer: self.person()?,
                busy: self.reason()?.is_some_and(|reason| reason == "busy"),
                call_id: self.call_id()?,
            },
            "call_hangup" => ClientFrame::CallHangup {
                peer: self.person()?,
                lost: self
                    .reason()?
                    .is_some_and(|reason| reason == "connection_lost"),
                call_id: self.call_id()?,
            },
            "call_resume" => ClientFrame::CallResume {
                call_id: self.call_id()?.ok_or(Code::BadFrame)?,
            },
            room => ClientFrame::Room(self.room(room)?),
        })
    }

    /// What can be said about the frame, whatever else is wrong with it.
    fn reference(&self) -> Reference {
        let kind = self.text("type").unwrap_or_default();
        Reference {
            r#type: match kind.len() {
                0..=MAX_TYPE_BYTES => kind.to_owned(),
                _ => String::new(),
            },
            client_message_id: self.client_message_id().unwrap_or_default(),
            call_id: self.call_id().unwrap_or_default(),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// Takes the text out, so that a long one is not copied.
    fn owned_text(&mut self, name: &str) -> Result<String, Code> {
        match self.0.get_mut(name).map(Value::take) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Code::BadFrame),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, Code> {
        let flag = self.value(name).and_then(Value::as_bool);
        flag.ok_or(Code::BadFrame)
    }

    /// The fields of an envelope; an empty `aad` is none.
    fn envelope(&mut self) -> Option<Envelope> {
        let e2ee_v = self.value("e2ee_v")?.as_u64()?;
        let mut text = |name| self.owned_text(name).ok();
        Some(Envelope {
            e2ee_v: u32::try_from(e2ee_v).ok()?,
            alg: text("alg")?,
            sender_device_id: text("sender_device_id")?,
            key_id: text("key_id")?,
            iv: text("iv")?,
            ciphertext: text("ciphertext")?,
            aad: match self.value("aad") {
                None => None,
                Some(_) => Some(self.owned_text("aad").ok()?).filter(|aad| !aad.is_empty()),
            },
        })
    }

    fn person(&self) -> Result<UserId, Code> {
        self.value("receiver_id")
            .and_then(id)
            .map(UserId)
            .ok_or(Code::BadFrame)
    }

    fn conversation(&self) -> Result<ConversationId, Code> {
        self.value("conversation_id")
            .and_then(id)
            .map(ConversationId)
            .ok_or(Code::BadFrame)
    }

    /// A group where one is named, else a person.
    fn destination(&self) -> Result<Destination, Code> {
        match self.value("conversation_id") {
            Some(_) => self.conversation().map(Destination::Group),
            None => self.person().map(Destination::Person),
        }
    }

    fn message(&self) -> Result<MessageId, Code> {
        self.value("message_id")
            .and_then(id)
            .map(MessageId)
            .ok_or(Code::BadFrame)
    }

    fn people(&self) -> Result<Vec<UserId>, Code> {
        let list = self.value("user_ids").and_then(Value::as_array);
        let list = list.filter(|list| list.len() <= MAX_SUBSCRIPTIONS);
        list.ok_or(Code::BadFrame)?
            .iter()
            .map(|value| id(value).map(UserId).ok_or(Code::BadFrame))
            .collect()
    }

    fn client_message_id(&self) -> Result<Option<String>, Code> {
        match self.value("client_message_id") {
            None => Ok(None),
            Some(Value::String(name)) if name.is_empty() => Ok(None),
            Some(Value::String(name))
                if name.chars().nth(MAX_CLIENT_MESSAGE_ID_CHARS).is_none() =>
            {
                Ok(Some(name.clone()))
            }
            Some(_) => Err(Code::BadFrame),
        }
    }

    fn call_id(&self) -> Result<Option<CallId>, Code> {
        match self.value("call_id") {
            None => Ok(None),
            Some(Value::String(text)) => text.parse().map(Some).map_err(|_| Code::BadFrame),
            Some(_) => Err(Code::BadFrame),
        }
    }

    fn payload(&self, name: &str) -> Result<&Map<String, Value>, Code> {
        self.value("payload")
            .and_then(|payload| payload.get(name))
            .and_then(Value::as_object)
            .ok_or(Code::BadFrame)
    }

    /// The session description in the payload, under the name of its type.
    fn description(&self, kind: &str) -> Result<Sdp, Code> {
        let description = self.payload(kind)?;
        let text = |name| description.get(name).and_then(Value::as_str);
        match (text("type"), text("sdp")) {
            (Some(named), Some(sdp)) if named == kind => Sdp::new(sdp),
            _ => Err(Code::BadFrame),
        }
    }

    fn candidate(&self) -> Result<Candidate, Code> {
        Candidate::new(self.payload("candidate")?.clone())
    }

    /// The reason in the payload; both may be missing.
    fn reason(&self) -> Result<Option<&str>, Code> {
        let Some(payload) = self.value("payload") else {
            return Ok(None);
        };
        let payload = payload.as_object().ok_or(Code::BadFrame)?;
        match payload.get("reason") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(reason)) => Ok(Some(reason)),
            Some(_) => Err(Code::BadFrame),
        }
    }
}

/// An id is a JSON integer > 0.
fn id(value: &Value) -> Option<i64> {
    value.as_i64().filter(|&number| number > 0)
}

#[cfg(test)]
mod tests;
