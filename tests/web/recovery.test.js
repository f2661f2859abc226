// Another password for who lost theirs (A11): by a mailed code, and out of a temporary one. The address it needs (A12).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { after } from "node:test";
import { MailSink } from "./mail_sink.js";
import { PASSWORD } from "./person.js";
import { SHOTS, story, world } from "./world.js";

const sink = await new MailSink().listen();
const it = world(sink.env);
after(() => sink.close());

const NEW = "گذرواژهٔ تازهٔ من";
const LOOKS = [{ width: 390, height: 780, lang: "fa", theme: "light" }, { width: 390, height: 780, lang: "en", theme: "dark" }];

/** @param {import("./person.js").Person} person @param {string} what */
async function shot(person, what) {
  const { width } = person.size;
  const look = await person.page.evaluate(() => `${document.documentElement.lang}-${document.documentElement.dataset["theme"]}`);
  if (SHOTS) await person.page.screenshot({ path: `${SHOTS}${what}-${width}-${look}.png` });
}

/** Gives somebody a confirmed address, through the settings. @param {import("./person.js").Person} person */
async function confirm(person) {
  const address = `${person.name}@chat.test`;
  await person.page.goto(`${person.origin}/settings`);
  await person.see("email-card", '[data-step="name"]');
  await shot(person, "email-name");
  await person.at("email-address").fill(address);
  await person.at("email-password").fill(PASSWORD);
  await person.press("email-submit");
  await person.see("email-card", '[data-step="code"]');
  await person.at("email-code").fill("wrong-code-here-1234");
  await person.press("email-submit");
  await person.page.locator("#email-code-error").waitFor();
  await shot(person, "email-code");
  await person.at("email-code").fill(await sink.code(address));
  await person.press("email-submit");
  await person.see("email-proved");
  await shot(person, "email-proved");
  return address;
}

for (const look of LOOKS) {
  story(it, `a forgotten password is replaced by a mailed code (${look.lang}, ${look.theme})`, async (cast) => {
    const sara = await cast.person("sara", { ...look, excuse: (line) => /400|401|404|WebSocket/.test(line) });
    const address = await confirm(sara);
    await sara.page.goto(`${sara.origin}/settings`);
    await sara.press("logout");
    await sara.press("logout-confirm");
    await sara.press("auth-forgot");
    await sara.see("recover");
    await shot(sara, "recover-ask");
    await sara.press("recover-submit");
    await sara.page.locator("#recover-who-error").waitFor();
    await sara.at("recover-who").fill(sara.name);
    await sara.press("recover-submit");
    await sara.see("recover-code");
    await sara.at("recover-code").fill(await sink.code(address));
    await sara.at("recover-password").fill("short");
    await sara.press("recover-submit");
    await sara.page.locator("#recover-password-error").waitFor();
    await shot(sara, "recover-code");
    await sara.at("recover-password").fill(NEW);
    await sara.press("recover-submit");
    await sara.see("search-input");
    await assert.rejects(sara.server.ask("POST", "/auth/login", { body: { username: sara.name, password: PASSWORD } }), /401/);
  });
}

story(it, "an address that comes with the registration is confirmed in the settings, by the mailed link", async (cast) => {
  const sara = await cast.stranger("sara", { ...LOOKS[0], excuse: (line) => /400|404/.test(line) });
  const address = `${sara.name}@chat.test`;
  await sara.open();
  await sara.press("auth-switch");
  await sara.at("auth-email").fill("sara");
  await sara.at("auth-username").fill(sara.name);
  await sara.at("auth-password").fill(PASSWORD);
  await sara.at("auth-consent").check();
  await sara.press("auth-submit");
  await sara.page.locator("#email-error").waitFor();
  await shot(sara, "register-email");
  await sara.at("auth-email").fill(address);
  await sara.press("auth-submit");
  await sara.see("search-input");
  const code = await sink.code(address);
  const other = await sara.newWindow(`/email#${code}`);
  await sara.see("email-card", '[data-step="code"]', other);
  assert.equal(await sara.at("email-code", "", other).inputValue(), code);
  assert.equal(new URL(other.url()).hash, "");
  await sara.press("email-submit", "", other);
  await sara.see("email-proved", "", other);
});

story(it, "the mailed link opens the form with its code, which is nowhere in the address afterwards", async (cast) => {
  const sara = await cast.person("sara", { excuse: (line) => /400|401|404|WebSocket/.test(line) });
  const address = await confirm(sara);
  await sara.server.ask("POST", "/auth/password/forgot", { body: { email: address } });
  const code = await sink.code(address);
  const other = await sara.newWindow(`/reset#${code}`);
  await sara.see("recover-code", "", other);
  assert.equal(await sara.at("recover-code", "", other).inputValue(), code);
  assert.equal(new URL(other.url()).hash, "");
  await sara.at("recover-password", "", other).fill(NEW);
  await sara.press("recover-submit", "", other);
  await sara.see("search-input", "", other);
});

for (const look of LOOKS) {
  story(it, `a temporary password has to be changed before anything else (${look.lang}, ${look.theme})`, async (cast) => {
    const sara = await cast.person("sara", { ...look, excuse: (line) => /400|401|404|WebSocket/.test(line) });
    const { stdout } = await promisify(execFile)(it.server.binary, ["user", "passwd", sara.name, "--json"], { env: it.server.env });
    const lent = JSON.parse(stdout).temporary_password;
    await sara.see("auth-notice");
    await sara.at("auth-username").fill(sara.name);
    await sara.at("auth-password").fill(lent);
    await sara.press("auth-submit");
    await sara.see("change-password");
    await sara.miss("search-input");
    await sara.miss("change-old");
    await shot(sara, "temporary");
    // Whoever comes back has to know it once more.
    await sara.page.reload();
    await sara.see("change-old");
    await sara.at("change-new").fill(lent);
    await sara.at("change-old").fill(lent);
    await sara.press("change-submit");
    await sara.page.locator("#change-new-error").waitFor();
    await shot(sara, "temporary-again");
    await sara.at("change-new").fill(NEW);
    await sara.press("change-submit");
    await sara.see("search-input");
    await sara.page.reload();
    await sara.see("search-input");
  });
}
