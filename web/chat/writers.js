// Who writes, as a signal: carries out what `typing.js` describes, over the socket.

import { signal } from "../vendor/preact.js";
import * as socket from "../core/socket.js";
import { encode } from "../core/wire.js";
import { expire, hear, silent, tell } from "./typing.js";

/** Who writes where, and until when that holds. @type {import("../vendor/preact.js").Signal<import("./typing.js").Writers>} */
export const writers = signal(new Map());

let told = silent;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let end;

/** @param {import("./typing.js").Writers} now */
function set(now) {
  writers.value = now;
  clearTimeout(end);
  if (now.size > 0) end = setTimeout(() => set(expire(writers.peek(), Date.now())), 1_000);
}

/** A person writes in a chat, or no longer. @param {number} chat @param {number} id @param {boolean} active */
export const heardTyping = (chat, id, active) => set(hear(writers.peek(), chat, id, active, Date.now()));

/** Lets a chat know that a text is being written there, or no longer. @param {number} peerId @param {string} text */
export function composing(peerId, text) {
  const { state, say } = tell(told, peerId, text.trim() !== "", Date.now());
  told = state;
  for (const [to, active] of say) socket.send(to < 0 ? encode.group_typing(-to, active) : encode.typing(to, active));
}

/** Another person, or another connection: nothing of it holds. */
export function forgetWriters() {
  told = silent;
  set(new Map());
}
