// The page itself: languages, themes, widths, and what it says when calls cannot work.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { until } from "./until.js";
import { tooWide } from "./wide.js";
import { PLAIN_HOST, SHOTS, story, world } from "./world.js";

const it = world();

/** @returns {Promise<Record<string, string>>} */
const words = async (lang) => JSON.parse(await readFile(new URL(`../../web/lang/${lang}.json`, import.meta.url), "utf8"));

story(it, "language and theme change without a reload and stay after one", async (cast) => {
  const sara = await cast.person("sara");
  await sara.press("settings-open");
  await sara.page.evaluate(() => (window.__same = true));
  const root = () => sara.page.evaluate(() => ({ ...document.documentElement.dataset, lang: document.documentElement.lang, dir: document.documentElement.dir }));
  const choose = (what, value) => sara.press(what, ` [data-value="${value}"]`);
  const heading = sara.page.locator("main.settings h1");

  for (const [lang, dir] of [["en", "ltr"], ["fa", "rtl"], ["en", "ltr"]]) {
    await choose("lang-switch", lang);
    const said = await words(lang);
    await heading.filter({ hasText: said.settings }).waitFor();
    assert.deepEqual([(await root()).lang, (await root()).dir], [lang, dir]);
    await sara.at("logout").filter({ hasText: said.logout }).waitFor();
  }
  const canvas = () => sara.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await choose("theme-switch", "light");
  const light = await canvas();
  await choose("theme-switch", "dark");
  assert.equal((await root()).theme, "dark");
  assert.notEqual(await canvas(), light);
  await sara.press("relay-only");
  assert.equal(await sara.page.evaluate(() => window.__same), true, "the page was not loaded again");

  await sara.page.reload();
  await sara.see("relay-only", '[aria-checked="true"]');
  assert.deepEqual(await root(), { theme: "dark", lang: "en", dir: "ltr" });
  await heading.filter({ hasText: (await words("en")).settings }).waitFor();
});

story(it, "the form speaks the other language before anybody signs in", async (cast) => {
  const sara = await cast.stranger("sara");
  await sara.open();
  await sara.at("auth-submit").filter({ hasText: (await words("fa")).login }).waitFor();
  await sara.press("lang-switch");
  await sara.at("auth-submit").filter({ hasText: (await words("en")).login }).waitFor();
});

story(it, "a page over plain http chats, and says why calls cannot work", async (cast) => {
  const origin = `http://${PLAIN_HOST}:${it.server.port}`;
  const [sara, omid] = await cast.pair({ origin }, {});
  assert.equal(await sara.page.evaluate(() => isSecureContext), false);
  await sara.write("بدون https");
  await omid.sees("بدون https");
  await sara.press("call-button");
  await sara.at("call-notice").filter({ hasText: (await words("fa")).insecure }).waitFor();
  assert.equal(await omid.at("incoming").count(), 0);
});

for (const lang of /** @type {const} */ (["fa", "en"])) {
  story(it, `nothing is wider than the window at 320, 390, 768 and 1280 in ${lang}`, async (cast) => {
    const stranger = await cast.stranger("guest", { lang, still: true });
    await stranger.open();
    await stranger.press("auth-switch");
    const [sara, omid] = await cast.pair({ lang, still: true });
    await omid.write(`https://example.org/${"long".repeat(60)} ${"دراز".repeat(60)}`);
    await sara.sees("example.org");
    /** @type {string[]} */
    const wide = [];
    const look = async (person, view, width) => {
      for (const what of await person.page.evaluate(tooWide)) wide.push(`${view} at ${width}: ${what}`);
    };
    for (const width of [320, 390, 768, 1280]) {
      for (const person of [stranger, sara]) await person.page.setViewportSize({ width, height: 800 });
      await look(stranger, "form", width);
      await look(sara, "chat", width);
      await sara.page.goto(`${sara.origin}/`);
      await sara.see("chat-row");
      await look(sara, "list", width);
      await sara.page.goto(`${sara.origin}/settings`);
      await sara.see("relay-only");
      await look(sara, "settings", width);
      await sara.press("my-page");
      await sara.see("start-chat");
      await look(sara, "profile", width);
      await sara.openChat(omid);
    }
    assert.deepEqual(wide, []);
  });
}

/** Pictures for the eye; nothing is compared. */
async function shoot(cast, lang, theme, width, height) {
  const options = { lang, theme, width, height, still: true };
  const shot = (person, view) => person.page.screenshot({ path: `${SHOTS}${view}-${width}-${lang}-${theme}.png` });
  const stranger = await cast.stranger("guest", options);
  await stranger.open();
  await stranger.press("auth-switch");
  await shot(stranger, "auth");
  const [sara, omid] = await cast.pair(options, {});
  await omid.write("سلام! فردا ساعت ۹ می‌رسی؟");
  await omid.write("The train leaves at 9:15.");
  await sara.write("بله، ساعت ۹ دم در هستم.");
  await omid.sees("دم در");
  await sara.sees("دم در", "read");
  await shot(sara, "chat");
  await sara.page.goto(`${sara.origin}/`);
  await sara.see("chat-row");
  await shot(sara, "list");
  await sara.page.goto(`${sara.origin}/settings`);
  await sara.see("relay-only");
  await shot(sara, "settings");
  await sara.press("my-page");
  await sara.see("start-chat");
  await sara.page.locator("img.qr").evaluate((img) => img.decode());
  await shot(sara, "profile");
  await sara.openChat(omid);
  await omid.press("call-button");
  await sara.see("incoming");
  await shot(sara, "incoming");
  await sara.press("call-accept");
  await sara.callIs("active");
  await sara.see("call-path");
  await shot(sara, "active");
}

if (process.env.SHOTS === "1") {
  await mkdir(SHOTS, { recursive: true });
  for (const [width, height] of [[390, 844], [1280, 800]]) {
    for (const lang of ["fa", "en"]) {
      for (const theme of ["light", "dark"]) {
        story(it, `pictures at ${width}, ${lang}, ${theme}`, (cast) => shoot(cast, lang, theme, width, height));
      }
    }
  }
}

story(it, "a person's page leads a stranger through the form to the chat", async (cast) => {
  const sara = await cast.person("sara");
  await sara.press("settings-open");
  await sara.press("my-page");
  await sara.at("profile-name").filter({ hasText: sara.name }).waitFor();
  assert.equal(new URL(sara.page.url()).pathname, `/u/${sara.name}`);
  await until("the QR code is drawn", () => sara.page.locator("img.qr").evaluate((img) => img.complete && img.naturalWidth > 0));

  const omid = await cast.stranger("omid");
  await omid.open(`/u/${sara.name}`);
  await omid.press("start-chat");
  await omid.register();
  await omid.see("composer");
  assert.equal(new URL(omid.page.url()).pathname, `/c/${sara.name}`);

  const lost = await cast.stranger("lost", { excuse: (line) => line.includes("404") });
  await lost.open("/u/nobody");
  await lost.at("profile-problem").filter({ hasText: (await words("fa"))["error.user_not_found"] }).waitFor();
});
