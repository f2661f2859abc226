// Files between two people: pictures that open, sound that plays, the rest to fetch.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { until } from "./until.js";
import { SHOTS, story, world } from "./world.js";

const it = world({ MAX_UPLOAD_SIZE: "100000" });
const icon = readFileSync(new URL("../../web/icons/icon-512.png", import.meta.url));

/** Half a second of silence, as WAV. */
function silence() {
  const head = Buffer.from("RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\xa0\x0f\0\0", "latin1");
  return Buffer.concat([head, Buffer.alloc(4000, 128)]);
}

/** @param {import("./person.js").Person} person @param {{name: string, mimeType: string, buffer: Buffer}[]} files */
const pick = (person, files) => person.page.locator('[data-testid="picker"]').setInputFiles(files);

story(it, "a picture, a sound and a document arrive as what they are", async (cast) => {
  const [sara, omid] = await cast.pair();
  await pick(sara, [
    { name: "نشان.png", mimeType: "image/png", buffer: icon },
    { name: "beep.wav", mimeType: "audio/wav", buffer: silence() },
    { name: "page.html", mimeType: "text/html", buffer: Buffer.from("<script>alert(1)</script>") },
  ]);
  for (const person of [sara, omid]) {
    await person.see("picture");
    await person.see("sound");
    await person.see("file");
    await until(`${person.name} sees the picture`, () =>
      person.page.locator('[data-testid="picture"] img').evaluate((img) => img.complete && img.naturalWidth > 0));
    await until(`${person.name} could play the sound`, () =>
      person.page.locator('[data-testid="sound"]').evaluate((audio) => audio.duration > 0.4));
  }
  await sara.miss("upload");
  const [download] = await Promise.all([omid.page.waitForEvent("download"), omid.press("file", '[download="page.html"]')]);
  assert.equal(download.suggestedFilename(), "page.html");
  const [opened] = await Promise.all([omid.page.waitForEvent("popup"), omid.press("picture")]);
  await opened.waitForLoadState();
  assert.match(opened.url(), /\/api\/files\/[0-9a-f]{32}\?/);
  assert.doesNotMatch(opened.url(), /token/);
  if (process.env.SHOTS) await omid.page.screenshot({ path: `${SHOTS}files.png` });
});

story(it, "a person's picture is chosen in the settings and seen by the other", async (cast) => {
  const [sara, omid] = await cast.pair();
  await sara.write("سلام");
  await omid.sees("سلام");
  await sara.press("settings-open");
  await sara.page.locator('[data-testid="picture-picker"]').setInputFiles([{ name: "me.png", mimeType: "image/png", buffer: icon }]);
  await sara.see("picture-remove");
  await omid.page.reload();
  const face = omid.page.locator('[data-testid="chat-row"] .av img');
  await until("omid sees her picture", () => face.evaluate((img) => img.complete && img.naturalWidth > 0));
  if (process.env.SHOTS) await sara.page.screenshot({ path: `${SHOTS}picture.png` });
  await sara.press("picture-remove");
  await sara.miss("picture-remove");
  await omid.page.reload();
  await omid.see("chat-row");
  assert.equal(await face.count(), 0);
});

story(it, "a file that is too large says so and can be let go", async (cast) => {
  const excuse = (/** @type {string} */ line) => line.includes("400") && line.includes("/api/upload");
  const [sara, omid] = await cast.pair({ excuse });
  await pick(sara, [{ name: "large.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(150_000, 7) }]);
  await sara.see("upload", '[data-code="file_too_large"]');
  if (process.env.SHOTS) await sara.page.screenshot({ path: `${SHOTS}files-refused.png` });
  await sara.press("upload-stop");
  await sara.miss("upload");
  await sara.write("پس از آن");
  await omid.sees("پس از آن");
  await omid.miss("file");
});
