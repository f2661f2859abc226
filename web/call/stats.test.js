import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "./stats.js";

const report = (/** @type {object} */ local, /** @type {object} */ remote, packets = 100, lost = 0) => [
  { id: "in", type: "inbound-rtp", kind: "audio", packetsReceived: packets, packetsLost: lost },
  { id: "t", type: "transport", selectedCandidatePairId: "p" },
  { id: "p", type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r", currentRoundTripTime: 0.042 },
  { id: "l", type: "local-candidate", ...local },
  { id: "r", type: "remote-candidate", ...remote },
];
const host = { candidateType: "host" };

test("the path is named by the candidates that carry the sound", () => {
  assert.equal(read(report(host, host), null).path?.way, "direct");
  assert.equal(read(report(host, { candidateType: "relay" }), null).path?.way, "udp");
  assert.equal(read(report({ candidateType: "relay", relayProtocol: "tls" }, host), null).path?.way, "tls");
  assert.equal(read(report({ candidateType: "relay", relayProtocol: "udp" }, host), null).path?.way, "udp");
});

test("delay is in milliseconds and loss is of the time since the last reading", () => {
  const first = read(report(host, host, 100, 50), null);
  const second = read(report(host, host, 190, 60), first);
  assert.equal(second.path?.rttMs, 42);
  assert.equal(second.path?.loss, 0.1);
});

test("without a chosen pair there is no path, but packets count", () => {
  assert.deepEqual(read([{ id: "in", type: "inbound-rtp", kind: "audio", packetsReceived: 3 }], null), { received: 3, lost: 0, path: null, sign: "" });
});

test("a check that was answered is a sign of life, and so is another path", () => {
  const sign = (/** @type {object} */ more) => read([{ id: "t", type: "transport", selectedCandidatePairId: "p" }, { id: "p", type: "candidate-pair", ...more }], null).sign;
  assert.equal(sign({ responsesReceived: 3 }), sign({ responsesReceived: 3 }));
  assert.notEqual(sign({ responsesReceived: 3 }), sign({ responsesReceived: 4 }));
});

test("jitter is that of the least steady sound", () => {
  const sounds = [0.002, 0.031, 0.9].map((jitter, i) => ({ id: `in${i}`, type: "inbound-rtp", kind: "audio", packetsReceived: i === 2 ? 0 : 9, jitter }));
  assert.equal(read([...sounds, ...report(host, host).slice(1)], null).path?.jitterMs, 31);
});
