// The life of one call as a person sees it. Pure: no document, no timers, no WebRTC.

/**
 * @typedef {import("../chat/state.js").Peer} Peer
 * @typedef {import("../core/wire.js").CallFrame} CallFrame
 * @typedef {"idle" | "calling" | "ringing" | "incoming" | "connecting" | "active" | "over"} Phase
 * @typedef {{way: "direct" | "udp" | "tcp" | "tls", rttMs: number | null, loss: number, jitterMs: number}} Path
 * @typedef {{
 *   phase: Phase, peer: Peer | null, callId: string | null, role: "caller" | "callee",
 *   muted: boolean, minimised: boolean, weak: boolean, silent: boolean,
 *   since: number | null, seconds: number, path: Path | null, reason: string,
 * }} Call  `since`: when the first sound came; `reason`: key of why it is over
 * @typedef {{t: "start", peer: Peer}
 *   | {t: "started", callId: string}
 *   | {t: "rings"}
 *   | {t: "offered", peer: Peer, callId: string}
 *   | {t: "named", peer: Peer}
 *   | {t: "taken"}
 *   | {t: "glare", callId: string}
 *   | {t: "answered"}
 *   | {t: "heard", at: number}
 *   | {t: "weak", on: boolean}
 *   | {t: "silent", on: boolean}
 *   | {t: "path", path: Path | null}
 *   | {t: "mute", on: boolean}
 *   | {t: "minimise", on: boolean}
 *   | {t: "over", reason: string, at: number}
 *   | {t: "gone"}} CallEvent
 */

/** @type {Call} */
export const idle = {
  phase: "idle", peer: null, callId: null, role: "caller", muted: false, minimised: false,
  weak: false, silent: false, since: null, seconds: 0, path: null, reason: "",
};

/** A call that is going on or about to. @param {Call} c */
export const busy = (c) => c.phase !== "idle" && c.phase !== "over";

/** @param {Call} c @param {CallEvent} e @returns {Call} */
export function next(c, e) {
  switch (e.t) {
    case "start":
      return busy(c) ? c : { ...idle, phase: "calling", peer: e.peer };
    case "started":
      return c.phase === "calling" ? { ...c, callId: e.callId } : c;
    case "rings":
      return c.phase === "calling" ? { ...c, phase: "ringing" } : c;
    case "offered":
      return busy(c) ? c : { ...idle, phase: "incoming", role: "callee", peer: e.peer, callId: e.callId };
    case "named":
      return busy(c) && c.peer?.id === e.peer.id ? { ...c, peer: e.peer } : c;
    case "taken":
      return c.phase === "incoming" ? { ...c, phase: "connecting" } : c;
    case "glare":
      // Both called: the other's offer lives and is answered without asking.
      return c.phase === "calling" || c.phase === "ringing"
        ? { ...c, phase: "connecting", role: "callee", callId: e.callId }
        : c;
    case "answered":
      return c.phase === "calling" || c.phase === "ringing" ? { ...c, phase: "connecting" } : c;
    case "heard":
      return c.phase === "connecting" ? { ...c, phase: "active", since: e.at, weak: false } : c;
    case "weak":
      return c.phase === "active" ? { ...c, weak: e.on } : c;
    case "silent":
      return c.phase === "active" ? { ...c, silent: e.on } : c;
    case "path":
      return busy(c) ? { ...c, path: e.path } : c;
    case "mute":
      return busy(c) ? { ...c, muted: e.on } : c;
    case "minimise":
      return busy(c) && c.phase !== "incoming" ? { ...c, minimised: e.on } : c;
    case "over":
      return busy(c)
        ? { ...c, phase: "over", reason: e.reason, seconds: c.since === null ? 0 : Math.max(0, (e.at - c.since) / 1000), weak: false }
        : c;
    case "gone":
      return c.phase === "over" ? idle : c;
  }
}

/**
 * Whether a frame of the server is about this call. A caller that has no id
 * yet knows the call by the person.
 * @param {Call} c @param {CallFrame} f @returns {boolean}
 */
export function concerns(c, f) {
  if (!busy(c)) return false;
  if (c.callId !== null && f.call_id !== "") return c.callId === f.call_id;
  return "sender_id" in f ? f.sender_id === c.peer?.id : "receiver_id" in f && f.receiver_id === c.peer?.id;
}

/**
 * The words for the end of a call, by the reason on the wire.
 * @param {Call} c @param {"reject" | "hangup"} by @param {string} reason @returns {string} key of the catalogue
 */
export function reasonKey(c, by, reason) {
  switch (reason) {
    case "busy": return "busy";
    case "offline": return "peerOffline";
    case "no_answer": return c.role === "caller" ? "noAnswer" : "missed";
    case "cancelled": return c.role === "caller" ? "cancelled" : "missed";
    case "answered_elsewhere": return "elsewhere";
    case "declined_elsewhere": return "declinedElsewhere";
    case "connection_lost": return "lost";
    case "session_ended": return "sessionEnded";
    default: return by === "reject" ? "declined" : c.since === null ? "endedPlain" : "ended";
  }
}

/** Thresholds of RTT and loss: 4 bars good … 1 very weak. @param {Path | null} p @returns {number} */
export function bars(p) {
  if (!p || p.rttMs === null) return 0;
  if (p.rttMs < 150 && p.loss < 0.02) return 4;
  if (p.rttMs < 300 && p.loss < 0.05) return 3;
  return p.rttMs < 600 && p.loss < 0.1 ? 2 : 1;
}

/** @param {Path["way"]} way @returns {string} key of the catalogue */
export const wayKey = (way) => ({ direct: "pDirect", udp: "pUdp", tcp: "pTcp", tls: "pTls" })[way];

/** Who never came to hear the phone: shown red. @param {import("../core/wire.js").CallEntry} entry @param {boolean} mine */
export const isMissed = (entry, mine) => !mine && ["no_answer", "cancelled", "busy", "offline"].includes(entry.outcome);

/** @param {import("../core/wire.js").CallEntry} entry @param {boolean} mine @returns {string} key of the catalogue */
export const entryKey = (entry, mine) => `call.entry.${entry.outcome}.${mine ? "out" : "in"}`;
