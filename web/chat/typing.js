// Who writes: what to tell of one's own writing, and how long to believe others. Pure.

/**
 * @typedef {{to: number, at: number}} Told  `to` is the chat that is told, 0 for none
 * @typedef {ReadonlyMap<number, ReadonlyMap<number, number>>} Writers  by chat and person, until when it holds
 */

/** The server forgets after 5 s, so it is told again before. */
const AGAIN_MS = 3_000;
/** A little longer than the server's: it says the end itself, unless that got lost. */
const HOLDS_MS = 6_000;

/** @type {Told} */
export const silent = { to: 0, at: 0 };

/**
 * What to say when there is a text in a chat, or none any more.
 * @param {Told} told @param {number} chat @param {boolean} writes @param {number} now
 * @returns {{state: Told, say: [number, boolean][]}}
 */
export function tell(told, chat, writes, now) {
  if (!writes) {
    return told.to === chat ? { state: silent, say: [[chat, false]] } : { state: told, say: [] };
  }
  if (told.to === chat && now - told.at < AGAIN_MS) return { state: told, say: [] };
  return { state: { to: chat, at: now }, say: [[chat, true]] };
}

/** @param {Writers} writers @param {number} chat @param {number} id of the person @param {boolean} active @param {number} now @returns {Writers} */
export function hear(writers, chat, id, active, now) {
  const here = writers.get(chat);
  if (!active && !here?.has(id)) return writers;
  const changed = new Map(here);
  if (active) changed.set(id, now + HOLDS_MS);
  else changed.delete(id);
  return put(writers, chat, changed);
}

/** @param {Writers} writers @param {number} now @returns {Writers} */
export function expire(writers, now) {
  let left = writers;
  for (const [chat, here] of writers) {
    left = put(left, chat, new Map([...here].filter(([, until]) => until > now)));
  }
  return left;
}

/** A chat where nobody writes is not in it. @param {Writers} writers @param {number} chat @param {ReadonlyMap<number, number>} here @returns {Writers} */
function put(writers, chat, here) {
  const changed = new Map(writers);
  if (here.size > 0) changed.set(chat, here);
  else changed.delete(chat);
  return changed;
}
