//! Voice rooms as the rest of the process holds them. None of this waits; who
//! is unknown is ignored, and what comes of it is told as a [`RoomEvent`].

use std::net::SocketAddr;

use super::RelayHandle;
use super::commands::{Command, RoomCommand};
use crate::sfu::{ParticipantId, RoomEvent, RoomId};

impl RelayHandle {
    /// Where participants are told to come, one address of each family at
    /// most; none without [`RelayConfig::rooms`](crate::RelayConfig::rooms).
    #[must_use]
    pub fn room_addresses(&self) -> &[SocketAddr] {
        &self.room_addresses
    }

    /// From now on `tell` is told what happens in the rooms, on the relay's
    /// thread, so it must not block. Nothing is kept for later.
    pub fn on_room_event(&self, tell: impl FnMut(RoomEvent) + Send + 'static) {
        self.room(RoomCommand::Listen(Box::new(tell)));
    }

    /// Takes a seat in a room for a participant that was in none before. An
    /// offer follows, or its end.
    pub fn room_join(&self, room: RoomId, participant: ParticipantId) {
        self.room(RoomCommand::Join(room, participant));
    }

    /// The participant's answer to its last offer.
    pub fn room_answer(&self, participant: ParticipantId, sdp: String) {
        self.room(RoomCommand::Answer(participant, sdp));
    }

    /// The participant's network has changed: a new offer follows, with which
    /// ICE begins anew.
    pub fn room_restart(&self, participant: ParticipantId) {
        self.room(RoomCommand::Restart(participant));
    }

    /// The participant leaves.
    pub fn room_leave(&self, participant: ParticipantId) {
        self.room(RoomCommand::Leave(participant));
    }

    /// What the participant says is dropped as it comes in, or no longer.
    pub fn room_mute(&self, participant: ParticipantId, muted: bool) {
        self.room(RoomCommand::Mute(participant, muted));
    }

    /// Everybody in this room has to leave.
    pub fn room_close(&self, room: RoomId) {
        self.room(RoomCommand::Close(room));
    }

    fn room(&self, command: RoomCommand) {
        self.tell_rooms(Command::Room(command));
    }
}
