//! Voice rooms. Each participant speaks WebRTC with this server alone, and
//! hears the loudest of the others in a fixed number of slots: who comes and
//! goes never renegotiates anything. Here is what the owner of the rooms says
//! and is told; [`server`] is the whole of it without sockets and clock.

pub mod demux;
pub mod engine;
mod red;
pub mod room;
pub mod sdp;
pub mod server;

/// A voice room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// A seat in a room. Whoever makes them never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub u64);

/// Streams that each participant is sent, and so the voices that are heard at
/// a time.
pub const SLOTS: usize = 8;

/// What happens in the rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// This is to be answered with
    /// `room_answer`. It comes once for
    /// each `room_join` and each `room_restart`, unless [`Self::Gone`] does.
    Offer {
        /// Whom it is for.
        participant: ParticipantId,
        /// The offer of this server.
        sdp: String,
    },
    /// Voice may flow. Comes once.
    Connected {
        /// Whose.
        participant: ParticipantId,
    },
    /// Nothing at all came for 15 s.
    Silent {
        /// From whom.
        participant: ParticipantId,
    },
    /// Something came after all.
    Heard {
        /// From whom.
        participant: ParticipantId,
    },
    /// Somebody began to speak, or stopped.
    Speaking {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// Whether it began.
        speaking: bool,
    },
    /// Whom each of a participant's slots carries from now on.
    Slots {
        /// Whose slots.
        participant: ParticipantId,
        /// Who is in them.
        slots: [Option<ParticipantId>; SLOTS],
    },
    /// A seat is empty. Nothing more is told about it.
    Gone {
        /// Whose it was.
        participant: ParticipantId,
        /// Why.
        reason: GoneReason,
    },
}

/// Why a seat is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GoneReason {
    /// By `room_leave`, or because the
    /// client ended its connection.
    Left,
    /// The room was closed.
    Closed,
    /// The answer cannot be used.
    Refused,
    /// No connection came about in 30 s.
    NeverConnected,
    /// Nothing at all came for 60 s.
    Silent,
    /// The room, or all rooms together, have no seat left.
    Full,
    /// The connection broke in a way that only a new one mends.
    Failed,
}
