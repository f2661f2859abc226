// What a conversation is called, for a room that is known by its number only.

import { nameOf } from "../chat/state.js";
import { chats } from "../chat/store.js";
import { t } from "../core/i18n.js";

/** @typedef {{kind: "pair" | "group" | "other", name: string, role: string}} Place  `role`: the own one, "" in a pair; `other`: one is a guest there */

/** Names of rooms one was asked into. @type {Map<number, string>} */
const guests = new Map();
/** @param {number} id @param {string} name */
export const rememberGuestRoom = (id, name) => void guests.set(id, name);

/** @param {number} id of the conversation @returns {Place} */
export function placeOf(id) {
  const chat = Object.values(chats.value.chats).find((c) => c.conversation === id);
  if (!chat) return { kind: "other", name: guests.get(id) ?? t("room"), role: "" };
  if (chat.group) return { kind: "group", name: nameOf(chat.peer), role: chat.group.role };
  return { kind: "pair", name: nameOf(chat.peer), role: "" };
}
