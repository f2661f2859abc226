//! One allocation: its life, the peers it hears, its channels (RFC 8656 §3, 9,
//! 12). Which peers may be asked for at all is decided elsewhere.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::auth::Identity;
use super::codec::Envelope;
use super::frame::ChannelNumber;
use super::ports::Parity;
use super::{ClientId, PeerAddr, RelayPort, TransactionBytes};

/// Life of an allocation that asks for none, and the shortest one
/// (RFC 8656 §3.2).
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

/// Longest life between two refreshes (RFC 8656 §7.2).
pub const MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// How long one CreatePermission lasts: 300 s, and no request can ask for more
/// (RFC 8656 §9).
pub const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);

/// How long one ChannelBind lasts (RFC 8656 §12).
pub const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

/// How long after its end a channel's number and peer stay meant for each
/// other (RFC 8656 §12.1).
pub const CHANNEL_REST: Duration = Duration::from_secs(300);

/// Most peers with a permission, and most channels, of one allocation.
pub const MAX_GRANTS: usize = 512;

/// The life an allocation gets that asks for `requested`: never less than the
/// default, never more than the maximum (RFC 8656 §7.2).
#[must_use]
pub fn granted_lifetime(requested: Option<Duration>) -> Duration {
    requested
        .unwrap_or(DEFAULT_LIFETIME)
        .clamp(DEFAULT_LIFETIME, MAX_LIFETIME)
}

/// Why a channel or a permission is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The number has another peer, or the peer another number.
    #[error("the number has another peer, or the peer another number")]
    Bound,
    /// There are [`MAX_GRANTS`] already.
    #[error("too many for one allocation")]
    Full,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    peer: PeerAddr,
    until: Instant,
}

/// Permissions and channels of one allocation.
#[derive(Debug, Default)]
pub struct Grants {
    permissions: BTreeMap<IpAddr, Instant>,
    channels: BTreeMap<ChannelNumber, Channel>,
    numbers: BTreeMap<PeerAddr, ChannelNumber>,
}

impl Grants {
    /// Gives or renews permission for all of `peers`, or for none.
    ///
    /// # Errors
    ///
    /// [`GrantError::Full`].
    pub fn permit(&mut self, peers: &[IpAddr], now: Instant) -> Result<(), GrantError> {
        let fresh = peers
            .iter()
            .filter(|peer| !self.permissions.contains_key(peer))
            .count();
        if self.permissions.len() + fresh > MAX_GRANTS {
            return Err(GrantError::Full);
        }
        for peer in peers {
            self.permissions.insert(*peer, now + PERMISSION_LIFETIME);
        }
        Ok(())
    }

    /// Whether packets from and to this address may pass now.
    #[must_use]
    pub fn is_permitted(&self, peer: IpAddr, now: Instant) -> bool {
        self.permissions
            .get(&peer)
            .is_some_and(|until| now < *until)
    }

    /// Binds or renews a channel, and renews the permission for its peer.
    ///
    /// # Errors
    ///
    /// [`GrantError::Bound`] if number or peer belong to another one, also
    /// while an ended channel rests; [`GrantError::Full`].
    pub fn bind(
        &mut self,
        number: ChannelNumber,
        peer: PeerAddr,
        now: Instant,
    ) -> Result<(), GrantError> {
        self.purge(now);
        match (self.channels.get(&number), self.numbers.get(&peer)) {
            (Some(channel), _) if channel.peer != peer => return Err(GrantError::Bound),
            (_, Some(bound)) if *bound != number => return Err(GrantError::Bound),
            (None, _) if self.channels.len() >= MAX_GRANTS => return Err(GrantError::Full),
            (Some(_) | None, _) => {}
        }
        self.permit(&[peer.0.ip()], now)?;
        self.channels.insert(
            number,
            Channel {
                peer,
                until: now + CHANNEL_LIFETIME,
            },
        );
        self.numbers.insert(peer, number);
        Ok(())
    }

    /// The peer of a living channel.
    #[must_use]
    pub fn peer_of(&self, number: ChannelNumber, now: Instant) -> Option<PeerAddr> {
        self.channels
            .get(&number)
            .filter(|channel| now < channel.until)
            .map(|channel| channel.peer)
    }

    /// The living channel of a peer.
    #[must_use]
    pub fn channel_of(&self, peer: PeerAddr, now: Instant) -> Option<ChannelNumber> {
        let number = *self.numbers.get(&peer)?;
        self.peer_of(number, now).map(|_| number)
    }

    /// Forgets what has ended, so that it takes no room.
    pub fn purge(&mut self, now: Instant) {
        self.permissions.retain(|_, until| now < *until);
        self.channels
            .retain(|_, channel| now < channel.until + CHANNEL_REST);
        let channels = &self.channels;
        self.numbers
            .retain(|_, number| channels.contains_key(number));
    }

    /// When [`Self::purge`] next has something to do.
    #[must_use]
    pub fn next_purge(&self) -> Option<Instant> {
        let permissions = self.permissions.values().copied();
        let channels = self
            .channels
            .values()
            .map(|channel| channel.until + CHANNEL_REST);
        permissions.chain(channels).min()
    }
}

/// An allocation whose relay port is being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// For the answer that is due.
    pub envelope: Envelope,
    /// Which ports will do.
    pub parity: Parity,
    /// How many ports were tried, the present one among them.
    pub tries: u32,
    /// Its credential was taken back meanwhile.
    pub revoked: bool,
}

/// Where an allocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its relay port is being opened; the client knows nothing yet.
    Opening(Opening),
    /// It relays.
    Live,
}

/// A relayed transport address and who holds it.
#[derive(Debug)]
pub struct Allocation {
    /// Who holds it, and from where.
    pub client: ClientId,
    /// The credential it was made with.
    pub identity: Identity,
    /// Its port on our relay address.
    pub port: RelayPort,
    /// The transaction of its Allocate request, to know a retransmission by.
    pub transaction: TransactionBytes,
    /// The lifetime that the Allocate request was granted.
    pub granted: Duration,
    /// When it ends if nobody refreshes it.
    pub expires: Instant,
    /// Whether it relays already.
    pub phase: Phase,
    /// Its permissions and channels.
    pub grants: Grants,
}

impl Allocation {
    /// When it next needs attention.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.grants
            .next_purge()
            .map_or(self.expires, |purge| purge.min(self.expires))
    }

    /// Its relayed transport address.
    #[must_use]
    pub fn relayed(&self, advertise: IpAddr) -> SocketAddr {
        SocketAddr::new(advertise, self.port.0)
    }
}

#[cfg(test)]
mod tests;
