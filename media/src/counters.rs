//! Everything the media plane counts, with names that stay. The shard writes,
//! anybody reads; a reader sees each value as it was a moment ago.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod delays;
mod table;

pub use delays::Delays;
use table::TABLE;

/// One value that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Allocations alive now (a gauge).
    Allocations,
    /// Ports kept back for an Allocate that is to come (a gauge).
    Reservations,
    /// Relay ports that could be taken now (a gauge).
    PortsFree,
    /// Relay ports that rest after their allocation's end (a gauge).
    PortsResting,
    /// 1 while no new allocation is made because the relay is to end (a gauge).
    Draining,
    /// Allocations made.
    AllocationsMade,
    /// Allocations that ended because nobody refreshed them.
    EndedExpired,
    /// Allocations that their client ended.
    EndedReleased,
    /// Allocations that a revocation ended.
    EndedRevoked,
    /// Allocations that the operator ended.
    EndedKicked,
    /// Allocations whose client's connection ended.
    EndedDisconnected,
    /// Packets sent to peers through the kernel.
    PacketsToPeer,
    /// Packets sent to clients that came through the kernel.
    PacketsToClient,
    /// Packets handed from one allocation to another in memory.
    PacketsHandedOver,
    /// Packets that one shard handed to another for that.
    PacketsBetweenShards,
    /// Payload bytes of [`Self::PacketsToPeer`].
    BytesToPeer,
    /// Payload bytes of [`Self::PacketsToClient`].
    BytesToClient,
    /// Payload bytes of [`Self::PacketsHandedOver`].
    BytesHandedOver,
    /// Success responses sent.
    AnswersSuccess,
    /// Error responses sent with this code.
    Answers400,
    /// See [`Self::Answers400`].
    Answers401,
    /// See [`Self::Answers400`].
    Answers403,
    /// See [`Self::Answers400`].
    Answers420,
    /// See [`Self::Answers400`].
    Answers437,
    /// See [`Self::Answers400`].
    Answers438,
    /// See [`Self::Answers400`].
    Answers440,
    /// See [`Self::Answers400`].
    Answers441,
    /// See [`Self::Answers400`].
    Answers442,
    /// See [`Self::Answers400`].
    Answers443,
    /// See [`Self::Answers400`].
    Answers486,
    /// See [`Self::Answers400`].
    Answers508,
    /// Dropped: neither STUN nor ChannelData.
    DroppedNotStun,
    /// Dropped: looks like STUN or ChannelData, but does not hold together.
    DroppedMalformed,
    /// Dropped: a FINGERPRINT that is wrong.
    DroppedFingerprint,
    /// Dropped: a response, or an indication that clients do not send.
    DroppedUnexpected,
    /// Dropped: an indication with an attribute that must be understood.
    DroppedUnknownAttribute,
    /// Dropped: a request whose answer is already on its way.
    DroppedRetransmission,
    /// Dropped: data from somebody without an allocation.
    DroppedNoAllocation,
    /// Dropped: no living permission for this peer.
    DroppedNoPermission,
    /// Dropped: a channel that is not bound.
    DroppedNoChannel,
    /// Dropped: a peer, or a port of ours, that may not be reached.
    DroppedPeerDenied,
    /// Dropped: a peer of another address family than the allocation.
    DroppedPeerFamily,
    /// Dropped: larger than a receive slot.
    DroppedTooLarge,
    /// Dropped: the kernel did not take it.
    DroppedSendFailed,
    /// Dropped: a request without a right credential from where too many came.
    DroppedUnauthenticated,
    /// Dropped: an allocation, or all together, relay more than they may.
    DroppedBandwidth,
    /// Dropped: an answer that could not be encoded.
    DroppedUnanswerable,
    /// Dropped: data for a client that reads slower than it is sent.
    DroppedSlowReader,
    /// Dropped: a shard does not fetch as fast as another one hands over to it.
    DroppedHandover,
    /// Receives that failed for another reason than an empty queue.
    ReceiveErrors,
    /// Relay ports the kernel did not give us because somebody has them.
    RelayPortsTaken,
    /// Relay sockets that could not be opened for any other reason.
    RelayOpenErrors,
    /// Datagrams on which the core panicked. Never, if all is well.
    Panics,
    /// Connections over TCP now (a gauge).
    StreamsTcp,
    /// Connections over TLS now (a gauge).
    StreamsTls,
    /// Connections that said nothing yet, among them (a gauge).
    StreamsSilent,
    /// Connections closed at once: there are too many in all.
    StreamsRefusedAll,
    /// The same: too many from one network.
    StreamsRefusedNetwork,
    /// The same: too many from one network that say nothing.
    StreamsRefusedSilent,
    /// Connections not accepted: the kernel gave none, for want of files.
    AcceptErrors,
    /// Connections that their client ended.
    StreamsClosedClient,
    /// Connections on which came what is neither STUN nor ChannelData.
    StreamsClosedForeign,
    /// Connections on which more was declared than a message may have.
    StreamsClosedTooLarge,
    /// Connections whose TLS failed, most of them in the handshake.
    StreamsClosedTls,
    /// Connections that never said anything.
    StreamsClosedSilent,
    /// Connections without an allocation for too long.
    StreamsClosedIdle,
    /// Connections whose client did not read.
    StreamsClosedStalled,
    /// Voice rooms with somebody in them (a gauge).
    SfuRooms,
    /// Seats taken in them (a gauge).
    SfuParticipants,
    /// Voice packets that came from participants.
    SfuPacketsIn,
    /// Voice packets that went to participants.
    SfuPacketsOut,
    /// Dropped by the rooms: nothing that belongs there.
    SfuDroppedForeign,
    /// Dropped by the rooms: from an address that is nobody's.
    SfuDroppedUnknownSource,
    /// Dropped by the rooms: a binding request in nobody's name.
    SfuDroppedUnknownName,
    /// Dropped by the rooms: a binding request without a right proof.
    SfuDroppedUnproven,
    /// Dropped by the rooms: a binding request from another's address.
    SfuDroppedTaken,
    /// Dropped by the rooms: voice of somebody who is not there yet.
    SfuDroppedNotReady,
    /// Dropped by the rooms: voice of somebody whom a moderator muted.
    SfuDroppedMuted,
    /// Dropped by the rooms: voice of somebody who is not among the loudest.
    SfuDroppedOffStage,
    /// Dropped by the rooms: voice that came twice.
    SfuDroppedDuplicate,
    /// Dropped by the rooms: voice that came too late, or from nowhere.
    SfuDroppedOutOfWindow,
    /// Dropped by the rooms: redundant audio that does not hold together.
    SfuDroppedMalformed,
}

/// The counted values of one relay, or of one shard of it. Cheap to write, safe
/// to read from anywhere.
pub struct Counters {
    values: [AtomicU64; TABLE.len()],
    /// Those of the shards, each of which writes its own.
    shards: Vec<Arc<Self>>,
    delays: Delays,
}

impl Counters {
    /// All values at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            values: std::array::from_fn(|_| AtomicU64::new(0)),
            shards: Vec::new(),
            delays: Delays::default(),
        }
    }

    /// What these shards count together.
    #[must_use]
    pub fn of(shards: Vec<Arc<Self>>) -> Self {
        Self {
            shards,
            ..Self::new()
        }
    }

    /// Counts one.
    pub fn count(&self, metric: Metric) {
        self.add(metric, 1);
    }

    /// Counts several at once.
    pub fn add(&self, metric: Metric, amount: u64) {
        if let Some(value) = self.values.get(metric as usize) {
            value.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// Sets a gauge.
    pub fn set(&self, metric: Metric, amount: u64) {
        if let Some(value) = self.values.get(metric as usize) {
            value.store(amount, Ordering::Relaxed);
        }
    }

    /// The value now.
    #[must_use]
    pub fn value(&self, metric: Metric) -> u64 {
        let own = self.values.get(metric as usize);
        let own = own.map_or(0, |value| value.load(Ordering::Relaxed));
        let shards = self.shards.iter().map(|shard| shard.value(metric));
        if metric == Metric::Draining {
            // Not before the last of them drains does the relay.
            return own.max(shards.min().unwrap_or_default());
        }
        own + shards.sum::<u64>()
    }

    /// Counts packets of the voice rooms that left this long after the turn
    /// began in which they came.
    pub fn delayed(&self, packets: u64, delay: Duration) {
        if packets > 0 {
            self.delays.add(packets, delay);
        }
    }

    /// How long packets of the voice rooms were held.
    pub fn delays(&self) -> &Delays {
        // The rooms are in the first of the shards.
        let first = self.shards.first();
        first.map_or(&self.delays, |first| first.delays())
    }

    /// All values as (name, labels, value), in an order that stays. Labels are
    /// written as Prometheus writes them between its braces and may be empty.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        TABLE
            .iter()
            .map(|(name, labels, metric)| (*name, *labels, self.value(*metric)))
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = self.iter().filter(|(_, _, value)| *value != 0);
        f.debug_map()
            .entries(counted.map(|(name, labels, value)| (format!("{name}{{{labels}}}"), value)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_metric_at_its_own_place() {
        for (place, (_, _, metric)) in TABLE.iter().enumerate() {
            assert_eq!(*metric as usize, place);
        }
        assert_eq!(Metric::SfuDroppedMalformed as usize + 1, TABLE.len());
    }

    #[test]
    fn no_two_metrics_share_name_and_labels() {
        let mut names: Vec<_> = TABLE
            .iter()
            .map(|(name, labels, _)| (name, labels))
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }

    #[test]
    fn a_counted_drop_shows_under_its_reason() {
        let counters = Counters::new();
        counters.count(Metric::DroppedNoPermission);
        counters.add(Metric::DroppedNoPermission, 2);
        let seen = counters
            .iter()
            .find(|(_, labels, _)| *labels == "reason=\"no_permission\"");
        assert_eq!(
            seen,
            Some(("turn_dropped_total", "reason=\"no_permission\"", 3))
        );
    }

    #[test]
    fn shards_count_together_and_drain_with_the_last() {
        let shards = [(); 2].map(|()| Arc::new(Counters::new()));
        let all = Counters::of(shards.to_vec());
        for (shard, allocations) in shards.iter().zip([3, 4]) {
            shard.set(Metric::Allocations, allocations);
        }
        assert_eq!(all.value(Metric::Allocations), 7);
        shards[0].set(Metric::Draining, 1);
        assert_eq!(all.value(Metric::Draining), 0);
        shards[1].set(Metric::Draining, 1);
        assert_eq!(all.value(Metric::Draining), 1);
    }
}
