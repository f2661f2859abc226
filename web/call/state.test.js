import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, busy, concerns, entryKey, idle, isMissed, next, reasonKey } from "./state.js";

const peer = { id: 2, username: "sara", display_name: "" };
const run = (...events) => events.reduce(next, idle);
const start = { t: "start", peer };
const offered = { t: "offered", peer, callId: "aa" };

test("a call goes calling, ringing, connecting, active, over", () => {
  const phases = [];
  let c = idle;
  for (const e of [start, { t: "started", callId: "aa" }, { t: "rings" }, { t: "answered" }, { t: "heard", at: 1000 }, { t: "over", reason: "ended", at: 9000 }, { t: "gone" }]) {
    c = next(c, e);
    phases.push(c.phase);
  }
  assert.deepEqual(phases, ["calling", "calling", "ringing", "connecting", "active", "over", "idle"]);
});

test("the time counts from the first sound, not from the answer", () => {
  assert.equal(run(start, { t: "answered" }, { t: "over", reason: "lost", at: 5000 }).seconds, 0);
  assert.equal(run(start, { t: "answered" }, { t: "heard", at: 1000 }, { t: "over", reason: "ended", at: 5000 }).seconds, 4);
});

test("a person in a call is not offered another", () => {
  const c = run(start);
  assert.equal(next(c, offered), c);
  assert.equal(next(c, start), c);
});

test("in a glare the own call becomes the other's, answered", () => {
  const c = run(start, { t: "started", callId: "own" }, { t: "glare", callId: "aa" });
  assert.deepEqual([c.phase, c.role, c.callId], ["connecting", "callee", "aa"]);
});

test("an incoming call cannot be minimised, an outgoing one can", () => {
  assert.equal(run(offered, { t: "minimise", on: true }).minimised, false);
  assert.equal(run(start, { t: "minimise", on: true }).minimised, true);
});

test("ringing is believed only while calling; late frames change nothing", () => {
  const c = run(start, { t: "answered" });
  assert.equal(next(c, { t: "rings" }), c);
  const over = run(start, { t: "over", reason: "busy", at: 1 });
  assert.equal(next(over, { t: "answered" }), over);
  assert.equal(busy(over), false);
});

test("frames belong to a call by id, and by person while there is no id", () => {
  const ended = (call_id, sender_id) => ({ type: "call_hangup", call_id, sender_id, reason: "ended" });
  assert.equal(concerns(run(offered), ended("aa", 2)), true);
  assert.equal(concerns(run(offered), ended("bb", 2)), false);
  assert.equal(concerns(run(start), ended("cc", 2)), true);
  assert.equal(concerns(run(start), ended("cc", 3)), false);
  assert.equal(concerns(run(start), { type: "call_started", call_id: "x", receiver_id: 2 }), true);
  assert.equal(concerns(idle, ended("aa", 2)), false);
});

test("the end of a call says why, to each side in its words", () => {
  assert.equal(reasonKey(run(start), "hangup", "no_answer"), "noAnswer");
  assert.equal(reasonKey(run(offered), "hangup", "no_answer"), "missed");
  assert.equal(reasonKey(run(offered), "hangup", "cancelled"), "missed");
  assert.equal(reasonKey(run(start), "reject", "declined"), "declined");
  assert.equal(reasonKey(run(start), "reject", ""), "declined");
});

test("bars fall with delay and with loss", () => {
  const path = (rttMs, loss = 0) => ({ way: "direct", rttMs, loss });
  assert.deepEqual([path(20), path(20, 0.03), path(200), path(400), path(900), path(20, 0.5), null].map(bars), [4, 3, 3, 2, 1, 1, 0]);
});

test("only calls that came in and were not taken are missed", () => {
  assert.equal(isMissed({ outcome: "cancelled" }, false), true);
  assert.equal(isMissed({ outcome: "cancelled" }, true), false);
  assert.equal(isMissed({ outcome: "declined" }, false), false);
  assert.equal(entryKey({ outcome: "no_answer" }, true), "call.entry.no_answer.out");
});
