// Who is signed in on this device. Other windows follow.

import { signal } from "../vendor/preact.js";
import * as api from "../core/api.js";

/** @typedef {import("../core/api.js").Session} Session */

const KEY = "payambar:session";
const OWN = /^payambar:draft:/;

/** @returns {Session | null} */
function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return typeof found?.token === "string" && typeof found.user_id === "number" ? found : null;
  } catch {
    return null;
  }
}

/** @type {import("../vendor/preact.js").Signal<Session | null>} */
export const session = signal(/** @type {Session | null} */ (null));
/** The session ended without the person asking. */
export const expired = signal(false);

/** @param {Session | null} value */
function take(value) {
  api.authorize(value?.token ?? "", () => ended());
  session.value = value;
}

/** Takes up the session of the last visit; call once. */
export function restore() {
  take(stored());
  addEventListener("storage", (e) => {
    if (e.key !== KEY && e.key !== null) return;
    const now = stored();
    if (now?.token !== session.peek()?.token) take(now);
  });
}

/** @param {Session} value */
export function signIn(value) {
  try {
    localStorage.setItem(KEY, JSON.stringify(value));
  } catch {
    // Without storage the session lasts as long as the page.
  }
  expired.value = false;
  take(value);
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
