//! Probes of a TURN server from outside: the RFCs' answers, the peers that may
//! not be reached, sizes, and what a stranger can do to it. Ours and Debian's
//! coturn are asked the same in one run, and the tables show both; only ours
//! is judged. The tables are kept in `target/probe/`.
//!
//! All tables are asked over TCP and TLS too, but for the rows that would say
//! nothing there: how much larger an answer is than its question, since who has
//! a connection did not forge an address; an empty datagram and a header cut
//! short, which are nothing on a stream; and what was lost on the way.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the stories of the house need more of it")]
#[path = "../e2e/server.rs"]
mod server;
#[path = "../e2e/tools.rs"]
mod tools;
#[expect(dead_code, reason = "the stories of the house need more of it")]
#[path = "../e2e/client.rs"]
mod web;

mod client;
mod line;
mod peer;
mod table;
mod target;
mod wire;

mod conformance;
mod policy;
mod safety;
mod sizes;
