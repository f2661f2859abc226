// Watches one RTCPeerConnection: trouble, silence, and what getStats says.

import { read } from "./stats.js";

/**
 * @typedef {{
 *   trouble: () => void,
 *   stalled: () => void,
 *   fine: () => void,
 *   reading: (r: import("./stats.js").Reading) => void,
 * }} WatchEvents
 */

const DISCONNECTED_MS = 3_000;
const FIRST_LOOK_MS = 250;
const LOOK_MS = 2_000;
const LISTEN_MS = 250;
/** Fifty packets that did not come. A browser calls that disconnected only after some seconds. */
const STALL_MS = 1_000;
const STALLED_AGAIN_MS = 3_000;

/** When the newest packet came that was played. @param {RTCPeerConnection} pc */
const heardAt = (pc) => Math.max(0, ...pc.getReceivers().map((r) => r.getSynchronizationSources?.()[0]?.timestamp ?? 0));

/** @param {RTCPeerConnection} pc @param {WatchEvents} events */
export function watchConnection(pc, events) {
  /** @type {import("./stats.js").Reading | null} */
  let last = null;
  let closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let wobble;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let looks;
  const pulse = { at: 0, moved: 0, told: 0, wait: STALLED_AGAIN_MS };

  pc.onconnectionstatechange = () => {
    clearTimeout(wobble);
    if (pc.connectionState === "connected") events.fine();
    if (pc.connectionState === "failed") events.trouble();
    if (pc.connectionState === "disconnected") wobble = setTimeout(events.trouble, DISCONNECTED_MS);
  };

  const look = async () => {
    const report = await pc.getStats().catch(() => null);
    if (closed || !report) return;
    last = read(/** @type {Iterable<unknown>} */ (report.values()), last);
    events.reading(last);
    looks = setTimeout(look, last.received > 0 ? LOOK_MS : FIRST_LOOK_MS);
  };
  looks = setTimeout(look, FIRST_LOOK_MS);

  const listens = setInterval(() => {
    const [at, now] = [heardAt(pc), performance.now()];
    if (at !== pulse.at) {
      const wasStalled = pulse.told > 0;
      Object.assign(pulse, { at, moved: now, told: 0, wait: STALLED_AGAIN_MS });
      if (wasStalled && pc.connectionState === "connected") events.fine();
    } else if (at > 0 && now - pulse.moved > STALL_MS && (!pulse.told || now - pulse.told > pulse.wait)) {
      // Perhaps the other side has lost its microphone: then no path helps.
      if (pulse.told) pulse.wait *= 2;
      pulse.told = now;
      events.stalled();
    }
  }, LISTEN_MS);

  return {
    /** The network may have changed: all is fine with the next packet, and not before. */
    doubt() {
      pulse.told = performance.now();
    },
    close() {
      closed = true;
      clearTimeout(wobble);
      clearTimeout(looks);
      clearInterval(listens);
      pc.onconnectionstatechange = null;
    },
  };
}
