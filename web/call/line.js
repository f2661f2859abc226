// What the present call holds: its state, its timers, the frames that wait.

import { signal } from "../vendor/preact.js";
import { duration } from "../core/format.js";
import { lang, t } from "../core/i18n.js";
import * as socket from "../core/socket.js";
import { namedTimers } from "../core/timers.js";
import { announce, toast } from "../core/ui/toast.js";
import { busy, idle, next } from "./state.js";
import { sign, silence } from "./tones.js";

/**
 * @typedef {import("./state.js").CallEvent} CallEvent
 * @typedef {import("../core/wire.js").ClientFrame} ClientFrame
 */

const OVER_MS = 3_000;
const OVER_READ_MS = 12_000;
const BRIEF = ["ended", "endedPlain", "cancelled", "declined"];

/** @type {import("../vendor/preact.js").Signal<import("./state.js").Call>} */
export const call = signal(idle);
/** The browser asks for the microphone right now. */
export const asking = signal(false);

/**
 * `run` grows with each call, so that what comes late knows it is late.
 * `offered`: the other's offer while it rings here. `crossing`: an offer that
 * came while we called the same person. `glared`: ours was refused for it.
 */
const empty = {
  peer: /** @type {import("./peer.js").CallPeer | null} */ (null),
  stream: /** @type {MediaStream | null} */ (null),
  queue: /** @type {ClientFrame[]} */ ([]),
  mayPost: false,
  offered: "",
  crossing: /** @type {{callId: string, sdp: string} | null} */ (null),
  glared: false,
  packets: 0,
  quietSince: 0,
  offeredAt: 0,
  mendedAt: 0,
  relayGiven: false,
};
export const line = { run: 0, ...empty };

const timers = namedTimers();
export const { later, cancel, runs } = timers;

/** @param {CallEvent} e */
export function apply(e) {
  call.value = next(call.peek(), e);
}

/** Address of this call's frames. */
export const to = () => ({ receiver_id: call.peek().peer?.id ?? 0, call_id: call.peek().callId });

/** Sends a frame of the call now, or when the call and the connection allow it. @param {ClientFrame} frame */
export function post(frame) {
  if (!line.mayPost || !socket.send(frame)) line.queue.push(frame);
}

/** Sends what waited; a frame made before the call had its id gets it now. */
export function flush() {
  line.mayPost = true;
  const { callId } = call.peek();
  for (const frame of line.queue.splice(0)) post(/** @type {ClientFrame} */ (callId ? { ...frame, call_id: callId } : frame));
}

/** Lets go of everything this call held. */
export function release() {
  timers.clear();
  silence();
  line.peer?.close();
  if (line.stream) stop(line.stream);
  Object.assign(line, empty, { run: line.run + 1, queue: [] });
  asking.value = false;
}

/** The call goes on elsewhere, with its sound; here it is over without a word. */
export function handOver() {
  const { peer, stream } = line;
  line.peer = line.stream = null;
  release();
  call.value = idle;
  return { peer, stream };
}

/** @param {MediaStream} stream */
export function stop(stream) {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}

/** @param {string} reason key of the catalogue */
export function end(reason) {
  const before = call.peek();
  if (!busy(before)) return;
  release();
  apply({ t: "over", reason, at: Date.now() });
  announce(overWords(call.peek()), true);
  if (before.minimised) {
    sign("over");
    toast(overWords(call.peek()));
    dismiss();
    return;
  }
  if (before.phase !== "incoming") {
    sign("over");
    later("gone", BRIEF.includes(reason) ? OVER_MS : OVER_READ_MS, dismiss);
    return;
  }
  // A call that was never taken here leaves at once; its entry stays in the chat.
  if (reason === "elsewhere" || reason === "declinedElsewhere") toast(t(reason));
  dismiss();
}

/** Puts the words of a finished call away. */
export function dismiss() {
  cancel("gone");
  apply({ t: "gone" });
}

/** @param {import("./state.js").Call} c @returns {string} */
export const overWords = (c) => t(c.reason, { name: nameOfCall(c), d: duration(c.seconds, lang.value) });

/** @param {import("./state.js").Call} c @returns {string} */
export const nameOfCall = (c) => c.peer?.display_name || c.peer?.username || t("unknownCaller");
