// One RTCPeerConnection: sound both ways, candidates held until they may go.

import { expose } from "../core/debug.js";
import { routeSound } from "./devices.js";
import { watchConnection } from "./watch.js";

/** @typedef {import("./watch.js").WatchEvents & {candidate: (c: RTCIceCandidateInit) => void}} PeerEvents */

/** The connection of the present call; tests look at it when asked to. @type {RTCPeerConnection | null} */
let current = null;
expose("pc", () => current);

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
  let relayed = false;

  for (const track of stream.getAudioTracks()) pc.addTrack(track, stream);
  pc.onicecandidate = ({ candidate }) => {
    if (!candidate?.candidate) return;
    if (candidate.type === "relay") relayed = true;
    events.candidate(candidate.toJSON());
  };
  pc.ontrack = ({ track, streams }) => hear(streams[0] ?? new MediaStream([track]));
  const watch = watchConnection(pc, events);

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
    doubt: watch.doubt,
    /** Whether an offer of ours waits for its answer. */
    offering: () => pc.signalingState === "have-local-offer",
    /** Whether our relay gave this side an address. */
    relayed: () => relayed,
    close() {
      watch.close();
      pc.onicecandidate = pc.ontrack = null;
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
  routeSound(el);
  el.srcObject = stream;
  if (stream) unblock();
  else onBlocked(false);
}

/** Plays the other side; from a touch this is always allowed. */
export function unblock() {
  speaker()?.play().then(() => onBlocked(false), (error) => error?.name === "NotAllowedError" && onBlocked(true));
}
