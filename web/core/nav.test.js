import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePath, pathOf } from "./nav.js";

test("a path leads to its panel, a strange one to the list", () => {
  assert.deepEqual(parsePath("/c/sara"), { name: "chat", username: "sara" });
  assert.deepEqual(parsePath("/c/%73ara/"), { name: "chat", username: "sara" });
  assert.deepEqual(parsePath("/u/sara"), { name: "profile", username: "sara" });
  assert.deepEqual(parsePath("/settings/"), { name: "settings" });
  for (const path of ["/", "/c/", "/c/%ff", "/c/a/b", "/u/", "/x/sara", "/settingsx"]) assert.deepEqual(parsePath(path), { name: "list" });
});

test("a panel's path leads back to it", () => {
  for (const path of ["/", "/settings", "/c/%D8%B3", "/u/sara"]) assert.equal(pathOf(parsePath(path)), path);
});
