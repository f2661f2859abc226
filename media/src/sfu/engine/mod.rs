//! One participant's WebRTC connection, whoever implements it. The rooms know
//! nothing but this trait; the tests run on two implementations of it.

mod hello;
mod rtc;
#[cfg(test)]
mod str0m;

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

pub use self::rtc::RtcEngine;
#[cfg(test)]
pub(crate) use self::str0m::Str0mEngine;
use super::room::Level;
use super::sdp::Credentials;

/// Why an engine cannot do what it should.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub(crate) String);

/// Why an answer was refused.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no offer that it could answer.
    #[error("there is nothing to answer")]
    Unexpected,
    /// It cannot be read, or does not fit the offer.
    #[error("the answer is unusable: {0}")]
    Unusable(String),
}

/// A voice packet without what differs from connection to connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Sequence number.
    pub seq: u16,
    /// In ticks of 48 kHz.
    pub timestamp: u32,
    /// The first of a talk spurt.
    pub marker: bool,
    /// The payload is RED (RFC 2198) around Opus, not Opus.
    pub red: bool,
    /// How loud it is.
    pub level: Option<Level>,
    /// Opus or RED.
    pub payload: Bytes,
}

/// What a connection tells.
#[derive(Debug)]
pub enum EngineEvent {
    /// The keys are there: voice may be sent and received.
    Connected,
    /// A packet of the participant's microphone.
    Voice(Voice),
    /// The client has ended the connection.
    Closed,
    /// The connection cannot go on.
    Failed,
}

/// One end of a connection, without sockets and clock. After each call
/// `poll_transmit` and `poll_event` are drained.
pub trait Engine: Sized {
    /// What all connections of a server have in common, its certificate above
    /// all.
    type Shared;

    /// Makes it.
    fn shared() -> Result<Self::Shared, EngineError>;

    /// A connection that will offer these addresses of ours.
    fn new(
        shared: &Self::Shared,
        candidates: &[SocketAddr],
        now: Instant,
    ) -> Result<Self, EngineError>;

    /// The offer, once.
    fn offer(&mut self, now: Instant) -> Result<String, EngineError>;

    /// An offer with which ICE begins anew. What is there goes on until the
    /// answer comes.
    fn restart(&mut self, now: Instant) -> Result<String, EngineError>;

    /// Takes the answer to the last offer.
    fn answer(&mut self, sdp: &str, now: Instant) -> Result<(), AnswerError>;

    /// What the client's binding requests must be made with: those of the last
    /// offer that was answered, or of the first.
    fn credentials(&self) -> &Credentials;

    /// A datagram that came from `source` to `local`, one of the addresses
    /// offered.
    fn handle_datagram(
        &mut self,
        source: SocketAddr,
        local: SocketAddr,
        bytes: &[u8],
        now: Instant,
    );

    /// Sends voice in a slot.
    fn write(&mut self, slot: u8, voice: &Voice, now: Instant);

    /// Whether the client takes RED.
    fn takes_red(&self) -> bool;

    /// The next datagram to be sent, and where to.
    fn poll_transmit(&mut self, now: Instant) -> Option<(SocketAddr, Bytes)>;

    /// The next thing that happened.
    fn poll_event(&mut self, now: Instant) -> Option<EngineEvent>;

    /// When [`Self::handle_timeout`] next has something to do.
    fn poll_timeout(&mut self) -> Option<Instant>;

    /// Time has passed.
    fn handle_timeout(&mut self, now: Instant);

    /// Ends the connection and tells the client so.
    fn close(&mut self, now: Instant);
}
