// What the present seat holds: its state, its timers, the choices of this device.

import { signal } from "../vendor/preact.js";
import { stop } from "../call/line.js";
import { sign, silence } from "../call/tones.js";
import { t } from "../core/i18n.js";
import { namedTimers } from "../core/timers.js";
import { announce, toast } from "../core/ui/toast.js";
import { idle, inRoom, next, speaks, volumeOf } from "./room.js";

/** @typedef {import("./room.js").RoomEvent} RoomEvent */

const OVER_READ_MS = 12_000;
const PTT = "payambar:push-to-talk";
const VOLUMES = "payambar:volumes";

/** @param {string} key */
function kept(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} key @param {string} value */
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the choice holds for this page only.
  }
}

/** @returns {Record<number, number>} */
function keptVolumes() {
  try {
    const found = JSON.parse(kept(VOLUMES) || "{}");
    return Object.fromEntries(Object.entries(found).filter(([, v]) => typeof v === "number" && v >= 0 && v <= 1));
  } catch {
    return {};
  }
}

/** @type {import("../vendor/preact.js").Signal<import("./room.js").Room>} */
export const room = signal(idle);
/** The browser asks for the microphone right now. */
export const asking = signal(false);
/** Push to talk: whether it is chosen, and whether one talks. */
export const talk = signal({ on: kept(PTT) === "1", held: false });
/** How loud others are here, by person. */
export const volumes = signal(keptVolumes());

/** `run` grows with each seat wished for, so that what comes late knows it is late. */
const empty = {
  peer: /** @type {import("./peer.js").RoomPeer | null} */ (null),
  stream: /** @type {MediaStream | null} */ (null),
  /** The call that goes on until the room is heard. */
  call: /** @type {import("../call/peer.js").CallPeer | null} */ (null),
  /** Whom to ask in once the seat is there. */
  asks: 0,
  relayGiven: false,
  /** The way to the server may not be the one the sound takes any more. */
  doubt: false,
  sign: "",
};
export const seat = { run: 0, ...empty };

const timers = namedTimers();
export const { later, cancel, runs } = timers;

/** Address of this seat's frames. */
export const at = () => ({ conversation_id: room.peek().id, participant_id: room.peek().me });

/** @param {RoomEvent} e */
export function apply(e) {
  room.value = next(room.peek(), e);
  settle();
}

/** Microphone and loudspeakers as the state wants them. */
export function settle() {
  const r = room.peek();
  for (const track of seat.stream?.getAudioTracks() ?? []) track.enabled = speaks(r, talk.peek());
  seat.peer?.setVolumes((slot) => volumeOf(r, slot, volumes.peek()));
}

/** The call has done its part. */
export function dropCall() {
  cancel("handover");
  seat.call?.close();
  seat.call = null;
}

/** Lets go of everything this seat held. */
export function release() {
  timers.clear();
  seat.call?.close();
  seat.peer?.close();
  if (seat.stream) stop(seat.stream);
  Object.assign(seat, empty, { run: seat.run + 1 });
  asking.value = false;
  talk.value = { ...talk.peek(), held: false };
}

/** @param {string} reason key of the catalogue; "" when the person left */
export function end(reason) {
  const before = room.peek();
  if (!inRoom(before)) return;
  release();
  silence();
  apply({ t: "left", reason });
  sign("over");
  if (!reason) {
    dismiss();
    return;
  }
  announce(t(reason), true);
  if (before.minimised) {
    toast(t(reason));
    dismiss();
  } else later("gone", OVER_READ_MS, dismiss);
}

/** Puts the words of a room that was left away. */
export function dismiss() {
  cancel("gone");
  apply({ t: "gone" });
}

/** @param {boolean} on */
export function setPushToTalk(on) {
  talk.value = { on, held: false };
  keep(PTT, on ? "1" : "0");
  settle();
}

/** @param {boolean} held */
export function hold(held) {
  if (talk.peek().held === held) return;
  talk.value = { ...talk.peek(), held };
  settle();
}

/** @param {number} userId @param {number} volume 0-1 */
export function setVolume(userId, volume) {
  volumes.value = { ...volumes.peek(), [userId]: volume };
  keep(VOLUMES, JSON.stringify(volumes.peek()));
  settle();
}
