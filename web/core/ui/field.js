// A text field: label above, help or error below.

import { html, useState } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { IconButton } from "./button.js";
import { Icon } from "./icon.js";

/**
 * @param {{
 *   id: string, label: string, value: string, onInput: (value: string) => void, help?: string, error?: string,
 *   type?: "text" | "password", dir?: "ltr" | "auto", autocomplete?: string, maxlength?: number,
 *   testid?: string, errorTestid?: string, inputRef?: unknown,
 * }} props
 */
export function Field(props) {
  const { id, label, value, onInput, help, error, type = "text", dir, autocomplete, maxlength, testid, errorTestid, inputRef } = props;
  const [shown, show] = useState(false);
  const below = error ? `${id}-error` : help ? `${id}-help` : undefined;
  return html`<div class=${`field ${error ? "bad" : ""}`}>
    <label for=${id}>${label}</label>
    <div class="box">
      <input
        id=${id}
        ref=${inputRef}
        name=${id}
        type=${type === "password" && !shown ? "password" : "text"}
        dir=${dir === "auto" && !value ? undefined : dir}
        value=${value}
        autocomplete=${autocomplete ?? "off"}
        autocapitalize="none"
        spellcheck=${false}
        maxlength=${maxlength}
        aria-invalid=${error ? "true" : undefined}
        aria-describedby=${below}
        data-testid=${testid}
        onInput=${(/** @type {InputEvent} */ e) => onInput(/** @type {HTMLInputElement} */ (e.currentTarget).value)}
      />
      ${type === "password" &&
      html`<${IconButton} icon=${shown ? "eyeoff" : "eye"} label=${t("showPw")} pressed=${shown} onClick=${() => show(!shown)} />`}
    </div>
    ${error
      ? html`<p class="error" id=${`${id}-error`} role="alert" data-testid=${errorTestid}><${Icon} name="warn" />${error}</p>`
      : help && html`<p class="help" id=${`${id}-help`}>${help}</p>`}
  </div>`;
}
