//! Voice rooms between the hub and the media plane: each has names of its own
//! for the same things.

use payambar_media::RelayHandle;
use payambar_media::sfu::{self, RoomEvent, RoomId};
use payambar_signaling::ids::{ConversationId, ParticipantId};
use payambar_signaling::room::{GoneReason, MediaCommand, MediaEvent};

/// Hands the media plane what the hub wants of it.
pub(super) fn command(relay: &RelayHandle, command: MediaCommand) {
    match command {
        MediaCommand::Join { room, participant } => relay.room_join(id(room), seat(participant)),
        MediaCommand::Answer { participant, sdp } => {
            relay.room_answer(seat(participant), sdp.as_str().to_owned());
        }
        MediaCommand::Restart { participant } => relay.room_restart(seat(participant)),
        MediaCommand::Leave { participant } => relay.room_leave(seat(participant)),
        MediaCommand::Mute { participant, muted } => relay.room_mute(seat(participant), muted),
        MediaCommand::Close(room) => relay.room_close(id(room)),
    }
}

/// What the media plane says, in the hub's words.
pub(super) fn event(event: RoomEvent) -> MediaEvent {
    match event {
        RoomEvent::Offer { participant, sdp } => MediaEvent::Offer {
            participant: known(participant),
            sdp,
        },
        RoomEvent::Connected { participant } => MediaEvent::Connected {
            participant: known(participant),
        },
        RoomEvent::Silent { participant } => MediaEvent::Silent {
            participant: known(participant),
        },
        RoomEvent::Heard { participant } => MediaEvent::Heard {
            participant: known(participant),
        },
        RoomEvent::Speaking {
            room: _,
            participant,
            speaking,
        } => MediaEvent::Speaking {
            participant: known(participant),
            speaking,
        },
        RoomEvent::Slots { participant, slots } => MediaEvent::Slots {
            participant: known(participant),
            slots: slots.map(|slot| slot.map(known)),
        },
        RoomEvent::Gone {
            participant,
            reason,
        } => MediaEvent::Gone {
            participant: known(participant),
            reason: gone(reason),
        },
    }
}

const fn gone(reason: sfu::GoneReason) -> GoneReason {
    match reason {
        sfu::GoneReason::Left => GoneReason::Left,
        sfu::GoneReason::Closed => GoneReason::Closed,
        sfu::GoneReason::Refused => GoneReason::Refused,
        sfu::GoneReason::NeverConnected => GoneReason::NeverConnected,
        sfu::GoneReason::Silent => GoneReason::Silent,
        sfu::GoneReason::Full => GoneReason::Full,
        sfu::GoneReason::Failed => GoneReason::Failed,
    }
}

const fn id(room: ConversationId) -> RoomId {
    RoomId(room.0.cast_unsigned())
}

const fn seat(participant: ParticipantId) -> sfu::ParticipantId {
    sfu::ParticipantId(participant.0)
}

const fn known(participant: sfu::ParticipantId) -> ParticipantId {
    ParticipantId(participant.0)
}
