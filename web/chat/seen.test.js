import assert from "node:assert/strict";
import { test } from "node:test";
import { seenAfter } from "./seen.js";

const frame = (/** @type {boolean} */ online, last_seen = "") => ({ type: /** @type {const} */ ("presence"), user_id: 2, online, last_seen });

test("a time is known until the person comes back or hides it", () => {
  const seen = seenAfter(new Map(), frame(false, "1970-01-01T00:00:01.000Z"));
  assert.deepEqual([...seen], [[2, 1_000]]);
  assert.deepEqual([...seenAfter(seen, frame(true))], []);
  assert.deepEqual([...seenAfter(seen, frame(false))], []);
});

test("a frame that says nothing new changes nothing, and a broken time is none", () => {
  const seen = new Map([[3, 5]]);
  assert.equal(seenAfter(seen, frame(true)), seen);
  assert.equal(seenAfter(seen, frame(false, "yesterday")), seen);
  assert.equal(seenAfter(seen, frame(true, "1970-01-01T00:00:01.000Z")), seen, "who is there was not last there");
});
