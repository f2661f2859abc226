// Calls through the relay by people whose network lets no UDP through: over TCP, and over TLS.

import assert from "node:assert/strict";
import { story, world } from "./world.js";
import { freePort } from "./server.js";

const over = {
  tcp: (port) => `turn:127.0.0.1:${port}?transport=tcp`,
  tls: (port) => `turns:127.0.0.1:${port}?transport=tcp`,
};

for (const way of /** @type {const} */ (["tcp", "tls"])) {
  const port = String(await freePort());
  // Callers are told this one way alone, so there is no other.
  const env = { TURN_SERVER: over[way](port), [way === "tls" ? "TURN_TLS_PORT" : "TURN_PORT"]: port };
  // The certificate is one that the server made itself.
  const it = world(env, ["--ignore-certificate-errors"]);

  story(it, `with server only a call goes over ${way} on both sides, and both are heard`, async (cast, t) => {
    const [sara, omid] = await cast.pair({ relayOnly: true });
    await sara.press("call-button");
    await omid.see("incoming");
    await omid.press("call-accept");
    await Promise.all([sara.callIs("active"), omid.callIs("active")]);
    const stats = await Promise.all([sara.hears(), omid.hears()]);
    for (const s of stats) {
      t.diagnostic(JSON.stringify(s));
      assert.deepEqual([s.policy, s.local.type, s.local.relay, s.remote.type], ["relay", "relay", way, "relay"]);
    }
    for (const person of [sara, omid]) await person.see("call-path", `[data-way="${way}"]`);
    await sara.press("call-hangup");
    await Promise.all([sara.callIsGone(), omid.callIsGone()]);
  });
}
