// Calls out of networks that let little through, or lose much, or change.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { story } from "../world.js";
import { startServer } from "../server.js";
import { until } from "../until.js";
import { House, SERVER, SERVER_6, TURN_NAME, lay } from "./internet.js";

const it = { browser: null, server: null };
const houses = [];

before(async () => {
  lay();
  it.server = await startServer({
    LISTEN: "::",
    // Off only on loopback; those who prepare the stories come from anywhere.
    RATE_LIMIT: "on",
    TRUSTED_PROXIES: "127.0.0.1/32",
    TURN_LISTEN: `${SERVER},${SERVER_6}`,
    TURN_EXTERNAL_IP: `${SERVER},${SERVER_6}`,
    TURN_REALM: TURN_NAME,
    TURN_SERVER: TURN_NAME,
    TURN_TLS_PORT: "443",
  });
});
after(async () => {
  await Promise.all(houses.map((house) => house.leave()));
  if (it.server) assert.equal(await it.server.stop(), 0);
});

/** Somebody at home. */
async function at(cast, base, house, { v6 = false, ...options } = {}) {
  houses.push(house);
  const origin = `http://${v6 ? `[${SERVER_6}]` : SERVER}:${it.server.port}`;
  const browser = await house.browser([
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    "--ignore-certificate-errors",
  ]);
  return cast.person(base, { browser, origin, ...options });
}

/** Two people, each in the chat with the other. */
async function pair(cast, [one, other], options = {}) {
  const sara = await at(cast, "sara", one, options);
  const omid = await at(cast, "omid", other, options);
  await sara.openChat(omid);
  await omid.openChat(sara);
  return [sara, omid];
}

async function ring(sara, omid) {
  await sara.press("call-button");
  await omid.see("incoming");
  await omid.press("call-accept");
}

/** One calls, both are heard. @returns {Promise<any[]>} what getStats says on both sides */
async function talk(sara, omid) {
  await ring(sara, omid);
  await Promise.all([sara.callIs("active"), omid.callIs("active")]);
  return Promise.all([sara.hears(), omid.hears()]);
}

const NO_UDP = "meta l4proto udp drop";

/** Lets out what goes to these TCP ports of the server alone. */
const onlyTcp = (...ports) => [NO_UDP, `meta l4proto tcp tcp dport != { ${ports.join(", ")} } drop`];

/**
 * Lets out TCP to the page's port, and to 443 what begins as TLS does (or, for
 * the control, whatever begins otherwise); a packet of 60 bytes carries nothing.
 */
const onlyTls = (page, begins = "==") => [
  ...onlyTcp(page, 443),
  `tcp dport ${page} accept`,
  "ip length <= 60 accept",
  "ct mark 1 accept",
  `meta l4proto tcp @ih,0,8 ${begins} 0x16 ct mark set 1 accept`,
  "meta l4proto tcp drop",
];

/** Two behind the same kind of firewall. @param {(cast: any) => string[]} rules */
async function behind(cast, rules) {
  const both = [await House.build(), await House.build()];
  for (const house of both) house.firewall(rules, [NO_UDP]);
  return pair(cast, both);
}

/** Both are heard, and both reach the relay that way. */
async function talkOver(cast, rules, way) {
  const people = await behind(cast, rules);
  const stats = await talk(...people);
  for (const s of stats) assert.deepEqual([s.local.type, s.local.relay], ["relay", way]);
}

/** The control: what helped the others is shut too, and the call ends with its cause. */
async function fails(sara, omid) {
  await ring(sara, omid);
  // The app itself gives up only after half a minute.
  const over = sara.at("call-status", '[data-state="over"]');
  await over.waitFor({ timeout: 60_000 });
  assert.equal(await over.getAttribute("data-reason"), "relayDown");
}

story(it, "two who get nothing but TCP out hear each other", (cast) => talkOver(cast, [NO_UDP], "tcp"));

story(it, "two who get nothing but TCP to port 443 out hear each other", (cast) =>
  talkOver(cast, onlyTcp(it.server.port, 443), "tls"));

story(it, "two who get nothing but TLS to port 443 out hear each other", (cast) =>
  talkOver(cast, onlyTls(it.server.port), "tls"));

story(it, "without the relay's TCP ports the same two do not", async (cast) =>
  fails(...(await behind(cast, onlyTcp(it.server.port)))));

story(it, "where port 443 is open to anything but TLS they do not either", async (cast) =>
  fails(...(await behind(cast, onlyTls(it.server.port, "!=")))));

/** One with IPv6 alone, behind a firewall if need be, and one with IPv4 alone. */
async function bothFamilies(cast, rules = []) {
  const six = await House.build({ v4: false, v6: true });
  six.firewall(rules);
  const sara = await at(cast, "sara", six, { v6: true });
  const omid = await at(cast, "omid", await House.build());
  await sara.openChat(omid);
  await omid.openChat(sara);
  return [sara, omid];
}

story(it, "one with IPv6 alone and one with IPv4 alone hear each other", async (cast) => {
  const [hers] = await talk(...(await bothFamilies(cast)));
  assert.equal(hers.local.type, "relay");
});

story(it, "without the relay's IPv6 address the same two do not", async (cast) =>
  fails(...(await bothFamilies(cast, onlyTcp(it.server.port)))));

/** UDP that is lost on its way out and in, of 1,000. */
const losing = (of1000) => [`meta l4proto udp numgen random mod 1000 < ${of1000} drop`];

for (const percent of [5, 20]) {
  story(it, `two on the relay hear each other where each line loses ${percent} %`, async (cast) => {
    const both = [await House.build(), await House.build()];
    for (const house of both) house.firewall(losing(percent * 10), losing(percent * 10));
    const [sara, omid] = await pair(cast, both, { relayOnly: true });
    const stats = await talk(sara, omid);
    for (const s of stats) assert.deepEqual([s.local.type, s.remote.type], ["relay", "relay"]);
  });
}

/** Listens for how long nothing came, each 20 ms. Runs in the page. */
const listen = () => {
  const heard = { longest: 0, at: performance.now(), newest: 0 };
  window.__gap = heard;
  setInterval(() => {
    const newest = window.__payambar.pc?.getReceivers()[0]?.getSynchronizationSources()[0]?.timestamp ?? 0;
    if (newest === heard.newest) return;
    const now = performance.now();
    if (heard.newest) heard.longest = Math.max(heard.longest, now - heard.at);
    Object.assign(heard, { newest, at: now });
  }, 20);
};

for (const who of ["caller", "callee"]) {
  story(it, `the ${who} comes to another network and the call goes on`, async (cast, t) => {
    const both = [await House.build(), await House.build()];
    const people = await pair(cast, both, { excuse: (line) => line.includes("ERR_") || line.includes("WebSocket") });
    await talk(...people);
    for (const person of people) await person.page.evaluate(listen);
    const before = await people[0].stats();
    both[who === "caller" ? 0 : 1].move();
    await until("another way", async () => {
      const now = await people[0].stats();
      return now?.local && (now.local.at !== before.local.at || now.remote.at !== before.remote.at);
    });
    await Promise.all(people.map((person) => person.hears()));
    const gaps = await Promise.all(people.map((person) => person.page.evaluate(() => window.__gap.longest)));
    t.diagnostic(`silent for ${gaps.map((gap) => `${Math.round(gap)} ms`).join(" and ")}`);
  });
}
