// Files on their way to the server: one at a time, with progress, and a way to stop.

import { signal } from "../vendor/preact.js";
import * as api from "../core/api.js";
import { newId } from "../core/uuid.js";
import { next } from "./files.js";

/** @typedef {import("./files.js").Upload} Upload */

/** @type {import("../vendor/preact.js").Signal<readonly Upload[]>} */
export const uploads = signal(/** @type {readonly Upload[]} */ ([]));

/** The files themselves, by id. @type {Map<string, File>} */
const files = new Map();
/** @type {{cid: string, cancel: () => void} | null} */
let running = null;

/** @param {import("./files.js").UploadEvent} e */
function apply(e) {
  uploads.value = next(uploads.peek(), e);
}

/** @param {number} peerId @param {Iterable<File>} picked */
export function attach(peerId, picked) {
  for (const file of picked) {
    const cid = newId();
    files.set(cid, file);
    apply({ t: "start", upload: { cid, peerId, name: file.name, size: file.size, sent: 0, code: "", limit: 0 } });
  }
  void work();
}

/** Takes it up again under its first id, so that it arrives once at most. @param {string} cid */
export function again(cid) {
  apply({ t: "again", cid });
  void work();
}

/** @param {string} cid */
export function stop(cid) {
  if (running?.cid === cid) running.cancel();
  files.delete(cid);
  apply({ t: "gone", cid });
}

/** Nothing of one person stays for the next. */
export function forgetUploads() {
  for (const { cid } of uploads.peek()) stop(cid);
}

async function work() {
  if (running) return;
  for (;;) {
    const upload = uploads.peek().find((u) => !u.code);
    const file = upload && files.get(upload.cid);
    if (!upload || !file) return;
    const { cid, peerId } = upload;
    const sending = api.upload(peerId, file, cid, (sent) => apply({ t: "sent", cid, sent }));
    running = { cid, cancel: sending.cancel };
    try {
      await sending.done;
      stop(cid);
    } catch (error) {
      const { code, limit } = error instanceof api.ApiError ? error : { code: "internal", limit: 0 };
      apply({ t: "failed", cid, code, limit });
    } finally {
      running = null;
    }
  }
}
