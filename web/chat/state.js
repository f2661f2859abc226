// What is known of chats and messages. Pure: no document, no timers, no sockets.

import { nextGroup } from "../groups/next.js";
import { forgetWriter, reach } from "../groups/state.js";
import { afresh, chatOf, clearTo, counts, dropDeleted, item, latest, merge, newChat, readTo, topSeq, within, without } from "./history.js";

/**
 * @typedef {import("../core/wire.js").Message} Message
 * @typedef {import("../core/wire.js").CallEntry} CallEntry
 * @typedef {import("../core/wire.js").File} File
 * @typedef {import("../core/wire.js").Change} Change
 * @typedef {import("../groups/state.js").Group} Group
 * @typedef {import("../core/api.js").Preview} Preview
 * @typedef {"waiting" | "sent" | "delivered" | "read" | "failed"} Mark
 * @typedef {{
 *   key: string, id: number, cid: string, seq: number, mine: boolean, text: string, at: number,
 *   sender: number, call: CallEntry | null, event: Change | null, file: File | null, sealed: boolean, local: "waiting" | "failed" | null,
 * }} Item  `seq` is 0 until the server has it; `event`: what happened to the members of a group
 * @typedef {{id: number, username: string, display_name: string, deleted?: boolean}} Peer  a person, or a group under its
 *   conversation's number below zero
 * @typedef {{
 *   peer: Peer, group: Group | null, conversation: number, items: readonly Item[], last: Item | null,
 *   lastSeq: number, myRead: number, peerRecv: number, peerRead: number, unread: number,
 *   loaded: boolean, complete: boolean, syncFrom: number | null,
 * }} Chat  `conversation`: its number, 0 until it is known; `syncFrom`: after this seq messages may be missing
 * @typedef {{me: number, fetched: boolean, chats: Readonly<Record<number, Chat>>}} Chats
 * @typedef {{t: "reset", me: number}
 *   | {t: "previews", list: readonly Preview[], since?: Readonly<Record<number, Chat>>}
 *   | {t: "peer", peer: Peer}
 *   | {t: "page", peerId: number, list: readonly Message[], kind: "latest" | "before" | "after" | "check", full: boolean}
 *   | {t: "message", message: Message}
 *   | {t: "status", status: "sent" | "delivered" | "read", seq: number, sender: number, receiver: number}
 *   | {t: "write", peerId: number, cid: string, text: string, at: number}
 *   | {t: "failed", cid: string}
 *   | {t: "again", cid: string}
 *   | {t: "discard", cid: string}
 *   | {t: "read", peerId: number, seq: number}
 *   | {t: "deleted", id: number, cid: string, seq: number, sender: number, receiver: number, conversation: number}
 *   | {t: "group", e: import("../groups/state.js").GroupEvent}
 *   | {t: "conversation_deleted", peerId: number, conversation: number, upTo: number}
 *   | {t: "account_deleted", peerId: number, username: string}
 *   | {t: "down"}} ChatEvent
 *   `since`: what was known when the list was asked for. A page of kind `check` was asked again, for what was deleted meanwhile.
 */

/** The server lists so many chats. */
const LISTED = 500;

/** @type {Chats} */
export const empty = { me: 0, fetched: false, chats: {} };

/** @param {Chats} s @param {number} peerId @param {(chat: Chat) => Chat} change @returns {Chats} */
function edit(s, peerId, change) {
  const chat = s.chats[peerId];
  return chat ? { ...s, chats: { ...s.chats, [peerId]: change(chat) } } : s;
}

/** @param {Chats} s @param {string} cid @param {(items: readonly Item[]) => readonly Item[]} change @returns {Chats} */
function editItem(s, cid, change) {
  for (const chat of Object.values(s.chats)) {
    if (!chat.items.some((i) => i.cid === cid && i.seq === 0)) continue;
    const items = change(chat.items);
    return edit(s, chat.peer.id, (c) => ({ ...c, items, last: items.at(-1) ?? null }));
  }
  return s;
}

/** @param {Chats} s @param {Message} m @returns {Chats} */
function receive(s, m) {
  const peerId = chatOf(m, s.me);
  const known = within(s.chats[peerId] ?? newChat({ id: peerId, username: "", display_name: "" }), m.conversation_id);
  // What the server sends again after a reconnect is counted in its preview already.
  const seen = m.seq <= known.lastSeq;
  const i = item(m, s.me);
  let chat = merge(known, [m], s.me);
  if (!seen && counts(i) && i.seq > chat.myRead) chat = { ...chat, unread: chat.unread + 1 };
  // Who writes has read what was there before.
  if (!seen && i.mine && !i.call && !i.event) chat = readTo(chat, i.seq);
  return { ...s, chats: { ...s.chats, [peerId]: chat } };
}

/** @param {Chats} s @param {Preview} p @returns {Chat} */
function fromPreview(s, p) {
  const peer = { id: p.user_id, username: p.username, display_name: p.display_name, deleted: p.deleted === true };
  const old = within(s.chats[p.user_id] ?? newChat(peer), p.id);
  const known = p.last_message ? item(p.last_message, s.me) : null;
  const last = known?.mine || !peer.deleted ? known : null;
  return {
    ...old, peer,
    last: latest(last, old.items),
    lastSeq: Math.max(old.lastSeq, p.last_seq),
    myRead: Math.max(old.myRead, p.my_read_seq),
    peerRecv: Math.max(old.peerRecv, p.peer_recv_seq),
    peerRead: Math.max(old.peerRead, p.peer_read_seq),
    unread: peer.deleted ? 0 : old.myRead > p.my_read_seq ? old.unread : p.unread_count,
  };
}

/** @param {Chats} s @param {ChatEvent} e @returns {Chats} */
export function next(s, e) {
  switch (e.t) {
    case "reset":
      return { ...empty, me: e.me };
    case "previews": {
      const chats = { ...s.chats };
      for (const p of e.list) chats[p.user_id] = fromPreview(s, p);
      const there = new Set(e.list.map((p) => p.user_id));
      for (const chat of Object.values(e.since ?? {})) {
        const { peer: { id }, conversation } = chat;
        // Deleted or cleared while nobody heard of it; a longer list is cut.
        if (id > 0 && conversation > 0 && !there.has(id) && s.chats[id] === chat && e.list.length < LISTED) {
          chats[id] = { ...afresh(chat, chat.loaded), conversation };
        }
      }
      return { ...s, fetched: true, chats };
    }
    case "peer": {
      const old = s.chats[e.peer.id];
      return { ...s, chats: { ...s.chats, [e.peer.id]: old ? { ...old, peer: e.peer } : newChat(e.peer) } };
    }
    case "page":
      return edit(s, e.peerId, (old) => {
        const chat = merge(dropDeleted(old, e.list), e.list, s.me);
        if (e.kind === "check") return chat;
        if (e.kind === "after") return { ...chat, syncFrom: e.full ? (e.list.at(-1)?.seq ?? null) : null };
        return { ...chat, loaded: true, complete: !e.full, ...(e.kind === "latest" ? { syncFrom: null } : {}) };
      });
    case "message":
      return receive(s, e.message);
    case "status": {
      if (e.sender === s.me) {
        return edit(s, e.receiver, (chat) => ({
          ...chat,
          peerRecv: Math.max(chat.peerRecv, e.status === "sent" ? 0 : e.seq),
          peerRead: Math.max(chat.peerRead, e.status === "read" ? e.seq : 0),
        }));
      }
      // Another window of mine has read.
      return e.status === "read" ? edit(s, e.sender, (chat) => readTo(chat, e.seq)) : s;
    }
    case "write":
      return edit(s, e.peerId, (chat) => {
        /** @type {Item} */
        const own = { key: e.cid, id: 0, cid: e.cid, seq: 0, sender: s.me, mine: true, text: e.text, at: e.at, call: null, event: null, file: null, sealed: false, local: "waiting" };
        return { ...chat, items: [...chat.items, own], last: own };
      });
    case "failed":
      return editItem(s, e.cid, (items) => items.map((i) => (i.cid === e.cid ? { ...i, local: "failed" } : i)));
    case "again":
      return editItem(s, e.cid, (items) => items.map((i) => (i.cid === e.cid ? { ...i, local: "waiting" } : i)));
    case "discard":
      return editItem(s, e.cid, (items) => items.filter((i) => i.cid !== e.cid));
    case "read":
      return edit(s, e.peerId, (chat) => readTo(chat, e.seq));
    case "deleted":
      return edit(s, chatOf({ sender_id: e.sender, receiver_id: e.receiver, conversation_id: e.conversation }, s.me), (old) => {
        const gone = (/** @type {Item} */ i) => i.id === e.id || (e.sender === s.me && i.seq === 0 && e.cid !== "" && i.cid === e.cid);
        const known = old.items.find(gone) ?? (old.last && gone(old.last) ? old.last : null);
        const wasUnread = e.seq > old.myRead && (known ? counts(known) : e.sender !== s.me);
        const chat = without(old, gone);
        return wasUnread ? { ...chat, unread: Math.max(0, chat.unread - 1) } : chat;
      });
    case "conversation_deleted":
      return edit(s, e.peerId, (chat) => {
        // The end of one that is over already.
        if (e.conversation < chat.conversation) return chat;
        return e.upTo > 0 ? clearTo(chat, e.upTo) : { ...afresh(chat, chat.loaded), conversation: e.conversation };
      });
    case "account_deleted":
      return forgetWriter(edit(s, e.peerId, (chat) => {
        const peer = { id: e.peerId, username: e.username, display_name: "", deleted: true };
        return { ...without(chat, (i) => !i.mine), peer, unread: 0 };
      }), e.peerId);
    case "group":
      return nextGroup(s, e.e);
    case "down": {
      /** @type {Record<number, Chat>} */
      const chats = {};
      for (const [id, chat] of Object.entries(s.chats)) {
        chats[Number(id)] = chat.loaded ? { ...chat, syncFrom: chat.syncFrom ?? topSeq(chat) } : chat;
      }
      return { ...s, chats };
    }
  }
}

/** @param {Chat} chat @param {Item} i @returns {Mark} */
export function mark(chat, i) {
  if (i.local) return i.local;
  const { recv, read } = chat.group ? reach(chat.group, i) : { recv: 0, read: 0 };
  return i.seq <= Math.max(chat.peerRead, read) ? "read" : i.seq <= Math.max(chat.peerRecv, recv) ? "delivered" : "sent";
}

/** When something happened in a chat last. @param {Chat} c */
const lastAt = (c) => c.last?.at ?? c.group?.at ?? 0;

/** Groups, and chats with something in them, the newest first. @param {Chats} s @returns {Chat[]} */
export function listed(s) {
  return Object.values(s.chats).filter((c) => c.group !== null || (c.last && c.peer.username)).sort((a, b) => lastAt(b) - lastAt(a));
}

/** What waits to be sent, in the order it was written. @param {Chats} s @returns {{peerId: number, item: Item}[]} */
export function outbox(s) {
  return Object.values(s.chats)
    .flatMap((c) => c.items.filter((i) => i.local === "waiting").map((i) => ({ peerId: c.peer.id, item: i })))
    .sort((a, b) => a.item.at - b.item.at || (a.item.cid < b.item.cid ? -1 : 1));
}

/** @param {Chats} s @returns {number} */
export const unreadTotal = (s) => Object.values(s.chats).reduce((n, c) => n + c.unread, 0);

/** @param {Peer} p @returns {string} */
export const nameOf = (p) => p.display_name || p.username;
