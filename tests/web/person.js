// A person in front of a browser: what they do and what they see.

import assert from "node:assert/strict";
import { until } from "./until.js";

export const PASSWORD = "گذرواژهٔ دراز";

/** Says so when the page breaks its own content policy. */
const tellViolations = () =>
  addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`));

/** What getStats says about the call, on one side. Runs in the page. */
const look = async () => {
  const pc = window.__payambar?.pc;
  if (!pc) return null;
  const all = await pc.getStats();
  const list = [...all.values()];
  const sound = list.find((s) => s.type === "inbound-rtp" && s.kind === "audio");
  const transport = list.find((s) => s.type === "transport");
  const pair = all.get(transport?.selectedCandidatePairId);
  const end = (id) => {
    const c = all.get(id);
    return c && { type: c.candidateType, protocol: c.protocol, relay: c.relayProtocol, at: `${c.address}:${c.port}` };
  };
  return {
    state: pc.connectionState,
    policy: pc.getConfiguration().iceTransportPolicy,
    packets: sound?.packetsReceived ?? 0,
    energy: sound?.totalAudioEnergy ?? 0,
    local: pair ? end(pair.localCandidateId) : null,
    remote: pair ? end(pair.remoteCandidateId) : null,
  };
};

export class Person {
  #storage = { "payambar:debug": "1" };
  #context = null;

  /**
   * @param {import("./server.js").Server} server @param {string} name
   * @param {{relayOnly?: boolean, still?: boolean, lang?: "fa" | "en", theme?: "light" | "dark", width?: number, height?: number, origin?: string,
   *   excuse?: (line: string) => boolean}} [options] `excuse`: what the story expects pages to complain about
   */
  constructor(server, name, options = {}) {
    const { relayOnly = false, still = false, lang, theme, width = 1280, height = 800, origin = server.origin, excuse = () => false } = options;
    Object.assign(this, { server, name, origin, excuse, still, size: { width, height }, token: "", id: 0, page: null, hellos: 0 });
    /** @type {string[]} what the pages complained about, and whom they asked beside the server */
    this.complaints = [];
    if (relayOnly) this.#storage["payambar:relay-only"] = "1";
    if (lang) this.#storage["payambar:lang"] = lang;
    if (theme) this.#storage["payambar:theme"] = theme;
  }

  /** Makes the account without the page. */
  async makeAccount() {
    const session = await this.server.ask("POST", "/auth/register", { body: { username: this.name, password: PASSWORD } });
    Object.assign(this, { token: session.token, id: session.user_id });
    this.#storage["payambar:session"] = JSON.stringify(session);
  }

  /** @param {import("playwright-core").Browser} browser */
  async sitDown(browser) {
    const localStorage = Object.entries(this.#storage).map(([name, value]) => ({ name, value }));
    this.#context = await browser.newContext({
      locale: "fa",
      reducedMotion: this.still ? "reduce" : "no-preference",
      viewport: this.size,
      storageState: { cookies: [], origins: [{ origin: this.origin, localStorage }] },
    });
    this.#context.setDefaultTimeout(30_000);
    await this.#context.addInitScript(tellViolations);
  }

  /** Opens a window; the first one, and every later one. @returns {Promise<import("playwright-core").Page>} */
  async newWindow(path = "/") {
    const page = await this.#context.newPage();
    const complain = (line) => {
      if (!this.excuse(line)) this.complaints.push(`${this.name}: ${line}`);
    };
    page.on("pageerror", (error) => complain(`error: ${error.stack ?? error}`));
    page.on("console", (m) => {
      // Opening a chat nobody wrote in yet is answered 404, as the protocol says.
      const empty = m.text().includes("404") && m.location().url.includes("/api/messages?");
      if (m.type() === "error" && !empty) complain(`console: ${m.text()} ${m.location().url}`);
    });
    const host = new URL(this.origin).host;
    const asked = (url) => {
      const to = new URL(url);
      if (to.host !== host && !["data:", "blob:"].includes(to.protocol)) complain(`asked a stranger: ${url}`);
    };
    page.on("request", (request) => asked(request.url()));
    page.on("websocket", (ws) => {
      asked(ws.url());
      ws.on("framereceived", ({ payload }) => (this.hellos += String(payload).includes('"hello"') ? 1 : 0));
    });
    await page.goto(this.origin + path);
    return page;
  }

  /** Opens the app in the window the story looks at. */
  async open(path = "/") {
    this.page = await this.newWindow(path);
    if (this.token) await this.see("search-input");
  }

  pages() {
    return this.#context?.pages() ?? [];
  }

  async leave() {
    await this.#context?.close();
  }

  /** @param {string} testid @param {string} [more] further conditions of the selector */
  at(testid, more = "", page = this.page) {
    return page.locator(`[data-testid="${testid}"]${more}`);
  }

  async press(testid, more = "", page = this.page) {
    await this.at(testid, more, page).first().click();
  }

  /** Waits until something is shown. */
  async see(testid, more = "", page = this.page) {
    await this.at(testid, more, page).first().waitFor({ state: "visible" });
  }

  /** Waits until something is not shown. */
  async miss(testid, more = "", page = this.page) {
    await this.at(testid, more, page).first().waitFor({ state: "hidden" });
  }

  /** Makes the account through the page. */
  async register() {
    await this.press("auth-switch");
    await this.at("auth-username").fill(this.name);
    await this.at("auth-password").fill(PASSWORD);
    await this.at("auth-consent").check();
    await this.press("auth-submit");
    await this.see("search-input");
    const session = await this.page.evaluate(() => JSON.parse(localStorage.getItem("payambar:session")));
    Object.assign(this, { token: session.token, id: session.user_id });
  }

  async logIn() {
    await this.at("auth-username").fill(this.name);
    await this.at("auth-password").fill(PASSWORD);
    await this.press("auth-submit");
    await this.see("search-input");
  }

  /** Finds somebody by name and opens the chat. @param {Person} other */
  async find(other) {
    await this.at("search-input").fill(other.name);
    await this.at("person-row", `[data-username="${other.name}"]`).or(this.at("chat-row", `[data-username="${other.name}"]`)).first().click();
    await this.see("composer");
  }

  /** Opens the chat by its address. @param {Person} other */
  async openChat(other, page = this.page) {
    await page.goto(`${this.origin}/c/${other.name}`);
    await this.see("composer", "", page);
    await this.isConnected(page);
  }

  /** Presence is asked over the socket: once it is known, the socket is up. */
  async isConnected(page = this.page) {
    await page.locator('[data-presence="online"], [data-presence="offline"]').first().waitFor();
  }

  async write(text) {
    await this.at("composer").fill(text);
    await this.press("send");
  }

  /** Messages with that text. */
  bubbles(text, page = this.page) {
    return this.at("message", "", page).filter({ hasText: text });
  }

  /** Waits for a message, and for its mark where one is named. */
  async sees(text, status = "", page = this.page) {
    const more = status ? `[data-status="${status}"]` : "";
    await this.at("message", more, page).filter({ hasText: text }).first().waitFor();
  }

  async callIs(state, page = this.page) {
    await this.see("call-status", `[data-state="${state}"]`, page);
  }

  /** The call is over and its words are put away. */
  async callIsGone(page = this.page) {
    await until(`${this.name} has no call`, async () => {
      if (await this.at("call-close", "", page).count()) await this.press("call-close", "", page).catch(() => {});
      return (await this.at("call-status", "", page).count()) === 0 && (await page.evaluate(() => window.__payambar.pc === null));
    });
  }

  /** The entry the call left in the chat; exactly one in this chat. */
  async seesEntry(outcome, mine) {
    const entries = this.at("call-entry");
    await this.at("call-entry", `[data-outcome="${outcome}"][data-mine="${mine}"]`).waitFor({ state: "attached" });
    assert.equal(await entries.count(), 1, `${this.name} sees one entry`);
  }

  stats(page = this.page) {
    return page.evaluate(look);
  }

  /** Sound arrives, and it is more than silence. */
  async hears(page = this.page) {
    const first = await until(`${this.name} gets packets`, async () => {
      const now = await this.stats(page);
      return now && now.packets > 0 && now;
    });
    return until(`${this.name} hears sound`, async () => {
      const now = await this.stats(page);
      return now && now.packets > first.packets + 25 && now.energy > first.energy + LOUD && now;
    });
  }

  /** Packets arrive, but for as long as three beeps take there is no sound in them. */
  async hearsSilence(page = this.page) {
    let from = null;
    await until(`${this.name} hears nothing`, async () => {
      const now = await this.stats(page);
      if (!from || now.energy > from.energy + LOUD / 10) from = now;
      return now.packets > from.packets + SILENT_PACKETS;
    });
  }
}

/** Energy (square of the level, times seconds) that no silence reaches. */
const LOUD = 1e-5;
/** 20 ms each. */
const SILENT_PACKETS = 150;
