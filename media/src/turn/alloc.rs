//! One allocation: its life, the peers it hears, its channels (RFC 8656 §3, 9,
//! 12). Which peers may be asked for at all is decided elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::auth::Identity;
use super::bandwidth::Bucket;
use super::codec::{Code, Envelope};
use super::frame::ChannelNumber;
use super::ports::Parity;
use super::reservation::Token;
use super::{ClientId, Family, PeerAddr, PerFamily, RelayPort, TransactionBytes};

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

    /// How many permissions and how many channels live.
    #[must_use]
    pub fn living(&self, now: Instant) -> (usize, usize) {
        let permissions = self.permissions.values();
        let channels = self.channels.values();
        (
            permissions.filter(|until| now < **until).count(),
            channels.filter(|channel| now < channel.until).count(),
        )
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

/// Which ports an Allocate asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One of this parity on each relay address.
    Single(Parity),
    /// An even one, and the next one kept back (EVEN-PORT with the R bit).
    Pair,
    /// The one that was kept back, and no other.
    Kept,
}

/// An allocation whose relay ports are being opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// For the answer that is due.
    pub envelope: Envelope,
    /// Which ports will do.
    pub wanted: Wanted,
    /// The port that is to be kept back, if one is.
    pub companion: Option<RelayPort>,
    /// The ports that are not open yet.
    pub unopened: Vec<RelayPort>,
    /// Its credential was taken back meanwhile.
    pub revoked: bool,
}

/// Where an allocation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its relay ports are being opened; the client knows nothing yet.
    Opening(Opening),
    /// It relays.
    Live,
}

/// One relayed transport address of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Its port on our relay address.
    pub port: RelayPort,
    /// When it ends if nobody refreshes it.
    pub expires: Instant,
}

/// What passed through an allocation: payload only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets from the client to peers.
    pub packets_to_peers: u64,
    /// Bytes from the client to peers.
    pub bytes_to_peers: u64,
    /// Packets from peers to the client.
    pub packets_to_client: u64,
    /// Bytes from peers to the client.
    pub bytes_to_client: u64,
}

/// One or two relayed transport addresses and who holds them.
#[derive(Debug)]
pub struct Allocation {
    /// A number that no other allocation of this relay had or will have.
    pub id: u64,
    /// Who holds it, and from where.
    pub client: ClientId,
    /// The credential it was made with.
    pub identity: Identity,
    /// Its relayed transport addresses, at most one of each family.
    pub relays: PerFamily<Option<Relay>>,
    /// The family it asked for besides and did not get, and why.
    pub refused: Option<(Family, Code)>,
    /// What quotas count it for: itself, and a port to be kept back.
    pub(super) weight: usize,
    /// The token of the port that was kept back for it.
    pub token: Option<Token>,
    /// The transaction of its Allocate request, to know a retransmission by.
    pub transaction: TransactionBytes,
    /// The lifetime that the Allocate request was granted.
    pub granted: Duration,
    /// When it was made.
    pub since: Instant,
    /// Whether it relays already.
    pub phase: Phase,
    /// Its permissions and channels.
    pub grants: Grants,
    /// What passed through it.
    pub traffic: Traffic,
    /// What it may still send to peers.
    pub(super) up: Bucket,
    /// What it may still be sent by peers.
    pub(super) down: Bucket,
}

impl Allocation {
    /// Its relayed transport addresses.
    pub fn relays(&self) -> impl Iterator<Item = Relay> {
        Family::ALL
            .into_iter()
            .filter_map(|family| *self.relays.of(family))
    }

    /// All ports that were taken for it.
    pub fn ports(&self) -> impl Iterator<Item = RelayPort> {
        let companion = match &self.phase {
            Phase::Opening(opening) => opening.companion,
            Phase::Live => None,
        };
        self.relays().map(|relay| relay.port).chain(companion)
    }

    /// Gives up a port that was taken for it.
    pub(super) fn lose(&mut self, port: RelayPort) {
        let relay = self.relays.of_mut(port.family);
        if relay.is_some_and(|relay| relay.port == port) {
            *relay = None;
        }
        if let Phase::Opening(opening) = &mut self.phase {
            opening.unopened.retain(|unopened| *unopened != port);
            opening.companion = opening.companion.filter(|companion| *companion != port);
        }
    }

    /// Lets its relayed transport address of `family`, or all of them, live
    /// until `expires`.
    pub(super) fn refresh(&mut self, family: Option<Family>, expires: Instant) {
        for each in Family::ALL {
            if family.is_none_or(|family| family == each)
                && let Some(relay) = self.relays.of_mut(each)
            {
                relay.expires = expires;
            }
        }
    }

    /// Whether it has a relayed transport address of the family of `ip`.
    #[must_use]
    pub fn reaches(&self, ip: IpAddr) -> bool {
        self.relays.of(Family::of(ip)).is_some()
    }

    /// When it next needs attention: at once if it has no address left.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        let expiries = self.relays().map(|relay| relay.expires);
        expiries
            .min()
            .map_or(self.since, |expiry| match self.grants.next_purge() {
                Some(purge) => purge.min(expiry),
                None => expiry,
            })
    }
}

#[cfg(test)]
mod tests;
