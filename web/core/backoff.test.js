import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs } from "./backoff.js";

test("waits double up to 30 s and keep at least half", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map((n) => backoffMs(n, 1)), [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(backoffMs(0, 0), 500);
});
