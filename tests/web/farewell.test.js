// Somebody deletes the account: the page forgets, and the other one sees who is gone.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { PASSWORD } from "./person.js";
import { SHOTS, story, world } from "./world.js";

const it = world();

/** @returns {Promise<Record<string, string>>} */
const words = async (lang) => JSON.parse(await readFile(new URL(`../../web/lang/${lang}.json`, import.meta.url), "utf8"));

story(it, "an account is deleted with its password, and the other one keeps own words", async (cast) => {
  const [sara, omid] = await cast.pair({ width: 390, lang: "en", excuse: (line) => /401|404/.test(line) }, { excuse: (line) => /404/.test(line) });
  await sara.write("what I said");
  await omid.sees("what I said");
  await omid.write("what he said");
  await sara.sees("what he said");
  const said = await words("en");

  await sara.page.goto(`${sara.origin}/settings`);
  await sara.press("delete-account");
  await sara.at("leave-password").fill("not my password");
  if (SHOTS) await sara.page.screenshot({ path: `${SHOTS}delete-account-390-en.png` });
  await sara.press("delete-account-confirm");
  await sara.page.getByText(said.passwordWrong).waitFor();
  await sara.at("leave-password").fill(PASSWORD);
  await sara.press("delete-account-confirm");
  await sara.see("auth-submit");
  assert.deepEqual(await sara.page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("session"))), []);

  // Where he looks at the chat he sees it at once.
  await omid.see("gone");
  await omid.sees("what he said");
  assert.equal(await omid.page.getByText("what I said").count(), 0);
  assert.equal(await omid.at("composer").count(), 0);

  await omid.page.goto(omid.origin);
  await omid.at("chat-row").first().filter({ hasText: (await words("fa")).deletedAccount }).click();
  await omid.see("gone");
  await omid.sees("what he said");
  assert.equal(await omid.page.getByText("what I said").count(), 0);
  assert.equal(await omid.at("composer").count(), 0);
  if (SHOTS) await omid.page.screenshot({ path: `${SHOTS}deleted-account-1280-fa.png` });
});
