// Choices of this device and the own profile.

import { signal } from "../vendor/preact.js";
import { lookAgain } from "../chat/store.js";
import * as api from "../core/api.js";
import { resolve, switchOf, themeOf } from "./state.js";

/** @typedef {import("./state.js").Theme} Theme */

const THEME = "payambar:theme";
const RELAY = "payambar:relay-only";

/** @param {string} key */
function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
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

/** @type {import("../vendor/preact.js").Signal<Theme>} */
export const theme = signal(themeOf(kept(THEME)));
/** Calls pass through the server even when a direct path exists. */
export const relayOnly = signal(switchOf(kept(RELAY)));
/** Version of the server. */
export const version = signal("");
/** The own display name; empty until it is known. */
export const displayName = signal("");

/** Whether the server sends e-mail. */
export const mailOn = signal(false);
/** The own addresses: the confirmed one, and the one that waits for its code. */
export const emails = signal({ proved: "", waiting: "" });

/** Others see when this person was last there; what it is before the server has said so. */
export const showLastSeen = signal(true);

/** Colour of the browser's own bar: `stage` in a call. @param {boolean} inCall */
export function paintBar(inCall) {
  const style = getComputedStyle(document.documentElement);
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", style.getPropertyValue(inCall ? "--stage" : "--surface").trim());
}

function paint() {
  document.documentElement.dataset["theme"] = resolve(theme.peek(), matchMedia("(prefers-color-scheme: dark)").matches);
  paintBar(false);
}

/** Follows the system where the person chose so; call once. */
export function watchTheme() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  paint();
}

/** @param {Theme} value */
export function setTheme(value) {
  theme.value = value;
  keep(THEME, value);
  paint();
}

/** @param {boolean} on */
export function setRelayOnly(on) {
  relayOnly.value = on;
  keep(RELAY, on ? "1" : "0");
}

/** @returns {Promise<void>} */
export async function loadVersion() {
  try {
    version.value = await api.version();
  } catch {
    // It is shown when it is known.
  }
}

/** @returns {Promise<void>} */
export async function loadOptions() {
  try {
    mailOn.value = (await api.options()).mail;
  } catch {
    // Without an answer there is no form for it.
  }
}

/** @returns {Promise<void>} */
export async function loadProfile() {
  try {
    const mine = await api.profile();
    displayName.value = mine.display_name;
    showLastSeen.value = mine.show_last_seen;
    emails.value = { proved: mine.email, waiting: mine.email_waiting };
  } catch {
    // Asked again after the next connection.
  }
}

/** @param {string} name @returns {Promise<void>} */
export async function saveName(name) {
  displayName.value = await api.rename(name);
}

/** @param {boolean} on @returns {Promise<void>} */
export async function saveShowLastSeen(on) {
  await api.setShowLastSeen(on);
  showLastSeen.value = on;
  lookAgain();
}
