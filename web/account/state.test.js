import assert from "node:assert/strict";
import { test } from "node:test";
import { blank, next } from "./state.js";

const fill = (username, password, more = {}) => ({ ...blank, username, password, ...more });
const submit = (form) => next(form, { t: "submit" });

test("an empty form names the first empty field and is not sent", () => {
  assert.deepEqual(submit(blank).problem, { place: "username", key: "fillIn" });
  assert.equal(submit(fill("sara", "")).problem?.place, "password");
  assert.equal(submit(blank).busy, false);
});

test("logging in asks for no length: old passwords stay valid", () => {
  assert.equal(submit(fill("sara", "x")).busy, true);
});

test("a new account needs a good name, eight characters and consent", () => {
  const register = { mode: "register", consent: true };
  assert.equal(submit(fill("سارا", "12345678", register)).problem?.key, "error.username_chars");
  assert.equal(submit(fill("ab", "12345678", register)).problem?.key, "error.username_length");
  assert.equal(submit(fill("sara", "1234567", register)).problem?.key, "pwShort");
  assert.equal(submit(fill("sara", "12345678", { mode: "register" })).problem?.place, "consent");
  assert.equal(submit(fill("sara", "گذرواژهٔ من", register)).busy, true);
});

test("a refusal stands where it belongs and keeps what was typed", () => {
  const sent = submit(fill("sara", "12345678", { mode: "register", consent: true }));
  const taken = next(sent, { t: "refused", code: "username_taken", waitSeconds: 0 });
  assert.deepEqual([taken.problem?.place, taken.username, taken.password, taken.busy], ["username", "sara", "12345678", false]);
  assert.equal(next(sent, { t: "refused", code: "bad_credentials", waitSeconds: 0 }).problem?.place, "form");
});

test("too many tries says how long to wait, when the server said it", () => {
  const sent = submit(fill("sara", "x"));
  assert.deepEqual(next(sent, { t: "refused", code: "too_many_attempts", waitSeconds: 20 }).problem, { place: "form", key: "slow", values: { s: 20 } });
  assert.equal(next(sent, { t: "refused", code: "too_many_attempts", waitSeconds: 0 }).problem?.key, "error.too_many_attempts");
});

test("a second press while busy changes nothing", () => {
  const sent = submit(fill("sara", "x"));
  assert.equal(submit(sent), sent);
  assert.equal(next(sent, { t: "switch" }), sent);
});
