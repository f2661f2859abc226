// Groups over REST and the socket: carries out what `next.js` describes.

import { signal } from "../vendor/preact.js";
import { ApiError, personOf } from "../core/api.js";
import { back, route } from "../core/nav.js";
import { apply, chats, inFront, refresh, sync, watch } from "../chat/store.js";
import { nameOf } from "../chat/state.js";
import * as api from "./api.js";

/**
 * @typedef {import("../chat/state.js").Chat} Chat
 * @typedef {import("./state.js").GroupEvent} GroupEvent
 */

/** Names of people who are in no list of members: they left, or their group is not loaded. @type {import("../vendor/preact.js").Signal<ReadonlyMap<number, string>>} */
export const names = signal(new Map());

/** @type {Set<number>} */
const asked = new Set();
/** @type {Set<number>} */
const loading = new Set();
/** @type {Map<number, true>} */
const wanted = new Map();

/** @param {GroupEvent} e */
const change = (e) => apply({ t: "group", e });

/** Nothing of one person stays for the next. */
export function forgetGroups() {
  names.value = new Map();
  for (const kept of [asked, loading, wanted]) kept.clear();
}

/** Loads who is in a group, once at a time. @param {number} id of the conversation */
export async function load(id) {
  if (loading.has(id)) return;
  loading.add(id);
  const { me } = chats.peek();
  try {
    const group = await api.group(id);
    if (chats.peek().me !== me) return;
    change({ t: "whole", group });
    if (inFront() === -id) watch();
  } catch (error) {
    // No member any more: the list says so.
    if (error instanceof ApiError && error.code === "not_member" && chats.peek().chats[-id]?.group?.over === "") void refresh();
  } finally {
    loading.delete(id);
  }
}

/** Has the members of a group loaded when nothing else is asked for: a row needs them for its marks. @param {number} id */
export function want(id) {
  if (wanted.has(id)) return;
  wanted.set(id, true);
  if (wanted.size === 1) void work();
}

async function work() {
  for (;;) {
    const [id] = wanted.keys();
    if (id === undefined) return;
    if (chats.peek().chats[-id]?.group?.known === false) await load(id);
    wanted.delete(id);
  }
}

/** Asks for the name of somebody nobody knows; once. @param {number} id */
async function ask(id) {
  if (asked.has(id)) return;
  asked.add(id);
  const person = await personOf(id).catch(() => undefined);
  if (person) names.value = new Map(names.peek()).set(id, nameOf(person));
}

/** What somebody in a group is called, "" while that is not known. @param {Chat} chat @param {number} id @returns {string} */
export function nameIn(chat, id) {
  const member = chat.group?.members.find((m) => m.id === id);
  const peer = member ?? chats.value.chats[id]?.peer;
  if (peer?.username) return nameOf(peer);
  const name = names.value.get(id);
  if (name === undefined) void ask(id);
  return name ?? "";
}

/** @param {string} name @param {readonly number[]} people @returns {Promise<{id: number, refused: number}>} `refused`: how many could not be added */
export async function create(name, people) {
  const group = await api.create(name);
  change({ t: "whole", group });
  let refused = 0;
  for (const person of people) await api.add(group.id, person).catch(() => (refused += 1));
  await load(group.id);
  return { id: group.id, refused };
}

/** Takes a link; leads to its group. @param {string} code @returns {Promise<number>} */
export async function join(code) {
  const group = await api.join(code);
  change({ t: "whole", group });
  return group.id;
}

/** @param {number} id */
export async function leave(id) {
  await api.remove(id, chats.peek().me);
  gone(id);
}

/** @param {number} id */
export async function destroy(id) {
  await api.destroy(id);
  gone(id);
}

/** A group one left, or a closed one that is put away. @param {number} id */
export function gone(id) {
  const { me } = chats.peek();
  change({ t: "member", conversation: id, id: me, username: "", display_name: "", role: "", change: "left" });
  const at = route.peek();
  if (at.name === "group" && at.id === id) back();
}

/** @param {import("../core/wire.js").ServerFrame} frame */
export function onFrame(frame) {
  switch (frame.type) {
    case "hello":
      // What moved meanwhile nobody said.
      change({ t: "stale" });
      if (inFront() < 0) void load(-inFront());
      return;
    case "group_changed":
      change({ t: "changed", conversation: frame.conversation_id, name: frame.name, role: frame.role, at: Date.now() });
      return;
    case "group_member": {
      const { conversation_id: conversation, user_id: id, username, display_name, role, change: happened } = frame;
      const mine = id === chats.peek().me;
      if (mine && happened === "left") return gone(conversation);
      change({ t: "member", conversation, id, username, display_name, role, change: happened });
      if (mine && (happened === "joined" || happened === "added")) {
        // Back in a group one was put out of: what was written meanwhile is there to read.
        void refresh();
        if (inFront() === -conversation) {
          void load(conversation);
          void sync(-conversation);
        }
      } else if (inFront() === -conversation) watch();
      return;
    }
    case "group_receipt":
      change({ t: "receipt", conversation: frame.conversation_id, user: frame.user_id, recv: frame.recv_seq, read: frame.read_seq });
      return;
    case "group_deleted":
      change({ t: "over", conversation: frame.conversation_id });
      return;
    default:
  }
}
