import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, blank, next } from "./state.js";

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

test("an invitation in the address leads to the form for a new account", () => {
  for (const [path, query, invite] of [["/i/abcd2345", "", "abcd2345"], ["/i/ab-cd/", "", "ab-cd"], ["/", "?invite=abcd", "abcd"]]) {
    const form = begin(path, query);
    assert.deepEqual([form.mode, form.invite, form.registration], ["register", invite, "invite"], path + query);
  }
  for (const [path, query] of [["/", ""], ["/i/", ""], ["/i/a/b", ""], ["/c/sara", ""]]) assert.deepEqual(begin(path, query), blank);
});

test("where one needs an invitation, its code is asked for", () => {
  const open = fill("sara", "12345678", { mode: "register", consent: true });
  const invited = next(open, { t: "options", registration: "invite" });
  assert.deepEqual(submit(invited).problem, { place: "invite", key: "fillIn" });
  const filled = next(invited, { t: "invite", value: "abcd2345" });
  assert.equal(submit(filled).busy, true);
  const refused = next(submit(filled), { t: "refused", code: "invite_invalid", waitSeconds: 0 });
  assert.deepEqual(refused.problem, { place: "invite", key: "error.invite_invalid" });
  assert.equal(submit({ ...invited, mode: "login" }).busy, true, "logging in needs none");
});

test("an address is asked for where the server sends mail, and may be left out", () => {
  const open = fill("sara", "12345678", { mode: "register", consent: true });
  assert.equal(next(open, { t: "options", registration: "open" }).mail, false);
  const mailed = next(open, { t: "options", registration: "approval", mail: true });
  assert.deepEqual([mailed.mail, submit(mailed).busy], [true, true]);
  const typed = next(mailed, { t: "email", value: "sara" });
  const refused = next(submit(typed), { t: "refused", code: "email_invalid", waitSeconds: 0 });
  assert.deepEqual([refused.problem, refused.email], [{ place: "email", key: "error.email_invalid" }, "sara"]);
});

test("where nobody may register there is no form for it", () => {
  assert.equal(next({ ...blank, mode: "register" }, { t: "options", registration: "closed" }).mode, "login");
  assert.equal(next({ ...blank, mode: "register" }, { t: "options", registration: "approval" }).mode, "register");
});

test("an account that waits to be let in leads back to the log-in, which says so", () => {
  const sent = submit(fill("sara", "12345678", { mode: "register", consent: true, registration: "approval" }));
  const made = next(sent, { t: "refused", code: "pending_approval", waitSeconds: 0 });
  assert.deepEqual([made.mode, made.pending, made.problem, made.busy, made.username], ["login", true, null, false, "sara"]);
  assert.equal(submit(made).pending, false);
});
