import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";
import { newId, uuidv7 } from "./uuid.js";

// Node 18 has it by another name.
globalThis.crypto ??= /** @type {Crypto} */ (webcrypto);

test("time, version and variant are where RFC 9562 puts them", () => {
  assert.equal(uuidv7(0x0192_3456_789a, new Uint8Array(16).fill(0xff)), "01923456-789a-7fff-bfff-ffffffffffff");
});

test("ids differ and later ones sort later", () => {
  assert.notEqual(newId(), newId());
  assert.ok(uuidv7(1, new Uint8Array(16).fill(9)) < uuidv7(2, new Uint8Array(16)));
});
