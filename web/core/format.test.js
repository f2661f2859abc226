import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, badge, colour, day, duration, initial, listTime, number } from "./format.js";

const words = { today: "امروز", yesterday: "دیروز" };
const now = new Date(2026, 10, 21, 12, 0).getTime();
const at = (/** @type {number} */ days, hour = 9) => new Date(2026, 10, 21 - days, hour, 5).getTime();

test("a list row says the time today and the day before that", () => {
  assert.equal(listTime(at(0), now, "fa", words), "۰۹:۰۵");
  assert.equal(listTime(at(1, 23), now, "fa", words), "دیروز");
  assert.equal(listTime(at(3), now, "en", words), "Wed");
  assert.equal(listTime(at(30), now, "en", words), "22 October");
  assert.match(listTime(at(400), now, "en", words), /2025/);
});

test("Persian dates are in the Persian calendar", () => {
  assert.equal(day(at(10), now, "fa", words), "۲۰ آبان");
  assert.equal(day(at(0), now, "fa", words), "امروز");
});

test("durations keep two digits and show hours only when there are some", () => {
  assert.equal(duration(257, "fa"), "۰۴:۱۷");
  assert.equal(duration(3_857, "en"), "1:04:17");
  assert.equal(duration(0.9, "en"), "00:00");
});

test("numbers and badges use the digits of the language", () => {
  assert.equal(number(1234, "fa"), "۱٬۲۳۴");
  assert.equal(badge(1000, "fa"), "۹۹۹+");
  assert.equal(badge(6, "en"), "6");
});

test("eight avatar colours are all used and stay the same", () => {
  const seen = new Set(Array.from({ length: 100 }, (_, i) => colour(i + 1)));
  assert.equal(seen.size, 8);
  assert.equal(colour(7), colour(7));
});

test("an avatar shows the first whole grapheme", () => {
  assert.equal(initial("👩‍👧 مادر"), "👩‍👧");
  assert.equal(initial(" sara"), "S");
  assert.equal(initial(""), "?");
});

test("how long ago is told in minutes, hours, days, then as a date", () => {
  const before = (/** @type {number} */ minutes) => now - minutes * 60_000;
  assert.equal(ago(before(0.5), now, "en"), "this minute");
  assert.equal(ago(before(-3), now, "en"), "this minute", "the server's clock is ahead");
  assert.equal(ago(before(59), now, "en"), "59 minutes ago");
  assert.equal(ago(before(60), now, "fa"), "۱ ساعت پیش");
  assert.equal(ago(before(23 * 60 + 59), now, "en"), "23 hours ago");
  assert.equal(ago(before(24 * 60), now, "fa"), "دیروز");
  assert.equal(ago(at(3), now, "en"), "3 days ago");
  assert.equal(ago(at(8), now, "en"), "13 November");
});
