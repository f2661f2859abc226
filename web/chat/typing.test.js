import assert from "node:assert/strict";
import { test } from "node:test";
import { expire, hear, silent, tell } from "./typing.js";

/** What is said while these things happen: [person, writes, at]. */
function said(...steps) {
  let state = silent;
  return steps.map(([id, writes, at]) => {
    const told = tell(state, id, writes, at);
    state = told.state;
    return told.say;
  });
}

test("writing is told at once, again every 3 s, and its end once", () => {
  assert.deepEqual(said([2, true, 0], [2, true, 100], [2, true, 2_999], [2, true, 3_000], [2, false, 3_100], [2, false, 3_200]),
    [[[2, true]], [], [], [[2, true]], [[2, false]], []]);
});

test("after the end a new word is told at once", () => {
  assert.deepEqual(said([2, true, 0], [2, false, 10], [2, true, 20]), [[[2, true]], [[2, false]], [[2, true]]]);
});

test("writing to somebody else is told to them; an empty field of a chat nobody knew of says nothing", () => {
  assert.deepEqual(said([2, true, 0], [3, true, 10], [2, false, 20]), [[[2, true]], [[3, true]], []]);
});

test("others write until they stop, or for 6 s", () => {
  const one = hear(new Map(), 2, 2, true, 0);
  assert.deepEqual([...one.keys()], [2]);
  assert.equal(hear(one, 2, 2, false, 10).size, 0);
  assert.equal(expire(one, 5_999).size, 1);
  assert.equal(expire(one, 6_000).size, 0);
  assert.equal(expire(hear(one, 2, 2, true, 5_000), 6_000).size, 1);
});

test("who never wrote and stops changes nothing", () => {
  const none = new Map();
  assert.equal(hear(none, 2, 2, false, 0), none);
});

test("each one who writes in a group is known until they stop", () => {
  const two = hear(hear(new Map(), -7, 2, true, 0), -7, 3, true, 1_000);
  assert.deepEqual([...(two.get(-7)?.keys() ?? [])], [2, 3]);
  assert.deepEqual([...(hear(two, -7, 2, false, 1_100).get(-7)?.keys() ?? [])], [3]);
  assert.deepEqual([...(expire(two, 6_500).get(-7)?.keys() ?? [])], [3]);
  assert.equal(hear(hear(two, -7, 2, false, 1), -7, 3, false, 1).size, 0);
  assert.equal(two.has(2), false, "nobody writes to me alone");
});
