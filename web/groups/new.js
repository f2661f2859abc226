// A new group: its name, and who is asked in at once.

import { html, signal, useRef, useState } from "../vendor/preact.js";
import { ApiError } from "../core/api.js";
import { errorText, t } from "../core/i18n.js";
import { go, pathOf } from "../core/nav.js";
import { Button } from "../core/ui/button.js";
import { Field } from "../core/ui/field.js";
import { Sheet } from "../core/ui/sheet.js";
import { toast } from "../core/ui/toast.js";
import { Picker } from "./picker.js";
import { create } from "./store.js";

/** Whether the form is open. */
export const making = signal(false);

/** The server takes so many letters. */
export const MAX_NAME = 64;

export function NewGroup() {
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState(/** @type {import("./picker.js").Choice[]} */ ([]));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {string} words */
  const refuse = (words) => {
    setError(words);
    field.current?.focus();
  };
  /** @param {Event} e */
  const submit = async (e) => {
    e.preventDefault();
    if (busy) return;
    if (!name.trim()) return refuse(t("fillIn"));
    setBusy(true);
    try {
      const made = await create(name.trim(), chosen.map((p) => p.id));
      making.value = false;
      go(pathOf({ name: "group", id: made.id }));
      if (made.refused > 0) toast(t("notAdded", { n: made.refused }));
    } catch (problem) {
      refuse(errorText(problem instanceof ApiError ? problem.code : "internal"));
      setBusy(false);
    }
  };
  return html`<${Sheet} title=${t("newGroup")} testid="new-group" onClose=${() => (making.value = false)}>
    <form class="making" onSubmit=${submit} novalidate>
      <${Field} id="group-name" label=${t("groupName")} value=${name} dir="auto" maxlength=${MAX_NAME} error=${error} inputRef=${field}
        testid="group-name" errorTestid="group-error" onInput=${(/** @type {string} */ value) => { setName(value); setError(""); }} />
      <${Picker} chosen=${chosen} onChange=${setChosen} />
      <div class="acts"><${Button} kind="pri" type="submit" busy=${busy} testid="group-create">${t("makeGroup")}<//></div>
    </form>
  <//>`;
}
