//! The voice rooms' part of the desk: who is in them, and who goes.

use payambar_signaling::hub::Input;
use payambar_signaling::ids::{ConversationId, ParticipantId};
use payambar_signaling::wire::{Participant, RoomState};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::protocol::Refusal;
use super::value;
use crate::pump::Pump;

/// What an operator may ask about voice rooms; the command line reads into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RoomRequest {
    /// List them.
    List,
    /// Close one.
    Close {
        /// Its conversation.
        room: i64,
    },
    /// Put somebody out.
    Kick {
        /// Their seat.
        seat: u64,
    },
}

/// All rooms with somebody in them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rooms {
    /// By id.
    pub rooms: Vec<Room>,
}

/// One room.
#[derive(Debug, Serialize, Deserialize)]
pub struct Room {
    /// The id of its conversation.
    pub id: i64,
    /// Nobody new comes in.
    pub locked: bool,
    /// When it began, RFC 3339 in UTC.
    pub since: String,
    /// Who is in it, the longest first.
    pub seats: Vec<Seat>,
}

/// Somebody in a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct Seat {
    /// The seat.
    pub id: u64,
    /// Whose.
    pub user_id: i64,
    /// Their name.
    pub username: String,
    /// They muted themselves.
    pub muted: bool,
    /// Who runs the group muted them.
    pub mod_muted: bool,
    /// Nothing is heard of them for a while.
    pub reconnecting: bool,
    /// They are no member.
    pub guest: bool,
}

/// How many people went.
#[derive(Debug, Serialize, Deserialize)]
pub struct PutOut {
    /// People.
    pub people: usize,
}

/// Does one thing and says how it went.
pub(super) async fn answer(pump: &Pump, request: RoomRequest) -> Result<Value, Refusal> {
    let rooms = pump.rooms().await;
    match request {
        RoomRequest::List => value(Rooms {
            rooms: rooms.iter().map(Room::from).collect(),
        }),
        RoomRequest::Close { room } => {
            let id = ConversationId(room);
            let mut rooms = rooms.iter();
            let open = rooms.find(|open| open.conversation_id == id);
            let people = open.map(|room| room.participants.len());
            let people = people.ok_or_else(|| unknown("nobody is in that room"))?;
            pump.input(Input::CloseRoom(id)).await;
            value(PutOut { people })
        }
        RoomRequest::Kick { seat } => {
            let id = ParticipantId(seat);
            let mut seats = rooms.iter().flat_map(|room| &room.participants);
            if !seats.any(|there| there.participant_id == id) {
                return Err(unknown("nobody has that seat"));
            }
            pump.input(Input::TakeSeat(id)).await;
            value(PutOut { people: 1 })
        }
    }
}

fn unknown(message: &str) -> Refusal {
    Refusal::new("room_unknown", message)
}

impl From<&RoomState> for Room {
    fn from(state: &RoomState) -> Self {
        Self {
            id: state.conversation_id.0,
            locked: state.locked,
            since: state.since.to_string(),
            seats: state.participants.iter().map(Seat::from).collect(),
        }
    }
}

impl From<&Participant> for Seat {
    fn from(participant: &Participant) -> Self {
        Self {
            id: participant.participant_id.0,
            user_id: participant.user_id.0,
            username: participant.username.clone(),
            muted: participant.muted,
            mod_muted: participant.mod_muted,
            reconnecting: participant.reconnecting,
            guest: participant.guest,
        }
    }
}
