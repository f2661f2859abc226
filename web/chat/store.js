// Chats as signals: carries out what `state.js` describes, over REST and the socket.

import { signal } from "../vendor/preact.js";
import * as api from "../core/api.js";
import { listGroups } from "../groups/api.js";
import { newId } from "../core/uuid.js";
import { firstSeq } from "./history.js";
import { forgetOutgoing, post, tellRead } from "./outgoing.js";
import { forgetPresence, subscribe, unsubscribed } from "./presence.js";
import { empty, next, outbox } from "./state.js";
import { forgetUploads } from "./uploads.js";
import { forgetWriters } from "./writers.js";

/**
 * @typedef {import("./state.js").ChatEvent} ChatEvent
 * @typedef {import("./state.js").Chat} Chat
 */

const PAGE = 50;
const MOST = 100;
/** Longest text the server takes. */
export const MAX_TEXT = 8_000;

/** @type {import("../vendor/preact.js").Signal<import("./state.js").Chats>} */
export const chats = signal(empty);
/** Code of why the list could not be loaded. */
export const listError = signal("");
/** Code of why a chat could not be loaded, by person. @type {import("../vendor/preact.js").Signal<Readonly<Record<number, string>>>} */
export const chatErrors = signal({});
/** Names nobody has. @type {import("../vendor/preact.js").Signal<ReadonlySet<string>>} */
export const unknownNames = signal(new Set());

/** @type {Set<number>} */
const loading = new Set();
/** @type {Set<string>} */
const asked = new Set();
let openId = 0;

/** @param {ChatEvent} e */
export function apply(e) {
  chats.value = next(chats.peek(), e);
}

/** Starts empty for a person. @param {number} me */
export function begin(me) {
  apply({ t: "reset", me });
  forgetPresence();
  forgetWriters();
  forgetUploads();
  forgetOutgoing();
  listError.value = "";
  chatErrors.value = {};
  unknownNames.value = new Set();
  for (const kept of [loading, asked]) kept.clear();
}

/** Loads the list of chats. */
export async function refresh() {
  const { me, chats: since } = chats.peek();
  try {
    const [list, groups] = await Promise.all([api.conversations(), listGroups()]);
    if (chats.peek().me !== me) return;
    apply({ t: "previews", list, since });
    apply({ t: "group", e: { t: "list", list: groups, since } });
    // Another conversation has taken the place of the one that was open.
    if (chats.peek().chats[openId]?.loaded === false) void sync(openId);
    listError.value = "";
    watch();
  } catch (error) {
    listError.value = error instanceof api.ApiError ? error.code : "internal";
  }
}

/** Asks for the presence of everybody in the list, and in the group in front. */
export function watch() {
  const { me, chats: all } = chats.peek();
  const people = Object.keys(all).map(Number).filter((id) => id > 0);
  const members = (all[openId]?.group?.members ?? []).map((m) => m.id).filter((id) => id !== me);
  subscribe([...new Set([...members, ...people])]);
}

/** Asks again: what may be seen of others has changed, or the connection is new. */
export function lookAgain() {
  unsubscribed();
  watch();
}

/** @param {number} peerId @param {string} code */
function chatError(peerId, code) {
  const { [peerId]: _, ...others } = chatErrors.peek();
  chatErrors.value = code ? { ...others, [peerId]: code } : others;
}

/**
 * Runs one load at a time for a chat and keeps the reason when it fails.
 * @param {number} peerId @param {() => Promise<void>} run
 */
async function load(peerId, run) {
  if (loading.has(peerId)) return;
  loading.add(peerId);
  try {
    await run();
    chatError(peerId, "");
  } catch (error) {
    const code = error instanceof api.ApiError ? error.code : "internal";
    // Nothing was written to this person yet.
    if (code === "conversation_not_found") apply({ t: "page", peerId, list: [], kind: "latest", full: false });
    else chatError(peerId, code);
  } finally {
    loading.delete(peerId);
  }
}

/** Brings a chat up to date: the newest page, or what came while away. @param {number} peerId */
export function sync(peerId) {
  return load(peerId, async () => {
    const chat = chats.peek().chats[peerId];
    if (!chat) return;
    if (!chat.loaded) {
      const limit = chat.unread > PAGE / 2 ? MOST : PAGE;
      const list = await api.messages(peerId, { limit });
      apply({ t: "page", peerId, list, kind: "latest", full: list.length === limit });
      return;
    }
    let wasAway = false;
    for (;;) {
      const from = chats.peek().chats[peerId]?.syncFrom;
      if (from === null || from === undefined) break;
      wasAway = true;
      const list = await api.messages(peerId, { after_seq: from, limit: MOST });
      apply({ t: "page", peerId, list, kind: "after", full: list.length === MOST });
    }
    if (wasAway) apply({ t: "page", peerId, list: await api.messages(peerId, { limit: PAGE }), kind: "check", full: false });
  });
}

/** Loads the page before the first message. @param {number} peerId */
export function loadOlder(peerId) {
  return load(peerId, async () => {
    const chat = chats.peek().chats[peerId];
    const before_seq = chat ? firstSeq(chat) : 0;
    if (!chat?.loaded || chat.complete || before_seq === 0) return;
    const list = await api.messages(peerId, { before_seq, limit: PAGE });
    apply({ t: "page", peerId, list, kind: "before", full: list.length === PAGE });
  });
}

/** @param {string} username @returns {Chat | null} */
export function chatByName(username) {
  const wanted = username.toLowerCase();
  return Object.values(chats.value.chats).find((c) => c.peer.username.toLowerCase() === wanted) ?? null;
}

/** Makes a person known that was found. @param {import("./state.js").Peer} peer */
export function meet({ id, username, display_name }) {
  apply({ t: "peer", peer: { id, username, display_name } });
  watch();
}

/** Opens a chat by name, whoever it is. @param {string} username */
export async function open(username) {
  const known = chatByName(username);
  if (known) {
    openId = known.peer.id;
    await sync(known.peer.id);
    return;
  }
  openId = 0;
  if (asked.has(username)) return;
  asked.add(username);
  try {
    meet(await api.user(username));
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 404) unknownNames.value = new Set([...unknownNames.peek(), username]);
  } finally {
    asked.delete(username);
  }
}

/** Which chat is in front; 0 for none. */
export const inFront = () => openId;

/** Opens the chat with this number. @param {number} id @returns {Promise<void>} */
export function openChat(id) {
  openId = id;
  watch();
  return sync(id);
}

/** No chat is in front. */
export function close() {
  openId = 0;
}

/** @param {number} peerId @param {string} text */
export function write(peerId, text) {
  const cid = newId();
  apply({ t: "write", peerId, cid, text, at: Date.now() });
  post(peerId, cid, text);
}

/** Sends what waits, oldest first. */
export function flush() {
  for (const { peerId, item } of outbox(chats.peek())) post(peerId, item.cid, item.text);
}

/** @param {number} peerId @param {import("./state.js").Item} item */
export function sendAgain(peerId, item) {
  apply({ t: "again", cid: item.cid });
  post(peerId, item.cid, item.text);
}

/** @param {string} cid */
export const discard = (cid) => apply({ t: "discard", cid });

/** The person has read up to a message. @param {number} peerId @param {import("./state.js").Item} item */
export function markRead(peerId, item) {
  if (item.seq <= (chats.peek().chats[peerId]?.myRead ?? 0)) return;
  apply({ t: "read", peerId, seq: item.seq });
  tellRead(peerId, item);
}
