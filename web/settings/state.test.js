import assert from "node:assert/strict";
import { test } from "node:test";
import { nameToSave, resolve, switchOf, themeOf } from "./state.js";

test("an unknown kept value means the default", () => {
  assert.deepEqual([themeOf(null), themeOf("pink"), themeOf("dark")], ["auto", "auto", "dark"]);
  assert.deepEqual([switchOf(null), switchOf("1"), switchOf("0")], [false, true, false]);
});

test("auto follows the system, a choice does not", () => {
  assert.deepEqual([resolve("auto", true), resolve("auto", false), resolve("light", true)], ["dark", "light", "light"]);
});

test("a name is saved only when it changed and is not empty", () => {
  assert.deepEqual([nameToSave(" سارا ", "سارا"), nameToSave("  ", "x"), nameToSave(" نو ", "x")], [null, null, "نو"]);
});
