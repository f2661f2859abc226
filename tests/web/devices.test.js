// Microphone and loudspeaker: chosen, tried, and taken in a call.

import assert from "node:assert/strict";
import { until } from "./until.js";
import { story, world } from "./world.js";

const it = world();

/** The microphone the page sends with. */
const sendsFrom = (page) => page.evaluate(() => window.__payambar.pc?.getSenders()[0]?.track?.getSettings().deviceId ?? "");

story(it, "the sound test lights its lamps, and the devices have names after it", async (cast) => {
  const sara = await cast.person("sara", { lang: "en" });
  await sara.press("settings-open");
  await sara.press("echo-button");
  await sara.see("echo", '[data-on="true"]');
  // The browser's device beeps once a second.
  await until("a lamp is lit", async () => Number(await sara.at("meter").getAttribute("data-lit")) > 2);
  await until("a microphone is named", async () => (await sara.at("mic-picker").locator("option").allTextContents()).some((name) => name.startsWith("Fake")));
  await sara.press("echo-button");
  await sara.see("echo", '[data-on="false"]');
});

story(it, "another microphone chosen in a call is taken at once, and again in the next one", async (cast) => {
  const [sara, omid] = await cast.pair();
  await sara.press("call-button");
  await omid.see("incoming");
  await omid.press("call-accept");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  const before = await sendsFrom(sara.page);
  await sara.press("call-minimise");
  await sara.press("settings-open");
  const others = sara.at("mic-picker").locator("option:not([value=''])");
  await others.nth(1).waitFor({ state: "attached" });
  const ids = await others.evaluateAll((options) => options.map((o) => o.value));
  const other = ids.find((id) => id !== before);
  await sara.at("mic-picker").selectOption(other);
  await until("the other microphone speaks", async () => (await sendsFrom(sara.page)) === other);
  await omid.hears();
  await sara.press("call-hangup");
  await Promise.all([sara.callIsGone(), omid.callIsGone()]);

  await sara.openChat(omid);
  await sara.press("call-button");
  await omid.press("call-accept");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  assert.equal(await sendsFrom(sara.page), other);
});
