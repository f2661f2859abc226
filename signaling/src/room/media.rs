//! What the media side is told of rooms, and what it tells.

use crate::ids::{ConversationId, ParticipantId};
use crate::wire::{SLOTS, Sdp};

/// What the media side is to do. What it does not know it ignores.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what their types say")]
pub enum MediaCommand {
    /// Make a seat; answered by [`MediaEvent::Offer`] or [`MediaEvent::Gone`].
    Join {
        room: ConversationId,
        participant: ParticipantId,
    },
    /// The participant's answer to the last offer.
    Answer {
        participant: ParticipantId,
        sdp: Sdp,
    },
    /// Begin anew; answered by [`MediaEvent::Offer`].
    Restart { participant: ParticipantId },
    /// Take the seat away.
    Leave { participant: ParticipantId },
    /// Drop what comes from this participant, or pass it on again.
    Mute {
        participant: ParticipantId,
        muted: bool,
    },
    /// Take the room away with all its seats.
    Close(ConversationId),
}

/// What became of the media of a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are what their types say")]
pub enum MediaEvent {
    /// The description to answer.
    Offer {
        participant: ParticipantId,
        sdp: String,
    },
    /// Media may flow.
    Connected { participant: ParticipantId },
    /// Nothing at all has arrived for a while.
    Silent { participant: ParticipantId },
    /// Something arrives again.
    Heard { participant: ParticipantId },
    /// Somebody speaks, or is silent again.
    Speaking {
        participant: ParticipantId,
        speaking: bool,
    },
    /// Whom each stream to this participant carries now.
    Slots {
        participant: ParticipantId,
        slots: [Option<ParticipantId>; SLOTS],
    },
    /// The media is gone.
    Gone {
        participant: ParticipantId,
        reason: GoneReason,
    },
}

impl MediaEvent {
    /// Whose media it is about.
    #[must_use]
    pub const fn participant(&self) -> ParticipantId {
        match self {
            Self::Offer { participant, .. }
            | Self::Connected { participant }
            | Self::Silent { participant }
            | Self::Heard { participant }
            | Self::Speaking { participant, .. }
            | Self::Slots { participant, .. }
            | Self::Gone { participant, .. } => *participant,
        }
    }
}

/// Why media is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GoneReason {
    /// It was told to.
    Left,
    /// The room was closed.
    Closed,
    /// The answer was of no use.
    Refused,
    /// It never came about.
    NeverConnected,
    /// Nothing arrived for too long.
    Silent,
    /// There is no place for it.
    Full,
    /// It broke.
    Failed,
}
