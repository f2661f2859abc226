//! Reads a client's frames about voice rooms.

use serde_json::Value;

use super::{Fields, id};
use crate::ids::{ConversationId, ParticipantId, UserId};
use crate::wire::Code;
use crate::wire::room::{RoomAction, RoomFrame, RoomSaid};

impl Fields {
    /// The frame of this type, if it is one about a room.
    pub(super) fn room(&self, kind: &str) -> Result<RoomFrame, Code> {
        let said = match kind {
            "room_join" => RoomSaid::Join {
                call_id: self.call_id()?,
            },
            "room_answer" => RoomSaid::Answer {
                participant: self.participant()?,
                sdp: self.description("answer")?,
            },
            "room_restart" => RoomSaid::Restart {
                participant: self.participant()?,
            },
            "room_resume" => RoomSaid::Resume {
                participant: self.participant()?,
            },
            "room_leave" => RoomSaid::Leave {
                participant: self.participant()?,
            },
            "room_mute" => RoomSaid::Mute {
                participant: self.participant()?,
                muted: self.flag("muted")?,
            },
            "room_hand" => RoomSaid::Hand {
                participant: self.participant()?,
                raised: self.flag("raised")?,
            },
            "room_moderate" => RoomSaid::Moderate {
                participant: self.participant()?,
                action: self.action()?,
            },
            "room_lock" => RoomSaid::Lock {
                locked: self.flag("locked")?,
            },
            "room_invite" => RoomSaid::Invite {
                user: self
                    .value("user_id")
                    .and_then(id)
                    .map(UserId)
                    .ok_or(Code::BadFrame)?,
            },
            "room_decline" => RoomSaid::Decline,
            _ => return Err(Code::UnknownType),
        };
        let conversation = self.value("conversation_id").and_then(id);
        Ok(RoomFrame {
            conversation: conversation.map(ConversationId).ok_or(Code::BadFrame)?,
            said,
        })
    }

    fn participant(&self) -> Result<ParticipantId, Code> {
        let number = self.value("participant_id").and_then(Value::as_u64);
        let number = number.filter(|&number| number > 0);
        number.map(ParticipantId).ok_or(Code::BadFrame)
    }

    fn action(&self) -> Result<RoomAction, Code> {
        let word = self.text("action").ok_or(Code::BadFrame)?;
        RoomAction::parse(word).ok_or(Code::BadFrame)
    }
}
