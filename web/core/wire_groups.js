// The frames of groups: their readers and writers, a part of wire.js.

import { fields, num, str } from "./fields.js";

/**
 * @typedef {import("./fields.js").Fields} Fields
 * @typedef {"owner" | "admin" | "member"} Role
 * @typedef {"created" | "renamed" | "joined" | "added" | "left" | "kicked" | "role"} Happening
 * @typedef {{change: Happening, user_id: number, role: Role | "", name: string}} Change  what happened to whom; who wrote the message did it
 * @typedef {{type: "group_receipt", conversation_id: number, user_id: number, recv_seq: number, read_seq: number}} GroupReceiptFrame
 *   0: that mark has not moved
 * @typedef {{type: "group_changed", conversation_id: number, name: string, role: Role}} GroupChangedFrame
 * @typedef {{
 *   type: "group_member", conversation_id: number, user_id: number, username: string, display_name: string, role: Role | "",
 *   change: Happening, by: number,
 * }} GroupMemberFrame  `role` is empty when they are no member any more
 * @typedef {{type: "group_deleted", conversation_id: number}} GroupDeletedFrame
 * @typedef {GroupReceiptFrame | GroupChangedFrame | GroupMemberFrame | GroupDeletedFrame} GroupFrame
 */

/** @param {string} s @returns {Role} */
export const role = (s) => (s === "owner" || s === "admin" ? s : "member");

/** @param {unknown} v @returns {Change | null} */
export function change(v) {
  const f = fields(v);
  const happening = /** @type {Happening} */ (str(f, "change"));
  return happening ? { change: happening, user_id: num(f, "user_id"), role: str(f, "role") ? role(str(f, "role")) : "", name: str(f, "name") } : null;
}

/** @type {{[T in GroupFrame["type"]]: (f: Fields) => Extract<GroupFrame, {type: T}>}} */
export const groupReaders = {
  group_receipt: (f) => ({
    type: "group_receipt",
    conversation_id: num(f, "conversation_id"),
    user_id: num(f, "user_id"),
    recv_seq: num(f, "recv_seq"),
    read_seq: num(f, "read_seq"),
  }),
  group_changed: (f) => ({ type: "group_changed", conversation_id: num(f, "conversation_id"), name: str(f, "name"), role: role(str(f, "role")) }),
  group_member: (f) => ({
    type: "group_member",
    conversation_id: num(f, "conversation_id"),
    user_id: num(f, "user_id"),
    username: str(f, "username"),
    display_name: str(f, "display_name"),
    role: str(f, "role") ? role(str(f, "role")) : "",
    change: /** @type {Happening} */ (str(f, "change")),
    by: num(f, "by"),
  }),
  group_deleted: (f) => ({ type: "group_deleted", conversation_id: num(f, "conversation_id") }),
};

export const groupWriters = {
  /** @param {{conversation_id: number, content: string, client_message_id?: string}} m */
  group_message: (m) => ({
    type: "group_message",
    conversation_id: m.conversation_id,
    content: m.content,
    ...(m.client_message_id ? { client_message_id: m.client_message_id } : {}),
  }),
  /** @param {number} conversation_id @param {boolean} active */
  group_typing: (conversation_id, active) => ({ type: "typing", conversation_id, active }),
};
