// The history of one chat: messages in order, each once, and what of it is read. Pure.

/**
 * @typedef {import("../core/wire.js").Message} Message
 * @typedef {import("./state.js").Chat} Chat
 * @typedef {import("./state.js").Item} Item
 * @typedef {import("./state.js").Peer} Peer
 */

/** @param {Peer} peer @returns {Chat} */
export const newChat = (peer) => ({
  peer, group: null, conversation: 0, items: [], last: null, lastSeq: 0, myRead: 0, peerRecv: 0, peerRead: 0, unread: 0,
  loaded: false, complete: false, syncFrom: null,
});

/**
 * The chat a message is in: the other person, or the group below zero.
 * @param {{sender_id: number, receiver_id: number, conversation_id: number}} m @param {number} me @returns {number}
 */
export const chatOf = (m, me) => (m.receiver_id === 0 ? -m.conversation_id : m.sender_id === me ? m.receiver_id : m.sender_id);

/** @param {Message} m @param {number} me @returns {Item} */
export const item = (m, me) => ({
  // An own message keeps the key of its first drawing: its mark is swapped, not the element.
  key: m.sender_id === me && m.client_message_id ? m.client_message_id : `m${m.message_id}`,
  id: m.message_id, cid: m.client_message_id, seq: m.seq, sender: m.sender_id, mine: m.sender_id === me,
  text: m.content, at: Date.parse(m.created_at) || 0,
  call: m.kind === "call" ? (m.call ?? { outcome: "lost" }) : null, event: m.event, file: m.file, sealed: m.sealed, local: null,
});

/** Entries of calls that were taken or declined are no news, and neither is who came to a group. @param {Item} i */
export const counts = (i) => !i.mine && !i.event && i.call?.outcome !== "answered" && i.call?.outcome !== "declined";

/** @param {Item} a @param {Item} b */
const byOrder = (a, b) => (a.seq || Infinity) - (b.seq || Infinity) || (a.at - b.at) || (a.key < b.key ? -1 : 1);

/**
 * Puts messages in order, each once; an own one takes the place of its draft.
 * @param {Chat} chat @param {readonly Message[]} list @param {number} me @returns {Chat}
 */
export function merge(chat, list, me) {
  // Words of a deleted account may come once more while the server erases them.
  const news = list.map((m) => item(m, me)).filter((i) => i.mine || !chat.peer.deleted);
  const keys = new Set(news.map((i) => i.key));
  const ids = new Set(news.map((i) => i.id));
  const kept = chat.items.filter((i) => !keys.has(i.key) && !(i.id && ids.has(i.id)));
  const items = [...kept, ...news].sort(byOrder);
  let { peerRecv, peerRead } = chat;
  for (const m of list) {
    if (m.sender_id !== me || m.status === "sent") continue;
    peerRecv = Math.max(peerRecv, m.seq);
    if (m.status === "read") peerRead = Math.max(peerRead, m.seq);
  }
  const lastSeq = news.reduce((top, i) => Math.max(top, i.seq), chat.lastSeq);
  return { ...chat, items, peerRecv, peerRead, lastSeq, last: latest(chat.last, items) };
}

/**
 * Drops what a page should have and has not: it was deleted while nobody heard of it.
 * @param {Chat} chat @param {readonly Message[]} list @returns {Chat}
 */
export function dropDeleted(chat, list) {
  const seqs = new Set(list.map((m) => m.seq));
  const first = list[0]?.seq ?? Infinity;
  const last = list.at(-1)?.seq ?? 0;
  const gone = (/** @type {Item} */ i) => i.seq >= first && i.seq <= last && !seqs.has(i.seq);
  return chat.items.some(gone) ? without(chat, gone) : chat;
}

/** @param {Chat} chat @param {(i: Item) => boolean} gone @returns {Chat} */
export function without(chat, gone) {
  const items = chat.items.filter((i) => !gone(i));
  return { ...chat, items, last: chat.last && gone(chat.last) ? (items.at(-1) ?? null) : chat.last };
}

/** What was not sent yet, and nothing else: the conversation is gone. @param {Chat} chat @param {boolean} loaded @returns {Chat} */
export function afresh(chat, loaded) {
  const items = chat.items.filter((i) => i.seq === 0);
  return { ...newChat(chat.peer), group: chat.group, items, last: items.at(-1) ?? null, loaded, complete: loaded };
}

/** The chat in this conversation: another number is another conversation. @param {Chat} chat @param {number} conversation @returns {Chat} */
export const within = (chat, conversation) =>
  ({ ...(chat.conversation && conversation > chat.conversation ? afresh(chat, false) : chat), conversation: Math.max(chat.conversation, conversation) });

/** Forgets a history up to a seq. @param {Chat} chat @param {number} seq @returns {Chat} */
export function clearTo(chat, seq) {
  const cleared = without(chat, (i) => i.seq > 0 && i.seq <= seq);
  const unread = chat.lastSeq <= seq ? 0 : Math.min(chat.unread, cleared.items.filter((i) => counts(i) && i.seq > chat.myRead).length);
  return { ...cleared, unread };
}

/** @param {Item | null} known @param {readonly Item[]} items */
export function latest(known, items) {
  const end = items.at(-1) ?? null;
  if (!known || !end) return end ?? known;
  return known.seq && end.seq && known.seq > end.seq ? known : end;
}

/** The highest number in a chat that the server gave. @param {Chat} chat @returns {number} */
export const topSeq = (chat) => chat.items.reduce((top, i) => Math.max(top, i.seq), 0);

/** The lowest one, from which the page before is asked. @param {Chat} chat @returns {number} */
export const firstSeq = (chat) => chat.items.find((i) => i.seq > 0)?.seq ?? 0;

/** Moves what I have read up to `seq`. @param {Chat} chat @param {number} seq @returns {Chat} */
export function readTo(chat, seq) {
  if (seq <= chat.myRead) return chat;
  const passed = chat.items.filter((i) => counts(i) && i.seq > chat.myRead && i.seq <= seq).length;
  return { ...chat, myRead: seq, unread: seq >= chat.lastSeq ? 0 : Math.max(0, chat.unread - passed) };
}
