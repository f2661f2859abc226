import assert from "node:assert/strict";
import { test } from "node:test";
import { lines } from "./lines.js";

const noon = new Date(2026, 10, 21, 12, 0).getTime();
const item = (seq, minute, mine = false, more = {}) => ({
  key: `k${seq}`, id: seq, cid: "", seq, mine, sender: mine ? 1 : 2, text: "x", at: noon + minute * 60_000, call: null, event: null, local: null, ...more,
});
const shape = (list) => list.map((l) => (l.t === "msg" ? `${l.item.seq}${l.first ? "f" : ""}${l.last ? "l" : ""}` : l.t));

test("bubbles of one person within five minutes are one group", () => {
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1), item(3, 2), item(4, 9), item(5, 9, true)], -1)),
    ["day", "1f", "2", "3l", "4fl", "5fl"]);
});

test("each day begins with its separator and a new group", () => {
  assert.deepEqual(shape(lines([item(1, 0), item(2, 24 * 60)], -1)), ["day", "1fl", "day", "2fl"]);
});

test("the divider stands before the first unread message and cuts the group", () => {
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1), item(3, 2)], 1)), ["day", "1fl", "new", "2f", "3l"]);
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1, true)], 1)), ["day", "1fl", "2fl"]);
});

test("a call is a line of its own between groups", () => {
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1, false, { call: { outcome: "answered" } }), item(3, 2)], -1)),
    ["day", "1fl", "call", "3fl"]);
});

test("each one in a group has bubbles of their own", () => {
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1, false, { sender: 3 }), item(3, 2, false, { sender: 3 })], -1)), ["day", "1fl", "2f", "3l"]);
});

test("what happened to the members is a line of its own, and nothing that was not read", () => {
  const event = { event: { change: "joined", user_id: 3, role: "", name: "" } };
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1, false, event), item(3, 2)], -1)), ["day", "1fl", "event", "3fl"]);
  assert.deepEqual(shape(lines([item(1, 0), item(2, 1, false, event), item(3, 2)], 1)), ["day", "1fl", "event", "new", "3fl"]);
});
