// A new password for who forgot it, and the end of a temporary one.

import { html, useRef, useState } from "../vendor/preact.js";
import * as api from "../core/api.js";
import { t } from "../core/i18n.js";
import { go, takeCode } from "../core/nav.js";
import { Button } from "../core/ui/button.js";
import { Field } from "../core/ui/field.js";
import { Icon } from "../core/ui/icon.js";
import { toast } from "../core/ui/toast.js";
import { Card, words } from "./card.js";
import { begin, next, passwordProblem, said } from "./recover.js";
import { changed, session, signIn, signOut, temporaryPassword } from "./session.js";

/** @typedef {import("./recover.js").RecoveryEvent} RecoveryEvent */
/** @typedef {import("./recover.js").Problem} Problem */

/** @param {unknown} error @returns {{code: string, waitSeconds: number}} */
const refusal = (error) => (error instanceof api.ApiError ? error : { code: "internal", waitSeconds: 0 });

/** @param {{words: string}} props */
const Trouble = (props) =>
  html`<p class="banner danger" role="alert" data-testid="recover-error"><${Icon} name="warn" /><span>${props.words}</span></p>`;

export function RecoverView() {
  const [form, setForm] = useState(() => begin(takeCode()));
  const ref = useRef(/** @type {HTMLFormElement | null} */ (null));
  /** @param {RecoveryEvent} e */
  const apply = (e) => setForm((old) => next(old, e));
  /** @param {string} place */
  const at = (place) => (form.problem?.place === place ? words(form.problem) : "");
  /** @param {Event} e */
  const submit = async (e) => {
    e.preventDefault();
    const sent = next(form, { t: "submit" });
    setForm(sent);
    if (sent === form) return;
    if (!sent.busy) {
      const target = ref.current?.querySelector(`#recover-${sent.problem?.place}`);
      if (target instanceof HTMLElement) target.focus();
      return;
    }
    try {
      if (sent.step === "ask") {
        await api.forgotPassword(sent.who.trim());
        return apply({ t: "sent" });
      }
      const name = await api.resetPassword(sent.code.trim(), sent.password);
      toast(t("passwordSet"));
      // Whoever is signed in on this device may be somebody else, or that one, whose session has ended.
      signIn(await api.enter("login", name, sent.password));
      go("/");
    } catch (error) {
      apply({ t: "refused", ...refusal(error) });
    }
  };
  const asks = form.step === "ask";
  return html`<${Card} title=${t("forgotTitle")} text=${asks ? t("forgotText") : form.sent ? t("codeSent") : ""} testid="recover">
    <form ref=${ref} onSubmit=${submit} novalidate>
      ${asks
        ? html`<${Field} id="recover-who" label=${t("whoIsIt")} value=${form.who} dir="ltr" autocomplete="username" maxlength=${254}
            error=${at("who")} testid="recover-who" onInput=${(/** @type {string} */ value) => apply({ t: "who", value })} />`
        : html`<${Field} id="recover-code" label=${t("mailCode")} value=${form.code} dir="ltr" autocomplete="one-time-code" maxlength=${64}
            error=${at("code")} testid="recover-code" onInput=${(/** @type {string} */ value) => apply({ t: "code", value })} />
          <${Field} id="recover-password" label=${t("newPassword")} value=${form.password} dir="ltr" type="password" autocomplete="new-password"
            help=${t("pwRule")} error=${at("password")} testid="recover-password"
            onInput=${(/** @type {string} */ value) => apply({ t: "password", value })} />`}
      ${at("form") && html`<${Trouble} words=${at("form")} />`}
      <${Button} kind="pri" type="submit" busy=${form.busy} testid="recover-submit">${asks ? t("sendCode") : t("setPassword")}<//>
    </form>
    ${asks && html`<button type="button" class="link" data-testid="recover-have" onClick=${() => apply({ t: "have" })}>${t("haveCode")}</button>`}
    <button type="button" class="link" data-testid="recover-back" onClick=${() => go("/")}>${session.value ? t("toApp") : t("backToLogin")}</button>
  <//>`;
}

export function ChangeView() {
  const [old, setOld] = useState(temporaryPassword());
  const [chosen, setChosen] = useState("");
  const [problem, setProblem] = useState(/** @type {{place: string, key: string, values?: Record<string, number>} | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [asked] = useState(old === "");
  /** @param {string} place */
  const at = (place) => (problem?.place === place ? words(problem) : "");
  /** @param {Event} e */
  const submit = async (e) => {
    e.preventDefault();
    if (busy) return;
    const wrong = passwordProblem(chosen);
    if (old === "") return setProblem({ place: "old", key: "fillIn" });
    if (wrong) return setProblem({ place: "new", key: wrong });
    setBusy(true);
    try {
      await api.changePassword(old, chosen);
      toast(t("passwordSet"));
      return changed();
    } catch (error) {
      const { code, waitSeconds } = refusal(error);
      if (code === "bad_credentials") setProblem({ place: asked ? "old" : "form", key: "passwordWrong" });
      else setProblem({ place: code.startsWith("password_") ? "new" : "form", ...said(code, waitSeconds) });
    }
    return setBusy(false);
  };
  return html`<${Card} title=${t("ownPassword")} text=${t("ownPasswordText")} testid="change-password">
    <form onSubmit=${submit} novalidate>
      ${asked && html`<${Field} id="change-old" label=${t("tempPassword")} value=${old} dir="ltr" type="password" autocomplete="current-password"
        error=${at("old")} testid="change-old" onInput=${(/** @type {string} */ value) => { setOld(value); setProblem(null); }} />`}
      <${Field} id="change-new" label=${t("newPassword")} value=${chosen} dir="ltr" type="password" autocomplete="new-password"
        help=${t("pwRule")} error=${at("new")} testid="change-new" onInput=${(/** @type {string} */ value) => { setChosen(value); setProblem(null); }} />
      ${at("form") && html`<${Trouble} words=${at("form")} />`}
      <${Button} kind="pri" type="submit" busy=${busy} testid="change-submit">${t("setPassword")}<//>
    </form>
    <button type="button" class="link" data-testid="change-logout" onClick=${() => void signOut()}>${t("logout")}</button>
  <//>`;
}
