// The door of a room: a button in the header of its conversation, and a bar while somebody is inside.

import { html } from "../vendor/preact.js";
import { errorText, t } from "../core/i18n.js";
import { Avatar } from "../core/ui/avatar.js";
import { IconButton } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { inRoom } from "./room.js";
import { room } from "./seat.js";
import { enter, notice, off, rooms } from "./store.js";
import { nameOfSeat } from "./tiles.js";

const STACK = 3;

/** @param {{id: number}} props  `id` of the conversation, 0 before it has one */
export function RoomDoor({ id }) {
  if (!id || off.value) return null;
  const here = inRoom(room.value) && room.value.id === id;
  return html`<${IconButton} icon="room" label=${t(here ? "toRoom" : "room")} testid="room-door" onClick=${() => void enter(id)} />`;
}

/** @param {{id: number}} props */
export function RoomBanner({ id }) {
  const here = id ? rooms.value[id] : undefined;
  const inside = inRoom(room.value) && room.value.id === id;
  const against = id && notice.value?.id === id ? notice.value.key : "";
  const words = here && t("roomInside", { n: here.seats.length });
  return html`${here && !inside && html`<div class="roombar" data-testid="room-banner" data-people=${here.seats.length}>
      <span class="x"><span class="stack" aria-hidden="true">${here.seats.slice(0, STACK).map((s) => html`<${Avatar} key=${s.id} id=${s.user_id} name=${nameOfSeat(s)} size=${28} />`)}</span>
        <span class="clip">${words}${here.locked && html`${t("comma")}${t("roomLockedNote")}`}</span></span>
      <button type="button" class="btn soft" data-testid="room-join" onClick=${() => void enter(id)}>${t("joinRoom")}</button></div>`}
    ${against && html`<div class="banner warn" role="alert" data-testid="room-notice"><${Icon} name="warn" />
      <span>${against.startsWith("error.") ? errorText(against.slice(6)) : t(against)}</span>
      <${IconButton} icon="close" label=${t("close")} onClick=${() => (notice.value = null)} /></div>`}`;
}
