//! What fuzzing feeds the cores of relay and rooms. Each target takes any bytes and fails
//! by panicking. Stable tests replay `corpus/` through them, and
//! `scripts/fuzz` grows it. [`wire`] is STUN as a client writes and reads it,
//! made without the message layer that the core uses.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a target fails by panicking"
)]

mod frame;
mod input;
mod request;
mod room;
mod rooms;
pub mod seeds;
mod sequence;
mod single;
mod stage;
mod stream;
pub mod wire;

pub use frame::frame;
pub use request::request;
pub use room::room;
pub use rooms::{description, rooms};
pub use sequence::sequence;
pub use single::{client_datagram, peer_datagram};
pub use stream::stream;

/// What a target is: it takes any bytes.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 9] = [
    ("frame", frame),
    ("request", request),
    ("client_datagram", client_datagram),
    ("peer_datagram", peer_datagram),
    ("sequence", sequence),
    ("stream", stream),
    ("room", room),
    ("rooms", rooms),
    ("description", description),
];
