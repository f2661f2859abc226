//! Voice rooms without sockets and without a clock: whom a room's members hear,
//! in which slot, and with what numbers ([`room::Room`]).

pub mod room;

/// A participant's seat in a room, made by who knows the people. Never used
/// again in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub u64);

/// How many others a participant hears at once: streams that are offered once
/// and carry whoever speaks.
pub const SLOTS: usize = 8;
