// Settings: one page of groups.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { session, signOut } from "../account/session.js";
import { DevicePickers, SoundTest } from "../call/devices_view.js";
import * as api from "../core/api.js";
import { ApiError } from "../core/api.js";
import { errorText, lang, setLang, t } from "../core/i18n.js";
import { back, go, pathOf } from "../core/nav.js";
import { pictures } from "../core/pictures.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button, IconButton } from "../core/ui/button.js";
import { Choice, Switch } from "../core/ui/choice.js";
import { Dialog } from "../core/ui/dialog.js";
import { Field } from "../core/ui/field.js";
import { OfflineBar } from "../core/ui/offline.js";
import { toast } from "../core/ui/toast.js";
import { setPushToTalk, talk } from "../room/seat.js";
import { EmailCard } from "./email_view.js";
import { DeleteAccount } from "./leave.js";
import { nameToSave } from "./state.js";
import { displayName, loadOptions, loadProfile, loadVersion, relayOnly, saveName, saveShowLastSeen, setRelayOnly, setTheme, showLastSeen, theme, version } from "./store.js";

/** @typedef {import("../core/i18n.js").Lang} Lang */

function ProfileCard() {
  const me = session.value;
  const [typed, setTyped] = useState(displayName.value);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => setTyped(displayName.value), [displayName.value]);
  const name = nameToSave(typed, displayName.value);
  /** @param {Event} e */
  const save = async (e) => {
    e.preventDefault();
    if (name === null || busy) return;
    setBusy(true);
    setError("");
    try {
      await saveName(name);
      toast(t("saved"));
    } catch (problem) {
      setError(errorText(problem instanceof ApiError ? problem.code : "internal"));
    }
    setBusy(false);
  };
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  if (!me) return null;
  /** @param {File | null} file */
  const setPicture = async (file) => {
    try {
      await api.setPicture(me.user_id, file);
      toast(t("saved"));
    } catch (problem) {
      toast(errorText(problem instanceof ApiError ? problem.code : "internal"));
    }
  };
  const picked = () => {
    const [file] = picker.current?.files ?? [];
    if (picker.current) picker.current.value = "";
    if (file) void setPicture(file);
  };
  return html`<form class="group profile" aria-label=${t("profile")} onSubmit=${save}>
    <div class="id">
      <${Avatar} id=${me.user_id} name=${displayName.value || me.username} size=${72} />
      <p><bdi class="name">${displayName.value || me.username}</bdi><span class="ltr">@${me.username}</span></p>
    </div>
    <div>
      <input ref=${picker} type="file" accept="image/*" hidden data-testid="picture-picker" onChange=${picked} />
      <${Button} kind="plain" testid="picture-choose" onClick=${() => picker.current?.click()}>${t("choosePicture")}<//>
      ${pictures.value.has(me.user_id) && html`<${Button} kind="plain" testid="picture-remove" onClick=${() => void setPicture(null)}>${t("removePicture")}<//>`}
    </div>
    <${Field} id="display-name" label=${t("displayName")} help=${t("displayNameHelp")} value=${typed} dir="auto" maxlength=${64}
      error=${error} testid="display-name" onInput=${(/** @type {string} */ value) => { setTyped(value); setError(""); }} />
    ${name !== null && html`<${Button} kind="pri" type="submit" busy=${busy} testid="save-name">${t("save")}<//>`}
    <${Button} kind="plain" testid="my-page" onClick=${() => go(pathOf({ name: "profile", username: me.username }))}>${t("myPage")}<//>
  </form>`;
}

export function SettingsView() {
  const [asks, ask] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    void loadProfile();
    void loadVersion();
    void loadOptions();
  }, []);
  const leave = async () => {
    setBusy(true);
    await signOut();
  };
  return html`<main class="settings" aria-label=${t("settings")}>
    <header class="bar">
      <${IconButton} icon="back" label=${t("back")} cls="ph" onClick=${back} />
      <h1>${t("settings")}</h1>
    </header>
    <${OfflineBar} place="main" />
    <div class="page">
      <${ProfileCard} />
      <${EmailCard} />
      <section class="group" aria-label=${t("appearance")}>
        <h2>${t("appearance")}</h2>
        <div class="line"><span>${t("theme")}</span>
          <${Choice} label=${t("theme")} testid="theme-switch" value=${theme.value}
            options=${["light", "dark", "auto"].map((value) => ({ value, words: t(value) }))}
            onChange=${(/** @type {import("./state.js").Theme} */ value) => setTheme(value)} /></div>
        <div class="line"><span>${t("language")}</span>
          <${Choice} label=${t("language")} testid="lang-switch" value=${lang.value}
            options=${[{ value: "fa", words: "فارسی", lang: "fa" }, { value: "en", words: "English", lang: "en" }]}
            onChange=${(/** @type {Lang} */ value) => setLang(value).catch(() => toast(errorText("network")))} /></div>
      </section>
      <section class="group" aria-label=${t("calls")}>
        <h2>${t("calls")}</h2>
        <${DevicePickers} />
        <${SoundTest} />
        <${Switch} label=${t("pushToTalk")} help=${t("pushToTalkHelp")} on=${talk.value.on} testid="push-to-talk" onChange=${setPushToTalk} />
        <${Switch} label=${t("relayOnly")} help=${t("relayOnlyHelp")} on=${relayOnly.value} testid="relay-only" onChange=${setRelayOnly} />
      </section>
      <section class="group" aria-label=${t("privacy")}>
        <h2>${t("privacy")}</h2>
        <${Switch} label=${t("showLastSeen")} help=${t("showLastSeenHelp")} on=${showLastSeen.value} testid="show-last-seen"
          onChange=${(/** @type {boolean} */ on) => saveShowLastSeen(on).catch((problem) => toast(errorText(problem instanceof ApiError ? problem.code : "internal")))} />
      </section>
      <section class="group" aria-label=${t("account")}>
        <h2>${t("account")}</h2>
        <${Button} kind="danger" testid="logout" onClick=${() => ask(true)}>${t("logout")}<//>
        <${DeleteAccount} />
      </section>
      <section class="group" aria-label=${t("about")}>
        <h2>${t("about")}</h2>
        <p class="line"><span>${t("app")}</span><span class="quiet">${t("version")} <bdi class="ltr" data-testid="version">${version.value}</bdi></span></p>
      </section>
    </div>
    ${asks && html`<${Dialog} title=${t("logout")} text=${t("logoutAsk")} verb=${t("logout")} busy=${busy} testid="logout-confirm"
      onYes=${leave} onClose=${() => ask(false)} />`}
  </main>`;
}
