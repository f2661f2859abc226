// The public page of a person, /u/name: for everybody who has the link, signed in or not.

import { html, useEffect, useState } from "../vendor/preact.js";
import { session } from "../account/session.js";
import * as api from "../core/api.js";
import { errorText, lang, setLang, t } from "../core/i18n.js";
import { go, pathOf } from "../core/nav.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";

/** @typedef {import("../core/api.js").Person} Person */

/** @param {{username: string}} props */
export function ProfileView({ username }) {
  const [person, setPerson] = useState(/** @type {Person | null} */ (null));
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let current = true;
    setPerson(null);
    setProblem("");
    api.user(username).then(
      (found) => current && setPerson(found),
      (error) => current && setProblem(error instanceof api.ApiError ? error.code : "internal"),
    );
    return () => void (current = false);
  }, [username]);
  const other = lang.value === "fa" ? "en" : "fa";
  const own = session.value?.username === person?.username;
  // Signed out, the chat is where the form leads to.
  const start = () => person && go(own ? "/" : pathOf({ name: "chat", username: person.username }));
  return html`<main class="auth person" data-testid="profile-page">
    <div class="auth-card">
      <button type="button" class="lang" lang=${other} data-testid="lang-switch" data-value=${other} onClick=${() => setLang(other)}>
        <${Icon} name="globe" /><span>${other === "en" ? "English" : "فارسی"}</span>
      </button>
      ${problem && html`<p class="banner warn" role="alert" data-testid="profile-problem"><${Icon} name="warn" /><span>${errorText(problem)}</span></p>
        <${Button} onClick=${() => go("/")}>${t("toApp")}<//>`}
      ${person && html`<${Avatar} id=${person.id} name=${person.display_name || person.username} size=${96} />
        <h1><bdi data-testid="profile-name">${person.display_name || person.username}</bdi></h1>
        <p class="tagline ltr">@${person.username}</p>
        ${person.bio && html`<p class="bio" dir="auto" data-testid="profile-bio">${person.bio}</p>`}
        <${Button} kind="pri" testid="start-chat" onClick=${start}>${own ? t("toApp") : t("startChat")}<//>
        <img class="qr" src=${`/api/users/${encodeURIComponent(person.username)}/qr.svg`} width="168" height="168" alt=${t("qrOf", { name: person.username })} />`}
    </div>
  </main>`;
}
