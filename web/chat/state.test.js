import assert from "node:assert/strict";
import { test } from "node:test";
import { firstSeq, topSeq } from "./history.js";
import { empty, listed, mark, next, outbox, unreadTotal } from "./state.js";

const ME = 1;
const SARA = 2;
const at = (/** @type {number} */ n) => new Date(Date.UTC(2026, 10, 21, 8, 0, n)).toISOString();

/** @param {number} seq @param {object} [more] */
const msg = (seq, more = {}) => ({
  message_id: 100 + seq, client_message_id: "", conversation_id: 7, seq, sender_id: SARA, receiver_id: ME,
  content: `m${seq}`, status: "sent", created_at: at(seq), kind: "", call: null, file: null, sealed: false, ...more,
});
const mine = (/** @type {number} */ seq, cid = "", more = {}) =>
  msg(seq, { sender_id: ME, receiver_id: SARA, client_message_id: cid, ...more });
const preview = (more = {}) => ({
  id: 7, user_id: SARA, username: "sara", display_name: "سارا", is_online: true, unread_count: 0,
  last_message: null, last_seq: 0, my_read_seq: 0, peer_recv_seq: 0, peer_read_seq: 0, ...more,
});
const run = (...events) => events.reduce(next, next(empty, { t: "reset", me: ME }));
const chatOf = (s) => s.chats[SARA];
const peer = { t: "peer", peer: { id: SARA, username: "sara", display_name: "" } };

test("an own text keeps its place and key when the server has it", () => {
  const before = run(peer, { t: "write", peerId: SARA, cid: "c1", text: "hi", at: 5 });
  assert.equal(mark(chatOf(before), chatOf(before).items[0]), "waiting");
  const after = next(before, { t: "message", message: mine(1, "c1") });
  assert.equal(chatOf(after).items.length, 1);
  assert.equal(chatOf(after).items[0].key, chatOf(before).items[0].key);
  assert.equal(mark(chatOf(after), chatOf(after).items[0]), "sent");
});

test("a mark holds for every message up to its seq and never goes back", () => {
  const s = run(peer, { t: "page", peerId: SARA, kind: "latest", full: false, list: [mine(1, "a"), mine(2, "b"), mine(3, "c")] },
    { t: "status", status: "read", seq: 2, sender: ME, receiver: SARA },
    { t: "status", status: "delivered", seq: 3, sender: ME, receiver: SARA },
    { t: "status", status: "delivered", seq: 1, sender: ME, receiver: SARA });
  assert.deepEqual(chatOf(s).items.map((i) => mark(chatOf(s), i)), ["read", "read", "delivered"]);
});

test("a message that comes twice is shown and counted once", () => {
  const s = run({ t: "previews", list: [preview()] }, { t: "message", message: msg(1) }, { t: "message", message: msg(1) });
  assert.equal(chatOf(s).items.length, 1);
  assert.equal(unreadTotal(s), 1);
});

test("what the server sends again after a reconnect is not counted on top of its preview", () => {
  const s = run({ t: "previews", list: [preview({ unread_count: 2, last_seq: 2, last_message: msg(2) })] },
    { t: "message", message: msg(1) }, { t: "message", message: msg(2) }, { t: "message", message: msg(3) });
  assert.equal(chatOf(s).unread, 3);
});

test("reading up to the end clears the badge, reading a part lowers it", () => {
  const s = run({ t: "previews", list: [preview()] }, ...[1, 2, 3].map((n) => ({ t: "message", message: msg(n) })));
  assert.equal(chatOf(next(s, { t: "read", peerId: SARA, seq: 2 })).unread, 1);
  assert.equal(chatOf(next(s, { t: "read", peerId: SARA, seq: 3 })).unread, 0);
  assert.equal(chatOf(next(s, { t: "status", status: "read", seq: 3, sender: SARA, receiver: ME })).unread, 0);
});

test("a missed call counts as unread, an answered one does not", () => {
  const call = (/** @type {number} */ seq, /** @type {string} */ outcome) => ({ t: "message", message: msg(seq, { kind: "call", call: { outcome } }) });
  const s = run({ t: "previews", list: [preview()] }, call(1, "answered"), call(2, "no_answer"), call(3, "declined"));
  assert.equal(chatOf(s).unread, 1);
});

test("a message this app cannot read stands in the log as such and counts as unread", () => {
  const s = run({ t: "previews", list: [preview()] }, { t: "message", message: msg(1, { content: "", sealed: true }) });
  assert.deepEqual(chatOf(s).items.map((i) => [i.sealed, i.text]), [[true, ""]]);
  assert.equal(chatOf(s).unread, 1);
});

const deleted = (/** @type {number} */ seq, more = {}) => ({ t: "deleted", id: 100 + seq, cid: "", seq, sender: SARA, receiver: ME, ...more });

test("a deleted message leaves the log, the list and the badge", () => {
  const s = run({ t: "previews", list: [preview()] }, ...[1, 2, 3].map((n) => ({ t: "message", message: msg(n) })),
    { t: "read", peerId: SARA, seq: 1 }, deleted(3), deleted(1));
  assert.deepEqual(chatOf(s).items.map((i) => i.seq), [2]);
  assert.equal(chatOf(s).last?.seq, 2);
  assert.equal(chatOf(s).unread, 1, "only one of them was unread");
  assert.equal(chatOf(next(s, { t: "message", message: msg(4) })).unread, 2);
});

test("a deleted message that was never loaded lowers the badge if it was unread", () => {
  const s = run({ t: "previews", list: [preview({ unread_count: 2, last_seq: 2, last_message: msg(2) })] });
  assert.equal(chatOf(next(s, deleted(1))).unread, 1);
  assert.equal(chatOf(next(s, deleted(2))).last, null);
  assert.equal(chatOf(next(s, deleted(1, { sender: ME, receiver: SARA }))).unread, 2);
});

test("a text that was erased before its echo came leaves the outbox", () => {
  const s = run(peer, { t: "write", peerId: SARA, cid: "c1", text: "hi", at: 5 });
  assert.equal(outbox(next(s, deleted(1, { cid: "c1", sender: ME, receiver: SARA }))).length, 0);
  assert.equal(outbox(next(s, deleted(1, { cid: "c1" }))).length, 1, "the name is the sender's own");
  assert.equal(outbox(next(s, deleted(1, { sender: ME, receiver: SARA }))).length, 1);
});

test("a page tells what was deleted while nobody heard of it", () => {
  const s = run(peer, { t: "page", peerId: SARA, kind: "latest", full: true, list: [2, 3, 4, 5].map((n) => msg(n)) },
    { t: "message", message: msg(6) }, { t: "page", peerId: SARA, kind: "check", full: false, list: [msg(3), msg(5)] });
  assert.deepEqual(chatOf(s).items.map((i) => i.seq), [2, 3, 5, 6]);
  assert.equal(chatOf(s).complete, false);
  assert.equal(chatOf(next(s, { t: "page", peerId: SARA, kind: "check", full: false, list: [] })).items.length, 4);
});

const gone = (/** @type {number} */ conversation, upTo = 0) => ({ t: "conversation_deleted", peerId: SARA, conversation, upTo });

test("a deleted conversation leaves the list and an empty chat; what waits is kept", () => {
  const s = run({ t: "previews", list: [preview({ unread_count: 1, last_seq: 2, peer_read_seq: 2, last_message: msg(2) })] },
    { t: "page", peerId: SARA, kind: "latest", full: true, list: [msg(1), msg(2)] }, gone(7));
  assert.deepEqual([chatOf(s).items.length, chatOf(s).unread, chatOf(s).loaded, chatOf(s).complete], [0, 0, true, true]);
  assert.deepEqual(listed(s), []);
  const own = [{ t: "write", peerId: SARA, cid: "c1", text: "hi", at: 5 }, gone(7)].reduce(next, s);
  assert.deepEqual(outbox(own).map((o) => o.item.cid), ["c1"]);
});

test("a new conversation after a deleted one counts from one again", () => {
  const s = run({ t: "previews", list: [preview({ last_seq: 9, my_read_seq: 9, peer_read_seq: 9, last_message: msg(9) })] },
    gone(7), { t: "message", message: msg(1, { conversation_id: 8 }) }, gone(7));
  assert.deepEqual([chatOf(s).items.map((i) => i.seq), chatOf(s).unread, chatOf(s).peerRead], [[1], 1, 0]);
  assert.equal(chatOf(s).peer.username, "sara");
});

test("a conversation that was replaced while nobody heard of it starts afresh", () => {
  const old = [{ t: "previews", list: [preview({ last_seq: 9, my_read_seq: 9, last_message: msg(9) })] },
    { t: "page", peerId: SARA, kind: "latest", full: false, list: [msg(8), msg(9)] }];
  const heard = run(...old, { t: "message", message: msg(1, { conversation_id: 8 }) });
  assert.deepEqual([chatOf(heard).items.map((i) => i.seq), chatOf(heard).unread], [[1], 1]);
  const read = run(...old, { t: "previews", list: [preview({ id: 8, last_seq: 1, unread_count: 1, last_message: msg(1) })] });
  assert.deepEqual([chatOf(read).items.length, chatOf(read).last?.seq, chatOf(read).lastSeq, chatOf(read).unread, chatOf(read).loaded], [0, 1, 1, 1, false]);
});

test("a conversation that is not listed any more is gone, unless it was heard of meanwhile", () => {
  const s = run({ t: "previews", list: [preview({ last_seq: 1, last_message: msg(1) })] }, { t: "page", peerId: SARA, kind: "latest", full: false, list: [msg(1)] });
  const unlisted = { t: "previews", list: [], since: s.chats };
  assert.deepEqual(listed(next(s, unlisted)), []);
  assert.equal(listed(next(next(s, { t: "message", message: msg(2) }), unlisted)).length, 1);
  assert.equal(listed(next(s, { t: "previews", list: [] })).length, 1);
  const many = Array.from({ length: 500 }, (_, n) => preview({ id: 100 + n, user_id: 100 + n }));
  assert.equal(listed(next(s, { t: "previews", list: many, since: s.chats })).length, 1);
});

test("a history cleared elsewhere keeps what came after it", () => {
  const s = run({ t: "previews", list: [preview()] }, ...[1, 2, 3].map((n) => ({ t: "message", message: msg(n) })));
  assert.deepEqual([chatOf(next(s, gone(7, 2))).items.map((i) => i.seq), chatOf(next(s, gone(7, 2))).unread], [[3], 1]);
  assert.deepEqual([chatOf(next(s, gone(7, 3))).items.length, chatOf(next(s, gone(7, 3))).unread, listed(next(s, gone(7, 3))).length], [0, 0, 0]);
});

const leaves = { t: "account_deleted", peerId: SARA, username: "deleted-2" };

test("of a deleted account one's own words stay, whatever comes late", () => {
  const list = [msg(1), mine(2, "c"), msg(3)];
  const before = run({ t: "previews", list: [preview({ unread_count: 1, last_seq: 3, my_read_seq: 2, last_message: msg(3) })] },
    { t: "page", peerId: SARA, kind: "latest", full: true, list });
  const late = [{ t: "page", peerId: SARA, kind: "check", full: false, list },
    { t: "previews", list: [preview({ username: "deleted-2", deleted: true, unread_count: 1, last_seq: 3, my_read_seq: 2, last_message: msg(3) })] }];
  for (const s of [next(before, leaves), [leaves, ...late].reduce(next, before)]) {
    const { peer, items, last, unread } = chatOf(s);
    assert.deepEqual([peer.username, peer.deleted, items.map((i) => i.seq), last?.seq, unread], ["deleted-2", true, [2], 2, 0]);
  }
});

test("pages go in front, in order, without doubles", () => {
  const s = run(peer, { t: "page", peerId: SARA, kind: "latest", full: true, list: [msg(3), msg(4)] },
    { t: "page", peerId: SARA, kind: "before", full: false, list: [msg(1), msg(2), msg(3)] });
  assert.deepEqual(chatOf(s).items.map((i) => i.seq), [1, 2, 3, 4]);
  assert.equal(firstSeq(chatOf(s)), 1);
  assert.equal(chatOf(s).complete, true);
});

test("after the connection was lost a loaded chat knows from where it must ask", () => {
  const loaded = run(peer, { t: "page", peerId: SARA, kind: "latest", full: false, list: [msg(1), msg(2)] });
  const down = [{ t: "down" }, { t: "message", message: msg(9) }, { t: "down" }].reduce(next, loaded);
  assert.equal(chatOf(down).syncFrom, 2);
  const part = next(down, { t: "page", peerId: SARA, kind: "after", full: true, list: [msg(3), msg(4)] });
  assert.equal(chatOf(part).syncFrom, 4);
  const done = next(part, { t: "page", peerId: SARA, kind: "after", full: false, list: [msg(5)] });
  assert.equal(chatOf(done).syncFrom, null);
  assert.deepEqual(chatOf(done).items.map((i) => i.seq), [1, 2, 3, 4, 5, 9]);
  assert.equal(topSeq(chatOf(done)), 9);
});

test("waiting texts leave in the order they were written; a refused one waits for its person", () => {
  let s = run(peer, { t: "write", peerId: SARA, cid: "a", text: "1", at: 1 }, { t: "write", peerId: SARA, cid: "b", text: "2", at: 2 });
  assert.deepEqual(outbox(s).map((o) => o.item.cid), ["a", "b"]);
  s = next(s, { t: "failed", cid: "a" });
  assert.deepEqual(outbox(s).map((o) => o.item.cid), ["b"]);
  assert.equal(mark(chatOf(s), chatOf(s).items[0]), "failed");
  assert.deepEqual(outbox(next(s, { t: "again", cid: "a" })).length, 2);
  assert.deepEqual(chatOf(next(s, { t: "discard", cid: "a" })).items.map((i) => i.cid), ["b"]);
});

test("a waiting text stays last when messages come in before it", () => {
  const s = run(peer, { t: "write", peerId: SARA, cid: "a", text: "1", at: 0 }, { t: "message", message: msg(1) });
  assert.deepEqual(chatOf(s).items.map((i) => i.seq), [1, 0]);
});

test("chats without a message are not in the list; the newest is first", () => {
  const s = run(peer, { t: "peer", peer: { id: 3, username: "ali", display_name: "" } },
    { t: "message", message: msg(1, { sender_id: 3 }) });
  assert.deepEqual(listed(s).map((c) => c.peer.username), ["ali"]);
});
