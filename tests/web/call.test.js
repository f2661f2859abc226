// Calls that go another way: declined, cancelled, busy, nobody there, two windows, both at once.

import { story, world } from "./world.js";
import { until } from "./until.js";

const it = world();

/** It rings on both sides. */
async function ring(caller, callee) {
  await caller.press("call-button");
  await callee.see("incoming");
  await caller.callIs("ringing");
}

const over = (person, reason) => person.see("call-status", `[data-state="over"][data-reason="${reason}"]`);

story(it, "declining ends the call on both sides and leaves an entry", async (cast) => {
  const [sara, omid] = await cast.pair();
  await ring(sara, omid);
  await omid.press("call-decline");
  await omid.miss("incoming");
  await over(sara, "declined");
  await sara.callIsGone();
  await sara.seesEntry("declined", true);
  await omid.seesEntry("declined", false);
});

story(it, "a call cancelled while it rings leaves a missed call", async (cast) => {
  const [sara, omid] = await cast.pair();
  await ring(sara, omid);
  await sara.press("call-hangup");
  await omid.miss("incoming");
  await sara.callIsGone();
  await sara.seesEntry("cancelled", true);
  await omid.seesEntry("cancelled", false);
  await omid.at("call-entry", ".missed").waitFor();
});

story(it, "closing the page while it rings cancels the call", async (cast) => {
  const [sara, omid] = await cast.pair();
  await ring(sara, omid);
  await sara.page.close({ runBeforeUnload: false });
  await omid.miss("incoming");
  await omid.seesEntry("cancelled", false);
});

story(it, "who is in a call is busy for a third person", async (cast) => {
  const [sara, omid] = await cast.pair();
  const nima = await cast.person("nima");
  await nima.openChat(omid);
  await ring(sara, omid);
  await omid.press("call-accept");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  await nima.press("call-button");
  await over(nima, "busy");
  await nima.callIsGone();
  await nima.seesEntry("busy", true);
  await omid.miss("incoming");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  await sara.hears();
});

story(it, "calling somebody who is not there says so, and they find a missed call", async (cast) => {
  const sara = await cast.person("sara");
  const omid = await cast.person("omid");
  await omid.page.close();
  await sara.openChat(omid);
  await sara.page.locator('[data-presence="offline"]').waitFor();
  await sara.press("call-button");
  await over(sara, "peerOffline");
  await sara.callIsGone();
  await sara.seesEntry("offline", true);
  await omid.open(`/c/${sara.name}`);
  await omid.seesEntry("offline", false);
  await omid.at("call-entry", ".missed").waitFor();
});

story(it, "answering in one window dismisses the other", async (cast) => {
  const [sara, omid] = await cast.pair();
  const second = await omid.newWindow(`/c/${sara.name}`);
  await omid.isConnected(second);
  await ring(sara, omid);
  await omid.see("incoming", "", second);
  await omid.press("call-accept", "", second);
  await omid.miss("incoming");
  await Promise.all([sara.callIs("active"), omid.callIs("active", second)]);
  await Promise.all([sara.hears(), omid.hears(second)]);
  await sara.press("call-hangup");
  await Promise.all([sara.callIsGone(), omid.callIsGone(second)]);
});

story(it, "declining in one window dismisses the other", async (cast) => {
  const [sara, omid] = await cast.pair();
  const second = await omid.newWindow(`/c/${sara.name}`);
  await omid.isConnected(second);
  await ring(sara, omid);
  await omid.see("incoming", "", second);
  await omid.press("call-decline");
  await omid.miss("incoming", "", second);
  await over(sara, "declined");
});

/** Offers wait in both pages until both are made. */
const holdOffers = () => {
  const send = WebSocket.prototype.send;
  window.__letGo = null;
  WebSocket.prototype.send = function (text) {
    if (!window.__hold || !String(text).includes('"call_offer"')) return send.call(this, text);
    window.__letGo = () => send.call(this, text);
  };
};

story(it, "two people who call each other at once talk in one call", async (cast) => {
  const [sara, omid] = await cast.pair();
  const both = [sara, omid];
  for (const person of both) {
    await person.page.evaluate(holdOffers);
    await person.page.evaluate(() => (window.__hold = true));
  }
  await Promise.all(both.map((person) => person.press("call-button")));
  for (const person of both) await until("the offer is made", () => person.page.evaluate(() => window.__letGo !== null));
  await Promise.all(both.map((person) => person.page.evaluate(() => { window.__hold = false; window.__letGo(); })));
  await Promise.all(both.map((person) => person.callIs("active")));
  await Promise.all(both.map((person) => person.hears()));
  await omid.press("call-hangup");
  await Promise.all(both.map((person) => person.callIsGone()));
  for (const person of both) await person.at("call-entry", '[data-outcome="answered"]').waitFor({ state: "attached" });
  for (const person of both) await until("there is one entry", async () => (await person.at("call-entry").count()) === 1);
});

story(it, "a page reloaded while it rings rings again and can answer", async (cast) => {
  const [sara, omid] = await cast.pair();
  await ring(sara, omid);
  await omid.page.reload();
  await omid.see("incoming");
  await omid.press("call-accept");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  await Promise.all([sara.hears(), omid.hears()]);
});

story(it, "two calls in a row work on the same pages", async (cast) => {
  const [sara, omid] = await cast.pair();
  for (const [caller, callee] of [[sara, omid], [omid, sara]]) {
    await ring(caller, callee);
    await callee.press("call-accept");
    await Promise.all([sara.callIs("active"), omid.callIs("active")]);
    await Promise.all([sara.hears(), omid.hears()]);
    await callee.press("call-hangup");
    await Promise.all([sara.callIsGone(), omid.callIsGone()]);
  }
  await until("there are two entries", async () => (await sara.at("call-entry", '[data-outcome="answered"]').count()) === 2);
});

story(it, "logging out in a call ends it for the other", async (cast) => {
  const [sara, omid] = await cast.pair();
  await ring(sara, omid);
  await omid.press("call-accept");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  await omid.press("call-minimise");
  await omid.press("settings-open");
  await omid.press("logout");
  await omid.press("logout-confirm");
  await omid.see("auth-username");
  await sara.callIsGone();
  await sara.seesEntry("answered", true);
});

story(it, "the path of a call says in words and numbers how good it is", async (cast) => {
  const [sara, omid] = await cast.pair({ lang: "en" }, {});
  await ring(sara, omid);
  await omid.press("call-accept");
  await sara.callIs("active");
  await sara.press("call-path");
  await sara.at("quality").filter({ hasText: /Path.*Round trip.* ms.*Lost packets.*%.*Jitter.* ms/ }).waitFor();
  await sara.page.keyboard.press("Escape");
  await sara.miss("quality");
  await sara.callIs("active");
  await sara.miss("call-mini");
});
