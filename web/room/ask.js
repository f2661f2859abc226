// Whom to ask in: those one writes with, and everybody who can be found.

import { html, useState } from "../vendor/preact.js";
import { usePeople } from "../chat/people.js";
import { listed, nameOf } from "../chat/state.js";
import { chats } from "../chat/store.js";
import { errorText, t } from "../core/i18n.js";
import { fold } from "../core/textdir.js";
import { Avatar } from "../core/ui/avatar.js";
import { Field } from "../core/ui/field.js";
import { Icon } from "../core/ui/icon.js";
import { Sheet } from "../core/ui/sheet.js";

/** @typedef {import("../chat/state.js").Peer} Peer */

/** @param {{without: readonly number[], onPick: (id: number) => void, onClose: () => void}} props  `without`: who is there already */
export function AskSheet({ without, onPick, onClose }) {
  const [typed, setTyped] = useState("");
  const q = typed.trim().replace(/^@/u, "");
  const { q: of, people, error } = usePeople(q);
  const wanted = fold(q);
  /** @param {Peer} p */
  const free = (p) => !without.includes(p.id) && !p.deleted;
  const known = listed(chats.value).map((c) => c.peer).filter((p) => free(p) && fold(`${p.display_name} ${p.username}`).includes(wanted));
  const others = people.filter((p) => free(p) && !known.some((k) => k.id === p.id));
  const pick = (/** @type {number} */ id) => {
    onPick(id);
    onClose();
  };
  return html`<${Sheet} title=${t("addPerson")} testid="ask" onClose=${onClose}>
    <${Field} id="ask-name" label=${t("findPerson")} value=${typed} dir="auto" testid="ask-name" onInput=${setTyped} />
    <ul class="picks">${[...known, ...(q ? others : [])].map((p) => html`<li key=${p.id}>
      <button type="button" class="row" data-testid="ask-row" data-username=${p.username} onClick=${() => pick(p.id)}>
        <${Avatar} id=${p.id} name=${nameOf(p)} size=${40} />
        <span class="two"><span class="l"><span class="n clip" dir="auto">${nameOf(p)}</span></span>
          <span class="l"><span class="p"><span class="clip" dir="ltr">@${p.username}</span></span></span></span>
      </button></li>`)}</ul>
    ${q && of !== q && html`<p class="quiet" role="status">${t("loading")}</p>`}
    ${q && of === q && error && html`<p class="error" role="status"><${Icon} name="warn" />${errorText(error)}</p>`}
    ${q && of === q && !error && known.length + others.length === 0 && html`<p class="quiet" role="status">${t("eSearch", { q })}</p>`}
  <//>`;
}
