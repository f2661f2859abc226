//! What the server says. `type` comes first; empty strings, zeros and nulls
//! are left out.

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::client::{Candidate, Reference, Sdp};
use super::code::Code;
use super::file::FileFrame;
use super::payload::{
    answer_payload, candidate_payload, offer_payload, reason_payload, some_offer_payload,
};
use super::room::{InviteEnd, RoomLeftReason, RoomState, SLOTS};
use crate::chat::{
    Body, CallEntry, CallOutcome, Destination, Envelope, Marked, Status, StoredMessage,
};
use crate::group::{Event, Happening, Role};
use crate::ids::{CallId, ConversationId, MessageId, ParticipantId, Seq, Timestamp, UserId};

/// One frame to a client. `sender_id` of a call frame is always the other
/// person, also where the server itself has the word.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub enum ServerFrame {
    /// The first frame on a socket.
    Hello { user_id: UserId, version: String },
    /// A message, to the receiver and back to the sender.
    Message(MessageFrame),
    /// The same to the members of a group.
    GroupMessage(MessageFrame),
    /// A mark moved.
    StatusUpdate(StatusFrame),
    /// A message was erased, or hidden for this person alone.
    MessageDeleted {
        message_id: MessageId,
        #[serde(skip_serializing_if = "no_text")]
        client_message_id: Option<String>,
        conversation_id: ConversationId,
        seq: Seq,
        sender_id: UserId,
        #[serde(skip_serializing_if = "Option::is_none")]
        receiver_id: Option<UserId>,
        #[serde(skip_serializing_if = "is_false")]
        for_me: bool,
    },
    /// A conversation is gone, or its history so far for this person alone.
    ConversationDeleted {
        conversation_id: ConversationId,
        user_id: UserId,
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        #[serde(skip_serializing_if = "is_false")]
        for_me: bool,
    },
    /// How far a member of a group has received and read; what is left out has
    /// not moved.
    GroupReceipt {
        conversation_id: ConversationId,
        user_id: UserId,
        recv_seq: Seq,
        #[serde(skip_serializing_if = "Option::is_none")]
        read_seq: Option<Seq>,
    },
    /// A group and what this person is in it: it is new or has another name.
    GroupChanged {
        conversation_id: ConversationId,
        name: String,
        role: Role,
    },
    /// Somebody came into a group, went, or is something else there now.
    GroupMember {
        conversation_id: ConversationId,
        user_id: UserId,
        username: String,
        #[serde(skip_serializing_if = "no_text")]
        display_name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        change: Happening,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A group is gone with everything that was said in it.
    GroupDeleted { conversation_id: ConversationId },
    /// Somebody's account is gone, with all they wrote.
    AccountDeleted { user_id: UserId, username: String },
    /// A person came or went.
    Presence {
        user_id: UserId,
        online: bool,
        /// When they were last there, if they are away and both may know.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
    },
    /// Somebody writes to this person or in a group, or has stopped.
    Typing {
        sender_id: UserId,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        active: bool,
    },
    /// The offer is accepted, the callee is being rung.
    CallStarted {
        call_id: CallId,
        receiver_id: UserId,
    },
    /// Somebody calls, or the other renegotiates.
    CallOffer {
        call_id: CallId,
        sender_id: UserId,
        #[serde(serialize_with = "offer_payload")]
        payload: Sdp,
    },
    /// A device of the callee rings.
    CallRinging { call_id: CallId, sender_id: UserId },
    /// The call, or the renegotiation, is answered.
    CallAnswer {
        call_id: CallId,
        sender_id: UserId,
        #[serde(serialize_with = "answer_payload")]
        payload: Sdp,
    },
    /// A way to the other.
    IceCandidate {
        call_id: CallId,
        sender_id: UserId,
        #[serde(serialize_with = "candidate_payload")]
        payload: Candidate,
    },
    /// The call did not come about.
    CallReject {
        #[serde(skip_serializing_if = "Option::is_none")]
        call_id: Option<CallId>,
        sender_id: UserId,
        #[serde(serialize_with = "reason_payload")]
        payload: RejectReason,
    },
    /// The call is over, or over for this socket.
    CallHangup {
        call_id: CallId,
        sender_id: UserId,
        #[serde(serialize_with = "reason_payload")]
        payload: HangupReason,
    },
    /// This socket has its end of the call again.
    CallResumed { call_id: CallId, state: CallState },
    /// The call goes on in the room of its two people.
    CallMoved {
        call_id: CallId,
        conversation_id: ConversationId,
    },
    /// This socket has a seat; the offer is for its media.
    RoomJoined {
        participant_id: ParticipantId,
        #[serde(
            skip_serializing_if = "Option::is_none",
            serialize_with = "some_offer_payload"
        )]
        payload: Option<Sdp>,
        #[serde(flatten)]
        state: RoomState,
    },
    /// The media of this seat is to be negotiated again.
    RoomOffer {
        conversation_id: ConversationId,
        participant_id: ParticipantId,
        #[serde(serialize_with = "offer_payload")]
        payload: Sdp,
    },
    /// Who is in a room now; nobody is the end of it.
    RoomState(RoomState),
    /// Somebody in the room speaks, or is silent again.
    RoomSpeaking {
        conversation_id: ConversationId,
        participant_id: ParticipantId,
        speaking: bool,
    },
    /// Whom each stream to this socket carries; 0 is nobody.
    RoomSlots {
        conversation_id: ConversationId,
        slots: [ParticipantId; SLOTS],
    },
    /// This socket's seat is gone.
    RoomLeft {
        conversation_id: ConversationId,
        participant_id: ParticipantId,
        reason: RoomLeftReason,
    },
    /// Somebody asks this person to come into a room.
    RoomInvited {
        conversation_id: ConversationId,
        sender_id: UserId,
        username: String,
        #[serde(skip_serializing_if = "no_text")]
        display_name: Option<String>,
        /// Of the group.
        #[serde(skip_serializing_if = "no_text")]
        name: Option<String>,
    },
    /// That is over.
    RoomInviteOver {
        conversation_id: ConversationId,
        /// Who was asked.
        user_id: UserId,
        reason: InviteEnd,
    },
    /// A frame was refused.
    Error {
        code: Code,
        /// The code in words; the hub leaves it empty, since it knows nobody's
        /// language.
        error: String,
        #[serde(rename = "ref")]
        reference: Reference,
    },
}

/// The fields of `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub struct MessageFrame {
    pub message_id: MessageId,
    #[serde(skip_serializing_if = "no_text")]
    pub client_message_id: Option<String>,
    pub conversation_id: ConversationId,
    pub seq: Seq,
    pub sender_id: UserId,
    /// None in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver_id: Option<UserId>,
    /// The words of a text; of a call, the same in Persian.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Set with an envelope, so that old clients need not know its fields.
    #[serde(skip_serializing_if = "is_false")]
    pub encrypted: bool,
    /// Of a text the server cannot read.
    #[serde(flatten)]
    pub envelope: Option<Box<Envelope>>,
    pub status: Status,
    pub created_at: Timestamp,
    /// Of a log entry; with it `kind` is `call`.
    #[serde(flatten, serialize_with = "kind_and_call")]
    pub call: Option<CallEntry>,
    /// Of a file.
    #[serde(flatten)]
    pub file: Option<Box<FileFrame>>,
    /// What happened in a group; with it `kind` is `event`.
    #[serde(flatten, serialize_with = "kind_and_event")]
    pub event: Option<Box<Event>>,
}

/// The fields of `status_update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub struct StatusFrame {
    pub message_id: MessageId,
    pub status: Status,
    pub conversation_id: ConversationId,
    pub seq: Seq,
    pub sender_id: UserId,
    pub receiver_id: UserId,
    pub created_at: Timestamp,
}

/// Why a call did not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The callee does not want to.
    Declined,
    /// The callee is in another call.
    Busy,
    /// The callee has no socket.
    Offline,
    /// The callee's own offer to the caller came first.
    Glare,
}

/// Why a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HangupReason {
    /// The other hung up.
    Ended,
    /// The caller gave up before the answer.
    Cancelled,
    /// It rang to the end.
    NoAnswer,
    /// Another socket of the same person has the call.
    AnsweredElsewhere,
    /// Another socket of the same person declined.
    DeclinedElsewhere,
    /// An end was away too long.
    ConnectionLost,
    /// The session of an end was ended.
    SessionEnded,
}

/// Where a resumed call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Not answered yet.
    Ringing,
    /// Answered.
    Active,
}

impl ServerFrame {
    /// Whether the frame may be dropped on its way to a socket that is behind.
    #[must_use]
    pub const fn may_be_lost(&self) -> bool {
        matches!(
            self,
            Self::Typing { .. } | Self::GroupReceipt { .. } | Self::RoomSpeaking { .. }
        )
    }

    /// A message as its readers are told of it.
    #[must_use]
    pub fn of(message: &StoredMessage) -> Self {
        let frame = MessageFrame::from(message);
        match message.to {
            Destination::Person(_) => Self::Message(frame),
            Destination::Group(_) => Self::GroupMessage(frame),
        }
    }

    /// The text of the frame.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "every key is a string and no value refuses to be written"
    )]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a frame can always be written")
    }
}

impl From<&StoredMessage> for MessageFrame {
    fn from(message: &StoredMessage) -> Self {
        let (mut file, mut event) = (None, None);
        let (content, envelope, call) = match &message.body {
            Body::Text(text) => (text.clone(), None, None),
            Body::Sealed(envelope) => (String::new(), Some(envelope.clone()), None),
            Body::Call(entry) => (entry.persian(), None, Some(*entry)),
            Body::File(entry) => {
                file = Some(Box::new(FileFrame::from(&**entry)));
                (entry.line(), None, None)
            }
            Body::Event(happened) => {
                event = Some(happened.clone());
                (String::new(), None, None)
            }
        };
        Self {
            message_id: message.id,
            client_message_id: message.client_message_id.clone(),
            conversation_id: message.conversation,
            seq: message.seq,
            sender_id: message.sender,
            receiver_id: message.to.person(),
            content,
            encrypted: envelope.is_some(),
            envelope,
            status: Status::Sent,
            created_at: message.created_at,
            call,
            file,
            event,
        }
    }
}

impl From<&Marked> for StatusFrame {
    fn from(marked: &Marked) -> Self {
        Self {
            message_id: marked.message,
            status: marked.status,
            conversation_id: marked.conversation,
            seq: marked.seq,
            sender_id: marked.sender,
            receiver_id: marked.receiver,
            created_at: marked.at,
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for CallOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for CallEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let duration_s = self.duration_s.filter(|&seconds| seconds > 0);
        let mut entry = serializer.serialize_struct("CallEntry", 2)?;
        entry.serialize_field("outcome", &self.outcome)?;
        match duration_s {
            Some(seconds) => entry.serialize_field("duration_s", &seconds)?,
            None => entry.skip_field("duration_s")?,
        }
        entry.end()
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn no_text(text: &Option<String>) -> bool {
    text.as_deref().is_none_or(str::is_empty)
}

fn kind_and_call<S: Serializer>(
    call: &Option<CallEntry>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(None)?;
    if let Some(entry) = call {
        fields.serialize_entry("kind", "call")?;
        fields.serialize_entry("call", entry)?;
    }
    fields.end()
}

fn kind_and_event<S: Serializer>(
    event: &Option<Box<Event>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_map(None)?;
    if let Some(event) = event {
        fields.serialize_entry("kind", "event")?;
        fields.serialize_entry("event", event)?;
    }
    fields.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_words_has_no_content() {
        let message = MessageFrame {
            message_id: MessageId(1),
            client_message_id: Some(String::new()),
            conversation_id: ConversationId(2),
            seq: Seq(3),
            sender_id: UserId(4),
            receiver_id: Some(UserId(5)),
            content: String::new(),
            encrypted: false,
            envelope: None,
            status: Status::Sent,
            created_at: Timestamp(0),
            call: None,
            file: None,
            event: None,
        };
        assert_eq!(
            ServerFrame::Message(message).to_json(),
            r#"{"type":"message","message_id":1,"conversation_id":2,"seq":3,"sender_id":4,"receiver_id":5,"status":"sent","created_at":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
