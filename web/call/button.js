// The call button of a chat, and the words when a call cannot begin.

import { html } from "../vendor/preact.js";
import { errorText, t } from "../core/i18n.js";
import { IconButton } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { call } from "./line.js";
import { cannot } from "./media.js";
import { busy } from "./state.js";
import { minimise, notice, startCall } from "./store.js";

/** @typedef {import("./state.js").Peer} Peer */

/** @param {{peer: Peer}} props */
export function CallButton({ peer }) {
  const c = call.value;
  const press = () => {
    if (busy(c)) minimise(false);
    else void startCall(peer);
  };
  const label = busy(c) ? t("toCall") : t("voiceCall");
  return html`<${IconButton} icon="phone" label=${label} cls=${cannot() ? "dim" : ""} testid="call-button" onClick=${press} />`;
}

/** @param {{peer: Peer}} props */
export function CallNotice({ peer }) {
  const n = notice.value;
  if (n?.peerId !== peer.id) return null;
  return html`<div class="banner warn" role="alert" data-testid="call-notice"><${Icon} name="warn" />
    <span>${n.key.startsWith("error.") ? errorText(n.key.slice(6)) : t(n.key)}</span>
    <${IconButton} icon="close" label=${t("close")} onClick=${() => (notice.value = null)} /></div>`;
}
