import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import * as socket from "../core/socket.js";
import { acknowledge, flushReads, forgetOutgoing, post, tellRead } from "./outgoing.js";

/** A connection that remembers what was said over it. */
class FakeSocket {
  static OPEN = 1;
  static made = [];
  readyState = 1;
  said = [];
  constructor() {
    FakeSocket.made.push(this);
  }
  send(text) {
    this.said.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
}

const last = () => FakeSocket.made.at(-1);
const message = (message_id, sender_id, seq) => ({ message_id, sender_id, seq });

/** Connects; without it nothing can be said. */
function connect() {
  last().onmessage({ data: JSON.stringify({ type: "hello", user_id: 1, version: "1" }) });
}

beforeEach(() => {
  Object.assign(globalThis, { WebSocket: FakeSocket, location: { protocol: "http:", host: "chat.test" } });
  mock.timers.enable({ apis: ["setTimeout"] });
  socket.start(() => "token", { frame: () => {}, down: () => {}, ended: () => {}, refused: () => {} });
});
afterEach(() => {
  socket.stop();
  forgetOutgoing();
  mock.timers.reset();
});

test("a burst of messages is acknowledged once for each person, up to its last", () => {
  connect();
  for (const m of [message(11, 2, 1), message(13, 2, 3), message(12, 2, 2), message(21, 3, 7)]) acknowledge(m.sender_id, m);
  assert.deepEqual(last().said, []);
  mock.timers.tick(40);
  assert.deepEqual(last().said, [{ type: "mark_delivered", message_id: 13 }, { type: "mark_delivered", message_id: 21 }]);
});

test("what was acknowledged is not acknowledged again with the next burst", () => {
  connect();
  acknowledge(2, message(11, 2, 1));
  mock.timers.tick(40);
  acknowledge(3, message(21, 3, 1));
  mock.timers.tick(40);
  assert.deepEqual(last().said.map((frame) => frame.message_id), [11, 21]);
});

test("what was read without a connection is told once there is one, and once", () => {
  tellRead(2, { id: 11, seq: 1 });
  tellRead(2, { id: 12, seq: 2 });
  connect();
  flushReads();
  flushReads();
  assert.deepEqual(last().said, [{ type: "mark_read", message_id: 12 }]);
});

test("another person's marks are forgotten", () => {
  tellRead(2, { id: 11, seq: 1 });
  connect();
  acknowledge(3, message(21, 3, 1));
  forgetOutgoing();
  flushReads();
  mock.timers.tick(40);
  assert.deepEqual(last().said, []);
});

test("a text without an echo makes a new connection", () => {
  connect();
  post(2, "c1", "hello");
  const before = FakeSocket.made.length;
  mock.timers.tick(9_999);
  assert.equal(FakeSocket.made.length, before);
  mock.timers.tick(1);
  // The first try waits at most a second.
  mock.timers.tick(1_000);
  assert.equal(FakeSocket.made.length, before + 1);
});

test("a text goes to a person, or to a group", () => {
  connect();
  post(2, "c1", "hi");
  post(-7, "c2", "hi all");
  assert.deepEqual(last().said, [
    { type: "message", receiver_id: 2, content: "hi", client_message_id: "c1" },
    { type: "group_message", conversation_id: 7, content: "hi all", client_message_id: "c2" },
  ]);
});
