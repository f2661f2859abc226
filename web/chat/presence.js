// Who is there, and when those who are away were last there, as signals.

import { signal } from "../vendor/preact.js";
import * as socket from "../core/socket.js";
import { encode } from "../core/wire.js";
import { seenAfter } from "./seen.js";

/** Who is online; a person not in it is unknown. @type {import("../vendor/preact.js").Signal<ReadonlyMap<number, boolean>>} */
export const presence = signal(new Map());
/** When those who are away were last there. @type {import("../vendor/preact.js").Signal<import("./seen.js").Seen>} */
export const lastSeen = signal(new Map());

let subscribed = "";

/** Asks for the presence of these people, if it is not told already. @param {readonly number[]} ids */
export function subscribe(ids) {
  const key = ids.join();
  if (key !== subscribed && socket.send(encode.presence_subscribe(ids))) subscribed = key;
}

/** What was asked for has to be asked for again. */
export const unsubscribed = () => (subscribed = "");

/** @param {import("./seen.js").PresenceFrame} frame */
export function heardPresence(frame) {
  presence.value = new Map(presence.peek()).set(frame.user_id, frame.online);
  lastSeen.value = seenAfter(lastSeen.peek(), frame);
}

/** What was known about others no longer is. */
export function forgetPresence() {
  presence.value = new Map();
  lastSeen.value = new Map();
}
