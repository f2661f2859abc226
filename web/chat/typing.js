// Who writes: what to tell of one's own writing, and how long to believe others. Pure.

/**
 * @typedef {{to: number, at: number}} Told  `to` is 0 while nobody is told
 * @typedef {ReadonlyMap<number, number>} Writers  by person, until when it holds
 */

/** The server forgets after 5 s, so it is told again before. */
const AGAIN_MS = 3_000;
/** A little longer than the server's: it says the end itself, unless that got lost. */
const HOLDS_MS = 6_000;

/** @type {Told} */
export const silent = { to: 0, at: 0 };

/**
 * What to say when there is a text to somebody, or none any more.
 * @param {Told} told @param {number} peerId @param {boolean} writes @param {number} now
 * @returns {{state: Told, say: [number, boolean][]}}
 */
export function tell(told, peerId, writes, now) {
  if (!writes) {
    return told.to === peerId ? { state: silent, say: [[peerId, false]] } : { state: told, say: [] };
  }
  if (told.to === peerId && now - told.at < AGAIN_MS) return { state: told, say: [] };
  return { state: { to: peerId, at: now }, say: [[peerId, true]] };
}

/** @param {Writers} writers @param {number} id @param {boolean} active @param {number} now @returns {Writers} */
export function hear(writers, id, active, now) {
  if (!active && !writers.has(id)) return writers;
  const changed = new Map(writers);
  if (active) changed.set(id, now + HOLDS_MS);
  else changed.delete(id);
  return changed;
}

/** @param {Writers} writers @param {number} now @returns {Writers} */
export const expire = (writers, now) => new Map([...writers].filter(([, until]) => until > now));
