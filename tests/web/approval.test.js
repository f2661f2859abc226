// Making an account where an operator lets people in, and a token that is renewed behind the scenes.

import { PASSWORD } from "./person.js";
import { until } from "./until.js";
import { story, world } from "./world.js";

const it = world({ REGISTRATION: "approval" });
const open = world();

story(it, "who asks for an account is told to wait, and is led to the log-in", async (cast) => {
  // The refusal is what this is about.
  const sara = await cast.stranger("sara", { excuse: (line) => line.includes("403") });
  await sara.open();
  await sara.press("auth-switch");
  await sara.see("auth-approval");
  await sara.at("auth-username").fill(sara.name);
  await sara.at("auth-password").fill(PASSWORD);
  await sara.at("auth-consent").check();
  await sara.press("auth-submit");
  await sara.see("auth-pending");
  await sara.miss("auth-consent");
});

story(open, "a token that is refused is renewed, in both windows, and nobody is signed out", async (cast) => {
  const sara = await cast.stranger("sara", { excuse: (line) => /401|WebSocket connection/.test(line) });
  await sara.open();
  await sara.register();
  const other = await sara.newWindow();
  await sara.see("search-input", "", other);
  const held = () => sara.page.evaluate(() => JSON.parse(localStorage.getItem("payambar:session") ?? "null")?.token ?? "");
  await sara.page.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("payambar:session"));
    localStorage.setItem("payambar:session", JSON.stringify({ ...session, token: "bad" }));
  });
  await Promise.all([sara.page.reload(), other.reload()]);
  await until("the token is renewed", async () => !["", "bad"].includes(await held()));
  for (const page of [sara.page, other]) await sara.see("search-input", "", page);
});
