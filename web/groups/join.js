// Where a link into a group leads: its name, how many are in it, and the way in.

import { html, signal, useEffect, useState } from "../vendor/preact.js";
import { session } from "../account/session.js";
import { ApiError } from "../core/api.js";
import { errorText, lang, setLang, t } from "../core/i18n.js";
import { go, pathOf } from "../core/nav.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { Logo } from "../core/ui/logo.js";
import { behind } from "./api.js";
import { join } from "./store.js";

/** The link for which somebody signed out asked for the form; after it they are back here. */
export const entering = signal("");

/** @param {{code: string}} props */
export function JoinView({ code }) {
  const [group, setGroup] = useState(/** @type {{name: string, count: number} | null} */ (null));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const me = session.value?.user_id ?? 0;
  useEffect(() => {
    let current = true;
    setGroup(null);
    setProblem("");
    // Only who is signed in is told what is behind a link.
    if (!me) return undefined;
    behind(code).then(
      (found) => current && setGroup(found),
      (error) => current && setProblem(error instanceof ApiError ? error.code : "internal"),
    );
    return () => void (current = false);
  }, [code, me]);
  const enter = async () => {
    if (!me) {
      entering.value = code;
      return;
    }
    setBusy(true);
    try {
      go(pathOf({ name: "group", id: await join(code) }));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "internal");
    }
    setBusy(false);
  };
  const other = lang.value === "fa" ? "en" : "fa";
  return html`<main class="auth person" data-testid="join-page">
    <div class="auth-card">
      <button type="button" class="lang" lang=${other} data-testid="lang-switch" data-value=${other} onClick=${() => setLang(other)}>
        <${Icon} name="globe" /><span>${other === "en" ? "English" : "فارسی"}</span>
      </button>
      ${problem && html`<p class="banner warn" role="alert" data-testid="join-problem"><${Icon} name="warn" /><span>${errorText(problem)}</span></p>
        <${Button} onClick=${() => go("/")}>${t("toApp")}<//>`}
      ${!me && html`<${Logo} /><h1>${t("groupInvite")}</h1><p class="tagline">${t("groupInviteHelp")}</p>`}
      ${group && !problem && html`<${Avatar} id=${-1} name=${group.name} size=${96} /><p class="tagline">${t("groupInvite")}</p>
        <h1><bdi data-testid="join-name">${group.name}</bdi></h1><p class="tagline" data-testid="join-count">${t("members", { n: group.count })}</p>`}
      ${(!me || (group && !problem)) && html`<${Button} kind="pri" busy=${busy} testid="join-enter" onClick=${enter}>${me ? t("joinGroup") : t("enterToJoin")}<//>`}
      ${me > 0 && !group && !problem && html`<p class="quiet" role="status">${t("loading")}</p>`}
    </div>
  </main>`;
}
