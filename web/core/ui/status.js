// How far an own message got: never by colour alone, always with words.

import { html } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { Icon } from "./icon.js";

const icons = /** @type {const} */ ({ waiting: "clock", sent: "one", delivered: "two", read: "two", failed: "warn" });

/** @param {{mark: keyof typeof icons}} props */
export function StatusMark({ mark }) {
  return html`<span class=${`mark ${mark}`}><${Icon} name=${icons[mark]} cls="tick" /><span class="sr">${t(mark)}</span></span>`;
}
