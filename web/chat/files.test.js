import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, kindOf, next, percent } from "./files.js";

const upload = (cid = "a", more = {}) => ({ cid, peerId: 2, name: "x.png", size: 200, sent: 0, code: "", limit: 0, ...more });
const run = (...events) => events.reduce(next, []);

test("a file is shown as what its type says, and never as what its name says", () => {
  const kind = (type, name = "x") => kindOf({ type, name });
  assert.deepEqual(["image/png", "image/svg+xml", "text/html", "application/octet-stream"].map((type) => kind(type)), ["picture", "other", "other", "other"]);
  assert.equal(kind("application/octet-stream", "x.png"), "other");
  assert.deepEqual([kind("audio/webm", "voice-1.webm"), kind("audio/mpeg"), kind("video/mp4")], ["voice", "sound", "film"]);
});

test("an upload moves on, stops with its reason, and starts anew from nothing", () => {
  let list = run({ t: "start", upload: upload() }, { t: "start", upload: upload("b") }, { t: "sent", cid: "a", sent: 100 });
  assert.deepEqual(list.map(percent), [50, 0]);
  list = next(list, { t: "failed", cid: "a", code: "file_too_large", limit: 100 });
  assert.deepEqual(list.map((u) => u.code), ["file_too_large", ""]);
  assert.equal(list[0].limit, 100);
  list = next(list, { t: "again", cid: "a" });
  assert.deepEqual([list[0].code, list[0].sent], ["", 0]);
  assert.deepEqual(next(list, { t: "gone", cid: "a" }).map((u) => u.cid), ["b"]);
});

test("an upload is done only when the server says so", () => {
  assert.equal(percent(upload("a", { sent: 300 })), 99);
  assert.equal(percent(upload("a", { size: 0 })), 0);
});

test("sizes are said in the unit a person counts in", () => {
  assert.deepEqual(amount(900), { n: 900, unit: "byte" });
  assert.deepEqual(amount(10_240), { n: 10, unit: "kilobyte" });
  assert.deepEqual(amount(1_572_864), { n: 1.5, unit: "megabyte" });
});
