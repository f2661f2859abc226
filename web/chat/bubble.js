// One message, or one call, in the log.

import { html } from "../vendor/preact.js";
import { time } from "../core/format.js";
import { lang, t, uiDir } from "../core/i18n.js";
import { href, parts, textDir } from "../core/textdir.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { StatusMark } from "../core/ui/status.js";
import { asked } from "../groups/message.js";
import { nameIn } from "../groups/store.js";
import { eventWords } from "../groups/words.js";
import { Attachment } from "./attachment.js";
import { mark, nameOf } from "./state.js";
import { discard, sendAgain } from "./store.js";
import { callWords, missed, textOf } from "./words.js";

/**
 * @typedef {import("./state.js").Chat} Chat
 * @typedef {import("./state.js").Item} Item
 */

/** @param {{line: string}} props */
function Pieces({ line }) {
  return parts(line).map((part) => {
    if (part.t === "text") return part.s;
    if (part.t === "code") return html`<code dir="ltr">${part.s.slice(1, -1)}</code>`;
    const to = part.t === "link" ? href(part.s) : null;
    return to ? html`<a href=${to} dir="ltr" target="_blank" rel="noopener noreferrer">${part.s}</a>` : html`<bdi dir="ltr">${part.s}</bdi>`;
  });
}

/** Text with its direction; a line that reads the other way is isolated. @param {{text: string, children?: unknown}} props */
function Text({ text, children }) {
  const dir = textDir(text, uiDir());
  const all = text.split("\n");
  return html`<div class="tx" dir=${dir}>
    ${all.map((line, i) => {
      const own = textDir(line, dir);
      const pieces = html`<${Pieces} line=${line} />`;
      return html`${i > 0 && html`<br />`}${own === dir ? pieces : html`<bdi dir=${own}>${pieces}</bdi>`}`;
    })}${children}
  </div>`;
}

/** @param {number} at */
const clock = (at) => html`<time datetime=${new Date(at).toISOString()}>${time(at, lang.value)}</time>`;

/** Only emoji, and few of them: shown large. @param {string} text */
const large = (text) => text.length <= 24 && /^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u.test(text) && /\p{Extended_Pictographic}/u.test(text);

/** @param {{chat: Chat, item: Item, first: boolean, last: boolean}} props */
export function Bubble({ chat, item, first, last }) {
  const state = mark(chat, item);
  const told = html`${clock(item.at)}${item.mine && html`<${StatusMark} mark=${state} />`}`;
  // In a group an own message says who has read it.
  const asks = chat.group !== null && item.mine && item.seq > 0;
  const meta = html`<span class=${`meta ${state}`}>${asks
    ? html`<button type="button" dir=${uiDir()} data-testid="message-info-open" onClick=${() => (asked.value = item.key)}>${told}<span class="sr">${t("messageInfo")}</span></button>`
    : html`<span dir=${uiDir()}>${told}</span>`}</span>`;
  const theirs = chat.group !== null && !item.mine;
  const name = item.mine ? t("you") : chat.group ? nameIn(chat, item.sender) || t("someone") : nameOf(chat.peer);
  return html`<li class=${`m ${item.mine ? "me" : ""} ${theirs ? "in" : ""} ${first ? "first" : ""} ${last ? "last" : ""}`} data-testid="message" data-key=${item.key}
    data-client-id=${item.cid || undefined} data-message-id=${item.id || undefined} data-seq=${item.seq || undefined}
    data-status=${state} data-mine=${String(item.mine)}>
    ${theirs && last && html`<${Avatar} id=${item.sender} name=${name} size=${28} />`}
    <div class=${`b ${item.file ? "file" : large(item.text) ? "large" : ""}`}>
      ${theirs && first ? html`<span class="from"><bdi class="clip" data-testid="from">${name}</bdi><span class="sr">: </span></span>` : html`<span class="sr">${name}: </span>`}
      ${item.file ? html`<${Attachment} file=${item.file} />${meta}` : html`<${Text} text=${textOf(item)}>${meta}<//>`}
    </div>
    ${state === "failed" && html`<div class="fail"><${Icon} name="warn" /><span>${t("failed")}</span>
      <${Button} kind="plain" testid="retry" onClick=${() => sendAgain(chat.peer.id, item)}>${t("retry")}<//>
      <${Button} kind="plain" testid="discard" onClick=${() => discard(item.cid)}>${t("delete")}<//></div>`}
  </li>`;
}

/** @param {{item: Item}} props */
export function CallLine({ item }) {
  return html`<li class=${`sys ${missed(item) ? "missed" : ""}`} data-testid="call-entry" data-outcome=${item.call?.outcome} data-key=${item.key}
    data-message-id=${item.id} data-seq=${item.seq} data-mine=${String(item.mine)}>
    <${Icon} name=${item.mine ? "callout" : "callin"} /><span>${callWords(item)}</span><span class="quiet">${clock(item.at)}</span>
  </li>`;
}

/** What happened to the members of a group. @param {{chat: Chat, item: Item}} props */
export function EventLine({ chat, item }) {
  return html`<li class="sys event" data-testid="event" data-change=${item.event?.change} data-key=${item.key} data-message-id=${item.id} data-seq=${item.seq}
    data-mine=${String(item.mine)}><span>${eventWords(chat, item)}</span></li>`;
}
