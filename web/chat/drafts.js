// Unsent text, kept per chat over reloads, each person's own.

import { signal } from "../vendor/preact.js";
import { session } from "../account/session.js";

const prefix = () => `payambar:draft:${session.peek()?.user_id ?? 0}:`;

/** @returns {Record<number, string>} */
function stored() {
  /** @type {Record<number, string>} */
  const found = {};
  try {
    const own = prefix();
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(own)) found[Number(key.slice(own.length))] = localStorage.getItem(key) ?? "";
    }
  } catch {
    // Without storage drafts last as long as the page.
  }
  return found;
}

/** By the id of the other person. */
export const drafts = signal(stored());

/** Reads the kept drafts of the person who is signed in now. */
export function reloadDrafts() {
  drafts.value = stored();
}

/** @param {number} peerId @param {string} text */
export function keepDraft(peerId, text) {
  if (!session.peek() || (drafts.peek()[peerId] ?? "") === text) return;
  const { [peerId]: _, ...others } = drafts.peek();
  drafts.value = text.trim() ? { ...others, [peerId]: text } : others;
  try {
    if (text.trim()) localStorage.setItem(prefix() + peerId, text);
    else localStorage.removeItem(prefix() + peerId);
  } catch {
    // See above.
  }
}
