// What a chat says over the socket: texts, which wait for their echo, and marks of what arrived and was read.

import * as socket from "../core/socket.js";
import { encode } from "../core/wire.js";

const ACK_WAIT_MS = 10_000;

/** @type {Map<number, {seq: number, id: number}>} */
const reads = new Map();
/** @type {Map<number, {seq: number, id: number}>} */
const acks = new Map();
/** @type {Map<string, ReturnType<typeof setTimeout>>} */
const unanswered = new Map();
let ackDue = false;

/** @param {number} peerId @param {string} cid @param {string} text */
export function post(peerId, cid, text) {
  const own = { content: text, client_message_id: cid };
  if (!socket.send(peerId < 0 ? encode.group_message({ conversation_id: -peerId, ...own }) : encode.message({ receiver_id: peerId, ...own }))) return;
  clearTimeout(unanswered.get(cid));
  // No echo: the connection is dead without knowing it.
  unanswered.set(cid, setTimeout(socket.restart, ACK_WAIT_MS));
}

/** @param {string} cid */
export function answered(cid) {
  clearTimeout(unanswered.get(cid));
  unanswered.delete(cid);
}

/** The connection is gone: no echo will come. */
export function expectNothing() {
  for (const timer of unanswered.values()) clearTimeout(timer);
  unanswered.clear();
}

/** Tells the server up to where a chat was read, now or when there is a connection. @param {number} peerId @param {import("./state.js").Item} item */
export function tellRead(peerId, item) {
  if (!socket.send(encode.mark_read(item.id))) reads.set(peerId, { seq: item.seq, id: item.id });
}

/** Tells what was read without a connection. */
export function flushReads() {
  for (const { id } of reads.values()) socket.send(encode.mark_read(id));
  reads.clear();
}

/** Tells the server up to where messages of a chat arrived, once per burst. @param {number} peerId @param {import("../core/wire.js").Message} m */
export function acknowledge(peerId, m) {
  const old = acks.get(peerId);
  if (!old || old.seq < m.seq) acks.set(peerId, { seq: m.seq, id: m.message_id });
  if (ackDue) return;
  ackDue = true;
  setTimeout(() => {
    ackDue = false;
    for (const { id } of acks.values()) socket.send(encode.mark_delivered(id));
    acks.clear();
  }, 40);
}

/** Another person: nothing of it holds. */
export function forgetOutgoing() {
  expectNothing();
  reads.clear();
  acks.clear();
}
