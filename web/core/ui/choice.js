// One of a few, side by side; and a switch.

import { html } from "../../vendor/preact.js";

/**
 * @param {{
 *   label: string, options: readonly {value: string, words: string, lang?: string}[], value: string,
 *   onChange: (value: string) => void, testid: string,
 * }} props
 */
export function Choice({ label, options, value, onChange, testid }) {
  /** @param {KeyboardEvent} e */
  const keys = (e) => {
    const forward = getComputedStyle(/** @type {Element} */ (e.currentTarget)).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    const step = e.key === forward || e.key === "ArrowDown" ? 1 : e.key.startsWith("Arrow") ? -1 : 0;
    if (step === 0) return;
    e.preventDefault();
    const at = options.findIndex((o) => o.value === value);
    const to = options[(at + step + options.length) % options.length];
    if (!to) return;
    onChange(to.value);
    const button = /** @type {Element} */ (e.currentTarget).querySelector(`[data-value="${to.value}"]`);
    if (button instanceof HTMLElement) button.focus();
  };
  return html`<div class="choice" role="radiogroup" aria-label=${label} data-testid=${testid} onKeyDown=${keys}>
    ${options.map(
      (o) => html`<button
        type="button"
        role="radio"
        key=${o.value}
        lang=${o.lang}
        data-value=${o.value}
        aria-checked=${String(o.value === value)}
        tabindex=${o.value === value ? 0 : -1}
        onClick=${() => onChange(o.value)}
      >
        ${o.words}
      </button>`,
    )}
  </div>`;
}

/** @param {{label: string, help?: string, on: boolean, onChange: (on: boolean) => void, testid: string}} props */
export function Switch({ label, help, on, onChange, testid }) {
  return html`<button type="button" class="switch" role="switch" aria-checked=${String(on)} data-testid=${testid} onClick=${() => onChange(!on)}>
    <span><b>${label}</b>${help && html`<small>${help}</small>`}</span>
    <i aria-hidden="true"></i>
  </button>`;
}
