// Making an account where one needs an invitation, and where nobody may (A3, A9).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { PASSWORD } from "./person.js";
import { SHOTS, story, world } from "./world.js";

const invited = world({ REGISTRATION: "invite" });
const closed = world({ REGISTRATION: "closed" });
// Refusals are what this is about.
const REFUSED = { lang: "en", width: 390, excuse: (line) => line.includes("403") };

/** A code that lets one person in. @param {import("./server.js").Server} server */
async function invitation({ binary, env, dir }) {
  const { stdout } = await promisify(execFile)(binary, ["invite", "create", "--json"], { env, cwd: dir });
  return JSON.parse(stdout).code;
}

/** @param {import("./person.js").Person} person */
async function fillIn(person) {
  await person.at("auth-username").fill(person.name);
  await person.at("auth-password").fill(PASSWORD);
  await person.at("auth-consent").check();
}

story(invited, "an invitation's link leads to the form with its code, and lets one person in", async (cast) => {
  const code = await invitation(cast.server);
  const sara = await cast.stranger("sara", REFUSED);
  await sara.open(`/i/${code}`);
  await sara.see("auth-consent");
  assert.equal(await sara.at("auth-invite").inputValue(), code);
  if (SHOTS) await sara.page.screenshot({ path: `${SHOTS}invited-390-en.png` });
  await fillIn(sara);
  await sara.press("auth-submit");
  await sara.see("search-input");
  assert.equal(new URL(sara.page.url()).pathname, "/", "the code does not stay in the address");

  const omid = await cast.stranger("omid", REFUSED);
  await omid.open(`/i/${code}`);
  await fillIn(omid);
  await omid.press("auth-submit");
  await omid.see("auth-error");
  await omid.at("auth-invite").fill(await invitation(cast.server));
  await omid.press("auth-submit");
  await omid.see("search-input");
});

story(invited, "who comes without a link is asked for a code", async (cast) => {
  const sara = await cast.stranger("sara", REFUSED);
  await sara.open();
  await sara.press("auth-switch");
  await sara.see("auth-invite");
  await fillIn(sara);
  await sara.press("auth-submit");
  await sara.see("auth-error");
  await sara.miss("search-input");
});

story(closed, "where nobody may make an account there is only the log-in, which says so", async (cast) => {
  const sara = await cast.stranger("sara", REFUSED);
  await sara.open("/i/abcd2345abcd2345");
  await sara.see("auth-closed");
  await sara.miss("auth-consent");
  await sara.miss("auth-switch");
  if (SHOTS) await sara.page.screenshot({ path: `${SHOTS}closed-390-en.png` });
});
