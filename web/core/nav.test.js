import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePath } from "./nav.js";

test("a path leads to its panel, a strange one to the list", () => {
  assert.deepEqual(parsePath("/c/sara"), { name: "chat", username: "sara" });
  assert.deepEqual(parsePath("/c/%73ara/"), { name: "chat", username: "sara" });
  assert.deepEqual(parsePath("/settings/"), { name: "settings" });
  for (const path of ["/", "/c/", "/c/%ff", "/c/a/b", "/settingsx"]) assert.deepEqual(parsePath(path), { name: "list" });
});
