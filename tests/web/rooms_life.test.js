// Voice rooms that live on (C6, E9): people come and go, networks change, the server dies, a call moves in.

import assert from "node:assert/strict";
import { acquainted, enterRoom, hearsOthers, roomStats, seesPeople, watchOffers } from "./rooms.js";
import { story, world } from "./world.js";
import { until } from "./until.js";

const it = world();
const BACK_MS = 5_000;

story(it, "leaving and returning twenty times is no offer to those who stay", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  const offers = watchOffers(sara);
  await sara.page.reload();
  await sara.see("room-door");
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  await seesPeople(sara, 2);
  for (let round = 0; round < 20; round += 1) {
    await omid.press("room-leave");
    await seesPeople(sara, 1);
    await enterRoom(omid);
    await seesPeople(sara, 2);
  }
  await Promise.all([hearsOthers(sara, 1), hearsOthers(omid, 1)]);
  assert.deepEqual(offers, ["room_joined"]);
});

story(it, "new paths are taken without a gap, and the seat stays", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  const before = await hearsOthers(sara, 1);
  await sara.page.evaluate(() => dispatchEvent(new Event("online")));
  await until("the server offered new paths", async () => (await roomStats(sara)).ufrag !== before.ufrag);
  await hearsOthers(sara, 1);
  await hearsOthers(omid, 1);
  await sara.see("room", '[data-state="connected"][data-weak="false"]');
  await seesPeople(omid, 2);
});

story(it, "a page that loses its socket keeps its sound and its seat", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  await hearsOthers(omid, 1);
  const { ufrag } = await roomStats(sara);
  const before = sara.hellos;
  await sara.page.evaluate(() => dispatchEvent(new Event("offline")));
  await until("the page is connected again", () => sara.hellos > before);
  await sara.press("room-mute");
  await omid.see("tile", `[data-user="${sara.id}"][data-muted="true"]`);
  assert.equal((await roomStats(sara)).ufrag, ufrag, "the same connection");
  await seesPeople(omid, 2);
});

story(it, "sitting down in another window takes the seat over", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  const second = await sara.newWindow(`/c/${omid.name}`);
  await enterRoom(sara, second);
  await sara.see("room", '[data-state="left"][data-reason="roomElsewhere"]');
  await hearsOthers(sara, 1, second);
  await seesPeople(omid, 2);
});

story(it, "a call that a third person is asked into goes on in the room, without a gap", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  const nima = await cast.person("nima");
  await sara.press("call-button");
  await omid.press("call-accept");
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  await omid.hears();
  // Every 100 ms: is there a connection that sounds?
  await omid.page.evaluate(() => {
    window.__silent = 0;
    setInterval(() => (window.__silent += window.__payambar.pc || window.__payambar.room?.connectionState === "connected" ? 0 : 1), 100);
  });
  await sara.press("call-add");
  await sara.at("ask-name").fill(nima.name);
  await sara.press("ask-row", `[data-username="${nima.name}"]`);
  for (const person of [sara, omid]) await person.see("room", '[data-state="connected"]');
  await nima.see("room-invited");
  await nima.press("room-accept");
  await nima.see("room", '[data-state="connected"]');
  for (const person of [sara, omid, nima]) await seesPeople(person, 3);
  await Promise.all([sara, omid, nima].map((person) => hearsOthers(person, 2)));
  for (const person of [sara, omid]) {
    assert.equal(await person.page.evaluate(() => window.__payambar.pc), null, "the call's own connection is gone");
    await person.seesEntry("answered", person === sara);
  }
  assert.equal(await omid.page.evaluate(() => window.__silent), 0);
});

story(it, "when the server is killed everybody is back in five seconds", async (cast, t) => {
  const [sara, omid] = await acquainted(cast);
  for (const person of [sara, omid]) person.excuse = () => true;
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  await Promise.all([hearsOthers(sara, 1), hearsOthers(omid, 1)]);
  const old = (await roomStats(sara)).ufrag;
  await it.server.kill();
  const began = Date.now();
  await it.server.start();
  await Promise.all([sara, omid].map((person) => until(`${person.name} is back`, async () => {
    const now = await roomStats(person);
    return now && now.state === "connected" && now.ufrag !== old;
  })));
  const took = Date.now() - began;
  t.diagnostic(`back after ${took} ms`);
  assert.ok(took <= BACK_MS, `${took} ms`);
  await Promise.all([hearsOthers(sara, 1), hearsOthers(omid, 1)]);
  for (const person of [sara, omid]) await seesPeople(person, 2);
});

