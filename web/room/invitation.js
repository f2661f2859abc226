// Being asked into a room: it rings like a call.

import { signal } from "../vendor/preact.js";
import { call } from "../call/line.js";
import { busy } from "../call/state.js";
import { ring, silence } from "../call/tones.js";
import { t } from "../core/i18n.js";
import * as socket from "../core/socket.js";
import { announce } from "../core/ui/toast.js";
import { encode } from "../core/wire.js";
import { rememberGuestRoom } from "./places.js";
import { inRoom } from "./room.js";
import { room } from "./seat.js";

/** @typedef {{id: number, from: {id: number, name: string}, name: string}} Invitation  `name` of the group, "" for a pair's room */

/** A little longer than the server lets it ring. */
const RINGS_MS = 50_000;

/** @type {import("../vendor/preact.js").Signal<Invitation | null>} */
export const invitation = signal(/** @type {Invitation | null} */ (null));
/** @type {ReturnType<typeof setTimeout> | undefined} */
let ends;

/** @param {Extract<import("../core/wire.js").RoomFrame, {type: "room_invited"}>} f */
export function onInvitation(f) {
  // One ear for one thing.
  if (busy(call.peek())) {
    socket.send(encode.room_decline(f.conversation_id));
    return;
  }
  if (inRoom(room.peek()) && room.peek().id === f.conversation_id) return;
  const from = { id: f.sender_id, name: f.display_name || f.username };
  rememberGuestRoom(f.conversation_id, f.name || from.name);
  invitation.value = { id: f.conversation_id, from, name: f.name };
  if (!inRoom(room.peek())) ring();
  announce(t("roomAsks", { name: from.name }), true);
  clearTimeout(ends);
  ends = setTimeout(() => withdrawInvitation(f.conversation_id), RINGS_MS);
}

/** It rings no more. @param {number} [id] only of this room */
export function withdrawInvitation(id) {
  const now = invitation.peek();
  if (!now || (id !== undefined && now.id !== id)) return;
  clearTimeout(ends);
  silence();
  invitation.value = null;
}

export function declineInvitation() {
  const now = invitation.peek();
  if (!now) return;
  socket.send(encode.room_decline(now.id));
  withdrawInvitation();
}
