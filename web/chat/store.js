// Chats as signals: carries out what `state.js` describes, over REST and the socket.

import { signal } from "../vendor/preact.js";
import * as api from "../core/api.js";
import { t } from "../core/i18n.js";
import { go, pathOf } from "../core/nav.js";
import * as socket from "../core/socket.js";
import { announce } from "../core/ui/toast.js";
import { newId } from "../core/uuid.js";
import { firstSeq } from "./history.js";
import { acknowledge, answered, expectNothing, flushReads, forgetOutgoing, post, tellRead } from "./outgoing.js";
import { forgetPresence, heardPresence, subscribe, unsubscribed } from "./presence.js";
import { empty, next, outbox } from "./state.js";
import { forgetUploads } from "./uploads.js";
import { forgetWriters, heardTyping } from "./writers.js";

/**
 * @typedef {import("./state.js").ChatEvent} ChatEvent
 * @typedef {import("./state.js").Chat} Chat
 * @typedef {import("../core/wire.js").ServerFrame} ServerFrame
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
let heard = 0;

/** @param {ChatEvent} e */
function apply(e) {
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
    const list = await api.conversations();
    if (chats.peek().me !== me) return;
    apply({ t: "previews", list, since });
    // Another conversation has taken the place of the one that was open.
    if (chats.peek().chats[openId]?.loaded === false) void sync(openId);
    listError.value = "";
    watch();
  } catch (error) {
    listError.value = error instanceof api.ApiError ? error.code : "internal";
  }
}

/** Asks for the presence of everybody in the list. */
const watch = () => subscribe(Object.keys(chats.peek().chats).map(Number));

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
function flush() {
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

/** @param {import("../core/wire.js").Message} m */
function arrived(m) {
  const { me } = chats.peek();
  const peerId = m.sender_id === me ? m.receiver_id : m.sender_id;
  const before = chats.peek().chats[peerId];
  const isNew = m.seq > (before?.lastSeq ?? 0);
  const theirs = before?.items.findLast((i) => !i.mine && i.seq > before.myRead && i.seq < m.seq);
  apply({ t: "message", message: m });
  // Who writes has read what was there before, however shortly; the server is told.
  if (theirs && theirs.seq <= (chats.peek().chats[peerId]?.myRead ?? 0)) tellRead(peerId, theirs);
  if (m.sender_id !== me) heardTyping(m.sender_id, false);
  if (m.sender_id === me) answered(m.client_message_id);
  else acknowledge(m);
  if (!before?.peer.username) void refresh();
  if (isNew && m.sender_id !== me && m.kind !== "call" && peerId === openId) {
    heard += 1;
    if (heard === 1) setTimeout(() => { announce(t("nNew", { n: heard })); heard = 0; }, 1_000);
  }
}

/** @param {import("../core/wire.js").MessageDeletedFrame} frame */
function deleted(frame) {
  const { sender_id: sender, receiver_id: receiver } = frame;
  if (frame.client_message_id) answered(frame.client_message_id);
  apply({ t: "deleted", id: frame.message_id, cid: frame.client_message_id, seq: frame.seq, sender, receiver });
  const { me, chats: all } = chats.peek();
  // The message before it may never have been loaded.
  if (!all[sender === me ? receiver : sender]?.last) void refresh();
}

/** @param {import("../core/wire.js").AccountDeletedFrame} frame */
function accountDeleted({ user_id: peerId, username }) {
  const chat = chats.peek().chats[peerId];
  if (!chat) return;
  apply({ t: "account_deleted", peerId, username });
  // The name in the address is free for somebody else.
  if (peerId === openId) go(pathOf({ name: "chat", username }));
  if (!chats.peek().chats[peerId]?.last) void refresh();
}

/** @param {ServerFrame} frame */
export function onFrame(frame) {
  switch (frame.type) {
    case "hello":
      lookAgain();
      void refresh();
      if (openId) void sync(openId);
      flushReads();
      flush();
      return;
    case "message":
      arrived(frame.message);
      return;
    case "status_update":
      apply({ t: "status", status: frame.status, seq: frame.seq, sender: frame.sender_id, receiver: frame.receiver_id });
      return;
    case "message_deleted":
      deleted(frame);
      return;
    case "conversation_deleted":
      apply({ t: "conversation_deleted", peerId: frame.user_id, conversation: frame.conversation_id, upTo: frame.for_me ? frame.seq : 0 });
      return;
    case "account_deleted":
      accountDeleted(frame);
      return;
    case "presence":
      heardPresence(frame);
      return;
    case "typing":
      heardTyping(frame.sender_id, frame.active);
      return;
    case "error": {
      const cid = frame.ref.client_message_id;
      if (frame.ref.type !== "message" || !cid) return;
      answered(cid);
      if (frame.code === "slow_down") setTimeout(() => socket.online.peek() && flush(), 2_000);
      else apply({ t: "failed", cid });
      return;
    }
    default:
  }
}

/** The connection is gone: what was known about others no longer is. */
export function onDown() {
  forgetPresence();
  forgetWriters();
  expectNothing();
  apply({ t: "down" });
}
