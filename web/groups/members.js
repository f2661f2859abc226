// The members of a group, and what may be done with each.

import { html, useState } from "../vendor/preact.js";
import { session } from "../account/session.js";
import { meet } from "../chat/store.js";
import { nameOf } from "../chat/state.js";
import { presence } from "../chat/presence.js";
import { ApiError } from "../core/api.js";
import { errorText, t } from "../core/i18n.js";
import { go, pathOf } from "../core/nav.js";
import { fold } from "../core/textdir.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button } from "../core/ui/button.js";
import { Dialog } from "../core/ui/dialog.js";
import { Icon } from "../core/ui/icon.js";
import { remove, setRole } from "./api.js";
import { inOrder, powers } from "./state.js";
import { roleWords } from "./words.js";

/** @typedef {import("./state.js").Member} Member */
/** @typedef {import("./state.js").Group} Group */

/** From so many members on there is a search. */
const SEARCH_FROM = 20;

/** @param {{id: number, group: Group, member: Member, open: boolean, onOpen: () => void}} props */
function Row({ id, group, member, open, onOpen }) {
  const me = session.value?.user_id ?? 0;
  const own = member.id === me;
  const can = powers(group, member, me);
  const [asks, ask] = useState(/** @type {"" | "remove" | "handOver"} */ (""));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  /** @param {Promise<unknown>} to what the server tells everybody when it is done */
  const run = async (to) => {
    setBusy(true);
    setError("");
    try {
      await to;
    } catch (problem) {
      setError(errorText(problem instanceof ApiError ? problem.code : "internal"));
    }
    setBusy(false);
    ask("");
  };
  const write = () => {
    meet(member);
    go(pathOf({ name: "chat", username: member.username }));
  };
  const name = nameOf(member);
  return html`<li data-testid="member" data-username=${member.username} data-role=${member.role}>
    <button type="button" class="one" aria-expanded=${own ? undefined : String(open)} disabled=${own} onClick=${onOpen}>
      <${Avatar} id=${member.id} name=${name} size=${40} online=${presence.value.get(member.id) === true} />
      <span class="two"><bdi class="clip">${name}</bdi><span class="clip quiet ltr">@${member.username}</span></span>
      <span class="role">${[own ? t("you") : "", roleWords(member.role)].filter(Boolean).join(" · ")}</span>
    </button>
    ${open && html`<div class="powers">
      <${Button} kind="plain" testid="member-write" onClick=${write}>${t("sendMessage")}<//>
      ${can.promote && html`<${Button} kind="plain" busy=${busy} testid="member-promote" onClick=${() => run(setRole(id, member.id, "admin"))}>${t("makeAdmin")}<//>`}
      ${can.demote && html`<${Button} kind="plain" busy=${busy} testid="member-demote" onClick=${() => run(setRole(id, member.id, "member"))}>${t("unmakeAdmin")}<//>`}
      ${can.handOver && html`<${Button} kind="plain" testid="member-owner" onClick=${() => ask("handOver")}>${t("handOver")}<//>`}
      ${can.remove && html`<${Button} kind="danger" testid="member-remove" onClick=${() => ask("remove")}>${t("kick")}<//>`}
    </div>`}
    ${error && html`<p class="error" role="alert" data-testid="member-error"><${Icon} name="warn" />${error}</p>`}
    ${asks === "remove" && html`<${Dialog} title=${t("kick")} text=${t("kickAsk", { name })} verb=${t("kick")} busy=${busy} testid="member-confirm"
      onYes=${() => run(remove(id, member.id))} onClose=${() => ask("")} />`}
    ${asks === "handOver" && html`<${Dialog} title=${t("handOver")} text=${t("handOverAsk", { name })} verb=${t("handOver")} busy=${busy} testid="member-confirm"
      onYes=${() => run(setRole(id, member.id, "owner"))} onClose=${() => ask("")} />`}
  </li>`;
}

/** @param {{id: number, group: Group}} props `id`: of the conversation */
export function Members({ id, group }) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(0);
  const wanted = fold(text.trim().replace(/^@/u, ""));
  const all = inOrder(group.members).filter((m) => fold(`${m.display_name} ${m.username}`).includes(wanted));
  return html`${group.members.length >= SEARCH_FROM && html`<label class="find"><${Icon} name="find" /><span class="sr">${t("searchMembers")}</span>
      <input type="search" autocomplete="off" autocapitalize="none" spellcheck=${false} dir=${text ? "auto" : undefined} value=${text} placeholder=${t("searchMembers")}
        data-testid="member-search" onInput=${(/** @type {InputEvent} */ e) => setText(/** @type {HTMLInputElement} */ (e.currentTarget).value)} /></label>`}
    <ul class="members">${all.map((m) => html`<${Row} key=${m.id} id=${id} group=${group} member=${m} open=${open === m.id}
      onOpen=${() => setOpen(open === m.id ? 0 : m.id)} />`)}</ul>
    ${all.length === 0 && html`<p class="quiet" role="status">${group.known ? t("eSearch", { q: text.trim() }) : t("loading")}</p>`}`;
}
