// What a file is to a reader, and files on their way to the server. Pure: no document, no timers, no requests.

/** @typedef {import("../core/wire.js").File} File */
/** @typedef {"picture" | "voice" | "sound" | "film" | "other"} Kind */

/** What the server lets a browser show where it stands. */
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];

/** @param {{type: string, name: string}} file @returns {Kind} */
export function kindOf({ type, name }) {
  if (PICTURES.includes(type)) return "picture";
  if (type.startsWith("audio/")) return name.startsWith("voice-") ? "voice" : "sound";
  return type.startsWith("video/") ? "film" : "other";
}

/**
 * A file on its way: `code` says why it stopped.
 * @typedef {{cid: string, peerId: number, name: string, size: number, sent: number, code: string, limit: number}} Upload
 * @typedef {{t: "start", upload: Upload} | {t: "sent", cid: string, sent: number} | {t: "failed", cid: string, code: string, limit: number}
 *   | {t: "again", cid: string} | {t: "gone", cid: string}} UploadEvent
 */

/** @param {readonly Upload[]} list @param {string} cid @param {Partial<Upload>} change */
const edit = (list, cid, change) => list.map((u) => (u.cid === cid ? { ...u, ...change } : u));

/** @param {readonly Upload[]} list @param {UploadEvent} e @returns {readonly Upload[]} */
export function next(list, e) {
  switch (e.t) {
    case "start": return [...list, e.upload];
    case "sent": return edit(list, e.cid, { sent: e.sent });
    case "failed": return edit(list, e.cid, { code: e.code, limit: e.limit });
    case "again": return edit(list, e.cid, { code: "", sent: 0 });
    case "gone": return list.filter((u) => u.cid !== e.cid);
  }
}

/** How far it is, 0-100. The last step is the server's. @param {Upload} u @returns {number} */
export const percent = (u) => Math.min(99, Math.floor((100 * u.sent) / Math.max(1, u.size)));

/** Bytes in a unit a person counts in. @param {number} bytes @returns {{n: number, unit: "byte" | "kilobyte" | "megabyte"}} */
export function amount(bytes) {
  if (bytes < 1024) return { n: bytes, unit: "byte" };
  if (bytes < 1024 * 1024) return { n: Math.round(bytes / 1024), unit: "kilobyte" };
  return { n: Math.round(bytes / 1024 / 102.4) / 10, unit: "megabyte" };
}
