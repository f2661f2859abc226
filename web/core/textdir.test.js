import assert from "node:assert/strict";
import { test } from "node:test";
import { fold, href, parts, textDir } from "./textdir.js";

const rtl = [
  "🎉 سلام",
  "حضور Chase در Gen V تأیید شد",
  "Meeting فردا ساعت ۱۰",
  "(hello) سلام!",
  "شماره: 0912 345 6789",
  "ببین https://example.org/a?b=c&d=e",
  "@reza کجایی",
  "`code here` را ببین",
  "می‌شود test it",
];
const ltr = [
  "hello",
  "https://example.org/a?b=c",
  "`let x = \"سلام\"`",
  "let x = \"سلام\"",
  "See the PR, v2.1.0 is ready",
  "me@example.org",
];

for (const text of rtl) test(`rtl: ${text}`, () => assert.equal(textDir(text, "ltr"), "rtl"));
for (const text of ltr) test(`ltr: ${text}`, () => assert.equal(textDir(text, "rtl"), "ltr"));

test("a text without any letter follows the interface", () => {
  for (const text of ["👍", "۱۲۳", "123", "…", ""]) {
    assert.equal(textDir(text, "rtl"), "rtl");
    assert.equal(textDir(text, "ltr"), "ltr");
  }
});

test("a telephone number with spaces is one left-to-right piece", () => {
  assert.deepEqual(parts("زنگ بزن 0912 345 6789 ممنون"), [
    { t: "text", s: "زنگ بزن " },
    { t: "ltr", s: "0912 345 6789" },
    { t: "text", s: " ممنون" },
  ]);
  assert.equal(parts("+98 (912) 345-6789")[0]?.t, "ltr");
  assert.equal(parts("ساعت ۱۰ تا ۱۲")[0]?.t, "text");
});

test("a link ends before the punctuation of the sentence", () => {
  assert.deepEqual(parts("see https://example.org/a?b=c."), [
    { t: "text", s: "see " },
    { t: "link", s: "https://example.org/a?b=c" },
    { t: "text", s: "." },
  ]);
});

test("names, mail and code are isolated and nothing is lost", () => {
  const line = "از @sara به a.b@example.org با `x = 1` و www.example.org";
  assert.equal(parts(line).map((p) => p.s).join(""), line);
  assert.deepEqual(parts(line).filter((p) => p.t !== "text").map((p) => p.t), ["ltr", "ltr", "code", "link"]);
});

test("only http and https links open", () => {
  assert.equal(href("www.example.org"), "https://www.example.org/");
  assert.equal(href("https://"), null);
});

test("search finds a word in either spelling", () => {
  assert.equal(fold("كتاب‌ها ي"), fold("کتاب ها ی"));
  assert.equal(fold("آرش ۱۲"), fold("ارش 12"));
  assert.equal(fold("Sara"), "sara");
});
