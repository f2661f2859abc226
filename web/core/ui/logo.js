// Our mark: an eight-pointed star that is also a speech bubble. A file, so that it can be cached.

import { html } from "../../vendor/preact.js";

const src = new URL("../../icons/favicon.svg", import.meta.url).pathname;

export const Logo = () => html`<img class="logo" src=${src} width="56" height="56" alt="" />`;
