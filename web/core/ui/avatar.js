// A person as a circle, a group as a square: the picture, else the first letter of the name.

import { html } from "../../vendor/preact.js";
import { colour, initial } from "../format.js";
import { pictures } from "../pictures.js";

/**
 * A group's `id` is below zero.
 * @param {{id: number, name: string, size?: 28 | 32 | 40 | 48 | 60 | 72 | 96 | 132, online?: boolean, cls?: string}} props
 */
export function Avatar({ id, name, size = 48, online = false, cls = "" }) {
  const face = pictures.value.get(id);
  return html`<span class=${`av c${colour(id)} s${size} ${id < 0 ? "g" : ""} ${online ? "on" : ""} ${cls}`} aria-hidden="true">${face ? html`<img src=${face} alt="" decoding="async" />` : initial(name)}</span>`;
}
