//! What people say to each other: frames, the hub, conversations and calls as
//! state machines without I/O.
//!
//! Inputs and `now` go into a [`hub::Hub`]; [`hub::Effect`]s and the time of
//! the next wake-up come out. Sockets, the database and the clock belong to
//! the caller, who drains [`hub::Hub::poll_effect`] after every `handle_*`.
//! The contract with the clients is `PROTOCOL.md`.

pub mod account;
mod call;
pub mod chat;
pub mod file;
pub mod group;
pub mod hub;
pub mod ids;
mod presence;
pub mod rate;
pub mod room;
pub mod wire;
