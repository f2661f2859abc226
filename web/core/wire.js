// The frames of signaling/PROTOCOL.md: one reader and one set of writers.

import { fields, num, str } from "./fields.js";
import { change, groupReaders, groupWriters } from "./wire_groups.js";
import { roomReaders, roomWriters } from "./wire_rooms.js";

/**
 * @typedef {"sent" | "delivered" | "read"} Status
 * @typedef {"answered" | "declined" | "busy" | "cancelled" | "no_answer" | "offline" | "lost"} Outcome
 * @typedef {{outcome: Outcome, duration_s?: number}} CallEntry
 * @typedef {{
 *   name: string, url: string, type: string, size: number, width: number, height: number, thumb: string,
 *   duration_ms: number, waveform: string,
 * }} File
 * @typedef {{
 *   message_id: number, client_message_id: string, conversation_id: number, seq: number,
 *   sender_id: number, receiver_id: number, content: string, status: Status, created_at: string,
 *   kind: string, call: CallEntry | null, event: Change | null, file: File | null, sealed: boolean,
 * }} Message  `receiver_id` is 0 in a group; `event`: what happened there; `sealed`: only the devices of its two people can read it
 * @typedef {import("./wire_groups.js").Change} Change
 * @typedef {{
 *   e2ee_v: number, alg: string, sender_device_id: string, key_id: string, iv: string, ciphertext: string, aad?: string,
 * }} Envelope
 * @typedef {{type: "message", message: Message}} MessageFrame
 * @typedef {{type: "group_message", message: Message}} GroupMessageFrame
 * @typedef {{type: "hello", user_id: number, version: string}} HelloFrame
 * @typedef {{
 *   type: "status_update", message_id: number, status: Status, conversation_id: number, seq: number,
 *   sender_id: number, receiver_id: number, created_at: string,
 * }} StatusFrame
 * @typedef {{
 *   type: "message_deleted", message_id: number, client_message_id: string, conversation_id: number, seq: number,
 *   sender_id: number, receiver_id: number, for_me: boolean,
 * }} MessageDeletedFrame
 * @typedef {{
 *   type: "conversation_deleted", conversation_id: number, user_id: number, seq: number, for_me: boolean,
 * }} ConversationDeletedFrame  `seq` is 0 when all of it is gone
 * @typedef {{type: "account_deleted", user_id: number, username: string}} AccountDeletedFrame
 * @typedef {{type: "presence", user_id: number, online: boolean, last_seen: string}} PresenceFrame
 * @typedef {{type: "typing", sender_id: number, conversation_id: number, active: boolean}} TypingFrame  `conversation_id`: of a group, else 0
 * @typedef {{type: "call_started", call_id: string, receiver_id: number}} CallStartedFrame
 * @typedef {{type: "call_offer", call_id: string, sender_id: number, sdp: string}} CallOfferFrame
 * @typedef {{type: "call_ringing", call_id: string, sender_id: number}} CallRingingFrame
 * @typedef {{type: "call_answer", call_id: string, sender_id: number, sdp: string}} CallAnswerFrame
 * @typedef {{type: "ice_candidate", call_id: string, sender_id: number, candidate: RTCIceCandidateInit}} CandidateFrame
 * @typedef {{type: "call_reject", call_id: string, sender_id: number, reason: string}} CallRejectFrame
 * @typedef {{type: "call_hangup", call_id: string, sender_id: number, reason: string}} CallHangupFrame
 * @typedef {{type: "call_resumed", call_id: string, state: "ringing" | "active"}} CallResumedFrame
 * @typedef {{type: "call_moved", call_id: string, sender_id: number, conversation_id: number}} CallMovedFrame
 * @typedef {{
 *   type: "error", code: string, error: string,
 *   ref: {type: string, client_message_id: string, call_id: string},
 * }} ErrorFrame
 * @typedef {HelloFrame | MessageFrame | StatusFrame | MessageDeletedFrame |
 *   ConversationDeletedFrame | AccountDeletedFrame | PresenceFrame | TypingFrame | CallStartedFrame | CallOfferFrame |
 *   CallRingingFrame | CallAnswerFrame | CandidateFrame | CallRejectFrame | CallHangupFrame |
 *   CallResumedFrame | CallMovedFrame | GroupMessageFrame | import("./wire_groups.js").GroupFrame | import("./wire_rooms.js").RoomFrame | ErrorFrame} ServerFrame
 * @typedef {Extract<ServerFrame, {type: `call_${string}` | "ice_candidate"}>} CallFrame
 * @typedef {import("./wire_rooms.js").RoomFrame} RoomFrame
 */

/** @typedef {import("./fields.js").Fields} Fields */

/** @param {string} s @returns {Status} */
const status = (s) => (s === "read" || s === "delivered" ? s : "sent");

/** @param {unknown} v @returns {CallEntry | null} */
function callEntry(v) {
  const f = fields(v);
  const outcome = /** @type {Outcome} */ (str(f, "outcome"));
  return outcome ? { outcome, duration_s: num(f, "duration_s") } : null;
}

/** @param {Fields} f @returns {File | null} */
function file(f) {
  if (!str(f, "file_url")) return null;
  return {
    name: str(f, "file_name"), url: str(f, "file_url"), type: str(f, "file_content_type"), size: num(f, "file_size"),
    width: num(f, "width"), height: num(f, "height"), thumb: str(f, "thumb_url"),
    duration_ms: num(f, "duration_ms"), waveform: str(f, "waveform"),
  };
}

/**
 * A message as the socket frame (`message_id`) or REST (`id`) writes it.
 * @param {unknown} v @returns {Message}
 */
export function message(v) {
  const f = fields(v);
  return {
    message_id: num(f, "message_id") || num(f, "id"),
    client_message_id: str(f, "client_message_id"),
    conversation_id: num(f, "conversation_id"),
    seq: num(f, "seq"),
    sender_id: num(f, "sender_id"),
    receiver_id: num(f, "receiver_id"),
    content: str(f, "content"),
    status: status(str(f, "status")),
    created_at: str(f, "created_at"),
    kind: str(f, "kind"),
    call: callEntry(f["call"]),
    event: change(f["event"]),
    file: file(f),
    sealed: f["encrypted"] === true,
  };
}

/** @type {{[T in ServerFrame["type"]]: (f: Fields) => Extract<ServerFrame, {type: T}>}} */
const readers = {
  hello: (f) => ({ type: "hello", user_id: num(f, "user_id"), version: str(f, "version") }),
  message: (f) => ({ type: "message", message: message(f) }),
  group_message: (f) => ({ type: "group_message", message: message(f) }),
  ...groupReaders,
  status_update: (f) => ({
    type: "status_update",
    message_id: num(f, "message_id"),
    status: status(str(f, "status")),
    conversation_id: num(f, "conversation_id"),
    seq: num(f, "seq"),
    sender_id: num(f, "sender_id"),
    receiver_id: num(f, "receiver_id"),
    created_at: str(f, "created_at"),
  }),
  message_deleted: (f) => ({
    type: "message_deleted",
    message_id: num(f, "message_id"),
    client_message_id: str(f, "client_message_id"),
    conversation_id: num(f, "conversation_id"),
    seq: num(f, "seq"),
    sender_id: num(f, "sender_id"),
    receiver_id: num(f, "receiver_id"),
    for_me: f["for_me"] === true,
  }),
  conversation_deleted: (f) => ({
    type: "conversation_deleted",
    conversation_id: num(f, "conversation_id"),
    user_id: num(f, "user_id"),
    seq: num(f, "seq"),
    for_me: f["for_me"] === true,
  }),
  account_deleted: (f) => ({ type: "account_deleted", user_id: num(f, "user_id"), username: str(f, "username") }),
  presence: (f) => ({ type: "presence", user_id: num(f, "user_id"), online: f["online"] === true, last_seen: str(f, "last_seen") }),
  typing: (f) => ({ type: "typing", sender_id: num(f, "sender_id"), conversation_id: num(f, "conversation_id"), active: f["active"] === true }),
  call_started: (f) => ({ type: "call_started", call_id: str(f, "call_id"), receiver_id: num(f, "receiver_id") }),
  call_offer: (f) => ({ type: "call_offer", ...end(f), sdp: sdp(f, "offer") }),
  call_ringing: (f) => ({ type: "call_ringing", ...end(f) }),
  call_answer: (f) => ({ type: "call_answer", ...end(f), sdp: sdp(f, "answer") }),
  ice_candidate: (f) => ({
    type: "ice_candidate",
    ...end(f),
    candidate: /** @type {RTCIceCandidateInit} */ (fields(fields(f["payload"])["candidate"])),
  }),
  call_reject: (f) => ({ type: "call_reject", ...end(f), reason: str(fields(f["payload"]), "reason") }),
  call_hangup: (f) => ({ type: "call_hangup", ...end(f), reason: str(fields(f["payload"]), "reason") }),
  call_resumed: (f) => ({
    type: "call_resumed",
    call_id: str(f, "call_id"),
    state: str(f, "state") === "active" ? "active" : "ringing",
  }),
  call_moved: (f) => ({ type: "call_moved", ...end(f), conversation_id: num(f, "conversation_id") }),
  ...roomReaders,
  error: (f) => {
    const ref = fields(f["ref"]);
    return {
      type: "error",
      code: str(f, "code"),
      error: str(f, "error"),
      ref: { type: str(ref, "type"), client_message_id: str(ref, "client_message_id"), call_id: str(ref, "call_id") },
    };
  },
};

/** @param {Fields} f */
const end = (f) => ({ call_id: str(f, "call_id"), sender_id: num(f, "sender_id") });
/** @param {Fields} f @param {"offer" | "answer"} k */
const sdp = (f, k) => str(fields(fields(f["payload"])[k]), "sdp");

/**
 * Reads one frame of the server; null for a type this client does not know.
 * @param {string} text @returns {ServerFrame | null}
 */
export function parse(text) {
  /** @type {Fields} */
  let frame;
  try {
    frame = fields(JSON.parse(text));
  } catch {
    return null;
  }
  const type = str(frame, "type");
  return Object.hasOwn(readers, type) ? readers[/** @type {ServerFrame["type"]} */ (type)](frame) : null;
}

/** @typedef {{receiver_id: number, call_id?: string | null}} CallTo */

/** @param {CallTo} to @param {string} type @param {Fields} [payload] */
const toPeer = (to, type, payload) => ({
  type,
  receiver_id: to.receiver_id,
  ...(payload ? { payload } : {}),
  ...(to.call_id ? { call_id: to.call_id } : {}),
});

/** Writers, one for each frame of a client. */
export const encode = {
  ...groupWriters,
  ...roomWriters,
  /** @param {{receiver_id: number, content: string, client_message_id?: string}} m */
  message: (m) => ({
    type: "message",
    receiver_id: m.receiver_id,
    content: m.content,
    ...(m.client_message_id ? { client_message_id: m.client_message_id } : {}),
  }),
  /** @param {Envelope & {receiver_id: number, client_message_id?: string}} m */
  sealed: (m) => ({
    type: "message",
    receiver_id: m.receiver_id,
    encrypted: true,
    e2ee_v: m.e2ee_v,
    alg: m.alg,
    sender_device_id: m.sender_device_id,
    key_id: m.key_id,
    iv: m.iv,
    ciphertext: m.ciphertext,
    ...(m.aad ? { aad: m.aad } : {}),
    ...(m.client_message_id ? { client_message_id: m.client_message_id } : {}),
  }),
  /** @param {number} message_id */
  mark_delivered: (message_id) => ({ type: "mark_delivered", message_id }),
  /** @param {number} message_id */
  mark_read: (message_id) => ({ type: "mark_read", message_id }),
  /** @param {boolean} asleep nobody looks at this tab */
  sleep: (asleep) => ({ type: "sleep", asleep }),
  /** @param {number} receiver_id @param {boolean} active */
  typing: (receiver_id, active) => ({ type: "typing", receiver_id, active }),
  /** @param {readonly number[]} user_ids */
  presence_subscribe: (user_ids) => ({ type: "presence_subscribe", user_ids: user_ids.slice(0, 200) }),
  /** @param {CallTo} to @param {string} text */
  call_offer: (to, text) => toPeer(to, "call_offer", { offer: { type: "offer", sdp: text } }),
  /** @param {CallTo} to */
  call_ringing: (to) => toPeer(to, "call_ringing"),
  /** @param {CallTo} to @param {string} text */
  call_answer: (to, text) => toPeer(to, "call_answer", { answer: { type: "answer", sdp: text } }),
  /** @param {CallTo} to @param {RTCIceCandidateInit} c */
  ice_candidate: (to, c) =>
    toPeer(to, "ice_candidate", {
      candidate: {
        candidate: c.candidate ?? "",
        sdpMid: c.sdpMid ?? null,
        sdpMLineIndex: c.sdpMLineIndex ?? null,
        usernameFragment: c.usernameFragment ?? null,
      },
    }),
  /** @param {CallTo} to @param {string} [reason] */
  call_reject: (to, reason) => toPeer(to, "call_reject", reason ? { reason } : undefined),
  /** @param {CallTo} to @param {string} [reason] */
  call_hangup: (to, reason) => toPeer(to, "call_hangup", reason ? { reason } : undefined),
  /** @param {string} call_id */
  call_resume: (call_id) => ({ type: "call_resume", call_id }),
};

/** @typedef {ReturnType<(typeof encode)[keyof typeof encode]>} ClientFrame */
