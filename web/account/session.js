// Who is signed in on this device. Other windows follow.

import { signal } from "../vendor/preact.js";
import * as api from "../core/api.js";
import { isDue, kept, renewer } from "../core/renew.js";
import { newId } from "../core/uuid.js";

/** @typedef {import("../core/renew.js").Kept} Session */

const KEY = "payambar:session";
const LOOK_MS = 60_000;
const OWN = /^payambar:draft:/;

/** @returns {Session | null} */
function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof found?.token !== "string" || typeof found.user_id !== "number") return null;
    // One of an earlier version has a token that lives as long as the session.
    return { key: found.token, refresh_token: "", access_expires_at: 0, renew_at: 0, must_change: false, ...found };
  } catch {
    return null;
  }
}

/** @type {import("../vendor/preact.js").Signal<Session | null>} */
export const session = signal(/** @type {Session | null} */ (null));
/** The session ended without the person asking. */
export const expired = signal(false);

/** Without storage there is one window, and what it keeps. @returns {Session | null} */
const current = () => stored() ?? (stores ? null : session.peek());
let stores = true;

const renew = renewer({
  load: current,
  save(next) {
    keep(next);
    take(next);
  },
  renew: api.renew,
  // Pages that came without TLS have no locks.
  lock: async (work) => (navigator.locks ? await navigator.locks.request("payambar:renew", work) : await work()),
  now: Date.now,
});

/** A token in place of one that was refused or is about to end; "" when the log-in is over. @param {string} used */
async function renewed(used) {
  const next = await renew(used);
  if (next && next.token !== session.peek()?.token) take(next);
  return next?.token ?? "";
}

/** @param {Session | null} value */
function take(value) {
  api.authorize(value?.token ?? "", () => ended(), renewed);
  session.value = value;
}

/** @param {Session} value */
function keep(value) {
  try {
    localStorage.setItem(KEY, JSON.stringify(value));
  } catch {
    // Without storage the session lasts as long as the page.
    stores = false;
  }
}

function look() {
  const now = session.peek();
  if (now && isDue(now, Date.now())) renewed(now.token).catch(() => {});
}

/** Takes up the session of the last visit; call once. */
export function restore() {
  take(stored());
  addEventListener("storage", (e) => {
    if (e.key !== KEY && e.key !== null) return;
    const now = stored();
    const was = session.peek();
    if (now?.token !== was?.token || now?.must_change !== was?.must_change) take(now);
  });
  look();
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
}

/** The temporary password somebody came in with, so that it is not typed again. Never stored. */
let temporary = "";
export const temporaryPassword = () => temporary;

/** @param {import("../core/api.js").Session} value @param {string} [password] a temporary one */
export function signIn(value, password = "") {
  temporary = password;
  const entered = kept(value, newId(), Date.now());
  keep(entered);
  expired.value = false;
  take(entered);
}

/** The temporary password was replaced: everything is open now. */
export function changed() {
  const now = current();
  if (!now) return;
  temporary = "";
  const free = { ...now, must_change: false };
  keep(free);
  take(free);
}

/** Forgets everything of this person on this device. */
function forget() {
  try {
    for (const key of Object.keys(localStorage)) if (key === KEY || OWN.test(key)) localStorage.removeItem(key);
  } catch {
    // Nothing was stored.
  }
  take(null);
}

/** The account is gone; nothing of it stays on this device. */
export function left() {
  forget();
}

/** The server ended the session. Drafts stay: the person will be back. */
export function ended() {
  if (!session.peek()) return;
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was stored.
  }
  expired.value = true;
  take(null);
}

/** The person leaves; the server is told, but not waited for when it is away. */
export async function signOut() {
  try {
    await api.logout();
  } catch {
    // A session that cannot be ended now runs out by itself.
  }
  forget();
}
