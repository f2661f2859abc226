// Line drawings for empty places, 96 px.

import { html } from "../vendor/preact.js";

const paths = {
  chats: "M16 26h44v28H38L26 64V54H16zM66 38h14v26h-8v9l-10-9H44M26 36h24M26 44h16",
  write: "M20 24h56v38H50L36 74V62H20zM32 38h32M32 48h20",
  find: "M42 66a24 24 0 1 0 0-48 24 24 0 0 0 0 48zM60 60l20 20M33 42h18",
  cut: "M18 40a42 42 0 0 1 60 0M29 52a27 27 0 0 1 38 0M40 63a12 12 0 0 1 16 0M48 72v.2M20 18l56 62",
};

/** @param {{name: keyof typeof paths}} props */
export const Drawing = ({ name }) =>
  html`<svg class="drawing" viewBox="0 0 96 96" aria-hidden="true"><path d=${paths[name]} /></svg>`;
