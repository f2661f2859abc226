// What a conversation is called, for a room that is known by its number only.

import { session } from "../account/session.js";
import { nameOf } from "../chat/state.js";
import { chats } from "../chat/store.js";
import { t } from "../core/i18n.js";

/**
 * @typedef {{id: number, kind: "pair" | "group" | "other", name: string, role: string, avatar: number, members: readonly number[], path: string}} Place
 *   `role`: the own one, "" in a pair; `avatar`: whose colour and picture; `members`: who needs no invitation as a guest; `path`: of the chat
 */

/** @type {((id: number) => Place | null)[]} */
const finders = [];

/** Tells how conversations of another kind are found. @param {(id: number) => Place | null} find */
export const addPlaces = (find) => finders.push(find);

/** @param {number} id of the conversation @returns {Place} */
export function placeOf(id) {
  for (const find of finders) {
    const found = find(id);
    if (found) return found;
  }
  const chat = Object.values(chats.value.chats).find((c) => c.conversation === id);
  if (!chat) return { id, kind: "other", name: guests.get(id) ?? t("room"), role: "", avatar: 0, members: [], path: "" };
  const { peer } = chat;
  return {
    id, kind: "pair", name: nameOf(peer), role: "", avatar: peer.id,
    members: [session.peek()?.user_id ?? 0, peer.id], path: `/c/${encodeURIComponent(peer.username)}`,
  };
}

/** Names of rooms one is a guest in. @type {Map<number, string>} */
const guests = new Map();
/** @param {number} id @param {string} name */
export const rememberGuestRoom = (id, name) => void guests.set(id, name);
