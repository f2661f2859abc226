//! What people say to each other: frames, the hub, conversations and calls as
//! state machines without I/O.
//!
//! Inputs and `now` go into a [`Hub`]; [`Effect`]s and the time of the next
//! wake-up come out. Sockets, the database and the clock belong to the caller,
//! who drains [`Hub::poll_effect`] after every `handle_*`. The contract with
//! the clients is `PROTOCOL.md`.

mod call;
mod calls;
mod chat;
mod hub;
mod ids;
mod presence;
mod rate;
mod wire;

pub use chat::{
    Body, CallEntry, CallOutcome, MAX_CONTENT_CHARS, Mark, MarkTarget, Marked, NewMark, NewMessage,
    Party, SendFacts, Status, Stored, StoredMessage, check_content, may_send,
};
pub use hub::{Counts, Effect, Hub, Input, Limits, close_code};
pub use ids::{
    CallId, ConnId, ConversationId, InvalidCallId, MessageId, Seq, SessionId, Ticket, Timestamp,
    UserId,
};
pub use presence::MAX_SUBSCRIPTIONS;
pub use rate::Rate;
pub use wire::{
    CallState, Candidate, ClientFrame, Code, HangupReason, Language, MAX_CANDIDATE_BYTES,
    MAX_CLIENT_MESSAGE_ID_CHARS, MAX_FRAME_BYTES, MAX_SDP_BYTES, MessageFrame, Reference, Refused,
    RejectReason, Sdp, ServerFrame, StatusFrame, parse,
};
