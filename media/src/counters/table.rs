//! What each counted value is called.

use super::Metric;

/// Name, labels as Prometheus writes them (may be empty), and the metric, in
/// the order of the enum.
pub(super) const TABLE: [(&str, &str, Metric); 82] = [
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
        "turn_packets_between_shards_total",
        "",
        Metric::PacketsBetweenShards,
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
    (
        "turn_dropped_total",
        "reason=\"handover\"",
        Metric::DroppedHandover,
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
    ("sfu_rooms", "", Metric::SfuRooms),
    ("sfu_participants", "", Metric::SfuParticipants),
    ("sfu_packets_in_total", "", Metric::SfuPacketsIn),
    ("sfu_packets_out_total", "", Metric::SfuPacketsOut),
    (
        "sfu_dropped_total",
        "reason=\"foreign\"",
        Metric::SfuDroppedForeign,
    ),
    (
        "sfu_dropped_total",
        "reason=\"unknown_source\"",
        Metric::SfuDroppedUnknownSource,
    ),
    (
        "sfu_dropped_total",
        "reason=\"unknown_name\"",
        Metric::SfuDroppedUnknownName,
    ),
    (
        "sfu_dropped_total",
        "reason=\"unproven\"",
        Metric::SfuDroppedUnproven,
    ),
    (
        "sfu_dropped_total",
        "reason=\"taken\"",
        Metric::SfuDroppedTaken,
    ),
    (
        "sfu_dropped_total",
        "reason=\"not_ready\"",
        Metric::SfuDroppedNotReady,
    ),
    (
        "sfu_dropped_total",
        "reason=\"muted\"",
        Metric::SfuDroppedMuted,
    ),
    (
        "sfu_dropped_total",
        "reason=\"off_stage\"",
        Metric::SfuDroppedOffStage,
    ),
    (
        "sfu_dropped_total",
        "reason=\"duplicate\"",
        Metric::SfuDroppedDuplicate,
    ),
    (
        "sfu_dropped_total",
        "reason=\"out_of_window\"",
        Metric::SfuDroppedOutOfWindow,
    ),
    (
        "sfu_dropped_total",
        "reason=\"malformed\"",
        Metric::SfuDroppedMalformed,
    ),
];
