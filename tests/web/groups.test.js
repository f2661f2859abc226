// Groups: made, written in, read by all, joined by link, looked after, and left.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { tooWide } from "./wide.js";
import { until } from "./until.js";
import { SHOTS, story, world } from "./world.js";

const it = world();

/** @returns {Promise<Record<string, string>>} */
const words = async (lang) => JSON.parse(await readFile(new URL(`../../web/lang/${lang}.json`, import.meta.url), "utf8"));

/** Makes a group through the page. @param {import("./person.js").Person} owner @param {string} name @param {import("./person.js").Person[]} people */
async function makeGroup(owner, name, people = []) {
  await owner.press("new-group-open");
  await owner.at("group-name").fill(name);
  for (const person of people) {
    await owner.at("picker-search").fill(person.name);
    await owner.press("pick", `[data-username="${person.name}"]`);
    await owner.see("chosen", `[data-username="${person.name}"]`);
  }
  await owner.press("group-create");
  await owner.see("composer");
  await owner.see("group-count", `[data-n="${people.length + 1}"]`);
  return Number(/\/g\/(\d+)$/.exec(new URL(owner.page.url()).pathname)?.[1]);
}

const enter = async (person, id) => {
  await person.press("chat-row", `[data-group="${id}"]`);
  await person.see("composer");
};

/** Opens the row of a member in the details. */
const member = async (person, of) => {
  if ((await person.at("group-details").count()) === 0) await person.press("group-open");
  await person.at("member", `[data-username="${of.name}"]`).locator("button").first().click();
};

const event = (person, change) => person.at("event", `[data-change="${change}"]`).last();

story(it, "a group is made with two people; what is written reaches them once, under its writer's name", async (cast) => {
  const [sara, omid, reza] = await Promise.all([cast.person("sara"), cast.person("omid"), cast.person("reza")]);
  const id = await makeGroup(sara, "خانوادهٔ ما", [omid, reza]);
  await sara.write("سلام به همه");
  for (const person of [omid, reza]) {
    await person.at("chat-row", `[data-group="${id}"]`).filter({ hasText: "سلام به همه" }).filter({ hasText: sara.name }).waitFor();
    assert.equal(await person.page.locator(`[data-group="${id}"] .badge`).textContent().then((s) => s.slice(0, 1)), "۱");
    await enter(person, id);
    await person.sees("سلام به همه");
    await person.at("from").filter({ hasText: sara.name }).waitFor();
  }
  await omid.write("من هم هستم");
  for (const person of [sara, reza]) {
    await person.sees("من هم هستم");
    assert.equal(await person.bubbles("من هم هستم").count(), 1);
  }
  await Promise.all([sara, omid, reza].map((person) => person.page.reload()));
  for (const person of [sara, omid, reza]) {
    await person.sees("من هم هستم");
    assert.equal(await person.at("message").count(), 2, "what was said is there once after a reload");
  }
  const { messages } = await it.server.ask("GET", `/messages?conversation_id=${id}`, { token: omid.token });
  assert.deepEqual(messages.filter((m) => m.kind !== "event").map((m) => m.content), ["سلام به همه", "من هم هستم"]);
});

story(it, "P4: a mark waits for the last of three people, and the message says who has read it", async (cast) => {
  const [sara, omid, reza] = await Promise.all([cast.person("sara"), cast.person("omid"), cast.person("reza")]);
  const id = await makeGroup(sara, "سه نفر", [omid, reza]);
  await reza.see("chat-row", `[data-group="${id}"]`);
  await reza.page.close();
  await sara.write("کی می‌رسید؟");
  await enter(omid, id);
  await omid.sees("کی می‌رسید؟");
  await sara.sees("کی می‌رسید؟", "sent");
  await sara.press("message-info-open");
  await sara.see("receipt-readBy", ` [data-username="${omid.name}"]`);
  await sara.see("receipt-waitingFor", ` [data-username="${reza.name}"]`);
  await reza.open();
  await sara.see("receipt-deliveredTo", ` [data-username="${reza.name}"]`);
  await sara.page.keyboard.press("Escape");
  await sara.miss("message-info");
  await sara.sees("کی می‌رسید؟", "delivered");
  await enter(reza, id);
  await sara.sees("کی می‌رسید؟", "read");
  await sara.page.goto(`${sara.origin}/`);
  await sara.page.locator(`[data-group="${id}"] .mark.read`).waitFor();
});

story(it, "who writes in a group is named to the others", async (cast) => {
  const [sara, omid] = await Promise.all([cast.person("sara"), cast.person("omid")]);
  const id = await makeGroup(sara, "نوشتن", [omid]);
  await enter(omid, id);
  await omid.at("composer").fill("د");
  await sara.page.locator('main [data-testid="typing"]').filter({ hasText: omid.name }).waitFor();
  await omid.at("composer").fill("");
  await sara.page.locator('main [data-testid="typing"]').waitFor({ state: "hidden" });
});

story(it, "a link leads into the group in two taps, a stranger after making an account; an ended link leads nowhere", async (cast) => {
  // A group without a link, and a link that has ended, are answered 404, as the protocol says.
  const excuse = (line) => line.includes("404") && /\/groups\/(\d+\/link|join\/)/.test(line);
  const [sara, omid] = await Promise.all([cast.person("sara", { excuse }), cast.person("omid", { excuse })]);
  const id = await makeGroup(sara, "کوه‌نوردی");
  await sara.press("group-open");
  await sara.press("link-make");
  await sara.see("link-qr");
  const address = await sara.at("link-address").textContent();
  const path = new URL(address).pathname;

  await omid.page.goto(omid.origin + path);
  await omid.at("join-name").filter({ hasText: "کوه‌نوردی" }).waitFor();
  await omid.press("join-enter");
  await omid.see("composer");
  assert.equal(new URL(omid.page.url()).pathname, `/g/${id}`);
  await event(sara, "joined").filter({ hasText: omid.name }).waitFor();

  const reza = await cast.stranger("reza");
  await reza.open(path);
  await reza.press("join-enter");
  await reza.press("auth-switch");
  await reza.at("auth-username").fill(reza.name);
  await reza.at("auth-password").fill("گذرواژهٔ دراز");
  await reza.at("auth-consent").check();
  await reza.press("auth-submit");
  await reza.press("join-enter");
  await reza.see("composer");
  await reza.write("از پیوند آمدم");
  await sara.sees("از پیوند آمدم");

  await sara.press("link-renew");
  await sara.press("link-confirm");
  await until("the link is another one", async () => (await sara.at("link-address").textContent()) !== address);
  await omid.page.goto(omid.origin + path);
  await omid.see("join-problem");
  await sara.press("link-end");
  await sara.press("link-confirm");
  await sara.see("link-make");
});

story(it, "roles: an admin is made, looks after the group, and the group is handed over before its owner goes", async (cast) => {
  const excuse = (line) => line.includes("404") && line.includes("/link");
  const [sara, omid, reza] = await Promise.all([cast.person("sara", { excuse }), cast.person("omid", { excuse }), cast.person("reza", { excuse })]);
  const id = await makeGroup(sara, "هیئت", [omid]);
  await enter(omid, id);
  await omid.press("group-open");
  await omid.see("group-leave");
  assert.equal(await omid.at("member-add").count(), 0, "a member cannot add");
  await member(sara, omid);
  await sara.press("member-promote");
  await sara.see("member", `[data-username="${omid.name}"][data-role="admin"]`);
  await omid.see("member-add");

  await omid.press("member-add");
  await omid.at("picker-search").fill(reza.name);
  await omid.press("pick", `[data-username="${reza.name}"]`);
  await omid.press("add-confirm");
  await omid.see("member", `[data-username="${reza.name}"]`);
  await enter(reza, id);
  await event(reza, "added").waitFor();

  await omid.press("group-rename");
  await omid.at("group-new-name").fill("هیئت کوه");
  await omid.press("group-save-name");
  await sara.at("group-title").filter({ hasText: "هیئت کوه" }).waitFor();
  await event(reza, "renamed").filter({ hasText: "هیئت کوه" }).waitFor();

  assert.equal(await sara.at("group-leave").count(), 0, "an owner cannot just go");
  await sara.press("member-owner");
  await sara.press("member-confirm");
  await sara.see("member", `[data-username="${omid.name}"][data-role="owner"]`);
  await sara.press("group-leave");
  await sara.press("group-confirm");
  await sara.see("search-input");
  await until("the group is not in her list", async () => (await sara.at("chat-row", `[data-group="${id}"]`).count()) === 0);
  await event(reza, "left").filter({ hasText: sara.name }).waitFor();
});

story(it, "who is put out is told so, can write no more, and hears nothing after it", async (cast) => {
  const excuse = (line) => line.includes("404") && line.includes("/link");
  const [sara, omid] = await Promise.all([cast.person("sara", { excuse }), cast.person("omid")]);
  const id = await makeGroup(sara, "کوچک", [omid]);
  await enter(omid, id);
  await omid.write("پیش از رفتن");
  await sara.sees("پیش از رفتن");
  await member(sara, omid);
  await sara.press("member-remove");
  await sara.press("member-confirm");
  await omid.see("group-over", '[data-over="kicked"]');
  assert.equal(await omid.at("composer").count(), 0);
  await sara.write("پس از رفتن");
  await sara.sees("پس از رفتن", "sent");
  assert.equal(await omid.bubbles("پس از رفتن").count(), 0);
  await sara.press("member-add");
  await sara.at("picker-search").fill(omid.name);
  await sara.press("pick", `[data-username="${omid.name}"]`);
  await sara.press("add-confirm");
  await omid.see("composer");
  await sara.write("دوباره خوش آمدی");
  await omid.sees("دوباره خوش آمدی");
  assert.equal(await omid.bubbles("پس از رفتن").count(), 0, "what was said without him is not his");
});

story(it, "a group is deleted by its owner with its name typed, and the others are told", async (cast) => {
  const excuse = (line) => line.includes("404") && line.includes("/link");
  const [sara, omid] = await Promise.all([cast.person("sara", { excuse }), cast.person("omid")]);
  const id = await makeGroup(sara, "موقت", [omid]);
  await enter(omid, id);
  await sara.press("group-open");
  await sara.press("group-delete");
  await sara.at("group-typed").fill("چیز دیگر");
  await sara.press("group-confirm");
  await sara.page.locator(".dialog .error").waitFor();
  await omid.see("composer");
  await sara.at("group-typed").fill("موقت");
  await sara.press("group-confirm");
  await omid.see("group-over", '[data-over="deleted"]');
  await omid.press("group-put-away");
  for (const person of [sara, omid]) {
    await person.see("search-input");
    await until("it is in no list", async () => (await person.at("chat-row", `[data-group="${id}"]`).count()) === 0);
  }
});

story(it, "a long history comes page by page, and what was read stays read after a reload", async (cast) => {
  const [sara, omid] = await Promise.all([cast.person("sara"), cast.person("omid")]);
  const id = await makeGroup(sara, "پرحرف", [omid]);
  for (let i = 1; i <= 70; i += 1) await sara.write(`line-${i}-end`);
  await sara.sees("line-70-end", "delivered");
  await enter(omid, id);
  // It opens where the unread ones begin.
  const newest = sara.page.locator('[data-testid="message"][data-status="read"]').filter({ hasText: "line-70-end" });
  await until("the newest was read", async () => {
    // While it opens it may still take its place at the unread ones.
    if (await omid.at("jump").isVisible()) await omid.press("jump");
    return (await newest.count()) === 1;
  });
  await omid.page.reload();
  await omid.sees("line-70-end");
  assert.equal(await omid.page.locator(`[data-group="${id}"] .badge`).count(), 0);
  assert.equal(await omid.bubbles("line-1-end").count(), 0, "the first page does not reach that far");
  await until("the top was reached", async () => {
    await omid.page.locator(".log").evaluate((log) => (log.scrollTop = 0));
    return (await omid.bubbles("line-1-end").count()) === 1;
  });
  const texts = await omid.at("message").evaluateAll((all) => all.map((m) => /line-(\d+)-end/.exec(m.textContent)?.[1]));
  assert.deepEqual(texts, Array.from({ length: 70 }, (_, i) => String(i + 1)), "each once, in order");
});

story(it, "from twenty members on the members can be searched", async (cast) => {
  const excuse = (line) => line.includes("404") && line.includes("/link");
  const sara = await cast.person("sara", { excuse });
  const id = await makeGroup(sara, "شلوغ");
  const names = Array.from({ length: 19 }, (_, i) => cast.name(`m${i}`));
  await Promise.all(names.map(async (username) => {
    const { user_id } = await it.server.ask("POST", "/auth/register", { body: { username, password: "گذرواژهٔ دراز" } });
    await it.server.ask("POST", `/groups/${id}/members`, { token: sara.token, body: { user_id } });
  }));
  await sara.see("group-count", '[data-n="20"]');
  await sara.press("group-open");
  await until("all are listed", async () => (await sara.at("member").count()) === 20);
  await sara.at("member-search").fill(names[7]);
  await until("one is left", async () => (await sara.at("member").count()) === 1);
  await sara.see("member", `[data-username="${names[7]}"]`);
});

story(it, "a file goes to the whole group", async (cast) => {
  const [sara, omid] = await Promise.all([cast.person("sara"), cast.person("omid")]);
  const id = await makeGroup(sara, "پرونده‌ها", [omid]);
  await enter(omid, id);
  await sara.page.locator('[data-testid="picker"]').setInputFiles([{ name: "برنامه.txt", mimeType: "text/plain", buffer: Buffer.from("09:00") }]);
  await omid.see("file");
  const [download] = await Promise.all([omid.page.waitForEvent("download"), omid.press("file")]);
  assert.equal(download.suggestedFilename(), "برنامه.txt");
});

story(it, "what was written in a group while the server was down arrives once, after it is back", async (cast) => {
  const away = { excuse: (line) => /WebSocket connection|ERR_CONNECTION_REFUSED/.test(line) };
  const [sara, omid] = await Promise.all([cast.person("sara", away), cast.person("omid", away)]);
  const id = await makeGroup(sara, "پایدار", [omid]);
  await enter(omid, id);
  await it.server.kill();
  await sara.see("offline-bar");
  await sara.write("در زمان قطع");
  await sara.sees("در زمان قطع", "waiting");
  await it.server.start();
  await omid.sees("در زمان قطع");
  await sara.sees("در زمان قطع", "read");
  assert.equal(await omid.bubbles("در زمان قطع").count(), 1);
  assert.equal(await sara.bubbles("در زمان قطع").count(), 1);
});

/** Those who fill the pictures, and what they say. */
async function lively(cast, options) {
  const excuse = (line) => line.includes("404") && line.includes("/link");
  const [sara, omid, reza] = await Promise.all([cast.person("sara", { ...options, excuse }), cast.person("omid"), cast.person("reza_with_a_long_name")]);
  const id = await makeGroup(sara, "خانوادهٔ ما", [omid, reza]);
  await enter(omid, id);
  await enter(reza, id);
  await omid.write("سلام! فردا ساعت ۹ می‌رسیم؟");
  await omid.write("Meeting فردا ساعت ۱۰");
  await reza.write(`https://example.org/${"long".repeat(30)} The train leaves at 9:15.`);
  await sara.sees("The train leaves");
  await sara.write("بله، ساعت ۹ دم در هستم.");
  await omid.sees("دم در");
  await sara.sees("دم در", "read");
  return { sara, omid, reza, id };
}

for (const lang of /** @type {const} */ (["fa", "en"])) {
  story(it, `nothing of a group is wider than the window at 320, 390, 768 and 1280 in ${lang}`, async (cast) => {
    const { sara, id } = await lively(cast, { lang, still: true });
    /** @type {string[]} */
    const wide = [];
    const look = async (view, width) => {
      for (const what of await sara.page.evaluate(tooWide)) wide.push(`${view} at ${width}: ${what}`);
    };
    for (const width of [320, 390, 768, 1280]) {
      await sara.page.setViewportSize({ width, height: 800 });
      await sara.page.goto(`${sara.origin}/g/${id}`);
      await sara.sees("دم در");
      await look("group", width);
      await sara.press("message-info-open");
      await sara.see("receipt-readBy");
      await look("info", width);
      await sara.page.keyboard.press("Escape");
      await sara.press("group-open");
      if (await sara.at("link-make").or(sara.at("link-qr")).first().waitFor().then(() => sara.at("link-make").count())) await sara.press("link-make");
      await sara.see("link-qr");
      await sara.page.locator('[data-testid="member"] [aria-expanded]').last().click();
      await look("details", width);
      await sara.press("member-add");
      await sara.see("add-members");
      await look("add", width);
      await sara.page.goto(`${sara.origin}/`);
      await sara.press("new-group-open");
      await sara.see("group-create");
      await look("new", width);
    }
    assert.deepEqual(wide, []);
  });
}

/** Pictures for the eye; nothing is compared. */
async function shoot(cast, lang, theme, width, height) {
  const { sara, omid, id } = await lively(cast, { lang, theme, width, height, still: true });
  const shot = (view) => sara.page.screenshot({ path: `${SHOTS}group-${view}-${width}-${lang}-${theme}.png` });
  await shot("chat");
  await sara.press("message-info-open");
  await sara.see("receipt-readBy");
  await shot("info");
  await sara.page.keyboard.press("Escape");
  await sara.press("group-open");
  await sara.press("link-make");
  await sara.see("link-qr");
  await shot("details");
  const path = new URL(await sara.at("link-address").textContent()).pathname;
  await sara.page.goto(`${sara.origin}/`);
  await sara.see("chat-row");
  await shot("list");
  await sara.press("new-group-open");
  await sara.at("picker-search").fill("o");
  await sara.press("pick");
  await shot("new");
  await sara.page.goto(sara.origin + path);
  await sara.see("join-name");
  await shot("join");
  await sara.page.goto(`${sara.origin}/g/${id}`);
  await sara.sees("دم در");
  await member(sara, omid);
  await shot("member");
  await sara.press("member-owner");
  await sara.see("member-confirm");
  await shot("handover");
}

if (process.env.SHOTS === "1") {
  await mkdir(SHOTS, { recursive: true });
  for (const [width, height] of [[390, 844], [1280, 800]]) {
    for (const lang of ["fa", "en"]) {
      for (const theme of ["light", "dark"]) {
        story(it, `pictures of a group at ${width}, ${lang}, ${theme}`, (cast) => shoot(cast, lang, theme, width, height));
      }
    }
  }
}

story(it, "everything about a group has its words in the other language too", async (cast) => {
  const { sara, id } = await lively(cast, { lang: "en" });
  const en = await words("en");
  await sara.press("group-open");
  await sara.at("group-details").filter({ hasText: en.deleteGroup }).filter({ hasText: en["role.owner"] }).waitFor();
  await event(sara, "added").filter({ hasText: "You added" }).waitFor();
  assert.ok(id > 0);
});
