//! What fuzzing feeds the frames of `/ws` and the hub. Each target takes any
//! bytes and fails by panicking. Stable tests replay `corpus/` and the golden
//! frames through them, and `scripts/fuzz` grows the corpus.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a target fails by panicking"
)]

mod frame;
mod talk;

pub use frame::frame;
pub use talk::talk;

/// What a target is: it takes any bytes.
pub type Target = fn(&[u8]);

/// Every target and its name, which is also its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 2] = [("ws_frame", frame), ("ws_talk", talk)];
