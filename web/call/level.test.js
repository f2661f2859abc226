import assert from "node:assert/strict";
import { test } from "node:test";
import { evenLevel, lamps, levelOf } from "./level.js";

test("silence is nothing, full scale is all", () => {
  assert.equal(levelOf(new Float32Array(128)), 0);
  assert.equal(levelOf([]), 0);
  assert.equal(levelOf(Array.from({ length: 128 }, (_, i) => (i % 2 ? 1 : -1))), 1);
});

test("each halving takes the same step", () => {
  const steps = [1, 0.5, 0.25, 0.125].map(evenLevel).map((v, i, all) => (all[i - 1] ?? v) - v).slice(1);
  for (const step of steps) assert.ok(Math.abs(step - (steps[0] ?? 0)) < 1e-9, String(steps));
});

test("what is below the floor is drawn as nothing", () => {
  assert.equal(evenLevel(0.0001), 0);
});

test("the first lamp is lit by the faintest sound", () => {
  assert.deepEqual([0, 0.01, 0.5, 1].map((v) => lamps(v, 12)), [0, 1, 6, 12]);
});
