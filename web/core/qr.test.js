import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { qr } from "./qr.js";

const rows = (/** @type {string} */ text) => (qr(text) ?? []).map((row) => row.map((m) => (m ? "1" : "0")).join(""));

// Made once by another encoder of the same standard, over the rows with line ends between them.
const golden = /** @type {const} */ ([
  [2, 1, "87d7e060dfa12b23"], [3, 17, "51cb8cb76f3c6c17"], [4, 37, "cbc89df20086c617"], [5, 56, "11595449f05cdaa5"],
  [7, 95, "d534afedb05bbcfb"], [8, 120, "fd498b80460e7b9b"], [9, 150, "fe2982fb3b9b1b85"], [10, 170, "36e22855a7167fc2"],
]);

for (const [version, letters, hash] of golden) {
  test(`a code of version ${version} is the one of another encoder`, () => {
    const code = rows(`https://${"a".repeat(letters)}.test/join/Ab3d`);
    assert.equal(code.length, 17 + 4 * version);
    assert.equal(createHash("sha256").update(code.join("\n")).digest("hex").slice(0, 16), hash);
  });
}

test("what fits in a version is drawn in it, one byte more in the next, and too much not at all", () => {
  assert.deepEqual([14, 15, 180, 181, 213].map((n) => rows("x".repeat(n)).length), [21, 25, 53, 57, 57]);
  assert.equal(qr("x".repeat(214)), null);
});
