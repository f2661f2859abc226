import assert from "node:assert/strict";
import { test } from "node:test";
import { codeIn, parsePath, pathOf } from "./nav.js";

test("a path leads to its panel, a strange one to the list", () => {
  assert.deepEqual(parsePath("/c/sara"), { name: "chat", username: "sara" });
  assert.deepEqual(parsePath("/c/%73ara/"), { name: "chat", username: "sara" });
  assert.deepEqual(parsePath("/u/sara"), { name: "profile", username: "sara" });
  assert.deepEqual(parsePath("/settings/"), { name: "settings" });
  assert.deepEqual(parsePath("/email"), { name: "settings" });
  assert.deepEqual(parsePath("/reset"), { name: "reset" });
  assert.deepEqual(parsePath("/g/12/"), { name: "group", id: 12 });
  assert.deepEqual(parsePath("/join/Ab-c_9"), { name: "join", code: "Ab-c_9" });
  for (const path of ["/", "/c/", "/c/%ff", "/c/a/b", "/u/", "/x/sara", "/settingsx", "/g/", "/g/0", "/g/x", "/join/", "/join/a/b", "/join/%20"]) assert.deepEqual(parsePath(path), { name: "list" });
});

test("a panel's path leads back to it", () => {
  for (const path of ["/", "/settings", "/reset", "/c/%D8%B3", "/u/sara", "/g/12", "/join/Ab-c_9"]) assert.equal(pathOf(parsePath(path)), path);
});

test("a mailed code is taken from behind the #, and nothing else is", () => {
  assert.equal(codeIn("#abcd-2345-efgh-jkmn"), "abcd-2345-efgh-jkmn");
  for (const hash of ["", "#", "#composer", "#abcd", "#abcd-2345-efgh-jkmn&x=1", "#<b>abcdabcdabcdabcd</b>"]) assert.equal(codeIn(hash), "", hash);
});
