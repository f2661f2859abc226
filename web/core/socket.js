// One WebSocket that comes back by itself. Knows no feature.

import { signal } from "../vendor/preact.js";
import { backoffMs } from "./backoff.js";
import { parse } from "./wire.js";

/**
 * @typedef {import("./wire.js").ServerFrame} ServerFrame
 * @typedef {import("./wire.js").ClientFrame} ClientFrame
 * @typedef {{
 *   frame: (frame: ServerFrame) => void,
 *   down: () => void,
 *   ended: () => void,
 *   refused: () => void,
 * }} Listener  `ended`: the session is over (4401); `refused`: the server was not joined, perhaps the token is bad
 */

/** Tries without a growing pause, while somebody talks. */
const QUICK_TRIES = 15;

/** True between `hello` and the close. */
export const online = signal(false);
/** True once there was no connection for 2 s. */
export const offline = signal(false);

/** @type {WebSocket | null} */
let ws = null;
/** @type {() => string} */
let token = () => "";
/** @type {Listener | null} */
let listener = null;
let attempt = 0;
/** @type {() => boolean} */
let urgent = () => false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let saysOffline;

/** Connects and stays connected until {@link stop}. @param {() => string} withToken the one of now @param {Listener} to */
export function start(withToken, to) {
  stop();
  token = withToken;
  listener = to;
  attempt = 0;
  lost();
  connect();
}

/** Ends the connection for good. */
export function stop() {
  listener = null;
  clearTimeout(retry);
  clearTimeout(saysOffline);
  saysOffline = undefined;
  drop();
  online.value = false;
  offline.value = false;
}

/** Gives the connection up and makes a new one: it looks dead. */
export function restart() {
  if (!listener) return;
  drop();
  down();
}

/** The same without a pause: there may be another way to the server now. */
export function renew() {
  if (!listener) return;
  restart();
  attempt = 0;
  connect();
}

/** @param {ClientFrame} frame @returns {boolean} whether there was a connection to hand it to */
export function send(frame) {
  if (!online.peek() || ws?.readyState !== WebSocket.OPEN) return false;
  ws.send(JSON.stringify(frame));
  return true;
}

/** @param {() => boolean} whether it hurries, asked at each try */
export function hasten(whether) {
  urgent = whether;
}

function drop() {
  const old = ws;
  ws = null;
  old?.close();
}

function lost() {
  saysOffline ??= setTimeout(() => (offline.value = true), 2_000);
}

function down() {
  const was = online.peek();
  online.value = false;
  lost();
  if (was) listener?.down();
  clearTimeout(retry);
  // Somebody talks: the first tries come quickly.
  const tries = urgent() ? Math.max(0, attempt - QUICK_TRIES) : attempt;
  retry = setTimeout(connect, backoffMs(tries, Math.random()));
  attempt += 1;
}

function connect() {
  clearTimeout(retry);
  if (!listener || ws) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const made = new WebSocket(`${scheme}://${location.host}/ws`, ["bearer", token()]);
  ws = made;
  let joined = false;
  const slow = setTimeout(() => made === ws && restart(), 15_000);
  made.onmessage = (event) => {
    if (made !== ws || typeof event.data !== "string") return;
    const frame = parse(event.data);
    if (!frame) return;
    if (frame.type === "hello") {
      joined = true;
      clearTimeout(slow);
      clearTimeout(saysOffline);
      saysOffline = undefined;
      attempt = 0;
      online.value = true;
      offline.value = false;
    }
    listener?.frame(frame);
  };
  made.onclose = (event) => {
    clearTimeout(slow);
    if (made !== ws) return;
    ws = null;
    if (event.code === 4401) {
      listener?.ended();
      return;
    }
    if (!joined) listener?.refused();
    if (listener) down();
  };
}

/** Somebody looks at the page or the network is back: do not wait. */
function hurry() {
  if (!listener || ws || document.visibilityState !== "visible") return;
  attempt = 0;
  connect();
}

/** Watches the page and the network; call once. */
export function watchNetwork() {
  document.addEventListener("visibilitychange", hurry);
  addEventListener("online", hurry);
  addEventListener("pageshow", hurry);
  addEventListener("offline", () => listener && ws && restart());
}
