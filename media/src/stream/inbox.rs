//! Bytes in, messages out. On a stream STUN messages and ChannelData follow
//! each other with nothing between them; their heads say where each ends
//! (RFC 8489 §6.2.2), and ChannelData is padded to four bytes (RFC 8656 §12.5).

use crate::turn::frame::MAGIC_COOKIE;
use crate::turn::packet::{MAX_DATAGRAM, Packet};

/// Longest message that is taken, without padding: as long as a datagram may
/// be, so that nobody relays over one transport what another would drop.
pub const MAX_MESSAGE: usize = MAX_DATAGRAM;

const STUN_HEADER: usize = 20;
const CHANNEL_HEADER: usize = 4;

/// Why a stream cannot go on: nobody knows where its next message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// What begins here is neither STUN nor ChannelData.
    Foreign,
    /// The head declares more than [`MAX_MESSAGE`].
    TooLarge,
}

/// What the beginning of a message tells.
enum Head {
    /// Nothing yet; with this many bytes in all it tells more.
    Needs(usize),
    /// The message's length, and with its padding.
    Known { length: usize, padded: usize },
}

/// The message that has begun and not ended.
#[derive(Debug, Default)]
pub struct Inbox {
    part: Vec<u8>,
}

impl Inbox {
    /// Takes from `input` what belongs to the next message. `true`: the message
    /// is whole and lies in `packet`, and what follows it is left in `input`.
    /// `false`: all of `input` was taken, and the message needs more.
    ///
    /// # Errors
    ///
    /// [`Broken`]: the stream is of no further use. It comes out of the same
    /// byte however the stream was cut.
    pub fn next(&mut self, input: &mut &[u8], packet: &mut Packet) -> Result<bool, Broken> {
        // What comes in one piece is not copied twice.
        if self.part.is_empty()
            && let Head::Known { length, padded } = head(input)?
            && let Some((message, rest)) = input.split_at_checked(padded)
        {
            *input = rest;
            return lay(message, length, packet);
        }
        loop {
            let (needs, length) = match head(&self.part)? {
                Head::Needs(needs) => (needs, None),
                Head::Known { length, padded } => (padded, Some(length)),
            };
            let missing = needs.saturating_sub(self.part.len());
            if let Some(length) = length
                && missing == 0
            {
                let laid = lay(&self.part, length, packet);
                // Most streams are between messages most of the time.
                self.part = Vec::new();
                return laid;
            }
            if input.is_empty() {
                return Ok(false);
            }
            let (taken, rest) = input.split_at(missing.min(input.len()));
            self.part.extend_from_slice(taken);
            *input = rest;
        }
    }
}

/// Each check looks at no byte beyond the first ones that decide it.
fn head(bytes: &[u8]) -> Result<Head, Broken> {
    let is_stun = match bytes.first() {
        Some(0x00..=0x3F) => true,
        Some(0x40..=0x7F) => false,
        Some(_) => return Err(Broken::Foreign),
        None => return Ok(Head::Needs(CHANNEL_HEADER)),
    };
    let Some(&[_, _, high, low]) = bytes.first_chunk::<CHANNEL_HEADER>() else {
        return Ok(Head::Needs(CHANNEL_HEADER));
    };
    let body = usize::from(u16::from_be_bytes([high, low]));
    let length = body + if is_stun { STUN_HEADER } else { CHANNEL_HEADER };
    if is_stun && !body.is_multiple_of(4) {
        return Err(Broken::Foreign);
    }
    if length > MAX_MESSAGE {
        return Err(Broken::TooLarge);
    }
    if is_stun {
        let cookie = bytes.get(CHANNEL_HEADER..).unwrap_or_default();
        if cookie.iter().zip(MAGIC_COOKIE).any(|(a, b)| *a != b) {
            return Err(Broken::Foreign);
        }
    }
    let padded = length.next_multiple_of(4);
    Ok(Head::Known { length, padded })
}

fn lay(message: &[u8], length: usize, packet: &mut Packet) -> Result<bool, Broken> {
    let message = message.get(..length).ok_or(Broken::TooLarge)?;
    let place = packet.space().get_mut(..length).ok_or(Broken::TooLarge)?;
    place.copy_from_slice(message);
    if packet.filled(length) {
        Ok(true)
    } else {
        Err(Broken::TooLarge)
    }
}

#[cfg(test)]
mod tests;
