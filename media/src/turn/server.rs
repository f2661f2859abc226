//! The TURN server without I/O: what comes from clients and peers goes in
//! through `handle_*`, what is to be done comes out of
//! [`Server::poll_effect`], and a datagram to be passed on is left in its
//! [`Packet`] and its way returned. Requests are carried out in `control`.
//!
//! After each `handle_*` the caller drains `poll_effect` before the next.

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::auth::{Authority, Revoked};
use super::codec::Crypto;
use super::frame::{self, Class, Frame, SEND, Stun};
use super::packet::Packet;
use super::policy::{PeerPolicy, Route};
use super::ports::Ports;
use super::table::{Place, Table};
use super::{ClientId, PeerAddr, Random, RelayPort, TransactionBytes};
use crate::config::RelayConfig;
use crate::counters::{Counters, Metric};

/// Something to be done by whoever owns the sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this to the client.
    Answer {
        /// To whom.
        client: ClientId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Open a relay socket on this port, and say how it went with
    /// [`Server::handle_relay_opened`] or [`Server::handle_relay_failed`].
    OpenRelay(RelayPort),
    /// Close the relay socket on this port, if there is one.
    CloseRelay(RelayPort),
}

/// Where the datagram in the packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Out of this relay port to this peer.
    ToPeer(RelayPort, PeerAddr),
    /// To this client.
    ToClient(ClientId),
}

/// Why a relay socket did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFailure {
    /// Somebody else has the port: another one may do.
    PortTaken,
    /// Anything else: another port would not help.
    Other,
}

/// What must be unpredictable, from outside.
pub struct Entropy {
    /// Key of the nonces.
    pub nonce_key: [u8; 32],
    /// Chooses ports.
    pub random: Random,
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy([redacted])")
    }
}

/// A STUN and TURN server.
pub struct Server {
    pub(super) authority: Authority,
    pub(super) policy: PeerPolicy,
    pub(super) ports: Ports,
    pub(super) random: Random,
    pub(super) table: Table,
    pub(super) advertise: IpAddr,
    pub(super) max_per_owner: usize,
    pub(super) effects: VecDeque<Effect>,
    pub(super) counters: Arc<Counters>,
    indications_sent: u64,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("allocations", &self.table.len())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server without allocations. `listen_ports` are the ports that its
    /// listeners really have.
    #[must_use]
    pub fn new(
        config: &RelayConfig,
        listen_ports: &[u16],
        crypto: Crypto,
        entropy: Entropy,
        counters: Arc<Counters>,
        now: Instant,
    ) -> Self {
        Self {
            authority: Authority::new(config, crypto, &entropy.nonce_key, now),
            policy: PeerPolicy::new(config, listen_ports),
            ports: Ports::new(config.ports.clone(), &config.excluded_ports),
            random: entropy.random,
            table: Table::default(),
            advertise: IpAddr::V4(config.relay_advertise),
            max_per_owner: config.max_allocations_per_user,
            effects: VecDeque::new(),
            counters,
            indications_sent: 0,
        }
    }

    /// A datagram from a client. If it carries data that may pass, `packet`
    /// holds what is to be sent afterwards, and where to is returned.
    ///
    /// `unix` is the wall clock in seconds since 1970.
    pub fn handle_client(
        &mut self,
        client: ClientId,
        packet: &mut Packet,
        now: Instant,
        unix: u64,
    ) -> Option<Forward> {
        self.handle_timeout(now);
        let outcome = match frame::classify(packet.datagram()) {
            Ok(Frame::Channel(number, data)) => self
                .channel_data(client, number, data, packet, now)
                .map(Some),
            Ok(Frame::Stun(stun)) => self.stun(client, &stun, packet, now, unix),
            Err(metric) => Err(metric),
        };
        outcome.unwrap_or_else(|metric| {
            self.counters.count(metric);
            None
        })
    }

    /// A datagram that a peer sent to a relay port of ours.
    pub fn handle_peer(
        &mut self,
        relay: RelayPort,
        peer: PeerAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Option<Forward> {
        self.handle_timeout(now);
        let length = packet.datagram().len();
        match self.pass_to_client(relay, peer, packet, now) {
            Ok(client) => {
                self.count_payload(Metric::PacketsToClient, Metric::BytesToClient, length);
                Some(Forward::ToClient(client))
            }
            Err(metric) => {
                self.counters.count(metric);
                None
            }
        }
    }

    /// Ends everything that is over. Each `handle_*` does so first.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(place) = self.table.due(now) {
            match self.table.get_mut(place) {
                Some(allocation) if now < allocation.expires => {
                    allocation.grants.purge(now);
                    self.table.rearm(place, true);
                }
                Some(_) | None => self.end(place, Metric::EndedExpired, now),
            }
        }
    }

    /// When [`Self::handle_timeout`] next has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.table.next_timer()
    }

    /// The next thing to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Ends the allocations of a session or a person, and refuses their
    /// credentials from now on.
    pub fn handle_revoke(&mut self, whom: Revoked, now: Instant, unix: u64) {
        self.authority.revoke(whom, unix);
        self.end_all_of(whom, now);
    }

    fn stun(
        &mut self,
        client: ClientId,
        stun: &Stun,
        packet: &mut Packet,
        now: Instant,
        unix: u64,
    ) -> Result<Option<Forward>, Metric> {
        match (stun.class, stun.method) {
            (Class::Request, _) => {
                self.handle_request(client, packet.datagram(), stun, now, unix)?;
                Ok(None)
            }
            (Class::Indication, SEND) => self.send_indication(client, stun, packet, now).map(Some),
            (Class::Indication | Class::Response, _) => Err(Metric::DroppedUnexpected),
        }
    }

    fn channel_data(
        &mut self,
        client: ClientId,
        number: frame::ChannelNumber,
        data: Range<usize>,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<Forward, Metric> {
        let allocation = self
            .table
            .live_of_client(&client)
            .ok_or(Metric::DroppedNoAllocation)?;
        let peer = allocation
            .grants
            .peer_of(number, now)
            .ok_or(Metric::DroppedNoChannel)?;
        self.pass_to_peer(client, peer, data, packet, now)
    }

    fn send_indication(
        &mut self,
        client: ClientId,
        stun: &Stun,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<Forward, Metric> {
        if stun.unknown_in_send {
            return Err(Metric::DroppedUnknownAttribute);
        }
        let (Some(peer), Some(data)) = (&stun.peer, &stun.data) else {
            return Err(Metric::DroppedMalformed);
        };
        let peer = packet
            .datagram()
            .get(peer.clone())
            .and_then(|value| frame::xor_address(value, &stun.transaction))
            .ok_or(Metric::DroppedMalformed)?;
        self.pass_to_peer(client, PeerAddr(peer), data.clone(), packet, now)
    }

    /// Data from a client on its way to a peer, of which only `data` is left
    /// in the packet.
    fn pass_to_peer(
        &mut self,
        client: ClientId,
        peer: PeerAddr,
        data: Range<usize>,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<Forward, Metric> {
        let allocation = self
            .table
            .live_of_client(&client)
            .ok_or(Metric::DroppedNoAllocation)?;
        if peer.0.is_ipv6() {
            return Err(Metric::DroppedPeerFamily);
        }
        if !allocation.grants.is_permitted(peer.0.ip(), now) {
            return Err(Metric::DroppedNoPermission);
        }
        let port = allocation.port;
        let length = data.len();
        if !packet.narrow(data) {
            return Err(Metric::DroppedMalformed);
        }
        match self
            .policy
            .route(peer, |port| self.table.live_of_port(port).is_some())
        {
            Route::Kernel => {
                self.count_payload(Metric::PacketsToPeer, Metric::BytesToPeer, length);
                Ok(Forward::ToPeer(port, peer))
            }
            Route::HandOver(receiver) => {
                let sender = PeerAddr(SocketAddr::new(self.advertise, port.0));
                let client = self.deliver(receiver, sender, packet, now)?;
                self.count_payload(Metric::PacketsHandedOver, Metric::BytesHandedOver, length);
                Ok(Forward::ToClient(client))
            }
            Route::Denied => Err(Metric::DroppedPeerDenied),
        }
    }

    fn pass_to_client(
        &mut self,
        relay: RelayPort,
        peer: PeerAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<ClientId, Metric> {
        let allocation = self
            .table
            .live_of_port(relay)
            .ok_or(Metric::DroppedNoAllocation)?;
        if !allocation.grants.is_permitted(peer.0.ip(), now) {
            return Err(Metric::DroppedNoPermission);
        }
        // What one relay port sends another never comes through the kernel, so
        // what claims to be from one there is not.
        match self
            .policy
            .route(peer, |port| self.table.live_of_port(port).is_some())
        {
            Route::Kernel => self.deliver(relay, peer, packet, now),
            Route::HandOver(_) | Route::Denied => Err(Metric::DroppedPeerDenied),
        }
    }

    /// Puts the header on a payload for the client behind `receiver`, if that
    /// client hears `peer`.
    fn deliver(
        &mut self,
        receiver: RelayPort,
        peer: PeerAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<ClientId, Metric> {
        let allocation = self
            .table
            .live_of_port(receiver)
            .ok_or(Metric::DroppedNoAllocation)?;
        let SocketAddr::V4(address) = peer.0 else {
            return Err(Metric::DroppedPeerFamily);
        };
        if !allocation.grants.is_permitted(peer.0.ip(), now) {
            return Err(Metric::DroppedNoPermission);
        }
        let client = allocation.client;
        let channel = allocation.grants.channel_of(peer, now);
        let length = u16::try_from(packet.datagram().len()).map_err(|_| Metric::DroppedTooLarge)?;
        let fits = match channel {
            Some(channel) => packet.wrap(&frame::channel_header(channel, length), 1),
            None => {
                let transaction = self.indication_transaction();
                packet.wrap(
                    &frame::data_indication_header(&transaction, address, length),
                    4,
                )
            }
        };
        fits.then_some(client).ok_or(Metric::DroppedTooLarge)
    }

    /// Nothing answers an indication, so its transaction id only has to be
    /// another one each time.
    fn indication_transaction(&mut self) -> TransactionBytes {
        self.indications_sent = self.indications_sent.wrapping_add(1);
        let mut transaction = *b"payb\0\0\0\0\0\0\0\0";
        let count = self.indications_sent.to_be_bytes();
        transaction
            .iter_mut()
            .skip(4)
            .zip(count)
            .for_each(|(place, byte)| *place = byte);
        transaction
    }

    fn count_payload(&self, packets: Metric, bytes: Metric, length: usize) {
        self.counters.count(packets);
        self.counters
            .add(bytes, u64::try_from(length).unwrap_or(u64::MAX));
    }

    /// Ends one allocation and counts it under `cause`.
    pub(super) fn end(&mut self, place: Place, cause: Metric, now: Instant) {
        let Some(allocation) = self.table.remove(place) else {
            return;
        };
        self.ports.give_back(allocation.port, now);
        self.effects.push_back(Effect::CloseRelay(allocation.port));
        self.counters.count(cause);
        self.count_allocations();
    }

    pub(super) fn count_allocations(&self) {
        let count = u64::try_from(self.table.len()).unwrap_or(u64::MAX);
        self.counters.set(Metric::Allocations, count);
    }
}
