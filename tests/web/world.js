// What the stories of one file share: a browser, a server, and people in front of them.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { Person } from "./person.js";
import { startServer } from "./server.js";

/** A name that is no loopback: a page from it over http is not secure. */
export const PLAIN_HOST = "chat.test";
export const SHOTS = fileURLToPath(new URL("shots/", import.meta.url));
const STORY_MS = 150_000;

/** @param {{executablePath?: string, args?: string[]}} [more] */
export const launch = ({ executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium", args = [] } = {}) =>
  chromium.launch({
    executablePath,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
      `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`,
      ...args,
    ],
  });

/** @param {Record<string, string>} [env] of the server @param {string[]} [args] of the browser */
export function world(env, args = []) {
  /** @type {{browser: import("playwright-core").Browser, server: import("./server.js").Server}} */
  const it = { browser: null, server: null };
  before(async () => {
    it.server = await startServer(env);
    it.browser = await launch({ args });
  });
  after(async () => {
    await it.browser?.close();
    if (it.server) assert.equal(await it.server.stop(), 0, "the server leaves with 0 when it is asked to");
  });
  return it;
}

let count = 0;

/** Those who play in one story. */
class Cast {
  #people = [];

  constructor(it) {
    this.server = it.server;
    this.browser = it.browser;
  }

  /** A name nobody has yet. */
  name(base) {
    count += 1;
    return `${base}_${count}`;
  }

  /** Somebody without an account, in front of the empty page. */
  async stranger(base, options) {
    const person = new Person(this.server, this.name(base), options);
    this.#people.push(person);
    await person.sitDown(options?.browser ?? this.browser);
    return person;
  }

  /** Somebody who is signed in. */
  async person(base, options) {
    const person = new Person(this.server, this.name(base), options);
    this.#people.push(person);
    await person.makeAccount();
    await person.sitDown(options?.browser ?? this.browser);
    await person.open();
    return person;
  }

  /** Two people who know each other, each in the chat with the other. */
  async pair(one = {}, other = one) {
    const [sara, omid] = await Promise.all([this.person("sara", one), this.person("omid", other)]);
    await sara.openChat(omid);
    await omid.openChat(sara);
    return [sara, omid];
  }

  complaints() {
    return this.#people.flatMap((person) => person.complaints);
  }

  async tell(t) {
    await mkdir(SHOTS, { recursive: true });
    for (const person of this.#people) {
      for (const [i, page] of person.pages().entries()) {
        const file = `${SHOTS}failed-${person.name}-${i}.png`;
        await page.screenshot({ path: file }).catch(() => {});
        t.diagnostic(`${person.name}, window ${i}: ${page.url()} ${file}`);
      }
    }
    for (const line of this.complaints()) t.diagnostic(line);
    t.diagnostic(`the server's log:\n${this.server.log()}`);
  }

  async leave() {
    await Promise.all(this.#people.map((person) => person.leave()));
  }
}

/**
 * One story. At its end no page may have complained or asked anybody but the server.
 * @param {ReturnType<typeof world>} it @param {string} name
 * @param {(cast: Cast, t: import("node:test").TestContext) => Promise<void>} run
 */
export function story(it, name, run) {
  test(name, { timeout: STORY_MS }, async (t) => {
    const cast = new Cast(it);
    try {
      await run(cast, t);
      assert.deepEqual(cast.complaints(), []);
    } catch (error) {
      await cast.tell(t);
      throw error;
    } finally {
      await cast.leave();
    }
  });
}
