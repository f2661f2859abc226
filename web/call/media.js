// The microphone, the servers of a call, and what stands against a call here.

import * as api from "../core/api.js";
import { mic } from "./devices.js";

/** Why this page cannot make calls at all: key of the catalogue, or null. @returns {string | null} */
export const cannot = () => (!isSecureContext || !navigator.mediaDevices || typeof RTCPeerConnection !== "function" ? "insecure" : null);

/** A reason to end a call; `key` is of the catalogue. */
export class CallProblem extends Error {
  /** @param {string} key */
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/** @param {unknown} error @returns {string} */
function micKey(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "micDenied";
  return name === "NotFoundError" || name === "OverconstrainedError" ? "micMissing" : "micBusy";
}

/** @param {string} [deviceId] this one and no other @returns {Promise<MediaStream>} */
const capture = (deviceId) =>
  navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) },
  });

/** The chosen microphone if it is there, else another. @returns {Promise<MediaStream>} */
export async function microphone() {
  const chosen = mic.peek();
  try {
    if (!chosen) return await capture();
    return await capture(chosen).catch((error) => {
      if (micKey(error) === "micDenied") throw error;
      return capture();
    });
  } catch (error) {
    throw new CallProblem(micKey(error));
  }
}

/** @type {{iceServers: RTCIceServer[], halfAt: number} | null} */
let kept = null;

/** Servers with a credential that lives long enough. @returns {Promise<RTCIceServer[]>} */
export async function servers() {
  if (kept && Date.now() < kept.halfAt) return kept.iceServers;
  try {
    const { iceServers, ttl } = await api.callServers();
    kept = { iceServers, halfAt: Date.now() + ttl * 500 };
    return iceServers;
  } catch (error) {
    throw new CallProblem(error instanceof api.ApiError && error.code !== "network" ? `error.${error.code}` : "noServer");
  }
}

/** Forgets the credential: it belongs to a session that is over. */
export function forgetServers() {
  kept = null;
}

/** @param {readonly RTCIceServer[]} list @returns {boolean} */
export const hasRelay = (list) => list.some((s) => [s.urls].flat().some((url) => /^turns?:/iu.test(url)));
