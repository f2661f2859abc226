// The card that all forms before the app stand on.

import { html } from "../vendor/preact.js";
import { errorText, lang, setLang, t } from "../core/i18n.js";
import { Icon } from "../core/ui/icon.js";
import { Logo } from "../core/ui/logo.js";

/** @param {{key: string, values?: Record<string, string | number>} | null} problem @returns {string} */
export const words = (problem) =>
  !problem ? "" : problem.key.startsWith("error.") ? errorText(problem.key.slice(6)) : t(problem.key, problem.values);

/** @param {{title: string, text: string, testid: string, children?: unknown}} props */
export function Card({ title, text, testid, children }) {
  const other = lang.value === "fa" ? "en" : "fa";
  return html`<main class="auth" data-testid=${testid}>
    <div class="auth-card">
      <button type="button" class="lang" lang=${other} data-testid="lang-switch" data-value=${other} onClick=${() => setLang(other)}>
        <${Icon} name="globe" /><span>${other === "en" ? "English" : "فارسی"}</span>
      </button>
      <${Logo} />
      <h1>${title}</h1>
      <p class="tagline">${text}</p>
      ${children}
    </div>
  </main>`;
}
