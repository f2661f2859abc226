import assert from "node:assert/strict";
import { test } from "node:test";
import { isDue, kept, renewer } from "./renew.js";

const HOUR = 3_600_000;
const session = (n, more = {}) => ({ token: `t${n}`, user_id: 1, username: "sara", refresh_token: `r${n}`, access_expires_at: 24 * HOUR, ...more });

/** Windows of one browser: one storage, one lock, one server that takes each refresh token once. */
function browser({ hasLocks = true } = {}) {
  let stored = kept(session(1), "login", 0);
  let turn = Promise.resolve();
  const asked = [];
  const world = {
    load: () => stored,
    save: (next) => (stored = next),
    now: () => 20 * HOUR,
    lock: (work) => (hasLocks ? (turn = turn.then(work, work)) : work()),
    async renew(refresh_token) {
      asked.push(refresh_token);
      await null;
      const n = Number(refresh_token.slice(1)) + 1;
      // The server's ten seconds: the same token again is answered alike.
      return session(n, { access_expires_at: 44 * HOUR });
    },
  };
  return { world, asked, stored: () => stored, store: (next) => (stored = next) };
}

test("a token is renewed when four fifths of its life are over", () => {
  const one = kept(session(1), "login", 0);
  assert.equal(isDue(one, 19 * HOUR), false);
  assert.equal(isDue(one, 19.2 * HOUR), true);
  assert.equal(isDue(kept(session(1, { refresh_token: "" }), "login", 0), 99 * HOUR), false, "it cannot be");
  assert.equal(isDue(null, 0), false);
});

test("a clock that is days ahead does not make every look a renewal", () => {
  const now = 100 * HOUR;
  assert.equal(isDue(kept(session(1), "login", now), now + 60_000), false);
});

test("what one window renewed the others take up instead of using the token again", async () => {
  const { world, asked, stored } = browser();
  const windows = [renewer(world), renewer(world), renewer(world)];
  const got = await Promise.all(windows.map((renew) => renew("t1")));
  assert.deepEqual(got.map((s) => s?.token), ["t2", "t2", "t2"]);
  assert.deepEqual(asked, ["r1"]);
  assert.deepEqual([stored().refresh_token, stored().key, stored().renew_at], ["r2", "login", 39.2 * HOUR]);
});

test("many calls of one window that are refused at once make one renewal", async () => {
  const { world, asked } = browser({ hasLocks: false });
  const renew = renewer(world);
  const got = await Promise.all([renew("t1"), renew("t1"), renew("t1")]);
  assert.deepEqual([got.map((s) => s?.token), asked], [["t2", "t2", "t2"], ["r1"]]);
  await renew("t2");
  assert.deepEqual(asked, ["r1", "r2"]);
});

test("without locks two windows end with the same tokens", async () => {
  const { world, asked, stored } = browser({ hasLocks: false });
  const got = await Promise.all([renewer(world)("t1"), renewer(world)("t1")]);
  assert.deepEqual([got.map((s) => s?.token), asked, stored().refresh_token], [["t2", "t2"], ["r1", "r1"], "r2"]);
});

test("a log-in that is over is told from a server that was not reached", async () => {
  const { world, stored } = browser();
  world.renew = async () => Promise.reject(Object.assign(new Error("token_reused"), { status: 401 }));
  assert.equal(await renewer(world)("t1"), null);
  world.renew = async () => Promise.reject(Object.assign(new Error("network"), { status: 0 }));
  await assert.rejects(renewer(world)("t1"));
  assert.equal(stored().token, "t1", "it may be tried again");
});

test("who signed out while the answer was on its way stays signed out", async () => {
  const { world, stored, store } = browser();
  const asked = world.renew;
  world.renew = async (token) => {
    store(null);
    return asked(token);
  };
  assert.equal(await renewer(world)("t1"), null);
  assert.equal(stored(), null);
});
