// Short notices, and the words spoken to screen readers.

import { html, signal } from "../../vendor/preact.js";

/** @type {import("../../vendor/preact.js").Signal<string>} */
const shown = signal("");
/** @type {import("../../vendor/preact.js").Signal<string>} */
const polite = signal("");
/** @type {import("../../vendor/preact.js").Signal<string>} */
const urgent = signal("");
/** @type {ReturnType<typeof setTimeout> | undefined} */
let ends;

/** Shows a notice for 5 s; a new one takes the place of the old. @param {string} text */
export function toast(text) {
  clearTimeout(ends);
  shown.value = text;
  ends = setTimeout(() => (shown.value = ""), 5_000);
}

/** Says something to screen readers. @param {string} text @param {boolean} [now] interrupts */
export function announce(text, now = false) {
  const to = now ? urgent : polite;
  to.value = "";
  setTimeout(() => (to.value = text), 50);
}

export function Notices() {
  return html`<div class="toasts" role="status">${shown.value && html`<p class="toast" data-testid="toast">${shown.value}</p>`}</div>
    <p class="sr" aria-live="polite">${polite.value}</p>
    <p class="sr" aria-live="assertive">${urgent.value}</p>`;
}
