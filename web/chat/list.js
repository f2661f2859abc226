// The list of chats, and the search over it and over people.

import { html, signal, useEffect, useRef } from "../vendor/preact.js";
import { badge, listTime } from "../core/format.js";
import { errorText, lang, t, uiDir } from "../core/i18n.js";
import { go, pathOf, phone, route } from "../core/nav.js";
import { fold, textDir } from "../core/textdir.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button, IconButton } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { OfflineBar } from "../core/ui/offline.js";
import { StatusMark } from "../core/ui/status.js";
import { making } from "../groups/new.js";
import { want } from "../groups/store.js";
import { byLine, eventWords, typingWords } from "../groups/words.js";
import { now } from "./clock.js";
import { drafts } from "./drafts.js";
import { Drawing } from "./drawing.js";
import { usePeople } from "./people.js";
import { presence } from "./presence.js";
import { listed, mark, nameOf } from "./state.js";
import { chats, listError, meet, refresh } from "./store.js";
import { callWords, dayWords, missed, textOf } from "./words.js";

/** @typedef {import("./state.js").Chat} Chat */
/** @typedef {import("../core/api.js").Person} Person */

const query = signal("");

/** One line of a text, cut at its own end. @param {{text: string}} props */
function Line({ text }) {
  const line = text.replace(/\s+/gu, " ").slice(0, 200);
  return html`<span class="clip" dir=${textDir(line, uiDir())}>${line}</span>`;
}

/** @param {{chat: Chat, current: boolean}} props */
function Preview({ chat, current }) {
  const last = chat.last;
  const draft = drafts.value[chat.peer.id];
  const writes = typingWords(chat);
  if (writes) return html`<span class="p live" data-testid="typing"><span class="clip">${writes}</span></span>`;
  if (draft && !current) return html`<span class="p"><span class="dr">${t("draft")}:</span><${Line} text=${draft} /></span>`;
  if (chat.group?.over) return html`<span class="p"><span class="clip">${t(`group.${chat.group.over}`)}</span></span>`;
  if (!last) return html`<span class="p">${chat.group && html`<span class="clip">${t("members", { n: chat.group.count })}</span>`}</span>`;
  if (last.event) return html`<span class="p"><span class="clip">${eventWords(chat, last)}</span></span>`;
  if (last.call) {
    return html`<span class=${`p ${missed(last) ? "dr" : ""}`}><${Icon} name=${last.mine ? "callout" : "callin"} /><span class="clip">${callWords(last)}</span></span>`;
  }
  if (last.local === "failed") return html`<span class="p"><${Icon} name="warn" cls="dr" /><span class="dr">${t("failed")}</span><${Line} text=${last.text} /></span>`;
  const by = byLine(chat, last);
  return html`<span class="p">${last.mine && html`<${StatusMark} mark=${mark(chat, last)} />`}${by && html`<span class="by"><bdi class="clip">${by}</bdi>:</span>`}<${Line} text=${textOf(last)} /></span>`;
}

/** @param {{chat: Chat}} props */
function ChatRow({ chat }) {
  const { peer, group, last, unread } = chat;
  const name = peer.deleted ? t("deletedAccount") : nameOf(peer);
  const here = route.value;
  const current = group ? here.name === "group" && here.id === chat.conversation : here.name === "chat" && here.username.toLowerCase() === peer.username.toLowerCase();
  const to = pathOf(group ? { name: "group", id: chat.conversation } : { name: "chat", username: peer.username });
  // Its members say how far an own message got.
  const loads = group !== null && !group.known && !group.over && last !== null && last.mine;
  useEffect(() => {
    if (loads) want(chat.conversation);
  }, [loads, chat.conversation]);
  return html`<li><button type="button" class=${`row ${unread ? "un" : ""}`} aria-current=${current ? "true" : undefined}
    data-testid="chat-row" data-username=${group ? undefined : peer.username} data-group=${group ? chat.conversation : undefined} onClick=${() => go(to)}>
    <${Avatar} id=${peer.id} name=${name} online=${presence.value.get(peer.id) === true} />
    <span class="two">
      <span class="l"><span class="n clip" dir="auto">${name}</span>${group && html`<span class="sr">${t("group")}</span>`}${presence.value.get(peer.id) && html`<span class="sr">${t("online")}</span>`}
        ${last && html`<time datetime=${new Date(last.at).toISOString()}>${listTime(last.at, now.value, lang.value, dayWords())}</time>`}</span>
      <span class="l"><${Preview} chat=${chat} current=${current} />
        ${unread > 0 && html`<span class="badge"><span aria-hidden="true">${badge(unread, lang.value)}</span><span class="sr">${t("nUnread", { n: unread })}</span></span>`}</span>
    </span>
  </button></li>`;
}

/** @param {{person: Person}} props */
function PersonRow({ person }) {
  const name = nameOf(person);
  const open = () => {
    meet(person);
    query.value = "";
    go(`/c/${encodeURIComponent(person.username)}`);
  };
  return html`<li><button type="button" class="row" data-testid="person-row" data-username=${person.username} onClick=${open}>
    <${Avatar} id=${person.id} name=${name} online=${person.is_online} />
    <span class="two"><span class="l"><span class="n clip" dir="auto">${name}</span></span>
      <span class="l"><span class="p"><span class="clip" dir="ltr">@${person.username}</span></span></span></span>
  </button></li>`;
}

/** @param {{q: string, all: Chat[]}} props */
function Found({ q, all }) {
  const { q: of, people, error } = usePeople(q.replace(/^@/u, ""));
  const wanted = fold(q.replace(/^@/u, ""));
  const own = all.filter((c) => fold(`${c.peer.display_name} ${c.peer.username}`).includes(wanted));
  const others = people.filter((p) => !own.some((c) => c.peer.id === p.id));
  const done = of === q.replace(/^@/u, "");
  return html`${own.length > 0 && html`<h2 class="part">${t("chats")}</h2><ul>${own.map((c) => html`<${ChatRow} key=${c.peer.id} chat=${c} />`)}</ul>`}
    ${others.length > 0 && html`<h2 class="part">${t("people")}</h2><ul>${others.map((p) => html`<${PersonRow} key=${p.id} person=${p} />`)}</ul>`}
    ${!done && html`<p class="quiet pad" role="status">${t("loading")}</p>`}
    ${done && error && html`<p class="quiet pad" role="status">${errorText(error)}</p>`}
    ${done && !error && own.length + others.length === 0 && html`<div class="empty"><${Drawing} name="find" /><p role="status">${t("eSearch", { q })}</p></div>`}`;
}

/** Arrow keys move between the rows. @param {KeyboardEvent} e */
function arrows(e) {
  const step = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
  if (!step && e.key !== "Home" && e.key !== "End") return;
  const panel = /** @type {Element} */ (e.currentTarget);
  const stops = [...panel.querySelectorAll("input, .row")];
  const at = stops.indexOf(/** @type {Element} */ (document.activeElement));
  const typing = document.activeElement instanceof HTMLInputElement;
  if (at < 0 || (typing && step !== 1)) return;
  const to = step ? stops[at + step] : stops.at(e.key === "Home" ? 1 : -1);
  if (to instanceof HTMLElement) {
    e.preventDefault();
    to.focus();
  }
}

export function ListPanel() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const q = query.value.trim();
  const all = listed(chats.value);
  const find = () => input.current?.focus();
  const clear = () => {
    query.value = "";
    input.current?.focus();
  };
  return html`<section class="list" role=${phone.value ? "main" : undefined} aria-label=${t("chats")} onKeyDown=${arrows}>
    <header class="lh"><h1>${t("chats")}</h1><${IconButton} icon="group" label=${t("newGroup")} testid="new-group-open" onClick=${() => (making.value = true)} /><${IconButton} icon="pen" label=${t("newChat")} cls="dk" onClick=${find} /></header>
    <${OfflineBar} place="list" />
    <label class="find"><${Icon} name="find" /><span class="sr">${t("search")}</span>
      <input ref=${input} type="search" enterkeyhint="search" autocomplete="off" autocapitalize="none" spellcheck=${false} dir=${query.value ? "auto" : undefined}
        placeholder=${t("search")} value=${query.value} data-testid="search-input"
        onInput=${(/** @type {InputEvent} */ e) => (query.value = /** @type {HTMLInputElement} */ (e.currentTarget).value)}
        onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === "Escape" && query.value) { e.stopPropagation(); clear(); } }} />
      ${query.value && html`<${IconButton} icon="close" label=${t("clear")} onClick=${clear} />`}
    </label>
    <div class="rows">
      ${q ? html`<${Found} q=${q} all=${all} />` : html`<${All} all=${all} find=${find} />`}
    </div>
    <button type="button" class="fab ph" aria-label=${t("newChat")} title=${t("newChat")} onClick=${find}><${Icon} name="pen" /></button>
  </section>`;
}

/** @param {{all: Chat[], find: () => void}} props */
function All({ all, find }) {
  const { fetched } = chats.value;
  if (all.length > 0) return html`<ul>${all.map((c) => html`<${ChatRow} key=${c.peer.id} chat=${c} />`)}</ul>`;
  if (!fetched && listError.value) {
    return html`<div class="empty" role="alert"><${Drawing} name="cut" /><p>${errorText(listError.value)}</p>
      <${Button} kind="soft" onClick=${() => void refresh()}>${t("again")}<//></div>`;
  }
  if (!fetched) {
    return html`<div class="skeletons" aria-busy="true"><span class="sr" role="status">${t("loading")}</span>
      ${[0, 1, 2, 3, 4].map((i) => html`<div class="skeleton" key=${i} aria-hidden="true"><i></i><b></b><b></b></div>`)}</div>`;
  }
  return html`<div class="empty"><${Drawing} name="chats" /><p>${t("eChats")}</p><${Button} kind="soft" onClick=${find}>${t("findSomeone")}<//></div>`;
}
