// The panel of one chat.

import { html, useEffect } from "../vendor/preact.js";
import { CallNotice } from "../call/button.js";
import { ago } from "../core/format.js";
import { lang, t } from "../core/i18n.js";
import { back, phone } from "../core/nav.js";
import { online } from "../core/socket.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button, IconButton } from "../core/ui/button.js";
import { OfflineBar } from "../core/ui/offline.js";
import { RoomBanner } from "../room/door.js";
import { Uploads } from "./attachment.js";
import { now } from "./clock.js";
import { Composer } from "./composer.js";
import { Doors } from "./doors.js";
import { Drawing } from "./drawing.js";
import { Log } from "./log.js";
import { lastSeen, presence } from "./presence.js";
import { nameOf } from "./state.js";
import { chatByName, close, open, unknownNames } from "./store.js";
import { writers } from "./writers.js";

/** What is known of the person now, and nothing else. @param {{id: number, username: string}} props */
function Presence({ id, username }) {
  const known = presence.value.get(id);
  if (writers.value.has(id)) return html`<p class="clip live" data-presence="typing">${t("typing")}</p>`;
  if (known === undefined) return html`<p class="clip" data-presence="unknown"><span class="ltr">@${username}</span></p>`;
  const at = lastSeen.value.get(id);
  if (!known && at) {
    const time = ago(at, now.value, lang.value);
    return html`<p class="clip" data-presence="offline" data-testid="last-seen">${t("lastSeen", { time })}</p>`;
  }
  return html`<p class=${`clip ${known ? "live" : ""}`} data-presence=${known ? "online" : "offline"}>${t(known ? "online" : "away")}</p>`;
}

/** @param {{username: string}} props */
export function ChatPanel({ username }) {
  const chat = chatByName(username);
  const id = chat?.peer.id ?? 0;
  const connected = online.value;
  useEffect(() => {
    void open(username);
    return close;
  }, [username, id, connected]);

  const gone = chat?.peer.deleted === true;
  const name = gone ? t("deletedAccount") : chat ? nameOf(chat.peer) : username;
  const unknown = !chat && unknownNames.value.has(username);
  return html`<main class="chat" aria-label=${name} onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === "Escape" && !e.defaultPrevented && back()}>
    <header class="bar">
      <${IconButton} icon="back" label=${t("back")} cls="ph" testid="back" onClick=${back} />
      <div class="who">
        ${chat && html`<${Avatar} id=${id} name=${name} size=${40} online=${presence.value.get(id) === true} />`}
        <span><${phone.value ? "h1" : "h2"} class="clip" dir="auto">${name}<//>${chat && !gone && html`<${Presence} id=${id} username=${chat.peer.username} />`}</span>
      </div>
      ${chat && !gone && html`<${Doors} chat=${chat} />`}
    </header>
    <${OfflineBar} place="main" />
    ${chat && html`<${CallNotice} peer=${chat.peer} /><${RoomBanner} id=${chat.conversation} />`}
    ${unknown && html`<div class="empty"><${Drawing} name="find" /><p>${t("noUser", { name: username })}</p><${Button} onClick=${back}>${t("back")}<//></div>`}
    ${!chat && !unknown && html`<div class="empty"><p class="quiet" role="status">${t("loading")}</p></div>`}
    ${chat && html`<${Log} key=${`log${id}`} chat=${chat} />`}
    ${gone && html`<p class="quiet gone" data-testid="gone">${t("deletedAccountHelp")}</p>`}
    ${chat && !gone && html`<${Uploads} key=${`ups${id}`} peerId=${id} /><${Composer} key=${`write${id}`} peerId=${id} />`}
  </main>`;
}

/** Beside the list while no chat is open. */
export const NoChat = () => html`<main class="chat none"><div class="empty"><${Drawing} name="chats" /><p>${t("pickChat")}</p></div></main>`;
