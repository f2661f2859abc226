// What a group is to one of its members, and who has got and read what. Pure.

import { without } from "../chat/history.js";

/**
 * @typedef {import("../chat/state.js").Chat} Chat
 * @typedef {import("../chat/state.js").Chats} Chats
 * @typedef {import("../chat/state.js").Item} Item
 * @typedef {import("../core/wire_groups.js").Role} Role
 * @typedef {import("../core/wire_groups.js").Happening} Happening
 * @typedef {import("../core/wire.js").Message} Message
 * @typedef {{
 *   id: number, username: string, display_name: string, role: Role, joined: number, recv: number, read: number,
 * }} Member  `recv`, `read`: up to which message; `joined` in ms
 * @typedef {"" | "kicked" | "deleted" | "gone"} Over  `gone`: it is not known why
 * @typedef {{
 *   role: Role | "", members: readonly Member[], known: boolean, count: number, at: number, over: Over,
 * }} Group  `role` is empty when I am no member any more; `known`: the members were loaded; `at`: the last time something was
 *   written, or of its beginning
 * @typedef {{
 *   id: number, name: string, role: Role, count: number, at: number, last_message: Message | null, last_seq: number,
 *   my_read_seq: number, unread_count: number,
 * }} GroupPreview
 * @typedef {{
 *   id: number, name: string, role: Role, at: number, last_seq: number, my_read_seq: number, members: readonly Member[],
 * }} WholeGroup
 * @typedef {{t: "list", list: readonly GroupPreview[], since?: Readonly<Record<number, Chat>>}
 *   | {t: "whole", group: WholeGroup}
 *   | {t: "changed", conversation: number, name: string, role: Role, at: number}
 *   | {t: "member", conversation: number, id: number, username: string, display_name: string, role: Role | "", change: Happening}
 *   | {t: "receipt", conversation: number, user: number, recv: number, read: number}
 *   | {t: "stale"}
 *   | {t: "over", conversation: number}} GroupEvent
 *   `since`: what was known when the list was asked for; `stale`: receipts may have been missed
 */

/** @type {Group} */
export const newGroup = { role: "member", members: [], known: false, count: 0, at: 0, over: "" };

/** The members who were there when it was written, and did not write it. @param {Group} group @param {Item} i */
export const readers = (group, i) => group.members.filter((m) => m.id !== i.sender && m.joined <= i.at);

/** Up to where all of them have got, and read, what stands there. @param {Group} group @param {Item} i @returns {{recv: number, read: number}} */
export function reach(group, i) {
  const all = readers(group, i);
  if (all.length === 0) return { recv: 0, read: 0 };
  return { recv: Math.min(...all.map((m) => m.recv)), read: Math.min(...all.map((m) => m.read)) };
}

/** Who has read a message, who only got it, and who has not got it yet. @param {Group} group @param {Item} i */
export function receipts(group, i) {
  const all = readers(group, i);
  return {
    read: all.filter((m) => m.read >= i.seq),
    delivered: all.filter((m) => m.read < i.seq && m.recv >= i.seq),
    waiting: all.filter((m) => m.recv < i.seq),
  };
}

/** @type {Record<Role, number>} */
const RANK = { owner: 0, admin: 1, member: 2 };

/** Those who look after the group first, then by name. @param {readonly Member[]} members @returns {Member[]} */
export const inOrder = (members) =>
  [...members].sort((a, b) => RANK[a.role] - RANK[b.role] || (a.display_name || a.username).localeCompare(b.display_name || b.username));

/** What I may do with a member. @param {Group} group @param {Member} m @param {number} me */
export function powers(group, m, me) {
  const other = m.id !== me;
  const owner = group.role === "owner";
  return {
    remove: other && (owner || (group.role === "admin" && m.role === "member")),
    promote: other && owner && m.role === "member",
    demote: other && owner && m.role === "admin",
    handOver: other && owner,
  };
}

/** Whether I look after the group. @param {Group} group */
export const moderates = (group) => group.role === "owner" || group.role === "admin";

/** Somebody's account is gone, with all they wrote. @param {Chats} s @param {number} id @returns {Chats} */
export function forgetWriter(s, id) {
  /** @type {Record<number, Chat>} */
  const chats = {};
  for (const [key, chat] of Object.entries(s.chats)) {
    if (!chat.group) chats[Number(key)] = chat;
    else {
      const members = chat.group.members.filter((m) => m.id !== id);
      const unread = chat.items.filter((i) => i.sender === id && !i.event && i.seq > chat.myRead).length;
      const left = without(chat, (i) => i.sender === id && !i.event);
      chats[Number(key)] = { ...left, unread: Math.max(0, chat.unread - unread), group: { ...chat.group, members, count: chat.group.known ? members.length : chat.group.count } };
    }
  }
  return { ...s, chats };
}
