// Unsent text, kept per chat over reloads.

import { signal } from "../vendor/preact.js";

const PREFIX = "payambar:draft:";

/** @returns {Record<number, string>} */
function stored() {
  /** @type {Record<number, string>} */
  const found = {};
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX)) found[Number(key.slice(PREFIX.length))] = localStorage.getItem(key) ?? "";
    }
  } catch {
    // Without storage drafts last as long as the page.
  }
  return found;
}

/** By the id of the other person. */
export const drafts = signal(stored());

/** Reads the kept drafts again: another person signed in. */
export function reloadDrafts() {
  drafts.value = stored();
}

/** @param {number} peerId @param {string} text */
export function keepDraft(peerId, text) {
  if ((drafts.peek()[peerId] ?? "") === text) return;
  const { [peerId]: _, ...others } = drafts.peek();
  drafts.value = text.trim() ? { ...others, [peerId]: text } : others;
  try {
    if (text.trim()) localStorage.setItem(PREFIX + peerId, text);
    else localStorage.removeItem(PREFIX + peerId);
  } catch {
    // See above.
  }
}
