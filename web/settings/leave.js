// The end of an account: asked twice, with the password.

import { html, useState } from "../vendor/preact.js";
import { left } from "../account/session.js";
import * as api from "../core/api.js";
import { ApiError } from "../core/api.js";
import { errorText, t } from "../core/i18n.js";
import { Button } from "../core/ui/button.js";
import { Dialog } from "../core/ui/dialog.js";
import { Field } from "../core/ui/field.js";
import { toast } from "../core/ui/toast.js";

export function DeleteAccount() {
  const [asks, ask] = useState(false);
  const [password, setPassword] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const close = () => {
    ask(false);
    setPassword("");
    setError("");
  };
  const leave = async () => {
    if (!password) return setError(t("passwordMissing"));
    setBusy(true);
    try {
      await api.deleteAccount(password);
      left();
      toast(t("accountDeleted"));
    } catch (problem) {
      setError(problem instanceof ApiError && problem.code === "bad_credentials" ? t("passwordWrong") : errorText(problem instanceof ApiError ? problem.code : "network"));
    }
    setBusy(false);
  };
  return html`<${Button} kind="plain" testid="delete-account" onClick=${() => ask(true)}>${t("deleteAccount")}<//>
    ${asks && html`<${Dialog} title=${t("deleteAccount")} text=${t("deleteAccountAsk")} verb=${t("deleteAccount")} busy=${busy}
      testid="delete-account-confirm" onYes=${leave} onClose=${close}>
      <${Field} id="leave-password" label=${t("password")} type="password" autocomplete="current-password" value=${password} dir="ltr"
        error=${error} testid="leave-password" onInput=${(/** @type {string} */ value) => { setPassword(value); setError(""); }} />
    <//>`}`;
}
