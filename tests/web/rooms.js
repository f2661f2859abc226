// What the stories of voice rooms share: people who sit in one, and what their browsers say of it.

import assert from "node:assert/strict";
import { until } from "./until.js";

/** Energy that no silence reaches, and packets of 20 ms. */
const LOUD = 1e-5;

/** Runs in the page. */
const look = async () => {
  const pc = window.__payambar?.room;
  if (!pc) return null;
  const all = await pc.getStats();
  const list = [...all.values()];
  const transport = list.find((s) => s.type === "transport");
  const pair = all.get(transport?.selectedCandidatePairId);
  const kind = (id) => all.get(id)?.candidateType ?? "";
  const sounds = list.filter((s) => s.type === "inbound-rtp");
  return {
    state: pc.connectionState,
    policy: pc.getConfiguration().iceTransportPolicy,
    tracks: Object.fromEntries(sounds.map((s) => [s.mid, { packets: s.packetsReceived, energy: s.totalAudioEnergy }])),
    sent: list.find((s) => s.type === "outbound-rtp")?.packetsSent ?? 0,
    dtls: transport?.dtlsState,
    cipher: transport?.srtpCipher ?? "",
    local: kind(pair?.localCandidateId),
    remote: kind(pair?.remoteCandidateId),
    offers: pc.currentRemoteDescription ? pc.currentRemoteDescription.sdp.split("\n").find((line) => line.startsWith("o=")) : "",
    ufrag: /a=ice-ufrag:(\S+)/u.exec(pc.currentRemoteDescription?.sdp ?? "")?.[1],
  };
};

/** @param {import("./person.js").Person} person */
export const roomStats = (person, page = person.page) => page.evaluate(look);

/** Sits down through the door in the chat. @param {import("./person.js").Person} person */
export async function enterRoom(person, page = person.page) {
  await person.press("room-door", "", page);
  await person.see("room", '[data-state="connected"]', page);
}

/** Waits until that many others are seen in the room. */
export const seesPeople = (person, n) => until(`${person.name} sees ${n} people`, async () => (await person.at("tile").count()) === n);

/** Two who have written to each other: only then there is a conversation with a room. */
export async function acquainted(cast, one = {}, other = one) {
  const [sara, omid] = await cast.pair(one, other);
  await sara.write("اتاق");
  await omid.sees("اتاق");
  await Promise.all([sara.see("room-door"), omid.see("room-door")]);
  return [sara, omid];
}

/** Number of the conversation of two. */
export async function conversation(person) {
  const { conversations } = await person.server.ask("GET", "/conversations", { token: person.token });
  return conversations[0].id;
}

/** Sound arrives in at least so many slots, and it is more than silence. @returns what getStats says */
export async function hearsOthers(person, n, page = person.page) {
  const first = await roomStats(person, page);
  return until(`${person.name} hears ${n}`, async () => {
    const now = await roomStats(person, page);
    if (!now) return false;
    const loud = Object.entries(now.tracks).filter(([mid, track]) => {
      const before = first?.tracks[mid] ?? { packets: 0, energy: 0 };
      return track.packets > before.packets + 25 && track.energy > before.energy + LOUD;
    });
    return loud.length >= n && now;
  });
}

/** Energy of all that arrives. */
export async function energy(person) {
  const now = await roomStats(person);
  return Object.values(now?.tracks ?? {}).reduce((sum, track) => sum + track.energy, 0);
}

/** The connection is up, and nobody on the way can listen. */
export function isSealed(stats) {
  assert.equal(stats.state, "connected");
  assert.equal(stats.dtls, "connected");
  assert.match(stats.cipher, /AES/u);
}

/** Keeps the offers a page gets from now on. @param {import("./person.js").Person} person */
export function watchOffers(person) {
  const seen = [];
  person.page.on("websocket", (ws) => ws.on("framereceived", ({ payload }) => {
    const frame = JSON.parse(String(payload));
    if (frame.payload?.offer && frame.type.startsWith("room_")) seen.push(frame.type);
  }));
  return seen;
}
