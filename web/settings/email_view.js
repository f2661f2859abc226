// The own e-mail address: named, confirmed, changed, removed.

import { html, useEffect, useState } from "../vendor/preact.js";
import { words } from "../account/card.js";
import * as api from "../core/api.js";
import { t } from "../core/i18n.js";
import { takeCode } from "../core/nav.js";
import { Button } from "../core/ui/button.js";
import { Dialog } from "../core/ui/dialog.js";
import { Field } from "../core/ui/field.js";
import { Icon } from "../core/ui/icon.js";
import { toast } from "../core/ui/toast.js";
import { missing, refused, stepOf } from "./email.js";
import { emails, loadProfile, mailOn } from "./store.js";

/** @typedef {{place: string, key: string} | null} Problem */

export function EmailCard() {
  const known = emails.value;
  const [renames, rename] = useState(false);
  const [removes, remove] = useState(false);
  const [address, setAddress] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState(/** @type {Problem} */ (null));
  const [busy, setBusy] = useState(false);
  useEffect(() => setCode(takeCode()), []);
  if (!mailOn.value && !known.proved && !known.waiting) return null;
  const step = stepOf(known, renames);
  /** @param {string} place */
  const at = (place) => (problem?.place === place ? words(problem) : "");
  /** @param {() => Promise<void>} work */
  const run = async (work) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await work();
      await loadProfile();
      rename(false);
      remove(false);
      setPassword("");
      setCode("");
    } catch (error) {
      setProblem(refused(error instanceof api.ApiError ? error.code : "internal"));
    }
    setBusy(false);
  };
  /** @param {Event} e */
  const submit = (e) => {
    e.preventDefault();
    if (step === "code") {
      if (code.trim() === "") return setProblem({ place: "code", key: "fillIn" });
      return void run(async () => {
        await api.proveEmail(code.trim());
        toast(t("saved"));
      });
    }
    const wrong = missing(address, password);
    if (wrong) return setProblem(wrong);
    return void run(() => api.setEmail(address.trim(), password));
  };
  /** @param {(value: string) => void} set */
  const typing = (set) => (/** @type {string} */ value) => {
    set(value);
    setProblem(null);
  };
  const secret = (/** @type {string} */ id) => html`<${Field} id=${id} label=${t("password")} type="password" autocomplete="current-password" value=${password}
    dir="ltr" error=${at("password")} testid=${id} onInput=${typing(setPassword)} />`;
  return html`<form class="group" aria-label=${t("email")} data-testid="email-card" data-step=${step} onSubmit=${submit} novalidate>
    <h2>${t("email")}</h2>
    ${known.proved && html`<p class="line"><bdi class="ltr" data-testid="email-proved">${known.proved}</bdi><span class="quiet">${t("emailConfirmed")}</span></p>`}
    ${step === "name" && html`<${Field} id="email-address" label=${t("emailAddress")} help=${t("emailHelp")} value=${address} dir="ltr" autocomplete="email"
        maxlength=${254} error=${at("address")} testid="email-address" onInput=${typing(setAddress)} />
      ${secret("email-password")}`}
    ${step === "code" && html`<p data-testid="email-waiting">${t("emailCodeTo", { email: `\u2066${known.waiting}\u2069` })}</p>
      <${Field} id="email-code" label=${t("mailCode")} value=${code} dir="ltr" autocomplete="one-time-code" maxlength=${64}
        error=${at("code")} testid="email-code" onInput=${typing(setCode)} />`}
    ${at("form") && !removes && html`<p class="banner danger" role="alert"><${Icon} name="warn" /><span>${at("form")}</span></p>`}
    ${step !== "shown" && html`<${Button} kind="pri" type="submit" busy=${busy} testid="email-submit">${step === "code" ? t("emailConfirm") : t("emailSend")}<//>`}
    ${step === "shown" && html`<${Button} kind="plain" testid="email-change" onClick=${() => rename(true)}>${t("emailChange")}<//>`}
    ${step === "code" && html`<${Button} kind="plain" testid="email-other" onClick=${() => rename(true)}>${t("emailOther")}<//>`}
    ${step === "name" && renames && html`<${Button} kind="plain" testid="email-keep" onClick=${() => rename(false)}>${t("cancel")}<//>`}
    ${step !== "name" && html`<${Button} kind="plain" testid="email-remove" onClick=${() => remove(true)}>${t("emailRemove")}<//>`}
    ${removes && html`<${Dialog} title=${t("emailRemove")} text=${t("emailRemoveAsk")} verb=${t("emailRemove")} busy=${busy} testid="email-remove-confirm"
      onYes=${() => (password ? void run(async () => { await api.removeEmail(password); toast(t("emailRemoved")); }) : setProblem({ place: "password", key: "passwordMissing" }))}
      onClose=${() => { remove(false); setPassword(""); setProblem(null); }}>
      ${secret("email-remove-password")}
      ${at("form") && html`<p class="banner danger" role="alert"><${Icon} name="warn" /><span>${at("form")}</span></p>`}
    <//>`}
  </form>`;
}
