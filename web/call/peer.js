// One RTCPeerConnection: sound both ways, candidates held until they may go,
// a clock that notices when the connection is in trouble.

import { read } from "./stats.js";

/**
 * @typedef {{
 *   candidate: (c: RTCIceCandidateInit) => void,
 *   trouble: () => void,
 *   stalled: () => void,
 *   fine: () => void,
 *   reading: (r: import("./stats.js").Reading) => void,
 * }} PeerEvents
 */

const DISCONNECTED_MS = 3_000;
const FIRST_LOOK_MS = 250;
const LOOK_MS = 2_000;
const LISTEN_MS = 250;
/** Fifty packets that did not come. A browser calls that disconnected only after some seconds. */
const STALL_MS = 1_000;
const STALLED_AGAIN_MS = 3_000;

/** The connection of the present call; tests look at it when asked to. @type {RTCPeerConnection | null} */
let current = null;
try {
  if (localStorage.getItem("payambar:debug") === "1") {
    Object.defineProperty(window, "__payambar", { value: { get pc() { return current; } } });
  }
} catch {
  // No storage, no debugging.
}

/**
 * @param {RTCIceServer[]} iceServers @param {boolean} relayOnly @param {MediaStream} stream @param {PeerEvents} events
 */
export function createPeer(iceServers, relayOnly, stream, events) {
  /** @param {RTCIceServer[]} list @returns {RTCConfiguration} */
  const configuration = (list) => ({ iceServers: list, iceTransportPolicy: relayOnly ? "relay" : "all", bundlePolicy: "max-bundle" });
  const pc = new RTCPeerConnection(configuration(iceServers));
  current = pc;
  /** @type {RTCIceCandidateInit[]} */
  const early = [];
  /** @type {import("./stats.js").Reading | null} */
  let last = null;
  let relayed = false;
  let closed = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let wobble;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let looks;
  const pulse = { at: 0, moved: 0, told: 0, wait: STALLED_AGAIN_MS };

  for (const track of stream.getAudioTracks()) pc.addTrack(track, stream);
  pc.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return;
    if (candidate.type === "relay") relayed = true;
    events.candidate(candidate.toJSON());
  };
  pc.ontrack = ({ track, streams }) => hear(streams[0] ?? new MediaStream([track]));
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

  // When the newest packet came that was played.
  const heardAt = () => pc.getReceivers()[0]?.getSynchronizationSources?.()[0]?.timestamp ?? 0;
  const listens = setInterval(() => {
    const [at, now] = [heardAt(), performance.now()];
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

  /** @param {"offer" | "answer"} type @param {string} sdp */
  const remote = async (type, sdp) => {
    await pc.setRemoteDescription({ type, sdp });
    for (const c of early.splice(0)) await pc.addIceCandidate(c).catch(() => {});
  };

  return {
    /** @param {boolean} [restart] with new paths @returns {Promise<string>} */
    async offer(restart = false) {
      const offer = await pc.createOffer({ iceRestart: restart });
      await pc.setLocalDescription(offer);
      return offer.sdp ?? "";
    },
    /** @param {string} sdp @returns {Promise<string>} */
    async answer(sdp) {
      // Both sides may have offered at once: theirs counts.
      await remote("offer", sdp);
      const answer = await pc.createAnswer();
      await pc.setLocalDescription(answer);
      return answer.sdp ?? "";
    },
    /** @param {string} sdp */
    async answered(sdp) {
      // An answer to an offer that was replaced since is of no use.
      if (pc.signalingState === "have-local-offer") await remote("answer", sdp);
    },
    /** @param {RTCIceCandidateInit} c */
    async add(c) {
      if (!pc.remoteDescription) early.push(c);
      else await pc.addIceCandidate(c).catch(() => {});
    },
    /** @param {RTCIceServer[]} list */
    renew(list) {
      pc.setConfiguration(configuration(list));
    },
    /** @param {MediaStreamTrack} track */
    async speakWith(track) {
      await pc.getSenders().find((s) => s.track?.kind === "audio" || s.track === null)?.replaceTrack(track);
    },
    connected: () => pc.connectionState === "connected",
    /** The network may have changed: all is fine with the next packet, and not before. */
    doubt() {
      pulse.told = performance.now();
    },
    /** Whether an offer of ours waits for its answer. */
    offering: () => pc.signalingState === "have-local-offer",
    /** Whether our relay gave this side an address. */
    relayed: () => relayed,
    close() {
      closed = true;
      clearTimeout(wobble);
      clearTimeout(looks);
      clearInterval(listens);
      pc.onicecandidate = pc.ontrack = pc.onconnectionstatechange = null;
      pc.close();
      if (current === pc) {
        current = null;
        hear(null);
      }
    },
  };
}

/** @typedef {ReturnType<typeof createPeer>} CallPeer */

/** Called when the browser wants a touch before it plays sound. @type {(blocked: boolean) => void} */
let onBlocked = () => {};
/** @param {(blocked: boolean) => void} run */
export const whenBlocked = (run) => (onBlocked = run);

const speaker = () => /** @type {HTMLAudioElement | null} */ (document.getElementById("remote-audio"));

/** @param {MediaStream | null} stream */
function hear(stream) {
  const el = speaker();
  if (!el) return;
  el.srcObject = stream;
  if (stream) unblock();
  else onBlocked(false);
}

/** Plays the other side; from a touch this is always allowed. */
export function unblock() {
  speaker()?.play().then(() => onBlocked(false), (error) => error?.name === "NotAllowedError" && onBlocked(true));
}
