// Two people meet and write to each other.

import assert from "node:assert/strict";
import { story, world } from "./world.js";
import { until } from "./until.js";

const it = world();

story(it, "two people register, find each other and see the marks go from sent to delivered to read", async (cast) => {
  const sara = await cast.stranger("sara");
  const omid = await cast.stranger("omid");
  await Promise.all([sara.open(), omid.open()]);
  await Promise.all([sara.register(), omid.register()]);
  await omid.page.close();

  await sara.find(omid);
  await sara.write("سلام امید");
  await sara.sees("سلام امید", "sent");
  await omid.open();
  await sara.sees("سلام امید", "delivered");
  await omid.press("chat-row", `[data-username="${sara.name}"]`);
  await omid.sees("سلام امید");
  await sara.sees("سلام امید", "read");

  await omid.write("hello Sara");
  await sara.sees("hello Sara");
  await omid.sees("hello Sara", "read");
});

story(it, "who answers before a look counts as reading has read, here and after a reload", async (cast) => {
  const [sara, omid] = await cast.pair();
  await omid.write("are you there?");
  // In the page, so that the answer is out long before the look counts.
  await sara.page.evaluate(() => {
    const log = document.querySelector("main.chat");
    const answer = () => {
      if (!log?.textContent?.includes("are you there?")) return;
      watch.disconnect();
      const field = document.querySelector('[data-testid="composer"]');
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, "yes");
      field.dispatchEvent(new Event("input", { bubbles: true }));
      requestAnimationFrame(() => document.querySelector('[data-testid="send"]').click());
    };
    const watch = new MutationObserver(answer);
    watch.observe(log, { subtree: true, childList: true, characterData: true });
    answer();
  });
  await omid.sees("yes");
  await omid.sees("are you there?", "read");
  await sara.page.goto(`${sara.origin}/`);
  await sara.see("chat-row");
  assert.equal(await sara.page.locator('[data-testid="chat-row"] .badge').count(), 0);
});

story(it, "a second window of one person shows the same, and a reload keeps all", async (cast) => {
  const [sara, omid] = await cast.pair();
  const second = await sara.newWindow(`/c/${omid.name}`);
  await sara.isConnected(second);
  await sara.write("از پنجرهٔ نخست");
  await sara.sees("از پنجرهٔ نخست", "read", second);
  await omid.write("برای هر دو");
  await Promise.all([sara.sees("برای هر دو"), sara.sees("برای هر دو", "", second)]);

  const seen = (page) => page.locator('[data-testid="message"]').evaluateAll((all) => all.map((m) => [m.dataset.messageId, m.dataset.status, m.dataset.mine]));
  await omid.sees("برای هر دو", "read");
  const before = await seen(sara.page);
  assert.equal(before.length, 2);
  assert.deepEqual(await seen(second), before);
  await sara.page.reload();
  await sara.sees("برای هر دو");
  await sara.sees("از پنجرهٔ نخست", "read");
  assert.deepEqual(await seen(sara.page), before);
});

story(it, "logging out leads to the form, and logging in brings the chats back", async (cast) => {
  const [sara, omid] = await cast.pair();
  await sara.write("پیش از رفتن");
  await sara.sees("پیش از رفتن", "read");
  await sara.press("settings-open");
  await sara.press("logout");
  await sara.press("logout-confirm");
  await sara.see("auth-username");
  assert.equal(await sara.at("auth-notice").count(), 0, "leaving is not called an ended session");
  assert.equal(await sara.page.evaluate(() => localStorage.getItem("payambar:session")), null);
  await assert.rejects(it.server.ask("GET", "/profile", { token: sara.token }), /401/);
  await sara.logIn();
  await sara.press("chat-row", `[data-username="${omid.name}"]`);
  await sara.sees("پیش از رفتن", "read");
});

story(it, "a wrong password is answered in words, under the form", async (cast) => {
  const sara = await cast.stranger("sara", { excuse: (line) => line.includes("401") });
  await sara.open();
  await sara.at("auth-username").fill(sara.name);
  await sara.at("auth-password").fill("not the password");
  await sara.press("auth-submit");
  await sara.see("auth-error");
});

story(it, "what was written while the server was down arrives once, after it is back", async (cast) => {
  // The browser says that the server does not answer; nothing else may go wrong.
  const away = { excuse: (line) => /WebSocket connection|ERR_CONNECTION_REFUSED/.test(line) };
  const [sara, omid] = await cast.pair(away);
  await sara.write("پیش از قطع");
  await omid.sees("پیش از قطع");

  await it.server.kill();
  await sara.see("offline-bar");
  await sara.write("در زمان قطع");
  await sara.sees("در زمان قطع", "waiting");
  await it.server.start();
  await sara.sees("در زمان قطع", "read");
  await omid.sees("در زمان قطع");
  await sara.miss("offline-bar");

  await Promise.all([sara.page.reload(), omid.page.reload()]);
  for (const person of [sara, omid]) {
    await person.sees("در زمان قطع");
    assert.equal(await person.bubbles("در زمان قطع").count(), 1);
  }
  const { messages } = await it.server.ask("GET", `/messages?user_id=${omid.id}`, { token: sara.token });
  assert.deepEqual(messages.map((m) => m.content), ["پیش از قطع", "در زمان قطع"]);
});

story(it, "a server killed in the middle of a burst loses nothing and doubles nothing", async (cast) => {
  const away = { excuse: (line) => /WebSocket connection|ERR_CONNECTION_REFUSED/.test(line) };
  const [sara, omid] = await cast.pair(away);
  const burst = Array.from({ length: 20 }, (_, i) => `burst-${i}-end`);
  for (const text of burst.slice(0, 10)) await sara.write(text);
  const killed = it.server.kill();
  for (const text of burst.slice(10)) await sara.write(text);
  await killed;
  await it.server.start();
  for (const text of burst) await omid.sees(text);
  const { messages } = await it.server.ask("GET", `/messages?user_id=${omid.id}`, { token: sara.token });
  assert.deepEqual(messages.map((m) => m.content), burst);
  await until("every message has its mark", async () => (await sara.at("message", '[data-status="waiting"]').count()) === 0);
  assert.equal(await sara.at("message").count(), burst.length);
  assert.equal(await omid.at("message").count(), burst.length);
});
