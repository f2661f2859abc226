// Choosing people: those one talks with, and everybody the search finds.

import { html, useState } from "../vendor/preact.js";
import { usePeople } from "../chat/people.js";
import { listed, nameOf } from "../chat/state.js";
import { chats } from "../chat/store.js";
import { errorText, t } from "../core/i18n.js";
import { fold } from "../core/textdir.js";
import { Avatar } from "../core/ui/avatar.js";
import { Icon } from "../core/ui/icon.js";

/** @typedef {{id: number, username: string, display_name: string}} Choice */

/**
 * @param {{chosen: readonly Choice[], onChange: (chosen: Choice[]) => void, without?: (id: number) => boolean}} props
 *   `without`: who is in already
 */
export function Picker({ chosen, onChange, without = () => false }) {
  const [text, setText] = useState("");
  const q = text.trim().replace(/^@/u, "");
  const { q: of, people, error } = usePeople(q);
  const wanted = fold(q);
  const known = listed(chats.value).filter((c) => !c.group && !c.peer.deleted).map((c) => c.peer).filter((p) => fold(`${p.display_name} ${p.username}`).includes(wanted));
  const found = q ? people.filter((p) => !known.some((k) => k.id === p.id)) : [];
  const all = [...known, ...found].filter((p) => !without(p.id));
  const isChosen = (/** @type {number} */ id) => chosen.some((c) => c.id === id);
  /** @param {Choice} p */
  const toggle = (p) => onChange(isChosen(p.id) ? chosen.filter((c) => c.id !== p.id) : [...chosen, p]);
  const done = !q || of === q;
  return html`<div class="picker">
    ${chosen.length > 0 && html`<ul class="chosen" aria-label=${t("chosenPeople")}>${chosen.map((p) => html`<li key=${p.id}>
      <button type="button" class="chip" data-testid="chosen" data-username=${p.username} onClick=${() => toggle(p)}>
        <bdi class="clip">${nameOf(p)}</bdi><${Icon} name="close" /><span class="sr">${t("remove")}</span></button></li>`)}</ul>`}
    <label class="find"><${Icon} name="find" /><span class="sr">${t("searchPeople")}</span>
      <input type="search" enterkeyhint="search" autocomplete="off" autocapitalize="none" spellcheck=${false} dir=${text ? "auto" : undefined} value=${text}
        placeholder=${t("searchPeople")} data-testid="picker-search"
        onInput=${(/** @type {InputEvent} */ e) => setText(/** @type {HTMLInputElement} */ (e.currentTarget).value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === "Enter") e.preventDefault(); }} /></label>
    <ul class="picks">${all.map((p) => html`<li key=${p.id}>
      <button type="button" class="one" role="checkbox" aria-checked=${String(isChosen(p.id))} data-testid="pick" data-username=${p.username} onClick=${() => toggle(p)}>
        <${Avatar} id=${p.id} name=${nameOf(p)} size=${40} />
        <span class="two"><bdi class="clip">${nameOf(p)}</bdi><span class="clip quiet ltr">@${p.username}</span></span>
        <i class="tickbox" aria-hidden="true">${isChosen(p.id) && html`<${Icon} name="one" />`}</i></button></li>`)}</ul>
    ${!done && html`<p class="quiet" role="status">${t("loading")}</p>`}
    ${done && q && error && html`<p class="quiet" role="status">${errorText(error)}</p>`}
    ${done && !error && all.length === 0 && html`<p class="quiet" role="status">${q ? t("eSearch", { q }) : t("pickHelp")}</p>`}
  </div>`;
}
