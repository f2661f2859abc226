// What a group is: name, members, link, and the ways out of it.

import { html, signal, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { ApiError } from "../core/api.js";
import { errorText, t } from "../core/i18n.js";
import { layer, phone, wide } from "../core/nav.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button, IconButton } from "../core/ui/button.js";
import { Dialog } from "../core/ui/dialog.js";
import { Field } from "../core/ui/field.js";
import { Icon } from "../core/ui/icon.js";
import { Sheet } from "../core/ui/sheet.js";
import * as api from "./api.js";
import { LinkPart } from "./link.js";
import { Members } from "./members.js";
import { MAX_NAME } from "./new.js";
import { Picker } from "./picker.js";
import { moderates } from "./state.js";
import { destroy, leave, load } from "./store.js";

/** @typedef {import("../chat/state.js").Chat} Chat */
/** @typedef {import("./state.js").Group} Group */

/** Whether they are shown beside the chat, or over it. */
export const shown = signal(false);

/** @param {unknown} problem */
const words = (problem) => errorText(problem instanceof ApiError ? problem.code : "internal");

/** @param {{chat: Chat, group: Group}} props */
function Name({ chat, group }) {
  const name = chat.peer.display_name;
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  if (text === null) {
    return html`<div class="title"><h2 dir="auto" data-testid="group-title">${name}</h2>
      ${moderates(group) && html`<${IconButton} icon="pen" label=${t("renameGroup")} testid="group-rename" onClick=${() => setText(name)} />`}</div>`;
  }
  /** @param {Event} e */
  const submit = async (e) => {
    e.preventDefault();
    if (!text.trim()) return setError(t("fillIn"));
    setBusy(true);
    try {
      if (text.trim() !== name) await api.rename(chat.conversation, text.trim());
      setText(null);
    } catch (problem) {
      setError(words(problem));
    }
    setBusy(false);
  };
  return html`<form class="making" onSubmit=${submit} novalidate>
    <${Field} id="group-new-name" label=${t("groupName")} value=${text} dir="auto" maxlength=${MAX_NAME} error=${error} testid="group-new-name"
      onInput=${(/** @type {string} */ value) => { setText(value); setError(""); }} />
    <div class="acts"><${Button} kind="plain" onClick=${() => { setText(null); setError(""); }}>${t("cancel")}<//>
      <${Button} kind="pri" type="submit" busy=${busy} testid="group-save-name">${t("save")}<//></div>
  </form>`;
}

/** @param {{id: number, group: Group, onClose: () => void}} props */
function AddMembers({ id, group, onClose }) {
  const [chosen, setChosen] = useState(/** @type {import("./picker.js").Choice[]} */ ([]));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const add = async () => {
    setBusy(true);
    let left = chosen;
    try {
      for (const person of chosen) {
        await api.add(id, person.id);
        left = left.filter((p) => p !== person);
      }
      onClose();
    } catch (problem) {
      // Who was added before is in.
      setChosen([...left]);
      setError(words(problem));
      setBusy(false);
    }
    void load(id);
  };
  return html`<${Sheet} title=${t("addMember")} testid="add-members" onClose=${onClose}>
    <div class="making"><${Picker} chosen=${chosen} onChange=${(/** @type {import("./picker.js").Choice[]} */ now) => { setChosen(now); setError(""); }}
        without=${(/** @type {number} */ of) => group.members.some((m) => m.id === of)} />
      ${error && html`<p class="error" role="alert" data-testid="add-error"><${Icon} name="warn" />${error}</p>`}
      ${chosen.length > 0 && html`<div class="acts"><${Button} kind="pri" busy=${busy} testid="add-confirm" onClick=${add}>${t("addN", { n: chosen.length })}<//></div>`}</div>
  <//>`;
}

/** @param {{chat: Chat, group: Group}} props */
function WaysOut({ chat, group }) {
  const id = chat.conversation;
  const name = chat.peer.display_name;
  const [asks, ask] = useState(/** @type {"" | "leave" | "delete"} */ (""));
  const [typed, setTyped] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const close = () => {
    ask("");
    setTyped("");
    setError("");
  };
  /** @param {() => Promise<void>} what */
  const run = async (what) => {
    setBusy(true);
    try {
      await what();
    } catch (problem) {
      setError(words(problem));
    }
    setBusy(false);
  };
  const erase = () => (typed.trim() === name.trim() ? run(() => destroy(id)) : setError(t("nameDiffers")));
  const owner = group.role === "owner";
  return html`<section class="group-part out">
    ${owner ? html`<p class="quiet">${t("ownerStays")}</p><${Button} kind="danger" testid="group-delete" onClick=${() => ask("delete")}>${t("deleteGroup")}<//>`
      : html`<${Button} kind="danger" testid="group-leave" onClick=${() => ask("leave")}>${t("leaveGroup")}<//>`}
    ${asks === "leave" && html`<${Dialog} title=${t("leaveGroup")} text=${t("leaveGroupAsk", { name })} verb=${t("leaveGroup")} busy=${busy} testid="group-confirm"
      onYes=${() => run(() => leave(id))} onClose=${close}>${error && html`<p class="error" role="alert">${error}</p>`}<//>`}
    ${asks === "delete" && html`<${Dialog} title=${t("deleteGroup")} text=${t("deleteGroupAsk", { name })} verb=${t("deleteGroup")} busy=${busy} testid="group-confirm"
      onYes=${erase} onClose=${close}><${Field} id="group-typed" label=${t("groupName")} value=${typed} dir="auto" error=${error} testid="group-typed"
        onInput=${(/** @type {string} */ value) => { setTyped(value); setError(""); }} /><//>`}
  </section>`;
}

/** @param {{chat: Chat, group: Group}} props one per group: give it as key */
export function Details({ chat, group }) {
  const [adds, setAdds] = useState(false);
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const close = () => (shown.value = false);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    ref.current?.focus();
    const done = layer(close);
    return () => {
      done();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  /** @param {KeyboardEvent} e */
  const keys = (e) => {
    if (e.key !== "Escape" || e.defaultPrevented) return;
    e.preventDefault();
    close();
  };
  return html`<aside class="panel" role=${wide.value ? undefined : "main"} ref=${ref} tabindex="-1" aria-label=${t("groupInfo")} data-testid="group-details" onKeyDown=${keys}>
    <header class="bar"><${IconButton} icon="close" label=${t("close")} testid="details-close" onClick=${close} /><${phone.value ? "h1" : "h2"}>${t("groupInfo")}<//></header>
    <div class="in">
      <div class="face"><${Avatar} id=${chat.peer.id} name=${chat.peer.display_name} size=${96} /><${Name} chat=${chat} group=${group} /></div>
      ${!group.over && html`<section class="group-part">
          <div class="head"><h3>${t("members", { n: group.count })}</h3>
            ${moderates(group) && html`<${Button} kind="plain" testid="member-add" onClick=${() => setAdds(true)}>${t("addMember")}<//>`}</div>
          <${Members} id=${chat.conversation} group=${group} />
        </section>
        ${moderates(group) && html`<${LinkPart} id=${chat.conversation} />`}
        <${WaysOut} chat=${chat} group=${group} />`}
    </div>
    ${adds && html`<${AddMembers} id=${chat.conversation} group=${group} onClose=${() => setAdds(false)} />`}
  </aside>`;
}
