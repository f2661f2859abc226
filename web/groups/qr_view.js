// A QR code, dark on white in every theme, since many readers take nothing else.

import { html } from "../vendor/preact.js";
import { qr } from "../core/qr.js";

/** @param {{text: string, label: string}} props */
export function Qr({ text, label }) {
  const code = qr(text);
  if (!code) return null;
  const side = code.length + 8;
  const dark = code.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join("");
  return html`<svg class="qr" viewBox=${`0 0 ${side} ${side}`} role="img" aria-label=${label} shape-rendering="crispEdges" data-testid="link-qr">
    <rect width=${side} height=${side} /><path d=${dark} /></svg>`;
}
