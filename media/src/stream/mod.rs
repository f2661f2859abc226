//! TURN on a byte stream, without sockets and without a clock: bytes become
//! messages ([`inbox`]), messages become bytes that wait for a reader who may
//! be slow ([`outbox`]), and all of it has its time ([`life`]).

pub mod inbox;
pub mod life;
pub mod outbox;
