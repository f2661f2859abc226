// When somebody was last there stands over the chat, unless one of the two hides it (P2).

import { story, world } from "./world.js";

const it = world();

/** Turns the switch in the settings over. @param {import("./person.js").Person} person @param {boolean} on what it says then */
async function show(person, on) {
  await person.page.goto(`${person.origin}/settings`);
  const told = person.page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.ok());
  await person.press("show-last-seen", `[aria-checked="${!on}"]`);
  await person.see("show-last-seen", `[aria-checked="${on}"]`);
  await told;
}

story(it, "over a chat stands when the other was last there, until one hides it", async (cast) => {
  const [sara, omid] = await cast.pair({ lang: "en" });
  await sara.page.locator('[data-presence="online"]').waitFor();
  await sara.miss("last-seen");
  await omid.page.close();
  await sara.at("last-seen").filter({ hasText: "last seen" }).waitFor();

  // Who hides it does not see it of others.
  await show(sara, false);
  await sara.openChat(omid);
  await sara.page.locator('[data-presence="offline"]').waitFor();
  await sara.miss("last-seen");
  await show(sara, true);
  await sara.openChat(omid);
  await sara.see("last-seen");

  // And is not seen.
  omid.page = await omid.newWindow("/settings");
  await show(omid, false);
  await omid.page.close();
  await sara.openChat(omid);
  await sara.page.locator('[data-presence="offline"]').waitFor();
  await sara.miss("last-seen");
});
