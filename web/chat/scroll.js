// Keeps what is being read in its place while the log changes around it.

/** @typedef {{key: string, offset: number} | "end"} Place */

const NEAR_END = 80;

/** Where each chat was left, by person. @type {Map<number, Place>} */
export const places = new Map();

/** @param {HTMLElement} box */
export const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight <= NEAR_END;

/** @param {HTMLElement} box */
export function toEnd(box) {
  box.scrollTop = box.scrollHeight;
}

/** The first line that can be seen and how far it is from the top. @param {HTMLElement} box @returns {Place} */
export function placeOf(box) {
  if (atEnd(box)) return "end";
  const top = box.getBoundingClientRect().top;
  for (const line of box.querySelectorAll("[data-key]")) {
    const rect = line.getBoundingClientRect();
    if (rect.bottom > top) return { key: line.getAttribute("data-key") ?? "", offset: rect.top - top };
  }
  return "end";
}

/** Puts that line back where it was. @param {HTMLElement} box @param {Place} place */
export function restore(box, place) {
  if (place === "end") {
    toEnd(box);
    return;
  }
  const line = box.querySelector(`[data-key="${CSS.escape(place.key)}"]`);
  if (!line) return;
  const moved = line.getBoundingClientRect().top - box.getBoundingClientRect().top - place.offset;
  if (Math.abs(moved) >= 1) box.scrollTop += moved;
}
