//! What is said about voice rooms: a client's frames, and the parts of the
//! server's that need a shape of their own.

use serde::Serialize;

use super::client::Sdp;
use crate::ids::{CallId, ConversationId, ParticipantId, Timestamp, UserId};

/// Streams to one participant: so many others are heard at once.
pub const SLOTS: usize = 8;

/// A client's frame about the room of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomFrame {
    /// Whose room.
    pub conversation: ConversationId,
    /// What about it.
    pub said: RoomSaid,
}

/// What a client says about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub enum RoomSaid {
    /// Take a seat; with a call, that call goes on in the room.
    Join { call_id: Option<CallId> },
    /// The answer to the server's offer.
    Answer {
        participant: ParticipantId,
        sdp: Sdp,
    },
    /// The network changed: a new offer is wanted.
    Restart { participant: ParticipantId },
    /// Take the seat back after a reconnect.
    Resume { participant: ParticipantId },
    /// Get up.
    Leave { participant: ParticipantId },
    /// One's own microphone is off, or on again.
    Mute {
        participant: ParticipantId,
        muted: bool,
    },
    /// Raise one's hand, or lower it.
    Hand {
        participant: ParticipantId,
        raised: bool,
    },
    /// By who runs the group, to somebody else.
    Moderate {
        participant: ParticipantId,
        action: RoomAction,
    },
    /// Nobody new may come in, or everybody again.
    Lock { locked: bool },
    /// Ask somebody to come.
    Invite { user: UserId },
    /// No, to who asked.
    Decline,
}

impl RoomSaid {
    /// The frame's type.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Join { .. } => "room_join",
            Self::Answer { .. } => "room_answer",
            Self::Restart { .. } => "room_restart",
            Self::Resume { .. } => "room_resume",
            Self::Leave { .. } => "room_leave",
            Self::Mute { .. } => "room_mute",
            Self::Hand { .. } => "room_hand",
            Self::Moderate { .. } => "room_moderate",
            Self::Lock { .. } => "room_lock",
            Self::Invite { .. } => "room_invite",
            Self::Decline => "room_decline",
        }
    }

    /// The call it names.
    #[must_use]
    pub const fn call_id(&self) -> Option<CallId> {
        match self {
            Self::Join { call_id } => *call_id,
            Self::Answer { .. }
            | Self::Restart { .. }
            | Self::Resume { .. }
            | Self::Leave { .. }
            | Self::Mute { .. }
            | Self::Hand { .. }
            | Self::Moderate { .. }
            | Self::Lock { .. }
            | Self::Invite { .. }
            | Self::Decline => None,
        }
    }
}

/// What who runs a group may do to somebody in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomAction {
    /// Nothing they say is passed on, until it is taken back.
    Mute,
    /// It is passed on again.
    Unmute,
    /// Their hand is not raised any more.
    LowerHand,
    /// They are put out.
    Kick,
}

impl RoomAction {
    /// The action of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "mute" => Self::Mute,
            "unmute" => Self::Unmute,
            "lower_hand" => Self::LowerHand,
            "kick" => Self::Kick,
            _ => return None,
        })
    }
}

/// Who is in a room, whole: a client replaces what it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub struct RoomState {
    pub conversation_id: ConversationId,
    pub participants: Vec<Participant>,
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
    pub max: usize,
    pub since: Timestamp,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub struct Participant {
    pub participant_id: ParticipantId,
    pub user_id: UserId,
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub muted: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub mod_muted: bool,
    /// The place among the raised hands, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hand: Option<usize>,
    #[serde(skip_serializing_if = "is_false")]
    pub speaking: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub reconnecting: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub guest: bool,
}

/// Why a seat is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomLeftReason {
    /// The person got up.
    Left,
    /// The person was put out, or is no member any more.
    Kicked,
    /// The person took a seat at another device.
    Elsewhere,
    /// Nothing was heard for too long.
    ConnectionLost,
    /// The room was closed.
    Closed,
    /// The session of the socket was ended.
    SessionEnded,
    /// The media did not come about, or broke.
    Failed,
}

/// How it came that nobody is asked any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InviteEnd {
    /// Who was asked has come.
    Joined,
    /// Who was asked does not want to.
    Declined,
    /// It rang to the end.
    NoAnswer,
    /// Who asked has gone.
    Cancelled,
}

fn is_false(flag: &bool) -> bool {
    !flag
}
