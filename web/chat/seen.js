// When people were last there. Pure.

/**
 * @typedef {ReadonlyMap<number, number>} Seen  by person, in ms; only of those who are away and say so
 * @typedef {import("../core/wire.js").PresenceFrame} PresenceFrame
 */

/** What is known after a frame: one without a time takes back what was said before. @param {Seen} seen @param {PresenceFrame} frame @returns {Seen} */
export function seenAfter(seen, { user_id, online, last_seen }) {
  const at = online ? 0 : Date.parse(last_seen) || 0;
  if (at === (seen.get(user_id) ?? 0)) return seen;
  const next = new Map(seen);
  if (at) next.set(user_id, at);
  else next.delete(user_id);
  return next;
}
