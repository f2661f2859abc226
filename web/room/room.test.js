import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, hands, idle, inRoom, leftKey, listeners, moderates, next, slotOf, speaks, volumeOf } from "./room.js";

const seat = (id, more = {}) => ({
  id, user_id: id * 10, username: `u${id}`, display_name: "", avatar_url: "", muted: false, mod_muted: false, hand: 0,
  speaking: false, reconnecting: false, guest: false, ...more,
});
const room = (...seats) => ({ seats, locked: false, max: 50, since: 1 });
const run = (...events) => events.reduce(next, idle);
const join = { t: "join", id: 5 };
const joined = { t: "joined", me: 1, here: room(seat(1), seat(2)), fresh: true };
const inside = run(join, joined, { t: "heard" });

test("a seat goes joining, connecting, connected, left", () => {
  const phases = [];
  let r = idle;
  for (const e of [join, joined, { t: "heard" }, { t: "left", reason: "roomKicked" }, { t: "gone" }]) {
    r = next(r, e);
    phases.push(r.phase);
  }
  assert.deepEqual(phases, ["joining", "connecting", "connected", "left", "idle"]);
});

test("who is in a room does not enter another by an event that comes late", () => {
  assert.equal(next(inside, { t: "join", id: 6 }), inside);
  assert.equal(next(idle, joined), idle);
  assert.equal(next(inside, { t: "here", id: 6, here: room() }), inside);
});

test("a seat taken back keeps its connection, its slots and its tiles", () => {
  const r = run(join, joined, { t: "heard" }, { t: "slots", slots: [2] }, { ...joined, fresh: false });
  assert.deepEqual([r.phase, r.slots[0], r.tiles], ["connected", 2, [1, 2]]);
});

test("a seat that was lost is wished for again, with what the person chose", () => {
  const r = next(next(next(inside, { t: "mute", on: true }), { t: "minimise", on: true }), { t: "lost" });
  assert.deepEqual([r.phase, r.me, r.id, r.muted, r.minimised, r.again], ["joining", 0, 5, true, true, true]);
  const back = [{ ...joined, me: 9, here: room(seat(8), seat(9)) }, { t: "heard" }].reduce(next, r);
  assert.deepEqual([back.phase, back.tiles, back.again], ["connected", [9, 8], false]);
});

test("a connection is weak only once it was there, and the next sign of life ends it", () => {
  assert.equal(run(join, { t: "weak", on: true }).weak, false);
  const weak = next(inside, { t: "weak", on: true });
  assert.equal(weak.weak, true);
  assert.equal(next(weak, { t: "heard" }).weak, false);
});

test("oneself comes first, and nobody moves because somebody speaks, mutes or comes", () => {
  let tiles = arrange([], [seat(3), seat(1), seat(2)], 2);
  assert.deepEqual(tiles, [2, 1, 3]);
  tiles = arrange(tiles, [seat(4), seat(1, { muted: true }), seat(3, { speaking: true }), seat(2)], 2);
  assert.deepEqual(tiles, [2, 1, 3, 4]);
  assert.deepEqual(arrange(tiles, [seat(2), seat(3), seat(4)], 2), [2, 3, 4]);
});

test("in a large room those who only listen are small, until they speak or raise a hand", () => {
  const many = Array.from({ length: 12 }, (_, i) => seat(i + 1, { muted: i > 1 }));
  const r = next(inside, { t: "here", id: 5, here: room(...many) });
  assert.deepEqual(r.tiles, [1, 2]);
  assert.equal(listeners(r).length, 10);
  const risen = many.map((s) => (s.id === 7 ? { ...s, hand: 1 } : s.id === 5 ? { ...s, muted: false } : s));
  const then = next(r, { t: "here", id: 5, here: room(...risen) });
  assert.deepEqual(then.tiles, [1, 2, 5, 7]);
  // Once large, always large: a tile that jumps away cannot be pressed.
  assert.deepEqual(next(then, { t: "here", id: 5, here: room(...many) }).tiles, [1, 2, 5, 7]);
});

test("hands stand in the order they were raised", () => {
  const r = next(inside, { t: "here", id: 5, here: room(seat(1, { hand: 2 }), seat(2), seat(3, { hand: 1 })) });
  assert.deepEqual(hands(r).map((s) => s.id), [3, 1]);
});

test("a slot plays as loud as the person it carries was set to", () => {
  const r = next(inside, { t: "slots", slots: [0, 2, 0, 0, 0, 0, 0, 0] });
  const volumes = { 20: 0.25 };
  assert.deepEqual([volumeOf(r, 1, volumes), volumeOf(r, 0, volumes), slotOf(r, 2), slotOf(r, 0)], [0.25, 1, 1, -1]);
  const moved = next(r, { t: "slots", slots: [2] });
  assert.deepEqual([volumeOf(moved, 0, volumes), volumeOf(moved, 1, volumes), moved.slots.length], [0.25, 1, 8]);
  assert.equal(volumeOf(next(moved, { t: "deafen", on: true }), 0, volumes), 0);
});

test("the microphone is open when nothing stands against it", () => {
  const plain = { on: false, held: false };
  assert.equal(speaks(inside, plain), true);
  for (const e of [{ t: "mute", on: true }, { t: "deafen", on: true }, { t: "listening", key: "micDenied" }, { t: "left", reason: "" }]) {
    assert.equal(speaks(next(inside, e), plain), false, e.t);
  }
  assert.deepEqual([speaks(inside, { on: true, held: false }), speaks(inside, { on: true, held: true })], [false, true]);
});

test("who listens only is muted, and stays so until they unmute", () => {
  const r = next(next(inside, { t: "listening", key: "micDenied" }), { t: "listening", key: "" });
  assert.deepEqual([r.listening, r.muted], ["", true]);
});

test("speaking is of one seat in one room", () => {
  const r = next(inside, { t: "speaking", id: 5, seat: 2, on: true });
  assert.deepEqual(r.here.seats.map((s) => s.speaking), [false, true]);
  assert.equal(next(inside, { t: "speaking", id: 6, seat: 2, on: true }), inside);
});

test("a call on its way into a room names itself until the seat is there", () => {
  const r = run({ t: "join", id: 5, moving: "aa", muted: true });
  assert.deepEqual([r.moving, r.muted], ["aa", true]);
  assert.equal(next(r, joined).moving, "");
});

test("owners and admins moderate, members and pairs do not", () => {
  assert.deepEqual(["owner", "admin", "member", ""].map(moderates), [true, true, false, false]);
});

test("every end has words, but for one's own leaving", () => {
  for (const reason of ["kicked", "elsewhere", "closed", "session_ended", "connection_lost", "failed"]) assert.notEqual(leftKey(reason), "", reason);
  assert.equal(leftKey("left"), "");
  assert.equal(inRoom(run(join, joined, { t: "left", reason: "" })), false);
});
