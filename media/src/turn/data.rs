//! Data on its way: from clients to peers, from peers to clients, and from one
//! allocation to another without leaving memory.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use super::frame::{self, DataHeader, Stun};
use super::packet::Packet;
use super::policy::Route;
use super::server::{Bandwidth, Crossing, Forward, Server};
use super::table::Place;
use super::{ClientId, Family, PeerAddr, RelayPort, TransactionBytes};
use crate::counters::Metric;

/// Which way a payload goes.
#[derive(Clone, Copy)]
enum Direction {
    /// From a client to a peer.
    Up,
    /// From a peer to a client.
    Down,
}

impl Server {
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

    /// A payload that another shard hands over.
    pub fn handle_crossing(
        &mut self,
        Crossing { from, to }: Crossing,
        packet: &mut Packet,
        now: Instant,
    ) -> Option<Forward> {
        self.handle_timeout(now);
        let length = packet.datagram().len();
        match self.take_over(from, to, packet, now) {
            Ok(client) => {
                self.count_payload(Metric::PacketsHandedOver, Metric::BytesHandedOver, length);
                Some(Forward::ToClient(client))
            }
            Err(metric) => {
                self.counters.count(metric);
                None
            }
        }
    }

    /// The relay port that is at this address, if an allocation lives there.
    #[must_use]
    pub fn relay_at(&self, address: SocketAddr) -> Option<RelayPort> {
        let port = RelayPort {
            family: Family::of(address.ip()),
            port: address.port(),
        };
        let is_ours = *self.advertise.of(port.family) == Some(address.ip());
        (is_ours && self.table.live_of_port(port).is_some()).then_some(port)
    }

    /// What our voice rooms, which are at `rooms`, send to a relay port.
    pub fn handle_rooms(
        &mut self,
        relay: RelayPort,
        rooms: SocketAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Option<Forward> {
        let length = packet.datagram().len();
        match self.leave_rooms(relay, PeerAddr(rooms), packet, now) {
            Ok(client) => {
                self.count_payload(Metric::PacketsHandedOver, Metric::BytesHandedOver, length);
                Some(Forward::ToClient(client))
            }
            Err(metric) => {
                self.counters.count(metric);
                None
            }
        }
    }

    fn take_over(
        &mut self,
        from: RelayPort,
        to: RelayPort,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<ClientId, Metric> {
        let place = self.table.live_of_port(to);
        let place = place.ok_or(Metric::DroppedNoAllocation)?;
        let sender = PeerAddr(self.relayed(from).ok_or(Metric::DroppedPeerFamily)?);
        self.check_permission(place, sender, now)?;
        self.deliver(place, sender, packet, now)
    }

    fn leave_rooms(
        &mut self,
        relay: RelayPort,
        rooms: PeerAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<ClientId, Metric> {
        let place = self.table.live_of_port(relay);
        let place = place.ok_or(Metric::DroppedNoAllocation)?;
        self.check_permission(place, rooms, now)?;
        self.deliver(place, rooms, packet, now)
    }

    pub(super) fn channel_data(
        &mut self,
        client: ClientId,
        number: frame::ChannelNumber,
        data: Range<usize>,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<Forward, Metric> {
        let place = self.live_of_client(&client)?;
        let peer = self
            .table
            .get(place)
            .and_then(|allocation| allocation.grants.peer_of(number, now))
            .ok_or(Metric::DroppedNoChannel)?;
        self.pass_to_peer(place, peer, data, packet, now)
    }

    pub(super) fn send_indication(
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
        let place = self.live_of_client(&client)?;
        let forward = self.pass_to_peer(place, PeerAddr(peer), data.clone(), packet, now)?;
        Ok(match forward {
            Forward::ToPeer(port, peer) if stun.dont_fragment => Forward::ToPeerWhole(port, peer),
            Forward::ToPeer(..)
            | Forward::ToPeerWhole(..)
            | Forward::ToRooms(..)
            | Forward::ToClient(_)
            | Forward::ToShard(..) => forward,
        })
    }

    fn live_of_client(&self, client: &ClientId) -> Result<Place, Metric> {
        let place = self.table.live_of_client(client);
        place.ok_or(Metric::DroppedNoAllocation)
    }

    /// Data from a client on its way to a peer, of which only `data` is left
    /// in the packet.
    fn pass_to_peer(
        &mut self,
        place: Place,
        peer: PeerAddr,
        data: Range<usize>,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<Forward, Metric> {
        let length = data.len();
        let allocation = self.table.get(place).ok_or(Metric::DroppedNoAllocation)?;
        let relay = allocation
            .relays
            .of(Family::of(peer.0.ip()))
            .ok_or(Metric::DroppedPeerFamily)?;
        if !allocation.grants.is_permitted(peer.0.ip(), now) {
            return Err(Metric::DroppedNoPermission);
        }
        if !packet.narrow(data) {
            return Err(Metric::DroppedMalformed);
        }
        let mut receiver = None;
        let lives = |port| {
            receiver = self.table.live_of_port(port);
            receiver.is_some() || self.ledger.elsewhere(port, self.shard).is_some()
        };
        let route = self.policy.route(peer, lives);
        if route == Route::Denied {
            return Err(Metric::DroppedPeerDenied);
        }
        self.spend(place, Direction::Up, length, now)?;
        match route {
            Route::HandOver(port) => {
                let Some(receiver) = receiver else {
                    let shard = self.ledger.elsewhere(port, self.shard);
                    let shard = shard.ok_or(Metric::DroppedNoAllocation)?;
                    let (from, to) = (relay.port, port);
                    return Ok(Forward::ToShard(shard, Crossing { from, to }));
                };
                let sender = self.relayed(relay.port).ok_or(Metric::DroppedPeerFamily)?;
                self.check_permission(receiver, PeerAddr(sender), now)?;
                let client = self.deliver(receiver, PeerAddr(sender), packet, now)?;
                self.count_payload(Metric::PacketsHandedOver, Metric::BytesHandedOver, length);
                Ok(Forward::ToClient(client))
            }
            Route::Rooms if self.has_rooms => {
                let sender = self.relayed(relay.port).ok_or(Metric::DroppedPeerFamily)?;
                self.count_payload(Metric::PacketsHandedOver, Metric::BytesHandedOver, length);
                Ok(Forward::ToRooms(sender))
            }
            Route::Kernel | Route::Rooms | Route::Denied => {
                self.count_payload(Metric::PacketsToPeer, Metric::BytesToPeer, length);
                Ok(Forward::ToPeer(relay.port, peer))
            }
        }
    }

    fn pass_to_client(
        &mut self,
        relay: RelayPort,
        peer: PeerAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<ClientId, Metric> {
        let place = self
            .table
            .live_of_port(relay)
            .ok_or(Metric::DroppedNoAllocation)?;
        self.check_permission(place, peer, now)?;
        // What one relay port sends another never comes through the kernel, so
        // what claims to be from one there is not.
        let lives = |port| {
            self.table.live_of_port(port).is_some()
                || self.ledger.elsewhere(port, self.shard).is_some()
        };
        match self.policy.route(peer, lives) {
            Route::Kernel => self.deliver(place, peer, packet, now),
            Route::Rooms if !self.has_rooms => self.deliver(place, peer, packet, now),
            Route::HandOver(_) | Route::Rooms | Route::Denied => Err(Metric::DroppedPeerDenied),
        }
    }

    /// Whether the client of the allocation at `place` hears `peer`.
    fn check_permission(&self, place: Place, peer: PeerAddr, now: Instant) -> Result<(), Metric> {
        let allocation = self.table.get(place).ok_or(Metric::DroppedNoAllocation)?;
        let is_permitted = allocation.grants.is_permitted(peer.0.ip(), now);
        is_permitted
            .then_some(())
            .ok_or(Metric::DroppedNoPermission)
    }

    /// Puts the header on a payload that the client of the allocation at
    /// `place` may hear.
    fn deliver(
        &mut self,
        place: Place,
        peer: PeerAddr,
        packet: &mut Packet,
        now: Instant,
    ) -> Result<ClientId, Metric> {
        let allocation = self.table.get(place).ok_or(Metric::DroppedNoAllocation)?;
        let (client, channel) = (allocation.client, allocation.grants.channel_of(peer, now));
        let bytes = packet.datagram().len();
        let length = u16::try_from(bytes).map_err(|_| Metric::DroppedTooLarge)?;
        self.spend(place, Direction::Down, bytes, now)?;
        let fits = match channel {
            Some(channel) => packet.wrap(&frame::channel_header(channel, length), 1),
            None => {
                let transaction = self.indication_transaction();
                let header = DataHeader::new(&transaction, peer.0, length);
                packet.wrap(header.bytes(), 4)
            }
        };
        fits.then_some(client).ok_or(Metric::DroppedTooLarge)
    }

    /// Takes `bytes` out of what an allocation and all together may relay, and
    /// notes that they passed.
    fn spend(
        &mut self,
        place: Place,
        direction: Direction,
        bytes: usize,
        now: Instant,
    ) -> Result<(), Metric> {
        let Bandwidth { each, up, down } = &mut self.bandwidth;
        let allocation = self
            .table
            .get_mut(place)
            .ok_or(Metric::DroppedNoAllocation)?;
        let traffic = &mut allocation.traffic;
        let (own, share, common, count, sum) = match direction {
            Direction::Up => (
                &mut allocation.up,
                up,
                &self.ledger.up,
                &mut traffic.packets_to_peers,
                &mut traffic.bytes_to_peers,
            ),
            Direction::Down => (
                &mut allocation.down,
                down,
                &self.ledger.down,
                &mut traffic.packets_to_client,
                &mut traffic.bytes_to_client,
            ),
        };
        if !own.holds(*each, bytes, now) || !share.take(common, bytes, now) {
            return Err(Metric::DroppedBandwidth);
        }
        own.take(*each, bytes, now);
        *count += 1;
        *sum += u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok(())
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
}
