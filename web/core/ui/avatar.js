// A person as a circle with the first letter of the name.

import { html } from "../../vendor/preact.js";
import { colour, initial } from "../format.js";

/**
 * @param {{id: number, name: string, size?: 28 | 32 | 40 | 48 | 60 | 72 | 96 | 132, online?: boolean, cls?: string}} props
 */
export function Avatar({ id, name, size = 48, online = false, cls = "" }) {
  return html`<span class=${`av c${colour(id)} s${size} ${online ? "on" : ""} ${cls}`} aria-hidden="true">${initial(name)}</span>`;
}
