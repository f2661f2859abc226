// The voice room on the screen: full on a phone, beside the chat where there is room, as a green bar while minimised.

import { html, signal, useEffect, useRef, useState } from "../vendor/preact.js";
import { DevicePickers } from "../call/devices_view.js";
import { Control, PathChip, QualitySheet, RingCard, Timer } from "../call/parts.js";
import { errorText, t } from "../core/i18n.js";
import { layer, phone } from "../core/nav.js";
import { IconButton } from "../core/ui/button.js";
import { Switch } from "../core/ui/choice.js";
import { Icon } from "../core/ui/icon.js";
import { Sheet } from "../core/ui/sheet.js";
import { AskSheet } from "./ask.js";
import { declineInvitation, invitation } from "./invitation.js";
import { whenBlocked } from "./peer.js";
import { placeOf } from "./places.js";
import { inRoom, mine, moderates } from "./room.js";
import { asking, dismiss, hold, room, seat, setPushToTalk, talk } from "./seat.js";
import { enter, invite, leave, minimise, toggleDeaf, toggleHand, toggleLock, toggleMute } from "./store.js";
import { Tiles } from "./tiles.js";

/** @typedef {import("./room.js").Room} Room */

/** The browser plays no sound before a touch. */
const blocked = signal(false);
whenBlocked((on) => (blocked.value = on));

/** A room has something to show: not while a call is only on its way into it. @param {Room} r */
export const staged = (r) => r.phase !== "idle" && !r.minimised && !r.moving;

/** @param {{r: Room}} props */
function Status({ r }) {
  if (r.phase === "left") return html`${r.reason ? "" : t("leaveRoom")}`;
  if (r.phase === "joining" || r.phase === "connecting") return html`${t(r.again ? "reconnect" : "connecting")}`;
  if (r.weak) return html`${t("reconnect")}`;
  const n = r.here.seats.length;
  return html`${!r.minimised && html`${t("room")}${t("comma")}`}${t("roomPeople", { n })}${r.here.since > 0 && html`${t("comma")}<${Timer} since=${r.here.since} />`}${r.here.locked && html`${t("comma")}${t("roomLockedNote")}`}`;
}

/** What the person should know or do now. @param {{r: Room}} props */
function Note({ r }) {
  if (blocked.value) return html`<button type="button" class="note" onClick=${() => seat.peer?.unblock()}><${Icon} name="warn" /><span>${t("tapForSound")}</span></button>`;
  if (r.listening && !asking.value) {
    return html`<div class="note" role="status" data-testid="room-listening"><${Icon} name="micoff" /><span><b>${t("listen")}</b><br />${t(r.listening)}</span></div>`;
  }
  const own = mine(r);
  const words = asking.value ? t("micAsk") : own?.mod_muted ? t("modMutedYou") : r.deaf ? t("deafNote") : r.phase === "connected" && r.here.seats.length === 1 ? t("roomAlone") : r.muted && r.phase === "connected" ? t("mutedHint") : "";
  return html`<div class="note-box" role="status">${words && html`<p class="note"><${Icon} name=${asking.value ? "mic" : own?.mod_muted ? "lock" : r.deaf ? "voloff" : r.muted ? "micoff" : "room"} /><span>${words}</span></p>`}</div>`;
}

/** Talks while it is held. */
function HoldToTalk() {
  const up = () => hold(false);
  /** @param {PointerEvent} e */
  const down = (e) => {
    /** @type {Element} */ (e.currentTarget).setPointerCapture(e.pointerId);
    hold(true);
  };
  return html`<button type="button" class=${talk.value.held ? "yes" : ""} aria-pressed=${String(talk.value.held)} data-testid="room-hold"
    onPointerDown=${down} onPointerUp=${up} onPointerCancel=${up} onContextMenu=${(/** @type {Event} */ e) => e.preventDefault()}>
    <i><${Icon} name="mic" /></i><span>${t("holdToTalk")}</span></button>`;
}

/** @param {{r: Room, onSettings: () => void}} props */
function Controls({ r, onSettings }) {
  const pushed = talk.value.on && !r.muted && !r.listening;
  return html`<div class="ctl five">
    ${pushed ? html`<${HoldToTalk} />` : html`<${Control} icon=${r.muted ? "micoff" : "mic"} words=${t("micMute")} pressed=${r.muted} testid="room-mute" onClick=${toggleMute} />`}
    <${Control} icon=${r.deaf ? "voloff" : "vol"} words=${t("deafen")} pressed=${r.deaf} testid="room-deafen" onClick=${toggleDeaf} />
    <${Control} icon="hand" words=${t("hand")} pressed=${(mine(r)?.hand ?? 0) > 0} testid="room-hand" onClick=${toggleHand} />
    <${Control} icon="gear" words=${t("roomSettings")} testid="room-settings" onClick=${onSettings} />
    <${Control} icon="leave" words=${t("leaveRoom")} cls="end" testid="room-leave" onClick=${leave} />
  </div>`;
}

/** @param {{r: Room, lockable: boolean, onClose: () => void}} props */
function RoomSettings({ r, lockable, onClose }) {
  return html`<${Sheet} title=${t("room")} testid="room-sheet" onClose=${onClose}>
    ${lockable && html`<${Switch} label=${t("lockRoom")} help=${t("lockRoomHelp")} on=${r.here.locked} testid="room-lock" onChange=${toggleLock} />`}
    <${Switch} label=${t("pushToTalk")} help=${t("pushToTalkHelp")} on=${talk.value.on} testid="room-ptt" onChange=${setPushToTalk} />
    <${DevicePickers} />
  <//>`;
}

/** @param {{r: Room}} props */
function Left({ r }) {
  return html`<div class="who2"><p class="reason" role="alert" data-testid="room-reason">${r.reason.startsWith("error.") ? errorText(r.reason.slice(6)) : t(r.reason)}</p></div>
    <div class="ctl">
      <${Control} icon="room" words=${t("joinAgain")} cls="yes" testid="room-again" onClick=${() => void enter(r.id)} />
      <${Control} icon="close" words=${t("close")} testid="room-close" onClick=${dismiss} />
    </div>`;
}

/** @param {{r: Room}} props */
function Stage({ r }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [shown, look] = useState("");
  const close = () => look("");
  useEffect(() => {
    const opener = document.activeElement;
    box.current?.focus({ preventScroll: true });
    const done = phone.peek() ? layer(() => (inRoom(room.peek()) ? minimise(true) : dismiss())) : () => {};
    return () => {
      done();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  /** @param {KeyboardEvent} e */
  const keys = (e) => {
    // A sheet over the room closes by itself.
    if (e.target instanceof Element && e.target.closest("dialog")) return;
    if (e.key === "Escape") {
      e.stopPropagation();
      if (inRoom(r)) minimise(true);
      else dismiss();
    } else if ((e.ctrlKey || e.metaKey) && e.key === "d" && inRoom(r)) {
      e.preventDefault();
      toggleMute();
    }
  };
  const place = placeOf(r.id);
  const moderator = moderates(place.role);
  const there = r.here.seats.map((s) => s.user_id);
  return html`<section class="stage full room" ref=${box} tabindex="-1" role=${phone.value ? "dialog" : "region"} aria-modal=${phone.value ? "true" : undefined} aria-label=${t("roomOf", { name: place.name })}
    data-testid="room" data-state=${r.phase} data-weak=${String(r.weak)} data-reason=${r.reason || undefined} onKeyDown=${keys}>
    <div class="stop">
      ${inRoom(r) ? html`<${IconButton} icon="min" label=${t("minimiseRoom")} testid="room-minimise" onClick=${() => minimise(true)} />` : html`<span class="ib-gap"></span>`}
      <div class="title"><h2 class="clip"><bdi>${place.name}</bdi></h2><p class="clip" data-testid="room-status"><${Status} r=${r} /></p></div>
      ${r.phase === "connected" ? html`<${IconButton} icon="add" label=${t("addPerson")} testid="room-add" onClick=${() => look("ask")} />` : html`<span class="ib-gap"></span>`}
    </div>
    ${r.phase === "left" ? html`<${Left} r=${r} />` : html`<${Tiles} r=${r} moderator=${moderator} />
      <${Note} r=${r} />
      <${PathChip} path=${r.phase === "connected" ? r.path : null} onClick=${() => look("quality")} />
      <${Controls} r=${r} onSettings=${() => look("settings")} />`}
    ${shown === "quality" && html`<${QualitySheet} path=${r.path} onClose=${close} />`}
    ${shown === "settings" && html`<${RoomSettings} r=${r} lockable=${moderator || place.kind === "pair"} onClose=${close} />`}
    ${shown === "ask" && html`<${AskSheet} without=${there} onPick=${invite} onClose=${close} />`}
  </section>`;
}

/** The green bar on top of every view. */
export function RoomBar() {
  const r = room.value;
  if (!inRoom(r) || !r.minimised || r.moving) return null;
  const { name } = placeOf(r.id);
  return html`<div class="mini" data-testid="room-mini" data-state=${r.phase}>
    <button type="button" class="to" aria-label=${`${t("toRoom")}: ${name}`} onClick=${() => minimise(false)}>
      <${Icon} name="room" /><bdi class="clip">${name}</bdi><span class="state"><${Status} r=${r} /></span></button>
    <${IconButton} icon=${r.muted ? "micoff" : "mic"} label=${t("micMute")} pressed=${r.muted} testid="room-mute" onClick=${toggleMute} />
    <${IconButton} icon="leave" label=${t("leaveRoom")} testid="room-leave" onClick=${leave} />
  </div>`;
}

export function RoomLayer() {
  const r = room.value;
  return staged(r) ? html`<${Stage} r=${r} key="room" />` : null;
}

/** Somebody asks to come. */
export function Invitation() {
  const i = invitation.value;
  if (!i) return null;
  const { name } = i.from;
  return html`<${RingCard} id=${i.from.id} name=${name} kind=${i.name || t("room")} label=${t("roomAsks", { name })} testid="room-invited"
    yes=${{ words: t("joinRoom"), icon: "room", testid: "room-accept", run: () => void enter(i.id) }} no=${{ words: t("declineRoom"), testid: "room-decline", run: declineInvitation }}>
    <p>${t("roomAsksShort")}</p><//>`;
}
