// The call on the screen: full, as a card while it rings, as a green bar while minimised.

import { html, signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { t } from "../core/i18n.js";
import { go, layer, phone } from "../core/nav.js";
import { Avatar } from "../core/ui/avatar.js";
import { IconButton } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { Sheet } from "../core/ui/sheet.js";
import { AskSheet } from "../room/ask.js";
import { askIntoCall, off } from "../room/store.js";
import { DevicePickers } from "./devices_view.js";
import { asking, call, dismiss, nameOfCall, overWords } from "./line.js";
import { Control, PathChip, QualitySheet, RingCard, Timer } from "./parts.js";
import { unblock, whenBlocked } from "./peer.js";
import { busy } from "./state.js";
import { accept, decline, hangUp, minimise, startCall, toggleMute } from "./store.js";

/** @typedef {import("./state.js").Call} Call */

/** The browser plays no sound before a touch. */
const blocked = signal(false);
whenBlocked((on) => (blocked.value = on));

/** @param {{c: Call}} props */
function Status({ c }) {
  switch (c.phase) {
    case "calling": return html`${t("calling")}`;
    case "ringing": return html`${t("ringing")}`;
    case "connecting": return html`${t("connecting")}`;
    case "active": return c.weak ? html`${t("reconnect")}` : html`<${Timer} since=${c.since ?? Date.now()} />`;
    case "over": return html`${overWords(c)}`;
    default: return html`${t("incoming")}`;
  }
}

/** What the person should know or do now. @param {{c: Call}} props */
function Note({ c }) {
  if (blocked.value && busy(c)) return html`<button type="button" class="note" onClick=${unblock}><${Icon} name="warn" /><span>${t("tapForSound")}</span></button>`;
  const words = asking.value ? t("micAsk") : c.muted && c.phase === "active" ? t("mutedHint") : c.silent && !c.weak ? t("noAudio", { name: nameOfCall(c) }) : "";
  return html`<div class="note-box" role="status">${words && html`<p class="note"><${Icon} name=${asking.value ? "mic" : c.muted ? "micoff" : "warn"} /><span>${words}</span></p>`}</div>`;
}

/** @param {Call} c */
function toChat(c) {
  if (c.peer?.username) go(`/c/${encodeURIComponent(c.peer.username)}`);
  if (c.phase === "over") dismiss();
  else minimise(true);
}

/** @param {{c: Call, onOutput: () => void}} props */
function Controls({ c, onOutput }) {
  const over = c.phase === "over";
  const known = Boolean(c.peer?.username);
  if (over) {
    return html`<div class="ctl">
      ${known && html`<${Control} icon="chat" words=${t("sendMessage")} onClick=${() => toChat(c)} />`}
      ${known && html`<${Control} icon="phone" words=${t("callAgain")} cls="yes" onClick=${() => c.peer && void startCall(c.peer)} />`}
      <${Control} icon="close" words=${t("close")} testid="call-close" onClick=${dismiss} />
    </div>`;
  }
  return html`<div class="ctl">
    <${Control} icon=${c.muted ? "micoff" : "mic"} words=${t("micMute")} pressed=${c.muted} testid="call-mute" onClick=${toggleMute} />
    <${Control} icon="vol" words=${t("sound")} testid="call-sound" onClick=${onOutput} />
    ${known && html`<${Control} icon="chat" words=${t("sendMessage")} onClick=${() => toChat(c)} />`}
    <${Control} icon="end" words=${t("end")} cls="end" testid="call-hangup" onClick=${hangUp} />
  </div>`;
}

/** @param {{c: Call}} props */
function Stage({ c }) {
  const [shown, look] = useState("");
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const opener = document.activeElement;
    box.current?.focus({ preventScroll: true });
    const done = phone.peek() ? layer(() => (busy(call.peek()) ? minimise(true) : dismiss())) : () => {};
    return () => {
      done();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  /** @param {KeyboardEvent} e */
  const keys = (e) => {
    // A sheet over the call closes by itself.
    if (e.target instanceof Element && e.target.closest("dialog")) return;
    if (e.key === "Escape") {
      if (c.phase === "over") dismiss();
      else minimise(true);
    } else if ((e.ctrlKey || e.metaKey) && e.key === "d" && busy(c)) {
      e.preventDefault();
      toggleMute();
    }
  };
  const name = nameOfCall(c);
  return html`<section class="stage full" ref=${box} tabindex="-1" role=${phone.value ? "dialog" : "main"} aria-modal=${phone.value ? "true" : undefined} aria-label=${t("callWith", { name })} onKeyDown=${keys}>
    <div class="stop">
      ${busy(c) ? html`<${IconButton} icon="min" label=${t("minimise")} testid="call-minimise" onClick=${() => minimise(true)} />` : html`<span class="ib-gap"></span>`}
      <${PathChip} path=${c.phase === "active" ? c.path : null} onClick=${() => look("quality")} />
      ${c.phase === "active" && !off.value ? html`<${IconButton} icon="add" label=${t("addPerson")} testid="call-add" onClick=${() => look("ask")} />` : html`<span class="ib-gap"></span>`}
    </div>
    <div class="who2">
      <${Avatar} id=${c.peer?.id ?? 0} name=${name} size=${132} cls=${c.phase === "ringing" ? "ring" : ""} />
      <h2><bdi>${name}</bdi></h2>
      <p data-testid="call-status" data-state=${c.phase} data-reason=${c.reason || undefined}><${Status} c=${c} /></p>
    </div>
    <${Note} c=${c} />
    <${Controls} c=${c} onOutput=${() => look("sound")} />
    ${shown === "sound" && html`<${Sheet} title=${t("sound")} testid="sound" onClose=${() => look("")}><${DevicePickers} /><//>`}
    ${shown === "quality" && html`<${QualitySheet} path=${c.path} onClose=${() => look("")} />`}
    ${shown === "ask" && html`<${AskSheet} without=${[c.peer?.id ?? 0]} onPick=${askIntoCall} onClose=${() => look("")} />`}
  </section>`;
}

/** @param {{c: Call}} props */
function Incoming({ c }) {
  const name = nameOfCall(c);
  return html`<${RingCard} id=${c.peer?.id ?? 0} name=${name} kind=${t("voiceCall")} label=${t("callFrom", { name })} testid="incoming"
    yes=${{ words: t("answer"), icon: "phone", testid: "call-accept", run: accept }} no=${{ words: t("decline"), testid: "call-decline", run: decline }}>
    <p data-testid="call-status" data-state="incoming">${t("incoming")}</p><//>`;
}

/** The green bar on top of every view. */
export function MiniBar() {
  const c = call.value;
  if (!busy(c) || !c.minimised) return null;
  const name = nameOfCall(c);
  return html`<div class="mini" data-testid="call-mini">
    <button type="button" class="to" aria-label=${`${t("toCall")}: ${name}`} onClick=${() => minimise(false)}>
      <${Icon} name="phone" /><bdi class="clip">${name}</bdi><span class="state" data-testid="call-status" data-state=${c.phase}><${Status} c=${c} /></span></button>
    <${IconButton} icon=${c.muted ? "micoff" : "mic"} label=${t("micMute")} pressed=${c.muted} testid="call-mute" onClick=${toggleMute} />
    <${IconButton} icon="end" label=${t("end")} testid="call-hangup" onClick=${hangUp} />
  </div>`;
}

export function CallLayer() {
  const c = call.value;
  if (c.phase === "incoming") return html`<${Incoming} c=${c} />`;
  return c.phase !== "idle" && !c.minimised ? html`<${Stage} c=${c} key="stage" />` : null;
}
