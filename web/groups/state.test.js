import assert from "node:assert/strict";
import { test } from "node:test";
import { listed, mark, next, outbox, empty, unreadTotal } from "../chat/state.js";
import { inOrder, powers, receipts } from "./state.js";

const ME = 1;
const SARA = 2;
const OMID = 3;
const ROOM = 7;
const ms = (/** @type {number} */ n) => Date.UTC(2026, 10, 21, 8, 0, n);
const at = (/** @type {number} */ n) => new Date(ms(n)).toISOString();

/** @param {number} seq @param {object} [more] */
const msg = (seq, more = {}) => ({
  message_id: 100 + seq, client_message_id: "", conversation_id: ROOM, seq, sender_id: SARA, receiver_id: 0,
  content: `m${seq}`, status: "sent", created_at: at(seq), kind: "", call: null, event: null, file: null, sealed: false, ...more,
});
const mine = (/** @type {number} */ seq, cid = "", more = {}) => msg(seq, { sender_id: ME, client_message_id: cid, ...more });
const member = (/** @type {number} */ id, more = {}) => ({ id, username: `u${id}`, display_name: "", role: "member", joined: ms(0), recv: 0, read: 0, ...more });
const whole = (members = [member(ME, { role: "owner" }), member(SARA), member(OMID)], more = {}) =>
  ({ t: "group", e: { t: "whole", group: { id: ROOM, name: "خانه", role: "owner", at: ms(0), last_seq: 0, my_read_seq: 0, members, ...more } } });
const preview = (more = {}) => ({
  id: ROOM, name: "خانه", role: "member", count: 3, at: ms(0), last_message: null, last_seq: 0, my_read_seq: 0, unread_count: 0, ...more,
});
const change = (e) => ({ t: "group", e: { conversation: ROOM, ...e } });
const came = (id, happened, more = {}) => change({ t: "member", id, username: `u${id}`, display_name: "", role: "member", change: happened, ...more });
const went = (id, happened) => came(id, happened, { role: "" });
const run = (...events) => events.reduce(next, next(empty, { t: "reset", me: ME }));
const groupOf = (s) => s.chats[-ROOM];
const arrives = (message) => ({ t: "message", message });

test("groups stand among the chats, the newest first, also while nothing was said in them", () => {
  const pair = { t: "previews", list: [{ id: 4, user_id: SARA, username: "sara", display_name: "", is_online: true, unread_count: 0, last_message: { ...msg(1), receiver_id: ME }, last_seq: 1, my_read_seq: 1, peer_recv_seq: 0, peer_read_seq: 0 }] };
  const list = { t: "group", e: { t: "list", list: [preview({ at: ms(2), unread_count: 3, last_seq: 3 }), preview({ id: 8, at: ms(0) })] } };
  const s = run(pair, list);
  assert.deepEqual(listed(s).map((c) => c.peer.id), [-ROOM, SARA, -8]);
  assert.equal(unreadTotal(s), 3);
  assert.equal(groupOf(s).peer.display_name, "خانه");
});

test("an own text is one message from the clock to the echo, and waits among the rest while there is no connection", () => {
  const before = run(whole(), { t: "write", peerId: -ROOM, cid: "c1", text: "hi", at: 5 });
  assert.deepEqual(outbox(before).map((o) => [o.peerId, o.item.cid]), [[-ROOM, "c1"]]);
  const after = next(next(before, arrives(mine(1, "c1"))), arrives(mine(1, "c1")));
  assert.deepEqual(groupOf(after).items.map((i) => [i.key, i.seq]), [["c1", 1]]);
  assert.deepEqual(outbox(after), []);
});

test("a mark says delivered once all have it, and read once all have read it", () => {
  let s = run(whole(), arrives(mine(1)));
  const seen = () => mark(groupOf(s), groupOf(s).items[0]);
  const receipt = (user, recv, read) => { s = next(s, change({ t: "receipt", user, recv, read })); };
  assert.equal(seen(), "sent");
  receipt(SARA, 1, 1);
  assert.equal(seen(), "sent", "Omid has not got it");
  receipt(OMID, 1, 0);
  assert.equal(seen(), "delivered");
  receipt(OMID, 1, 1);
  assert.equal(seen(), "read");
  receipt(OMID, 0, 0);
  assert.equal(seen(), "read", "it never goes back");
  assert.equal(groupOf(s).group.members.find((m) => m.id === OMID).recv, 1);
});

test("a row of the list has its mark before the members are loaded", () => {
  const of = (status) => {
    const s = run({ t: "group", e: { t: "list", list: [preview({ last_message: mine(3, "c", { status }), last_seq: 3 })] } });
    return mark(groupOf(s), groupOf(s).last);
  };
  assert.deepEqual(["sent", "delivered", "read"].map(of), ["sent", "delivered", "read"]);
});

test("who came later is not waited for, and not said to have read what was before", () => {
  let s = run(whole(), arrives(mine(1)), change({ t: "receipt", user: SARA, recv: 1, read: 1 }), change({ t: "receipt", user: OMID, recv: 1, read: 1 }));
  s = next(s, came(4, "added"));
  const first = groupOf(s).items[0];
  assert.equal(mark(groupOf(s), first), "read");
  assert.deepEqual(receipts(groupOf(s).group, first).read.map((m) => m.id), [SARA, OMID]);
  s = next(s, arrives(mine(2)));
  const second = groupOf(s).items[1];
  assert.deepEqual(receipts(groupOf(s).group, second).waiting.map((m) => m.id), [SARA, OMID, 4]);
});

test("who left is not waited for", () => {
  const s = run(whole(), arrives(mine(1)), change({ t: "receipt", user: SARA, recv: 1, read: 1 }), went(OMID, "left"));
  assert.equal(mark(groupOf(s), groupOf(s).items[0]), "read");
  assert.equal(groupOf(s).group.count, 2);
});

test("a message tells who has read it, who only got it, and who has not", () => {
  const s = run(whole([member(ME), member(SARA, { recv: 5, read: 5 }), member(OMID, { recv: 5, read: 4 }), member(4, { recv: 4, read: 4 })]), arrives(mine(5)));
  const { read, delivered, waiting } = receipts(groupOf(s).group, groupOf(s).items[0]);
  assert.deepEqual([read, delivered, waiting].map((list) => list.map((m) => m.id)), [[SARA], [OMID], [4]]);
});

test("a group nobody else is in has only messages that were sent", () => {
  const s = run(whole([member(ME)]), arrives(mine(1)));
  assert.equal(mark(groupOf(s), groupOf(s).items[0]), "sent");
});

test("an event is a line of the log, and no news", () => {
  const s = run(whole(), arrives(msg(1, { kind: "event", content: "", event: { change: "added", user_id: OMID, role: "", name: "" } })));
  assert.equal(groupOf(s).items[0].event.change, "added");
  assert.equal(unreadTotal(s), 0);
});

test("another window of mine that reads clears the badge here", () => {
  const s = run(whole(), arrives(msg(1)), arrives(msg(2)), change({ t: "receipt", user: ME, recv: 2, read: 2 }));
  assert.equal(unreadTotal(s), 0);
});

test("who is put out keeps what they saw, with the reason, and nothing of it is news", () => {
  const s = run(whole(), arrives(msg(1)), went(ME, "kicked"));
  assert.deepEqual([groupOf(s).group.over, groupOf(s).group.role, unreadTotal(s), groupOf(s).items.length], ["kicked", "", 0, 1]);
});

test("who comes back asks for what was written meanwhile", () => {
  const page = { t: "page", peerId: -ROOM, kind: "latest", full: false, list: [msg(1)] };
  const s = run(whole(), page, went(ME, "kicked"), came(ME, "added"));
  assert.deepEqual([groupOf(s).group.over, groupOf(s).group.role, groupOf(s).syncFrom], ["", "member", 1]);
  assert.equal(groupOf(run(whole(), page, went(ME, "kicked"), change({ t: "changed", name: "خانه", role: "member", at: 0 }))).syncFrom, 1);
});

test("who leaves has the group no longer; a deleted one says so", () => {
  assert.equal(groupOf(run(whole(), went(ME, "left"))), undefined);
  assert.equal(groupOf(run(whole(), change({ t: "over" }))).group.over, "deleted");
});

test("a group that is no longer in the list is over, unless it came while the list was on its way", () => {
  const before = run({ t: "group", e: { t: "list", list: [preview()] } });
  const gone = next(before, { t: "group", e: { t: "list", list: [], since: before.chats } });
  assert.equal(groupOf(gone).group.over, "gone");
  const meanwhile = next(next(before, arrives(msg(1))), { t: "group", e: { t: "list", list: [], since: before.chats } });
  assert.equal(groupOf(meanwhile).group.over, "");
});

test("a list of chats without the group does not empty it", () => {
  const before = run(whole(), { t: "page", peerId: -ROOM, kind: "latest", full: false, list: [msg(1)] });
  assert.equal(groupOf(next(before, { t: "previews", list: [], since: before.chats })).items.length, 1);
});

test("names, roles and the number of members follow what is told", () => {
  let s = run({ t: "group", e: { t: "list", list: [preview()] } }, came(4, "joined"));
  assert.equal(groupOf(s).group.count, 4, "counted before the members are loaded");
  s = next(s, change({ t: "changed", name: "باغ", role: "admin", at: 0 }));
  assert.deepEqual([groupOf(s).peer.display_name, groupOf(s).group.role], ["باغ", "admin"]);
  s = next(s, whole());
  s = next(s, came(SARA, "role", { role: "admin" }));
  assert.deepEqual([groupOf(s).peer.display_name, groupOf(s).group.count, groupOf(s).group.members.find((m) => m.id === SARA).role], ["خانه", 3, "admin"]);
  assert.equal(groupOf(next(s, came(ME, "role", { role: "member" }))).group.role, "member");
});

test("a receipt that came while the members were loaded is not lost", () => {
  const s = run(whole(), change({ t: "receipt", user: SARA, recv: 4, read: 3 }), whole());
  const sara = groupOf(s).group.members.find((m) => m.id === SARA);
  assert.deepEqual([sara.recv, sara.read], [4, 3]);
});

test("a deleted account leaves with all its words", () => {
  const s = run(whole(), arrives(msg(1)), arrives(msg(2, { sender_id: OMID })), { t: "account_deleted", peerId: SARA, username: "x" });
  assert.deepEqual(groupOf(s).items.map((i) => i.sender), [OMID]);
  assert.deepEqual(groupOf(s).group.members.map((m) => m.id), [ME, OMID]);
  assert.equal(unreadTotal(s), 1);
});

test("a deleted message leaves the group", () => {
  const s = run(whole(), arrives(msg(1)), arrives(msg(2)), { t: "deleted", id: 102, cid: "", seq: 2, sender: SARA, receiver: 0, conversation: ROOM });
  assert.deepEqual(groupOf(s).items.map((i) => i.seq), [1]);
  assert.equal(unreadTotal(s), 1);
});

test("the owner may do everything with others, an admin puts out members, a member nothing", () => {
  const group = (role) => ({ ...groupOf(run(whole())).group, role });
  const may = (role, of) => Object.entries(powers(group(role), member(SARA, { role: of }), ME)).filter(([, yes]) => yes).map(([what]) => what);
  assert.deepEqual(may("owner", "member"), ["remove", "promote", "handOver"]);
  assert.deepEqual(may("owner", "admin"), ["remove", "demote", "handOver"]);
  assert.deepEqual(may("admin", "member"), ["remove"]);
  assert.deepEqual([may("admin", "admin"), may("admin", "owner"), may("member", "member")], [[], [], []]);
  assert.equal(Object.values(powers(group("owner"), member(ME, { role: "owner" }), ME)).some(Boolean), false, "nothing with oneself");
});

test("the owner stands first, then admins, then the others by name", () => {
  const all = [member(4, { username: "zara" }), member(5, { username: "ali" }), member(6, { role: "admin" }), member(7, { role: "owner" })];
  assert.deepEqual(inOrder(all).map((m) => m.id), [7, 6, 5, 4]);
});
