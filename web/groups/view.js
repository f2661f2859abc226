// The panel of a group: its header, its log, its composer.

import { html, useEffect } from "../vendor/preact.js";
import { Uploads } from "../chat/attachment.js";
import { Composer } from "../chat/composer.js";
import { Doors } from "../chat/doors.js";
import { Drawing } from "../chat/drawing.js";
import { Log } from "../chat/log.js";
import { presence } from "../chat/presence.js";
import { chats, close, listError, openChat } from "../chat/store.js";
import { lang, t } from "../core/i18n.js";
import { number } from "../core/format.js";
import { back, phone, wide } from "../core/nav.js";
import { online } from "../core/socket.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button, IconButton } from "../core/ui/button.js";
import { OfflineBar } from "../core/ui/offline.js";
import { RoomBanner } from "../room/door.js";
import { Details, shown } from "./details.js";
import { asked, MessageSheet } from "./message.js";
import { gone, load } from "./store.js";
import { overWords, typingWords } from "./words.js";

/** @typedef {import("../chat/state.js").Chat} Chat */
/** @typedef {import("./state.js").Group} Group */

/** How many there are, and how many of them are here now. @param {{chat: Chat, group: Group}} props */
function Members({ chat, group }) {
  const writes = typingWords(chat);
  if (writes) return html`<p class="clip live" data-testid="typing">${writes}</p>`;
  const here = group.members.filter((m) => presence.value.get(m.id) === true).length;
  // I am one of them.
  const words = online.value && here > 0 ? t("membersOnline", { n: group.count, m: number(here + 1, lang.value) }) : t("members", { n: group.count });
  return html`<p class="clip" data-testid="group-count" data-n=${group.count}>${words}</p>`;
}

/** @param {{chat: Chat, group: Group}} props */
function Closed({ chat, group }) {
  return html`<div class="closed" role="status" data-testid="group-over" data-over=${group.over}>
    <p>${overWords(group.over)}</p><${Button} kind="soft" testid="group-put-away" onClick=${() => gone(chat.conversation)}>${t("removeFromList")}<//></div>`;
}

/** @param {{id: number}} props of the conversation: give it as key */
export function GroupPanel({ id }) {
  const chat = chats.value.chats[-id];
  const group = chat?.group ?? null;
  const connected = online.value;
  const over = group?.over ?? "";
  useEffect(() => {
    void openChat(-id);
    if (group && !over) void load(id);
    return close;
  }, [id, group === null, over, connected]);
  useEffect(() => () => {
    shown.value = false;
    asked.value = "";
  }, [id]);
  const covered = shown.value && !wide.value;
  const name = chat?.peer.display_name ?? t("group");
  const missing = !group && (chats.value.fetched || listError.value !== "");
  /** Closes what lies beside it first. @param {KeyboardEvent} e */
  const keys = (e) => {
    if (e.key !== "Escape" || e.defaultPrevented) return;
    if (shown.value) shown.value = false;
    else back();
  };
  return html`<main class="chat" aria-label=${name} inert=${covered} onKeyDown=${keys}>
      <header class="bar">
        <${IconButton} icon="back" label=${t("back")} cls="ph" testid="back" onClick=${back} />
        ${chat && group && html`<div class="who opens">
          <${Avatar} id=${-id} name=${name} size=${40} />
          <span><${phone.value ? "h1" : "h2"} class="clip" dir="auto"><button type="button" data-testid="group-open" aria-expanded=${String(shown.value)}
            title=${t("groupInfo")} onClick=${() => (shown.value = !shown.value)}>${name}</button><//><${Members} chat=${chat} group=${group} /></span>
        </div>
        ${!over && html`<${Doors} chat=${chat} />`}`}
      </header>
      <${OfflineBar} place="main" />
      ${group && !over && html`<${RoomBanner} id=${id} />`}
      ${!group && html`<div class="empty">${missing ? html`<${Drawing} name="find" /><p>${t("noGroup")}</p><${Button} onClick=${back}>${t("back")}<//>`
        : html`<p class="quiet" role="status">${t("loading")}</p>`}</div>`}
      ${chat && group && html`<${Log} key=${`log${-id}`} chat=${chat} />`}
      ${chat && group && (over ? html`<${Closed} chat=${chat} group=${group} />`
        : html`<${Uploads} key=${`ups${-id}`} peerId=${-id} /><${Composer} key=${`write${-id}`} peerId=${-id} />`)}
    </main>
    ${chat && group && shown.value && html`<${Details} key=${`d${id}`} chat=${chat} group=${group} />`}
    ${chat && group && html`<${MessageSheet} chat=${chat} group=${group} />`}`;
}
