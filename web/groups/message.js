// Who has read an own message in a group, who only got it, and who has not got it yet.

import { html, signal } from "../vendor/preact.js";
import { t } from "../core/i18n.js";
import { Avatar } from "../core/ui/avatar.js";
import { Sheet } from "../core/ui/sheet.js";
import { nameOf } from "../chat/state.js";
import { receipts } from "./state.js";

/** The message it is asked of, by key. @type {import("../vendor/preact.js").Signal<string>} */
export const asked = signal("");

/** @param {{of: "readBy" | "deliveredTo" | "waitingFor", people: readonly import("./state.js").Member[]}} props */
function Part({ of, people }) {
  if (people.length === 0) return null;
  return html`<section data-testid=${`receipt-${of}`}><h3>${t(of, { n: people.length })}</h3>
    <ul>${people.map((m) => html`<li key=${m.id} class="one" data-username=${m.username}><${Avatar} id=${m.id} name=${nameOf(m)} size=${32} /><bdi class="clip">${nameOf(m)}</bdi></li>`)}</ul></section>`;
}

/** @param {{chat: import("../chat/state.js").Chat, group: import("./state.js").Group}} props */
export function MessageSheet({ chat, group }) {
  const item = asked.value ? chat.items.find((i) => i.key === asked.value && i.seq > 0) : undefined;
  if (!item) return null;
  const { read, delivered, waiting } = receipts(group, item);
  const nobody = read.length + delivered.length + waiting.length === 0;
  return html`<${Sheet} title=${t("messageInfo")} testid="message-info" onClose=${() => (asked.value = "")}>
    <div class="people">${nobody && html`<p class="quiet">${t("nobodyElse")}</p>`}
      <${Part} of="readBy" people=${read} /><${Part} of="deliveredTo" people=${delivered} /><${Part} of="waitingFor" people=${waiting} /></div>
  <//>`;
}
