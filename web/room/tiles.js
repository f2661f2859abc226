// The people of a room: large those who may speak, small those who listen.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { evenLevel } from "../call/level.js";
import { t } from "../core/i18n.js";
import { Avatar } from "../core/ui/avatar.js";
import { Button } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { Sheet } from "../core/ui/sheet.js";
import { listeners, seatOf, slotOf } from "./room.js";
import { room, seat, setVolume, volumes } from "./seat.js";
import { moderate } from "./store.js";

/**
 * @typedef {import("../core/wire_rooms.js").Seat} Seat
 * @typedef {import("./room.js").Room} Room
 */

const DRAW_MS = 80;
const OWN_EVERY = 3;
const STACK = 5;

/** @param {Seat} s */
export const nameOfSeat = (s) => s.display_name || s.username;

/** What there is to say about somebody now, in words. @param {Seat} s @param {boolean} own @returns {string} */
function wordsOf(s, own) {
  const now = s.reconnecting ? t("seatBack") : s.mod_muted ? t("modMuted") : s.hand ? t("handUp", { n: s.hand }) : s.muted ? t("muted") : s.speaking ? t("speaking") : "";
  return [own ? t("you") : s.guest ? t("guest") : "", now].filter(Boolean).join(t("comma"));
}

/** @param {{s: Seat, own: boolean, onOpen: (id: number) => void}} props */
function Tile({ s, own, onOpen }) {
  const words = wordsOf(s, own);
  const talks = s.speaking && !s.reconnecting && !s.muted && !s.mod_muted;
  const mark = s.mod_muted ? "lock" : s.hand ? "hand" : s.muted ? "micoff" : null;
  const inside = html`<${Avatar} id=${s.user_id} name=${nameOfSeat(s)} size=${60} cls=${talks ? "speak" : ""} />
    <b class="clip" dir="auto">${nameOfSeat(s)}</b><small>${words || " "}</small>
    ${mark && html`<span class="mk"><${Icon} name=${mark} /></span>`}`;
  return html`<li class=${`tile ${talks ? "talk" : ""} ${s.reconnecting ? "away" : ""}`} data-testid="tile" data-seat=${s.id} data-user=${s.user_id}
    data-muted=${String(s.muted)} data-mod-muted=${String(s.mod_muted)} data-hand=${s.hand} data-speaking=${String(s.speaking)} data-reconnecting=${String(s.reconnecting)}>
    ${own ? html`<div class="in">${inside}</div>` : html`<button type="button" class="in" aria-haspopup="dialog" onClick=${() => onOpen(s.id)}>${inside}</button>`}
  </li>`;
}

/** Rings as thick as the voice is loud, drawn past the view: they change fifteen times a second. @param {{current: HTMLElement | null}} box */
function useRings(box) {
  useEffect(() => {
    const few = matchMedia("(prefers-reduced-motion: reduce)");
    let own = 0;
    let round = 0;
    const timer = setInterval(() => {
      const [r, levels] = [room.peek(), seat.peer?.levels() ?? []];
      round += 1;
      if (round % OWN_EVERY === 0) void seat.peer?.ownLevel().then((level) => (own = level));
      for (const tile of box.current?.querySelectorAll(".tile.talk") ?? []) {
        if (!(tile instanceof HTMLElement)) continue;
        const id = Number(tile.dataset["seat"]);
        const level = evenLevel(id === r.me ? own : (levels[slotOf(r, id)] ?? 0));
        tile.style.setProperty("--lv", String(few.matches ? (level > 0.6 ? 1 : 0.3) : Math.round(level * 20) / 20));
      }
    }, DRAW_MS);
    return () => clearInterval(timer);
  }, []);
}

/** What can be done about somebody. @param {{s: Seat, moderator: boolean, onClose: () => void}} props */
function PersonSheet({ s, moderator, onClose }) {
  const volume = Math.round((volumes.value[s.user_id] ?? 1) * 100);
  /** @param {"mute" | "unmute" | "lower_hand" | "kick"} action */
  const act = (action) => () => {
    moderate(s.id, action);
    onClose();
  };
  return html`<${Sheet} title=${nameOfSeat(s)} testid="person" onClose=${onClose}>
    <label class="range"><span>${t("volume")}</span><${Icon} name="vol" />
      <input type="range" min="0" max="100" step="5" value=${volume} data-testid="volume" onInput=${(/** @type {Event} */ e) => setVolume(s.user_id, Number(/** @type {HTMLInputElement} */ (e.currentTarget).value) / 100)} /></label>
    ${moderator && html`<div class="stackacts">
      <${Button} icon=${s.mod_muted ? "mic" : "micoff"} testid="mod-mute" onClick=${act(s.mod_muted ? "unmute" : "mute")}>${t(s.mod_muted ? "modUnmute" : "modMute")}<//>
      ${s.hand > 0 && html`<${Button} icon="hand" testid="mod-hand" onClick=${act("lower_hand")}>${t("lowerHand")}<//>`}
      <${Button} kind="danger" icon="leave" testid="mod-kick" onClick=${act("kick")}>${t("kickRoom")}<//>
    </div>`}
  <//>`;
}

/** @param {{r: Room, moderator: boolean}} props */
export function Tiles({ r, moderator }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [opened, open] = useState(0);
  useRings(box);
  const rest = listeners(r);
  const who = seatOf(r, opened);
  return html`<ul class="tiles" ref=${box} aria-label=${t("roomPeople", { n: r.here.seats.length })}>
      ${r.tiles.map((id) => {
        const s = seatOf(r, id);
        return s && html`<${Tile} key=${id} s=${s} own=${id === r.me} onOpen=${open} />`;
      })}</ul>
    ${rest.length > 0 && html`<p class="aud" data-testid="listeners"><span class="stack" aria-hidden="true">${rest.slice(0, STACK).map((s) => html`<${Avatar} key=${s.id} id=${s.user_id} name=${nameOfSeat(s)} size=${28} />`)}</span>${t("listeners", { n: rest.length })}</p>`}
    ${who && html`<${PersonSheet} s=${who} moderator=${moderator} onClose=${() => open(0)} />`}`;
}
