// Buttons: with words, and with a drawing whose words are its label.

import { html } from "../../vendor/preact.js";
import { Icon } from "./icon.js";

/**
 * @typedef {import("./icon.js").IconName} IconName
 * @typedef {import("../../vendor/preact.js").Child} Child
 */

/**
 * @param {{
 *   children?: Child, kind?: "pri" | "soft" | "plain" | "danger", busy?: boolean, icon?: IconName, type?: string,
 *   testid?: string, value?: string, onClick?: (e: Event) => void, autofocus?: boolean,
 * }} props
 */
export function Button({ children, kind = "soft", busy = false, icon, type = "button", testid, value, onClick, autofocus }) {
  return html`<button
    class=${`btn ${kind} ${busy ? "busy" : ""}`}
    type=${type}
    aria-busy=${busy ? "true" : undefined}
    data-testid=${testid}
    data-value=${value}
    autofocus=${autofocus}
    onClick=${(/** @type {Event} */ e) => (busy ? e.preventDefault() : onClick?.(e))}
  >
    ${busy ? html`<span class="spin" aria-hidden="true"></span>` : icon && html`<${Icon} name=${icon} />`}
    <span>${children}</span>
  </button>`;
}

/**
 * @param {{
 *   icon: IconName, label: string, onClick?: (e: Event) => void, cls?: string, pressed?: boolean,
 *   testid?: string, type?: string, expanded?: boolean,
 * }} props
 */
export function IconButton({ icon, label, onClick, cls = "", pressed, testid, type = "button" }) {
  return html`<button
    class=${`ib ${cls}`}
    type=${type}
    aria-label=${label}
    title=${label}
    aria-pressed=${pressed === undefined ? undefined : String(pressed)}
    data-testid=${testid}
    onClick=${onClick}
  >
    <${Icon} name=${icon} />
  </button>`;
}
