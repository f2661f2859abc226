// The frames of voice rooms: their readers and writers, a part of wire.js.

import { fields, num, str } from "./fields.js";

/**
 * @typedef {import("./fields.js").Fields} Fields
 * @typedef {{
 *   id: number, user_id: number, username: string, display_name: string, avatar_url: string, muted: boolean, mod_muted: boolean,
 *   hand: number, speaking: boolean, reconnecting: boolean, guest: boolean,
 * }} Seat  `id`: of the seat, not of the person; `hand`: 0, or its place in the row of raised hands
 * @typedef {{seats: Seat[], locked: boolean, max: number, since: number}} Here
 * @typedef {{type: "room_joined", conversation_id: number, participant_id: number, sdp: string, here: Here}} RoomJoinedFrame  `sdp`: "" where the connection goes on
 * @typedef {{type: "room_offer", conversation_id: number, participant_id: number, sdp: string}} RoomOfferFrame
 * @typedef {{type: "room_state", conversation_id: number, here: Here}} RoomStateFrame
 * @typedef {{type: "room_speaking", conversation_id: number, participant_id: number, speaking: boolean}} RoomSpeakingFrame
 * @typedef {{type: "room_slots", conversation_id: number, slots: number[]}} RoomSlotsFrame
 * @typedef {{type: "room_left", conversation_id: number, participant_id: number, reason: string}} RoomLeftFrame
 * @typedef {{
 *   type: "room_invited", conversation_id: number, sender_id: number, username: string, display_name: string, name: string,
 * }} RoomInvitedFrame
 * @typedef {{type: "room_invite_over", conversation_id: number, user_id: number, reason: string}} RoomInviteOverFrame
 * @typedef {RoomJoinedFrame | RoomOfferFrame | RoomStateFrame | RoomSpeakingFrame | RoomSlotsFrame | RoomLeftFrame |
 *   RoomInvitedFrame | RoomInviteOverFrame} RoomFrame
 */

/** @param {Fields} f @param {string} k @returns {unknown[]} */
const list = (f, k) => (Array.isArray(f[k]) ? /** @type {unknown[]} */ (f[k]) : []);
/** @param {Fields} f */
const ofSeat = (f) => ({ conversation_id: num(f, "conversation_id"), participant_id: num(f, "participant_id") });

/** @param {unknown} v @returns {Seat} */
function seat(v) {
  const f = fields(v);
  return {
    id: num(f, "participant_id"), user_id: num(f, "user_id"), username: str(f, "username"), display_name: str(f, "display_name"),
    avatar_url: str(f, "avatar_url"), muted: f["muted"] === true, mod_muted: f["mod_muted"] === true, hand: num(f, "hand"),
    speaking: f["speaking"] === true, reconnecting: f["reconnecting"] === true, guest: f["guest"] === true,
  };
}

/** @param {Fields} f @returns {Here} */
const here = (f) => ({
  seats: list(f, "participants").map(seat),
  locked: f["locked"] === true,
  max: num(f, "max"),
  since: Date.parse(str(f, "since")) || 0,
});

/** @param {Fields} f */
const offer = (f) => str(fields(fields(f["payload"])["offer"]), "sdp");

/** @type {{[T in RoomFrame["type"]]: (f: Fields) => Extract<RoomFrame, {type: T}>}} */
export const roomReaders = {
  room_joined: (f) => ({ type: "room_joined", ...ofSeat(f), sdp: offer(f), here: here(f) }),
  room_offer: (f) => ({ type: "room_offer", ...ofSeat(f), sdp: offer(f) }),
  room_state: (f) => ({ type: "room_state", conversation_id: num(f, "conversation_id"), here: here(f) }),
  room_speaking: (f) => ({ type: "room_speaking", ...ofSeat(f), speaking: f["speaking"] === true }),
  room_slots: (f) => ({ type: "room_slots", conversation_id: num(f, "conversation_id"), slots: list(f, "slots").map((v) => (typeof v === "number" ? v : 0)) }),
  room_left: (f) => ({ type: "room_left", ...ofSeat(f), reason: str(f, "reason") }),
  room_invited: (f) => ({
    type: "room_invited",
    conversation_id: num(f, "conversation_id"),
    sender_id: num(f, "sender_id"),
    username: str(f, "username"),
    display_name: str(f, "display_name"),
    name: str(f, "name"),
  }),
  room_invite_over: (f) => ({
    type: "room_invite_over", conversation_id: num(f, "conversation_id"), user_id: num(f, "user_id"), reason: str(f, "reason"),
  }),
};

/** @typedef {{conversation_id: number, participant_id: number}} AtSeat */

/** @param {AtSeat} at */
const seatOf = ({ conversation_id, participant_id }) => ({ conversation_id, participant_id });

/** One for each frame of a client. */
export const roomWriters = {
  /** @param {number} conversation_id @param {string} [call_id] the call that moves here */
  room_join: (conversation_id, call_id) => ({ type: "room_join", conversation_id, ...(call_id ? { call_id } : {}) }),
  /** @param {AtSeat} at @param {string} text */
  room_answer: (at, text) => ({ type: "room_answer", ...seatOf(at), payload: { answer: { type: "answer", sdp: text } } }),
  /** @param {AtSeat} at new paths are wanted */
  room_restart: (at) => ({ type: "room_restart", ...seatOf(at) }),
  /** @param {AtSeat} at */
  room_resume: (at) => ({ type: "room_resume", ...seatOf(at) }),
  /** @param {AtSeat} at */
  room_leave: (at) => ({ type: "room_leave", ...seatOf(at) }),
  /** @param {AtSeat} at @param {boolean} muted */
  room_mute: (at, muted) => ({ type: "room_mute", ...seatOf(at), muted }),
  /** @param {AtSeat} at @param {boolean} raised */
  room_hand: (at, raised) => ({ type: "room_hand", ...seatOf(at), raised }),
  /** @param {AtSeat} at whose seat @param {"mute" | "unmute" | "lower_hand" | "kick"} action */
  room_moderate: (at, action) => ({ type: "room_moderate", ...seatOf(at), action }),
  /** @param {number} conversation_id @param {boolean} locked */
  room_lock: (conversation_id, locked) => ({ type: "room_lock", conversation_id, locked }),
  /** @param {number} conversation_id @param {number} user_id */
  room_invite: (conversation_id, user_id) => ({ type: "room_invite", conversation_id, user_id }),
  /** @param {number} conversation_id */
  room_decline: (conversation_id) => ({ type: "room_decline", conversation_id }),
};
