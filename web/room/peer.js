// The one RTCPeerConnection of a room: the server offers, one microphone goes up, eight slots come down.

import { routeSound } from "../call/devices.js";
import { watchConnection } from "../call/watch.js";
import { expose } from "../core/debug.js";
import { SLOTS } from "./room.js";

/** The connection of the present room; tests look at it when asked to. @type {RTCPeerConnection | null} */
let current = null;
expose("room", () => current);

/** Called when the browser wants a touch before it plays sound. @type {(blocked: boolean) => void} */
let onBlocked = () => {};
/** @param {(blocked: boolean) => void} run */
export const whenBlocked = (run) => (onBlocked = run);

const QUIET_MS = 300;

/** @param {RTCRtpTransceiver} tr @returns {number} the slot it carries; -1 for the microphone's */
const slotAt = (tr) => Number(tr.mid) - 1;

/** One that plays a slot; it lives as long as the connection. */
function speaker() {
  const el = document.createElement("audio");
  el.autoplay = true;
  el.hidden = true;
  document.body.append(el);
  routeSound(el);
  return el;
}

/**
 * @param {RTCIceServer[]} iceServers @param {boolean} relayOnly @param {MediaStreamTrack | null} track
 * @param {import("../call/watch.js").WatchEvents} events
 */
export function createRoomPeer(iceServers, relayOnly, track, events) {
  /** @param {RTCIceServer[]} list @returns {RTCConfiguration} */
  const configuration = (list) => ({ iceServers: list, iceTransportPolicy: relayOnly ? "relay" : "all", bundlePolicy: "max-bundle" });
  const pc = new RTCPeerConnection(configuration(iceServers));
  current = pc;
  const speakers = Array.from({ length: SLOTS }, speaker);
  let voice = track;
  let relayed = false;
  const watch = watchConnection(pc, events);

  const play = (/** @type {HTMLAudioElement} */ el) =>
    el.play().then(() => onBlocked(false), (error) => error?.name === "NotAllowedError" && current === pc && onBlocked(true));
  pc.onicecandidate = ({ candidate }) => {
    if (candidate?.type === "relay") relayed = true;
  };
  pc.ontrack = ({ track: sound, transceiver }) => {
    const el = speakers[slotAt(transceiver)];
    if (!el) return;
    el.srcObject = new MediaStream([sound]);
    void play(el);
  };
  /** The last word of each slot, and when it came. */
  const words = Array.from({ length: SLOTS }, () => ({ stamp: 0, at: 0 }));
  const mouth = () => pc.getTransceivers().find((tr) => tr.mid === "0");

  return {
    /** Answers the server's offer, the first one or one with new paths. @param {string} sdp @returns {Promise<string>} */
    async answer(sdp) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      const up = mouth();
      if (up) {
        // Open for a microphone that is allowed later.
        up.direction = "sendonly";
        await up.sender.replaceTrack(voice);
      }
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription?.sdp ?? "";
    },
    /** @param {RTCIceServer[]} list */
    renew(list) {
      pc.setConfiguration(configuration(list));
    },
    /** @param {MediaStreamTrack | null} next */
    async speakWith(next) {
      voice = next;
      await mouth()?.sender.replaceTrack(next);
    },
    /** How loud each slot is now, as the browser measured it. @returns {number[]} 0-1, linear */
    levels() {
      const now = performance.now();
      const levels = Array.from({ length: SLOTS }, () => 0);
      for (const tr of pc.getTransceivers()) {
        const word = words[slotAt(tr)];
        const heard = tr.receiver.getSynchronizationSources?.()[0];
        if (!word || !heard) continue;
        if (heard.timestamp !== word.stamp) Object.assign(word, { stamp: heard.timestamp, at: now });
        // Of a slot that fell silent the browser keeps the last word for seconds.
        if (now - word.at < QUIET_MS) levels[slotAt(tr)] = heard.audioLevel ?? 0;
      }
      return levels;
    },
    /** How loud the microphone is. @returns {Promise<number>} 0-1, linear */
    async ownLevel() {
      const report = await mouth()?.sender.getStats().catch(() => null);
      for (const stat of report?.values() ?? []) if (stat.type === "media-source") return stat.audioLevel ?? 0;
      return 0;
    },
    /** @param {(slot: number) => number} volume 0-1 */
    setVolumes(volume) {
      for (const [slot, el] of speakers.entries()) {
        const loud = volume(slot);
        el.volume = loud;
        // Some systems let no page set a volume, but silence works everywhere.
        el.muted = loud === 0;
      }
    },
    unblock: () => void Promise.all(speakers.filter((el) => el.srcObject).map(play)),
    connected: () => pc.connectionState === "connected",
    relayed: () => relayed,
    doubt: watch.doubt,
    close() {
      watch.close();
      pc.onicecandidate = pc.ontrack = null;
      pc.close();
      for (const el of speakers) {
        el.srcObject = null;
        el.remove();
      }
      if (current === pc) {
        current = null;
        onBlocked(false);
      }
    },
  };
}

/** @typedef {ReturnType<typeof createRoomPeer>} RoomPeer */
