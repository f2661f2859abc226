//! The frames of the WebSocket: what a client may say (`client`), what the
//! server says (`server`), and the codes of refusals (`code`). Only shapes and
//! sizes are judged here; what a frame may do is the hub's business.

mod client;
mod code;
mod file;
mod payload;
mod room;
mod server;

pub(crate) use client::counts_as_call;
pub use client::{
    Candidate, ClientFrame, MAX_CANDIDATE_BYTES, MAX_CLIENT_MESSAGE_ID_CHARS, MAX_FRAME_BYTES,
    MAX_SDP_BYTES, MAX_SUBSCRIPTIONS, Reference, Refused, Sdp, parse,
};
pub use code::Code;
pub use file::FileFrame;
pub use room::{
    InviteEnd, Participant, RoomAction, RoomFrame, RoomLeftReason, RoomSaid, RoomState, SLOTS,
};
pub use server::{CallState, HangupReason, MessageFrame, RejectReason, ServerFrame, StatusFrame};
