// Who has which picture: whatever tells of a person tells of it too.

import { signal } from "../vendor/preact.js";

/** Addresses by person; none of somebody without a picture. @type {import("../vendor/preact.js").Signal<ReadonlyMap<number, string>>} */
export const pictures = signal(new Map());

/** Only addresses of the server itself are shown. @param {number} id @param {unknown} url */
export function remember(id, url) {
  const known = pictures.peek().get(id) ?? "";
  const now = typeof url === "string" && url.startsWith("/api/files/") ? url : "";
  if (now === known) return;
  const next = new Map(pictures.peek());
  if (now) next.set(id, now);
  else next.delete(id);
  pictures.value = next;
}
