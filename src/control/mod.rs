//! How an operator's command acts: on the running server through a socket in
//! DATA_DIR, or on the database when no server runs. [`protocol`] is what both
//! ends say, [`server`] listens, [`client`] finds who is there, and a [`Desk`]
//! does what is asked, wherever it stands.

mod client;
mod people;
mod protocol;
mod rooms;
mod server;
mod turn;

use serde::Serialize;
use serde_json::Value;

use crate::pump::Pump;
use crate::store::{self, Store};

pub use client::ask;
pub use people::{Living, PeopleDesk};
pub use protocol::{
    Audit, AuditEntry, Code, Codes, Drained, InviteRequest, Issued, Kicked, Lent, Pair, PairAdded,
    PairState, Pairs, People, Person, Refusal, Relayed, Request, Sessions, TurnRequest,
    UserRequest, Whom,
};
pub use rooms::{PutOut, Room, RoomRequest, Rooms, Seat};
pub use server::{Server, listen};
pub use turn::TurnDesk;

/// Does what operators ask.
pub struct Desk {
    /// Where people and credentials are kept.
    pub store: Store,
    /// The relay's part; `None` = it is switched off.
    pub turn: Option<TurnDesk>,
    /// The people's part.
    pub people: PeopleDesk,
    /// The way to voice rooms, where a server runs.
    pub pump: Option<Pump>,
}

impl Desk {
    /// Does one thing and says how it went.
    ///
    /// # Errors
    ///
    /// Why it was not done, in words for the operator.
    pub async fn answer(&self, request: Request) -> Result<Value, Refusal> {
        match request {
            Request::Turn(request) => {
                let turn = self.turn.as_ref().ok_or_else(|| {
                    Refusal::new(
                        "relay_off",
                        "the relay is switched off (TURN_ENABLED=false)",
                    )
                })?;
                turn.answer(&self.store, request).await
            }
            Request::User(request) => self.people.user(&self.store, request).await,
            Request::Audit { limit } => people::audit(&self.store, limit).await,
            Request::Room(request) => match &self.pump {
                Some(pump) => rooms::answer(pump, request).await,
                None => Err(Refusal::new("no_server", "no server is running")),
            },
            Request::Invite(request) => self.people.invite(&self.store, request).await,
        }
    }
}

fn value(answer: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(answer).map_err(|error| Refusal::new("internal", error.to_string()))
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::new("storage_failed", error.to_string())
    }
}
