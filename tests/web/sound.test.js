// Calls that are heard: through the relay on both sides, on one, or on none.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { story, world } from "./world.js";
import { startServer } from "./server.js";
import { until } from "./until.js";

const it = world();

/** One calls, the other answers, both hear each other. @returns {Promise<any[]>} what getStats says on both sides */
async function talk(caller, callee) {
  await caller.press("call-button");
  await callee.see("incoming");
  await caller.callIs("ringing");
  await callee.press("call-accept");
  await Promise.all([caller.callIs("active"), callee.callIs("active")]);
  return Promise.all([caller.hears(), callee.hears()]);
}

async function hangUp(caller, callee) {
  await caller.press("call-hangup");
  await Promise.all([caller.callIsGone(), callee.callIsGone()]);
  await caller.seesEntry("answered", true);
  await callee.seesEntry("answered", false);
}

/** @param {import("node:test").TestContext} t */
function tell(t, people, stats) {
  for (const [i, s] of stats.entries()) {
    const end = (e) => `${e.type}/${e.relay ?? e.protocol} ${e.at}`;
    t.diagnostic(`${people[i].name} policy=${s.policy} ${s.state} pair: ${end(s.local)} -> ${end(s.remote)} packets=${s.packets} energy=${s.energy.toFixed(4)}`);
  }
}

story(it, "with server only on both sides every packet passes the relay on both sides, and both are heard", async (cast, t) => {
  const [sara, omid] = await cast.pair();
  for (const person of [sara, omid]) {
    await person.press("settings-open");
    await person.press("relay-only");
    await person.see("relay-only", '[aria-checked="true"]');
    await person.page.goBack();
  }
  await sara.openChat(omid);
  await omid.openChat(sara);
  const stats = await talk(sara, omid);
  tell(t, [sara, omid], stats);
  for (const s of stats) {
    assert.deepEqual([s.policy, s.local.type, s.remote.type], ["relay", "relay", "relay"]);
  }
  for (const person of [sara, omid]) await person.see("call-path", '[data-way="udp"]');

  await sara.press("call-mute");
  await omid.hearsSilence();
  await sara.hears();
  await sara.press("call-mute");
  await omid.hears();
  await hangUp(sara, omid);
});

story(it, "with the default policy a path is chosen and both are heard", async (cast, t) => {
  const [sara, omid] = await cast.pair();
  const stats = await talk(sara, omid);
  tell(t, [sara, omid], stats);
  for (const s of stats) {
    assert.equal(s.policy, "all");
    assert.ok(s.local && s.remote, "a pair is selected");
  }
  await hangUp(sara, omid);
});

story(it, "a call goes on while it is minimised and while its people write", async (cast) => {
  const [sara, omid] = await cast.pair();
  await talk(sara, omid);
  await sara.press("call-minimise");
  await sara.see("call-mini");
  await sara.write("همین الان در تماسیم");
  await omid.hears();
  await sara.hears();
  await sara.press("call-hangup");
  await Promise.all([sara.callIsGone(), omid.callIsGone()]);
  await omid.sees("همین الان در تماسیم");
});

story(it, "a call goes on while a page loses its socket, and the new socket ends it", async (cast) => {
  const [sara, omid] = await cast.pair();
  await talk(sara, omid);
  const before = sara.hellos;
  await sara.page.evaluate(() => dispatchEvent(new Event("offline")));
  await until("the page is connected again", () => sara.hellos > before);
  await sara.hears();
  await omid.hears();
  await hangUp(sara, omid);
});

story(it, "a hang-up while the socket is down reaches the other side with the next one", async (cast) => {
  const [sara, omid] = await cast.pair();
  await talk(sara, omid);
  await sara.page.evaluate(() => {
    dispatchEvent(new Event("offline"));
    document.querySelector("[data-testid=call-hangup]").click();
  });
  await Promise.all([sara.callIsGone(), omid.callIsGone()]);
  await omid.seesEntry("answered", false);
});

/** Networks of this host: the peers of a real relay socket in this test. */
const networks = () => ["127.0.0.0/8", ...Object.values(networkInterfaces()).flat().filter((a) => a.family === "IPv4" && !a.internal).map((a) => a.cidr)];

story(it, "with server only on one side the relay's socket carries the call to a direct browser", async (cast, t) => {
  const server = await startServer({ TURN_ALLOW_PEERS: networks().join() });
  cast.server = server;
  try {
    const [sara, omid] = await cast.pair({ relayOnly: true }, {});
    const stats = await talk(sara, omid);
    tell(t, [sara, omid], stats);
    assert.equal(stats[0].local.type, "relay");
    assert.notEqual(stats[1].local.type, "relay");
    await hangUp(sara, omid);
    await Promise.all([sara.leave(), omid.leave()]);
  } finally {
    await server.stop();
  }
});
