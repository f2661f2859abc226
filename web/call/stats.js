// What getStats says about one call, in our terms.

/**
 * @typedef {import("./state.js").Path} Path
 * @typedef {{received: number, lost: number, path: Path | null, sign: string}} Reading  `sign` changes whenever the other end answered a check
 */

/**
 * Reads a report. Loss is of the time since the last reading.
 * @param {Iterable<any>} report values of an RTCStatsReport
 * @param {Reading | null} last
 * @returns {Reading}
 */
export function read(report, last) {
  /** @type {Map<string, any>} */
  const byId = new Map();
  let received = 0;
  let lost = 0;
  let jitter = 0;
  let chosen = "";
  for (const stat of report) {
    byId.set(stat.id, stat);
    if (stat.type === "inbound-rtp" && stat.kind === "audio") {
      received += stat.packetsReceived ?? 0;
      lost += Math.max(0, stat.packetsLost ?? 0);
      // Of several sounds the least steady one tells.
      if (stat.packetsReceived) jitter = Math.max(jitter, stat.jitter ?? 0);
    }
    if (stat.type === "transport" && stat.selectedCandidatePairId) chosen = stat.selectedCandidatePairId;
  }
  const pair = byId.get(chosen) ?? [...byId.values()].find((s) => s.type === "candidate-pair" && (s.selected || (s.nominated && s.state === "succeeded")));
  if (!pair) return { received, lost, path: null, sign: "" };
  const local = byId.get(pair.localCandidateId);
  const remote = byId.get(pair.remoteCandidateId);
  const newLost = Math.max(0, lost - (last?.lost ?? 0));
  const total = newLost + Math.max(0, received - (last?.received ?? 0));
  return {
    received,
    lost,
    sign: `${pair.id} ${pair.responsesReceived ?? 0}`,
    path: {
      way: way(local, remote),
      rttMs: typeof pair.currentRoundTripTime === "number" ? Math.round(pair.currentRoundTripTime * 1000) : null,
      loss: total > 0 ? newLost / total : 0,
      jitterMs: Math.round(jitter * 1000),
    },
  };
}

/** @param {any} local @param {any} remote @returns {Path["way"]} */
function way(local, remote) {
  if (local?.candidateType !== "relay") return remote?.candidateType === "relay" ? "udp" : "direct";
  return local.relayProtocol === "tcp" || local.relayProtocol === "tls" ? local.relayProtocol : "udp";
}
