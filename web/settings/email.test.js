import assert from "node:assert/strict";
import { test } from "node:test";
import { missing, refused, stepOf } from "./email.js";

test("an address is named, confirmed by its code, and then shown", () => {
  assert.equal(stepOf({ proved: "", waiting: "" }, false), "name");
  assert.equal(stepOf({ proved: "", waiting: "a@b.c" }, false), "code");
  assert.equal(stepOf({ proved: "a@b.c", waiting: "" }, false), "shown");
  assert.equal(stepOf({ proved: "a@b.c", waiting: "d@e.f" }, false), "code");
  assert.equal(stepOf({ proved: "a@b.c", waiting: "d@e.f" }, true), "name");
});

test("an address and the password are wanted before the server is asked", () => {
  assert.deepEqual(missing(" ", "x"), { place: "address", key: "fillIn" });
  for (const odd of ["sara", "sara@", "@b.c", "sara m@b.c"]) assert.equal(missing(odd, "x")?.key, "error.email_invalid", odd);
  assert.equal(missing(" sara@example.org ", "")?.place, "password");
  assert.equal(missing("sara@example.org", "x"), null);
});

test("a refusal stands where it belongs", () => {
  const places = ["bad_credentials", "email_invalid", "code_invalid", "email_taken", "mail_off", "network"].map((code) => refused(code).place);
  assert.deepEqual(places, ["password", "address", "code", "code", "form", "form"]);
});
