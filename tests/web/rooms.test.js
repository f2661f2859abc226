// Voice rooms that are heard (C6, B9): two and four people, directly and through the relay.

import assert from "node:assert/strict";
import { acquainted, conversation, enterRoom, hearsOthers, isSealed, roomStats, seesPeople } from "./rooms.js";
import { story, world } from "./world.js";
import { until } from "./until.js";

const it = world();

story(it, "two people in the room of their chat hear each other, directly and sealed", async (cast, t) => {
  const [sara, omid] = await acquainted(cast);
  await enterRoom(sara);
  await omid.see("room-banner", '[data-people="1"]');
  await omid.press("room-join");
  await omid.see("room", '[data-state="connected"]');
  for (const person of [sara, omid]) await seesPeople(person, 2);
  const stats = await Promise.all([hearsOthers(sara, 1), hearsOthers(omid, 1)]);
  for (const s of stats) {
    t.diagnostic(`policy=${s.policy} ${s.local} -> ${s.remote} ${s.cipher}`);
    isSealed(s);
    assert.deepEqual([s.policy, s.local === "relay", s.remote], ["all", false, "host"]);
  }
  for (const person of [sara, omid]) await person.see("tile", '[data-speaking="true"]');

  await sara.press("room-mute");
  await omid.see("tile", `[data-user="${sara.id}"][data-muted="true"]`);
  await sara.press("room-hand");
  await omid.see("tile", `[data-user="${sara.id}"][data-hand="1"]`);
  await sara.press("room-leave");
  await sara.miss("room");
  await seesPeople(omid, 1);
  await omid.press("room-leave");
  await sara.miss("room-banner");
});

story(it, "four people hear each other, each in a track of its own", async (cast) => {
  const [sara, omid] = await acquainted(cast, { width: 500, height: 600 });
  const guests = await Promise.all([cast.person("nima"), cast.person("mina")]);
  await enterRoom(sara);
  await enterRoom(omid);
  for (const guest of guests) {
    await sara.press("room-add");
    await sara.at("ask-name").fill(guest.name);
    await sara.press("ask-row", `[data-username="${guest.name}"]`);
    await guest.see("room-invited");
    await guest.press("room-accept");
    await guest.see("room", '[data-state="connected"]');
  }
  const all = [sara, omid, ...guests];
  for (const person of all) await seesPeople(person, 4);
  const stats = await Promise.all(all.map((person) => hearsOthers(person, 3)));
  stats.forEach(isSealed);
});

story(it, "an invitation that is declined is told to who sent it", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  const nima = await cast.person("nima");
  await enterRoom(sara);
  await sara.press("room-add");
  await sara.at("ask-name").fill(nima.name);
  await sara.press("ask-row", `[data-username="${nima.name}"]`);
  await nima.see("room-invited");
  await nima.press("room-decline");
  await nima.miss("room-invited");
  await until("sara is told", async () => (await sara.at("toast").textContent().catch(() => ""))?.includes("پذیرفته"));
  assert.equal(await omid.at("room-invited").count(), 0);
});

story(it, "who may use the relay alone is heard, from our relay to our room", async (cast, t) => {
  const [sara, omid] = await acquainted(cast, { relayOnly: true }, {});
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  const [relayed, direct] = await Promise.all([hearsOthers(sara, 1), hearsOthers(omid, 1)]);
  t.diagnostic(`${relayed.local} -> ${relayed.remote}; ${direct.local} -> ${direct.remote}`);
  assert.deepEqual([relayed.policy, relayed.local], ["relay", "relay"]);
  assert.notEqual(direct.local, "relay");
  await sara.see("call-path", ':not([data-way="direct"])');
});

story(it, "deafened nothing is played, and a person is as loud as was chosen", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  await hearsOthers(sara, 1);
  const loud = () => sara.page.evaluate(() => [...document.querySelectorAll("body > audio[hidden]")].filter((el) => el.srcObject && !el.muted).map((el) => el.volume).sort());
  await sara.press("tile", `[data-user="${omid.id}"] button`);
  await sara.at("volume").fill("25");
  await until("one slot is quiet", async () => (await loud())[0] === 0.25);
  await sara.press("sheet-close");
  await sara.press("room-deafen");
  await until("nothing is played", async () => (await loud()).length === 0);
  await omid.see("tile", `[data-user="${sara.id}"][data-muted="true"]`);
  await sara.press("room-deafen");
  await until("it is played again", async () => (await loud()).length > 0);
});

story(it, "without a microphone one listens, and says why", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  await enterRoom(omid);
  await sara.page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await enterRoom(sara);
  await sara.see("room-listening");
  await omid.see("tile", `[data-user="${sara.id}"][data-muted="true"]`);
  await hearsOthers(sara, 1);
  assert.equal((await roomStats(sara)).sent, 0);
});

story(it, "with push to talk one is heard while the key is held", async (cast) => {
  const [sara, omid] = await acquainted(cast);
  await sara.press("settings-open");
  await sara.press("push-to-talk");
  await sara.openChat(omid);
  await Promise.all([enterRoom(sara), enterRoom(omid)]);
  const open = () => sara.page.evaluate(() => window.__payambar.room.getSenders().some((s) => s.track?.enabled));
  await sara.see("room-hold");
  assert.equal(await open(), false);
  await sara.page.keyboard.down("Space");
  await until("the microphone is open", open);
  await hearsOthers(omid, 1);
  await sara.page.keyboard.up("Space");
  await until("it is closed", async () => !(await open()));
  // Who writes a message writes spaces.
  await sara.at("composer").focus();
  await sara.page.keyboard.down("Space");
  assert.equal(await open(), false);
  await sara.page.keyboard.up("Space");
  assert.equal(await conversation(sara) > 0, true);
});
