import assert from "node:assert/strict";
import { test } from "node:test";
import { pictures, remember } from "./pictures.js";

test("the last that is said of a person's picture holds", () => {
  remember(1, "/api/files/aa");
  assert.equal(pictures.value.get(1), "/api/files/aa");
  remember(1, "/api/files/bb");
  assert.equal(pictures.value.get(1), "/api/files/bb");
  remember(1, null);
  assert.equal(pictures.value.has(1), false);
});

test("a picture from elsewhere is none", () => {
  for (const url of ["https://example.org/x.png", "//example.org/x.png", "javascript:1", 7]) {
    remember(2, url);
    assert.equal(pictures.value.has(2), false);
  }
});
