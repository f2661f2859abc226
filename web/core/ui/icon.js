// The line drawings of the interface, all on a 24 × 24 grid.

import { html } from "../../vendor/preact.js";

const paths = {
  chat: "M4 5.5h16v11H9.5L5 20.5v-4H4z",
  phone: "M5 3.5h3.6l1.7 4.6-2.2 1.6a12 12 0 0 0 6.2 6.2l1.6-2.2 4.6 1.7V19a1.7 1.7 0 0 1-1.8 1.7A16.6 16.6 0 0 1 3.3 5.3 1.7 1.7 0 0 1 5 3.5z",
  end: "M3 14.5c5.4-5 12.6-5 18 0l-2.3 2.5-3.7-1.7V12.7a12 12 0 0 0-6 0v2.6L5.3 17z",
  gear: "M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM10.2 5.3L10.4 2.8L13.6 2.8L13.8 5.3L15.4 6.0L17.3 4.4L19.6 6.7L18.0 8.5L18.7 10.2L21.2 10.4L21.2 13.6L18.7 13.8L18.0 15.4L19.6 17.3L17.3 19.6L15.4 18.0L13.8 18.7L13.6 21.2L10.4 21.2L10.2 18.7L8.5 18.0L6.7 19.6L4.4 17.3L6.0 15.5L5.3 13.8L2.8 13.6L2.8 10.4L5.3 10.2L6.0 8.5L4.4 6.7L6.7 4.4L8.5 6.0z",
  find: "M10.8 17.3a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.6 15.6 20.5 20.5",
  pen: "M4 20l1-4.5L16.3 4.2l3.5 3.5L8.5 19z",
  back: "M14.5 5 7.5 12l7 7",
  mic: "M12 14.5a3 3 0 0 0 3-3v-5a3 3 0 0 0-6 0v5a3 3 0 0 0 3 3zM5.8 11.5a6.2 6.2 0 0 0 12.4 0M12 17.7V21",
  micoff: "M4 4l16 16M9 9v2.5a3 3 0 0 0 4.6 2.5M15 11V6.5a3 3 0 0 0-5.7-1.3M5.8 11.5A6.2 6.2 0 0 0 15.6 16.6M18.2 11.5c0 .9-.2 1.7-.5 2.5M12 17.7V21",
  send: "M4 12 20.5 4.5 15 20l-3.2-6.3zM11.8 13.7 20.5 4.5",
  one: "M5.5 12.5l4.2 4.2L18.5 7.5",
  two: "M2.5 12.5l4.2 4.2L15 7.5M12 16l.8.7L21.5 7.5",
  clock: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 7.5V12l3 2",
  warn: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7.5v5.5M12 16.3v.2",
  min: "M19 5l-6 6M13 6v5h5M5 19l6-6M11 18v-5H6",
  down: "M5 9.5l7 7 7-7",
  close: "M6 6l12 12M18 6 6 18",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  eyeoff: "M4 4l16 16M9.5 5.9A9.4 9.4 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-3 3.7M6.3 7.3A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9.3 9.3 0 0 0 4.2-1M10 10a3 3 0 0 0 4.1 4.1",
  callin: "M17.5 6.5 7 17M7 9v8h8",
  callout: "M6.5 17.5 17 7M9 7h8v8",
  clip: "M19 11.5l-7.3 7.3a4.6 4.6 0 0 1-6.5-6.5l7.8-7.8a3 3 0 0 1 4.3 4.3l-7.6 7.6a1.5 1.5 0 0 1-2.1-2.1l6.8-6.8",
  file: "M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5V8.5H18.5",
  globe: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM3.5 12h17M12 3.5c3 2.6 3 14.4 0 17M12 3.5c-3 2.6-3 14.4 0 17",
};

/** @typedef {keyof typeof paths} IconName */

/** Drawings that point somewhere turn with the direction of the text. @type {ReadonlySet<IconName>} */
const mirrored = new Set(/** @type {const} */ (["back", "send"]));

/** @param {{name: IconName, cls?: string}} props */
export function Icon({ name, cls = "" }) {
  const mirror = mirrored.has(name) ? " mirror" : "";
  return html`<svg class=${`${cls}${mirror}`} viewBox="0 0 24 24" aria-hidden="true">
    <path d=${paths[name]} />
  </svg>`;
}
