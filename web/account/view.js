// The card to log in or make an account.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import * as api from "../core/api.js";
import { errorText, lang, setLang, t } from "../core/i18n.js";
import { go, home } from "../core/nav.js";
import { Button } from "../core/ui/button.js";
import { Field } from "../core/ui/field.js";
import { Icon } from "../core/ui/icon.js";
import { Logo } from "../core/ui/logo.js";
import { version } from "../settings/store.js";
import { words } from "./card.js";
import { expired, signIn } from "./session.js";
import { begin, next } from "./state.js";

/** @typedef {import("./state.js").FormEvent} FormEvent */

export function AuthView() {
  const [form, setForm] = useState(() => begin(location.pathname, location.search));
  const ref = useRef(/** @type {HTMLFormElement | null} */ (null));
  /** @param {FormEvent} e */
  const apply = (e) => setForm((old) => next(old, e));
  const register = form.mode === "register";
  const problem = form.problem;
  /** @param {import("./state.js").Place} place */
  const at = (place) => (problem?.place === place ? words(problem) : "");

  useEffect(() => {
    // Without an answer the server says itself what it asks for.
    api.options().then((options) => apply({ t: "options", ...options }), () => {});
  }, []);

  /** @param {Event} e */
  const submit = async (e) => {
    e.preventDefault();
    const sent = next(form, { t: "submit" });
    setForm(sent);
    if (sent === form) return;
    if (!sent.busy) {
      const target = ref.current?.querySelector(`#${sent.problem?.place}`);
      if (target instanceof HTMLElement) target.focus();
      return;
    }
    try {
      const more = sent.mode === "register" ? { invite_code: sent.invite.trim(), email: sent.mail ? sent.email.trim() : "" } : {};
      const entered = await api.enter(sent.mode, sent.username.trim(), sent.password, more);
      // The invitation is used up; the address must not lead to it again.
      if (begin(location.pathname, location.search).invite) home();
      signIn(entered, entered.must_change ? sent.password : "");
    } catch (error) {
      const { code, waitSeconds } = error instanceof api.ApiError ? error : { code: "internal", waitSeconds: 0 };
      apply({ t: "refused", code, waitSeconds });
    }
  };

  const other = lang.value === "fa" ? "en" : "fa";
  return html`<main class="auth">
    <div class="auth-card">
      <button type="button" class="lang" lang=${other} data-testid="lang-switch" data-value=${other} onClick=${() => setLang(other)}>
        <${Icon} name="globe" /><span>${other === "en" ? "English" : "فارسی"}</span>
      </button>
      <${Logo} />
      <h1>${register ? t("register") : t("login")}</h1>
      <p class="tagline">${t("app")} · ${t("tagline")}</p>
      ${expired.value && !problem && html`<p class="banner warn" role="status" data-testid="auth-notice"><${Icon} name="clock" /><span>${t("expired")}</span></p>`}
      ${form.pending && html`<p class="banner warn" role="status" data-testid="auth-pending"><${Icon} name="clock" /><span>${errorText("pending_approval")}</span></p>`}
      ${register && form.registration === "approval" && html`<p class="banner warn" data-testid="auth-approval"><${Icon} name="clock" /><span>${t("approvalNote")}</span></p>`}
      <form ref=${ref} onSubmit=${submit} novalidate>
        <${Field} id="username" label=${t("username")} value=${form.username} dir="ltr" autocomplete="username"
          help=${register ? t("nameRule") : ""} error=${at("username")} maxlength=${64} testid="auth-username" errorTestid="auth-error"
          onInput=${(/** @type {string} */ value) => apply({ t: "username", value })} />
        <${Field} id="password" label=${t("password")} value=${form.password} dir="ltr" type="password"
          autocomplete=${register ? "new-password" : "current-password"}
          help=${register ? t("pwRule") : ""} error=${at("password")} testid="auth-password" errorTestid="auth-error"
          onInput=${(/** @type {string} */ value) => apply({ t: "password", value })} />
        ${register && form.mail &&
        html`<${Field} id="email" label=${t("emailOptional")} value=${form.email} dir="ltr" maxlength=${254} autocomplete="email" help=${t("emailHelp")}
          error=${at("email")} testid="auth-email" errorTestid="auth-error"
          onInput=${(/** @type {string} */ value) => apply({ t: "email", value })} />`}
        ${register && form.registration === "invite" &&
        html`<${Field} id="invite" label=${t("inviteCode")} value=${form.invite} dir="ltr" maxlength=${64} help=${t("inviteHelp")}
          error=${at("invite")} testid="auth-invite" errorTestid="auth-error"
          onInput=${(/** @type {string} */ value) => apply({ t: "invite", value })} />`}
        ${register &&
        html`<div class=${`field ${at("consent") ? "bad" : ""}`}>
          <label class="consent">
            <input id="consent" type="checkbox" checked=${form.consent} data-testid="auth-consent"
              aria-describedby=${at("consent") ? "consent-error" : undefined}
              onChange=${(/** @type {Event} */ e) => apply({ t: "consent", on: /** @type {HTMLInputElement} */ (e.currentTarget).checked })} />
            <span>${t("consent", { host: location.host })}</span>
          </label>
          ${at("consent") && html`<p class="error" id="consent-error" role="alert" data-testid="auth-error"><${Icon} name="warn" />${at("consent")}</p>`}
        </div>`}
        ${at("form") && html`<p class="banner danger" role="alert" data-testid="auth-error"><${Icon} name="warn" /><span>${at("form")}</span></p>`}
        <${Button} kind="pri" type="submit" busy=${form.busy} testid="auth-submit">${register ? t("register") : t("login")}<//>
      </form>
      ${!register && form.mail && html`<button type="button" class="link" data-testid="auth-forgot" onClick=${() => go("/reset")}>${t("forgotPw")}</button>`}
      ${form.registration === "closed"
        ? html`<p class="hint" data-testid="auth-closed">${errorText("registration_closed")}</p>`
        : html`<button type="button" class="link" data-testid="auth-switch" onClick=${() => apply({ t: "switch" })}>
            ${register ? t("toLogin") : t("toRegister")}
          </button>`}
      <p class="version ltr" data-testid="version">${version.value}</p>
    </div>
  </main>`;
}
