import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), "utf8");
const fa = JSON.parse(read("fa.json"));
const en = JSON.parse(read("en.json"));

test("both catalogues have the same keys", () => {
  assert.deepEqual(Object.keys(fa).sort(), Object.keys(en).sort());
});

test("the same values are filled in, in both languages", () => {
  const holes = (/** @type {string} */ s) => (s.match(/\{\w+\}/g) ?? []).sort();
  for (const key of Object.keys(fa)) assert.deepEqual(holes(fa[key]), holes(en[key]), key);
});

test("each catalogue says its direction", () => {
  assert.deepEqual([fa.dir, en.dir], ["rtl", "ltr"]);
});

test("Persian words use Persian letters, digits and half-spaces", () => {
  for (const [key, words] of Object.entries(fa)) {
    assert.doesNotMatch(words, /[يكى٠-٩]/u, key);
    assert.doesNotMatch(words.replace(/\(کد T1\)/u, ""), /[0-9]/u, key);
    assert.doesNotMatch(words, /(^|\s)ن?می\s/u, key);
  }
});

test("nobody is blamed or shouted at", () => {
  for (const [key, words] of [...Object.entries(fa), ...Object.entries(en)]) assert.doesNotMatch(words, /[!?]{2}|!/u, key);
});

test("every code of the protocol has words", () => {
  const section = read("../../signaling/PROTOCOL.md").split("## Codes")[1] ?? "";
  const codes = section.split("\n").filter((line) => line.startsWith("| `")).flatMap((line) => (line.split("|")[1] ?? "").match(/[a-z_]+/g) ?? []);
  assert.ok(codes.length > 30);
  for (const code of codes) assert.ok(fa[`error.${code}`] && en[`error.${code}`], code);
});
