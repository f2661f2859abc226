// Which microphone and which loudspeaker this device uses, for calls and rooms alike.

import { signal } from "../vendor/preact.js";

/** @typedef {{id: string, label: string}} Device */

const MIC = "payambar:mic";
const SPEAKER = "payambar:speaker";

/** @param {string} key */
function kept(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** The chosen ones; "" is what the system would take. */
export const mic = signal(kept(MIC));
export const speaker = signal(kept(SPEAKER));
/** What there is. Browsers tell no names before the microphone was allowed once. */
export const devices = signal({ mics: /** @type {Device[]} */ ([]), speakers: /** @type {Device[]} */ ([]) });

/** Whether this browser lets a page choose where sound goes. */
export const canRoute = () => "setSinkId" in HTMLMediaElement.prototype;

/** Elements that play, as long as they live. @type {Set<WeakRef<HTMLAudioElement>>} */
const playing = new Set();

/** @param {HTMLAudioElement} el */
async function send(el) {
  if (!canRoute()) return;
  try {
    await el.setSinkId(speaker.peek());
  } catch {
    // It is unplugged: the system's own is better than silence.
    await el.setSinkId("").catch(() => {});
  }
}

/** Plays on the chosen loudspeaker, now and when another is chosen. @param {HTMLAudioElement} el */
export function routeSound(el) {
  if (![...playing].some((ref) => ref.deref() === el)) playing.add(new WeakRef(el));
  void send(el);
}

/** @param {string} key @param {string} id */
function keep(key, id) {
  try {
    localStorage.setItem(key, id);
  } catch {
    // Without storage the choice holds for this page only.
  }
}

/** Told when the microphone shall be taken anew. @type {(() => unknown)[]} */
const followers = [];
/** @param {() => unknown} run */
export const followMicrophone = (run) => followers.push(run);

/** @param {string} id */
export function chooseMic(id) {
  mic.value = id;
  keep(MIC, id);
  for (const run of followers) run();
}

/** @param {string} id */
export function chooseSpeaker(id) {
  speaker.value = id;
  keep(SPEAKER, id);
  for (const ref of playing) {
    const el = ref.deref();
    if (el) void send(el);
    else playing.delete(ref);
  }
}

/** Looks what there is. */
export async function lookForDevices() {
  const list = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  /** @param {MediaDeviceKind} kind */
  const of = (kind) => list.filter((d) => d.kind === kind && d.deviceId && d.deviceId !== "default").map((d) => ({ id: d.deviceId, label: d.label }));
  devices.value = { mics: of("audioinput"), speakers: of("audiooutput") };
}

/** Looks now and whenever something is plugged in or out. @returns {() => void} ends it */
export function watchDevices() {
  void lookForDevices();
  const look = () => void lookForDevices();
  navigator.mediaDevices?.addEventListener("devicechange", look);
  return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
}
