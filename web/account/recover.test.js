import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, next, passwordProblem } from "./recover.js";

const submit = (form) => next(form, { t: "submit" });
const type = (form, fields) => Object.entries(fields).reduce((f, [t, value]) => next(f, { t, value }), form);

test("who forgot the password says who they are, and is then asked for the code", () => {
  const empty = submit(begin(""));
  assert.deepEqual([empty.step, empty.busy, empty.problem], ["ask", false, { place: "who", key: "fillIn" }]);
  const asked = submit(type(begin(""), { who: "sara" }));
  assert.equal(asked.busy, true);
  assert.equal(submit(asked), asked, "a second press changes nothing");
  const sent = next(asked, { t: "sent" });
  assert.deepEqual([sent.step, sent.sent, sent.busy], ["code", true, false]);
});

test("a mailed link leads to the new password at once, and so does a code one has", () => {
  const linked = begin("abcd-2345-efgh-jkmn");
  assert.deepEqual([linked.step, linked.code, linked.sent], ["code", "abcd-2345-efgh-jkmn", false]);
  assert.equal(next(begin(""), { t: "have" }).step, "code");
});

test("a code and eight characters are wanted before the server is asked", () => {
  const form = next(begin(""), { t: "have" });
  assert.equal(submit(form).problem?.place, "code");
  const coded = type(form, { code: "abcd-2345-efgh-jkmn" });
  assert.deepEqual(submit(coded).problem, { place: "password", key: "fillIn" });
  assert.deepEqual(submit(type(coded, { password: "1234567" })).problem, { place: "password", key: "pwShort" });
  assert.equal(submit(type(coded, { password: "گذرواژهٔ من" })).busy, true);
});

test("a refusal stands where it belongs and keeps what was typed", () => {
  const sent = submit(type(begin("abcd-2345-efgh-jkmn"), { password: "12345678" }));
  const refuse = (code, waitSeconds = 0) => next(sent, { t: "refused", code, waitSeconds });
  for (const [code, place] of [["code_invalid", "code"], ["password_long", "password"], ["email_invalid", "who"], ["network", "form"]]) {
    const form = refuse(code);
    assert.deepEqual([form.problem, form.busy, form.code, form.password], [{ place, key: `error.${code}` }, false, sent.code, "12345678"]);
  }
  assert.deepEqual(refuse("too_many_attempts", 20).problem, { place: "form", key: "slow", values: { s: 20 } });
  assert.equal(type(refuse("code_invalid"), { code: "x" }).problem, null);
});

test("a new password has eight characters, not bytes", () => {
  assert.deepEqual(["", "1234567", "👍👍👍👍", "12345678"].map(passwordProblem), ["fillIn", "pwShort", "pwShort", ""]);
});
