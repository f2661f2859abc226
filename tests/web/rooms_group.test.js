// The voice room of a group (C6, G1): those who moderate, and a door that can be locked.

import assert from "node:assert/strict";
import { energy, enterRoom, hearsOthers, roomStats, seesPeople } from "./rooms.js";
import { story, world } from "./world.js";
import { until } from "./until.js";

const it = world();
/** Nothing of a muted voice is heard after this. */
const MUTED_MS = 1_000;

/** The first one is the owner; each stands in the chat of the group. */
async function group(cast, names, options = {}) {
  const all = [];
  // One after the other: each page costs a moment.
  for (const name of names) all.push(await cast.person(name, options));
  const [owner, ...others] = all;
  const { id } = await owner.server.ask("POST", "/groups", { token: owner.token, body: { name: "گروه کوه" } });
  for (const other of others) await owner.server.ask("POST", `/groups/${id}/members`, { token: owner.token, body: { user_id: other.id } });
  for (const person of all) {
    await person.page.goto(`${person.origin}/g/${id}`);
    await person.see("room-door");
  }
  return all;
}

story(it, "whom a moderator mutes is not heard any more within a second, until they may speak again", async (cast, t) => {
  const [sara, omid, nima] = await group(cast, ["sara", "omid", "nima"]);
  for (const person of [sara, omid]) await enterRoom(person);
  await hearsOthers(sara, 1);
  await sara.press("tile", `[data-user="${omid.id}"] button`);
  await sara.press("mod-mute");
  const began = Date.now();
  let [from, last] = [await energy(sara), began];
  await until("omid has been silent for three beeps", async () => {
    const now = await energy(sara);
    if (now > from + 1e-6) [from, last] = [now, Date.now()];
    return Date.now() - last > 3_000;
  });
  t.diagnostic(`silent after ${last - began} ms`);
  assert.ok(last - began <= MUTED_MS, `${last - began} ms`);
  await omid.see("tile", `[data-user="${omid.id}"][data-mod-muted="true"]`);

  await sara.press("tile", `[data-user="${omid.id}"] button`);
  await sara.press("mod-mute");
  await hearsOthers(sara, 1);
  // A member moderates nobody.
  await enterRoom(nima);
  await nima.press("tile", `[data-user="${sara.id}"] button`);
  await nima.see("volume");
  assert.equal(await nima.at("mod-mute").count(), 0);
});

story(it, "hands stand in a row, and who is put out is told so", async (cast) => {
  const [sara, omid, nima] = await group(cast, ["sara", "omid", "nima"]);
  for (const person of [sara, omid, nima]) await enterRoom(person);
  await nima.press("room-hand");
  await sara.see("tile", `[data-user="${nima.id}"][data-hand="1"]`);
  await omid.press("room-hand");
  await sara.see("tile", `[data-user="${omid.id}"][data-hand="2"]`);
  await sara.press("tile", `[data-user="${nima.id}"] button`);
  await sara.press("mod-hand");
  await sara.see("tile", `[data-user="${omid.id}"][data-hand="1"]`);
  await nima.see("room-hand", '[aria-pressed="false"]');

  await sara.press("tile", `[data-user="${nima.id}"] button`);
  await sara.press("mod-kick");
  await nima.see("room", '[data-state="left"][data-reason="roomKicked"]');
  await seesPeople(sara, 2);
  assert.equal(await roomStats(nima), null, "nothing plays at who was put out");
});

story(it, "a locked room lets no member in, until it is open again", async (cast) => {
  const [sara, omid] = await group(cast, ["sara", "omid"]);
  await enterRoom(sara);
  await sara.press("room-settings");
  await sara.press("room-lock");
  await sara.see("room-lock", '[aria-checked="true"]');
  await omid.press("room-door");
  await omid.see("room", '[data-state="left"][data-reason="error.room_locked"]');
  await sara.press("room-lock");
  await sara.see("room-lock", '[aria-checked="false"]');
  await omid.press("room-again");
  await omid.see("room", '[data-state="connected"]');
});
