// What a person does in a voice room, and what the server says about rooms.

import { signal } from "../vendor/preact.js";
import { call, handOver } from "../call/line.js";
import { cannot, servers } from "../call/media.js";
import { followMicrophone } from "../call/devices.js";
import { hangUp as endCall } from "../call/store.js";
import { busy } from "../call/state.js";
import { chats } from "../chat/store.js";
import { errorText, t } from "../core/i18n.js";
import { followNetwork } from "../core/network.js";
import { remember } from "../core/pictures.js";
import * as socket from "../core/socket.js";
import { announce, toast } from "../core/ui/toast.js";
import { encode } from "../core/wire.js";
import { onInvitation, withdrawInvitation } from "./invitation.js";
import { askForSeat, bringVoice, changeVoice, connect, moved, renewPaths, resumed, sitAgain, takeVoice } from "./link.js";
import { idle, inRoom, inviteKey, leftKey, mine, MOVED, nobody } from "./room.js";
import { apply, at, cancel, dismiss, end, hold, release, room, seat, talk } from "./seat.js";

/**
 * @typedef {import("../core/wire.js").ServerFrame} ServerFrame
 * @typedef {import("../core/wire.js").RoomFrame} RoomFrame
 * @typedef {import("./room.js").Here} Here
 */

/** Who is in which room, of the rooms this person may enter. @type {import("../vendor/preact.js").Signal<Readonly<Record<number, Here>>>} */
export const rooms = signal(/** @type {Readonly<Record<number, Here>>} */ ({}));
/** The server has said that it has no rooms: nothing leads to them. */
export const off = signal(false);
/** Why no room was entered, in that conversation. @type {import("../vendor/preact.js").Signal<{id: number, key: string} | null>} */
export const notice = signal(/** @type {{id: number, key: string} | null} */ (null));

/** Takes a seat. @param {number} id of the conversation */
export async function enter(id) {
  const r = room.peek();
  if (inRoom(r) && r.id === id) {
    minimise(false);
    return;
  }
  const against = cannot() ?? (socket.online.peek() ? null : "noServer") ?? (busy(call.peek()) ? "error.already_in_call" : null);
  notice.value = against ? { id, key: against } : null;
  if (against) return;
  leave();
  dismiss();
  release();
  withdrawInvitation(id);
  const now = seat.run;
  apply({ t: "join", id });
  // Asked for at once, so that they are there when the offer comes.
  servers().catch(() => {});
  await takeVoice();
  if (now === seat.run && !askForSeat()) end("noServer");
}

/** The present call goes on in a room. @param {number} id @param {boolean} first whether this side moves it @param {number} [asks] who is to be asked in */
async function bringCall(id, first, asks = 0) {
  const { callId, muted, minimised } = call.peek();
  if (!callId) return;
  leave();
  dismiss();
  release();
  seat.asks = asks;
  apply({ t: "join", id, muted, minimised, moving: first ? callId : MOVED });
  servers().catch(() => {});
  if (!askForSeat()) end("noServer");
}

/** Asks somebody to join the two of a call. @param {number} userId */
export function askIntoCall(userId) {
  const c = call.peek();
  const id = chats.peek().chats[c.peer?.id ?? 0]?.conversation ?? 0;
  if (c.phase === "active" && id) void bringCall(id, true, userId);
}

/** Gets up. */
export function leave() {
  if (!inRoom(room.peek())) return;
  if (room.peek().me) socket.send(encode.room_leave(at()));
  end("");
}

export function toggleMute() {
  const r = room.peek();
  // The microphone may have been allowed since.
  if (r.listening) {
    void takeVoice().then(() => room.peek().listening || setMute(false));
    return;
  }
  setMute(!r.muted);
}

/** @param {boolean} on */
function setMute(on) {
  if (!inRoom(room.peek())) return;
  apply({ t: "mute", on });
  if (!on) apply({ t: "deafen", on: false });
  tellMute();
}

/** Others see whether this side can be heard. */
function tellMute() {
  const r = room.peek();
  if (r.me) socket.send(encode.room_mute(at(), quiet(r)));
}

/** @param {import("./room.js").Room} r */
const quiet = (r) => r.muted || r.deaf || Boolean(r.listening);

export function toggleDeaf() {
  apply({ t: "deafen", on: !room.peek().deaf });
  tellMute();
}

export function toggleHand() {
  const r = room.peek();
  if (r.me) socket.send(encode.room_hand(at(), !mine(r)?.hand));
}

/** @param {number} seatId @param {"mute" | "unmute" | "lower_hand" | "kick"} action */
export const moderate = (seatId, action) => void socket.send(encode.room_moderate({ conversation_id: room.peek().id, participant_id: seatId }, action));

export const toggleLock = () => void socket.send(encode.room_lock(room.peek().id, !room.peek().here.locked));

/** @param {number} userId */
export function invite(userId) {
  if (socket.send(encode.room_invite(room.peek().id, userId))) toast(t("invited"));
}

/** @param {boolean} on */
export const minimise = (on) => apply({ t: "minimise", on });

/** Another person signs in, or nobody. */
export function reset() {
  release();
  room.value = idle;
  rooms.value = {};
  off.value = false;
  notice.value = null;
  withdrawInvitation();
}

/** @param {number} id @param {Here} here */
function learn(id, here) {
  for (const s of here.seats) remember(s.user_id, s.avatar_url);
  const { [id]: before, ...others } = rooms.peek();
  rooms.value = here.seats.length > 0 ? { ...others, [id]: here } : others;
  sayWhoCame(id, before ?? nobody, here);
}

/** Readers of the screen hear who comes and goes in their room. @param {number} id @param {Here} before @param {Here} now */
function sayWhoCame(id, before, now) {
  const r = room.peek();
  if (r.id !== id || r.phase !== "connected") return;
  const other = (/** @type {Here} */ a, /** @type {Here} */ b) => a.seats.find((s) => s.id !== r.me && !b.seats.some((o) => o.id === s.id));
  const [came, went] = [other(now, before), other(before, now)];
  if (came) announce(t("roomCame", { name: came.display_name || came.username }));
  else if (went) announce(t("roomWent", { name: went.display_name || went.username }));
}

/** @param {Extract<RoomFrame, {type: "room_joined"}>} f */
async function onJoined(f) {
  learn(f.conversation_id, f.here);
  const r = room.peek();
  if (!inRoom(r) || r.id !== f.conversation_id) {
    // Left while the seat was being made ready.
    socket.send(encode.room_leave(f));
    return;
  }
  const fresh = f.sdp !== "";
  if (r.moving) await takeCall();
  apply({ t: "joined", me: f.participant_id, here: f.here, fresh });
  if (quiet(room.peek()) !== (mine(room.peek())?.muted ?? false)) tellMute();
  if (!fresh) {
    resumed();
    return;
  }
  await connect(f.sdp);
  if (seat.asks) invite(seat.asks);
  seat.asks = 0;
}

/** From here on the call is the room's; it sounds until the room does. */
async function takeCall() {
  const { peer, stream } = handOver();
  seat.call = peer;
  if (stream) await bringVoice(stream);
}

/** @param {RoomFrame} f */
async function onRoomFrame(f) {
  const r = room.peek();
  const mineToo = inRoom(r) && f.conversation_id === r.id;
  switch (f.type) {
    case "room_joined":
      await onJoined(f);
      return;
    case "room_state":
      learn(f.conversation_id, f.here);
      apply({ t: "here", id: f.conversation_id, here: f.here });
      return;
    case "room_offer":
      if (mineToo && f.participant_id === r.me) await renewPaths(f.sdp);
      return;
    case "room_speaking":
      apply({ t: "speaking", id: f.conversation_id, seat: f.participant_id, on: f.speaking });
      return;
    case "room_slots":
      if (mineToo) apply({ t: "slots", slots: f.slots });
      return;
    case "room_left":
      if (mineToo && f.participant_id === r.me) onLeft(f.reason);
      return;
    case "room_invited":
      onInvitation(f);
      return;
    case "room_invite_over":
      withdrawInvitation(f.conversation_id);
      if (inviteKey(f.reason) && mineToo) toast(t(inviteKey(f.reason)));
  }
}

/** @param {string} reason on the wire */
function onLeft(reason) {
  // The way there broke, not the wish to be there; another way is tried once.
  if (reason === "connection_lost" && room.peek().phase === "connected") sitAgain();
  else end(leftKey(reason));
}

/** @param {Extract<ServerFrame, {type: "error"}>} f */
function onError(f) {
  const r = room.peek();
  if (!inRoom(r) || !f.ref.type.startsWith("room_")) return;
  const { type } = f.ref;
  if (type === "room_join") onRefusal(f.code);
  else if (f.code === "room_unknown" && r.me) sitAgain();
  else if (type === "room_answer") end("roomFailed");
  else if (["room_invite", "room_moderate", "room_lock", "room_hand"].includes(type)) toast(errorText(f.code));
}

/** No seat. @param {string} code */
function onRefusal(code) {
  const { moving, id } = room.peek();
  if (code === "rooms_off") off.value = true;
  if (!moving && !off.peek()) {
    end(`error.${code}`);
    return;
  }
  release();
  room.value = idle;
  notice.value = { id, key: `error.${code}` };
  toast(errorText(code));
  // The other side moved the call; there is none to go back to.
  if (moving === MOVED) endCall();
}

function onHello() {
  rooms.value = {};
  const r = room.peek();
  if (!inRoom(r)) return;
  // What was asked over the old socket may never have arrived.
  cancel("restart");
  if (r.me) socket.send(encode.room_resume(at()));
  else askForSeat();
}

/** @param {Extract<ServerFrame, {type: "call_moved"}>} f */
function onMoved(f) {
  const c = call.peek();
  if (c.callId === f.call_id && busy(c) && !room.peek().moving) void bringCall(f.conversation_id, false);
}

/** @param {ServerFrame} frame */
export function onFrame(frame) {
  if (frame.type === "hello") onHello();
  else if (frame.type === "error") onError(frame);
  else if (frame.type === "call_moved") onMoved(frame);
  else if (frame.type.startsWith("room_")) {
    const now = seat.run;
    onRoomFrame(/** @type {RoomFrame} */ (frame)).catch(() => now === seat.run && end("roomFailed"));
  }
}

/** Space talks where that was chosen, but not while one writes. @param {KeyboardEvent} e */
function keys(e) {
  if (e.code !== "Space" || !talk.peek().on || !inRoom(room.peek())) return;
  const to = e.target instanceof Element ? e.target : null;
  if (to?.closest("input, textarea, select, [contenteditable], dialog") || e.ctrlKey || e.metaKey || e.altKey) return;
  e.preventDefault();
  hold(e.type === "keydown");
}

/** Who listens only has a microphone as soon as it is allowed; they are heard when they unmute. */
function followPermission() {
  // Not every browser knows the name.
  const asked = navigator.permissions?.query({ name: /** @type {PermissionName} */ ("microphone") });
  asked?.then((state) => (state.onchange = () => state.state === "granted" && room.peek().listening && void takeVoice())).catch(() => {});
}

/** Follows the network, the keys and the end of the page; call once. */
export function watch() {
  addEventListener("beforeunload", leave);
  addEventListener("pagehide", leave);
  addEventListener("keydown", keys);
  addEventListener("keyup", keys);
  addEventListener("blur", () => hold(false));
  followNetwork(moved);
  followMicrophone(changeVoice);
  followPermission();
  socket.hasten(() => inRoom(room.peek()) || busy(call.peek()));
}

