//! Everything the media plane counts, with names that stay. The shard writes,
//! anybody reads; a reader sees each value as it was a moment ago.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

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
}

/// Name, labels as Prometheus writes them (may be empty), and the metric, in
/// the order of the enum.
const TABLE: [(&str, &str, Metric); 65] = [
    ("turn_allocations", "", Metric::Allocations),
    ("turn_reservations", "", Metric::Reservations),
    ("turn_relay_ports", "state=\"free\"", Metric::PortsFree),
    (
        "turn_relay_ports",
        "state=\"resting\"",
        Metric::PortsResting,
    ),
    ("turn_draining", "", Metric::Draining),
    ("turn_allocations_made_total", "", Metric::AllocationsMade),
    (
        "turn_allocations_ended_total",
        "cause=\"expired\"",
        Metric::EndedExpired,
    ),
    (
        "turn_allocations_ended_total",
        "cause=\"released\"",
        Metric::EndedReleased,
    ),
    (
        "turn_allocations_ended_total",
        "cause=\"revoked\"",
        Metric::EndedRevoked,
    ),
    (
        "turn_allocations_ended_total",
        "cause=\"kicked\"",
        Metric::EndedKicked,
    ),
    (
        "turn_allocations_ended_total",
        "cause=\"disconnected\"",
        Metric::EndedDisconnected,
    ),
    (
        "turn_packets_total",
        "path=\"to_peer\"",
        Metric::PacketsToPeer,
    ),
    (
        "turn_packets_total",
        "path=\"to_client\"",
        Metric::PacketsToClient,
    ),
    (
        "turn_packets_total",
        "path=\"handed_over\"",
        Metric::PacketsHandedOver,
    ),
    (
        "turn_payload_bytes_total",
        "path=\"to_peer\"",
        Metric::BytesToPeer,
    ),
    (
        "turn_payload_bytes_total",
        "path=\"to_client\"",
        Metric::BytesToClient,
    ),
    (
        "turn_payload_bytes_total",
        "path=\"handed_over\"",
        Metric::BytesHandedOver,
    ),
    (
        "turn_answers_total",
        "code=\"success\"",
        Metric::AnswersSuccess,
    ),
    ("turn_answers_total", "code=\"400\"", Metric::Answers400),
    ("turn_answers_total", "code=\"401\"", Metric::Answers401),
    ("turn_answers_total", "code=\"403\"", Metric::Answers403),
    ("turn_answers_total", "code=\"420\"", Metric::Answers420),
    ("turn_answers_total", "code=\"437\"", Metric::Answers437),
    ("turn_answers_total", "code=\"438\"", Metric::Answers438),
    ("turn_answers_total", "code=\"440\"", Metric::Answers440),
    ("turn_answers_total", "code=\"441\"", Metric::Answers441),
    ("turn_answers_total", "code=\"442\"", Metric::Answers442),
    ("turn_answers_total", "code=\"443\"", Metric::Answers443),
    ("turn_answers_total", "code=\"486\"", Metric::Answers486),
    ("turn_answers_total", "code=\"508\"", Metric::Answers508),
    (
        "turn_dropped_total",
        "reason=\"not_stun\"",
        Metric::DroppedNotStun,
    ),
    (
        "turn_dropped_total",
        "reason=\"malformed\"",
        Metric::DroppedMalformed,
    ),
    (
        "turn_dropped_total",
        "reason=\"fingerprint\"",
        Metric::DroppedFingerprint,
    ),
    (
        "turn_dropped_total",
        "reason=\"unexpected\"",
        Metric::DroppedUnexpected,
    ),
    (
        "turn_dropped_total",
        "reason=\"unknown_attribute\"",
        Metric::DroppedUnknownAttribute,
    ),
    (
        "turn_dropped_total",
        "reason=\"retransmission\"",
        Metric::DroppedRetransmission,
    ),
    (
        "turn_dropped_total",
        "reason=\"no_allocation\"",
        Metric::DroppedNoAllocation,
    ),
    (
        "turn_dropped_total",
        "reason=\"no_permission\"",
        Metric::DroppedNoPermission,
    ),
    (
        "turn_dropped_total",
        "reason=\"no_channel\"",
        Metric::DroppedNoChannel,
    ),
    (
        "turn_dropped_total",
        "reason=\"peer_denied\"",
        Metric::DroppedPeerDenied,
    ),
    (
        "turn_dropped_total",
        "reason=\"peer_family\"",
        Metric::DroppedPeerFamily,
    ),
    (
        "turn_dropped_total",
        "reason=\"too_large\"",
        Metric::DroppedTooLarge,
    ),
    (
        "turn_dropped_total",
        "reason=\"send_failed\"",
        Metric::DroppedSendFailed,
    ),
    (
        "turn_dropped_total",
        "reason=\"unauthenticated\"",
        Metric::DroppedUnauthenticated,
    ),
    (
        "turn_dropped_total",
        "reason=\"bandwidth\"",
        Metric::DroppedBandwidth,
    ),
    (
        "turn_dropped_total",
        "reason=\"unanswerable\"",
        Metric::DroppedUnanswerable,
    ),
    (
        "turn_dropped_total",
        "reason=\"slow_reader\"",
        Metric::DroppedSlowReader,
    ),
    ("turn_receive_errors_total", "", Metric::ReceiveErrors),
    (
        "turn_relay_open_failures_total",
        "cause=\"taken\"",
        Metric::RelayPortsTaken,
    ),
    (
        "turn_relay_open_failures_total",
        "cause=\"error\"",
        Metric::RelayOpenErrors,
    ),
    ("turn_panics_total", "", Metric::Panics),
    ("turn_streams", "transport=\"tcp\"", Metric::StreamsTcp),
    ("turn_streams", "transport=\"tls\"", Metric::StreamsTls),
    ("turn_streams_silent", "", Metric::StreamsSilent),
    (
        "turn_streams_refused_total",
        "reason=\"all\"",
        Metric::StreamsRefusedAll,
    ),
    (
        "turn_streams_refused_total",
        "reason=\"network\"",
        Metric::StreamsRefusedNetwork,
    ),
    (
        "turn_streams_refused_total",
        "reason=\"silent\"",
        Metric::StreamsRefusedSilent,
    ),
    ("turn_accept_errors_total", "", Metric::AcceptErrors),
    (
        "turn_streams_closed_total",
        "reason=\"client\"",
        Metric::StreamsClosedClient,
    ),
    (
        "turn_streams_closed_total",
        "reason=\"foreign\"",
        Metric::StreamsClosedForeign,
    ),
    (
        "turn_streams_closed_total",
        "reason=\"too_large\"",
        Metric::StreamsClosedTooLarge,
    ),
    (
        "turn_streams_closed_total",
        "reason=\"tls\"",
        Metric::StreamsClosedTls,
    ),
    (
        "turn_streams_closed_total",
        "reason=\"silent\"",
        Metric::StreamsClosedSilent,
    ),
    (
        "turn_streams_closed_total",
        "reason=\"idle\"",
        Metric::StreamsClosedIdle,
    ),
    (
        "turn_streams_closed_total",
        "reason=\"stalled\"",
        Metric::StreamsClosedStalled,
    ),
];

/// The counted values of one relay. Cheap to write, safe to read from anywhere.
pub struct Counters {
    values: [AtomicU64; TABLE.len()],
}

impl Counters {
    /// All values at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            values: std::array::from_fn(|_| AtomicU64::new(0)),
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
        self.values
            .get(metric as usize)
            .map_or(0, |value| value.load(Ordering::Relaxed))
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
        assert_eq!(Metric::StreamsClosedStalled as usize + 1, TABLE.len());
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
}
