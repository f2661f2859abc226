// How long to wait before the next try. Pure.

/**
 * 1 s · 2^attempt, at most 30 s, of which the last half is random: a thousand
 * clients do not come back in the same moment.
 * @param {number} attempt 0 for the first @param {number} random 0-1 @returns {number} milliseconds
 */
export function backoffMs(attempt, random) {
  const full = Math.min(30_000, 1_000 * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (full / 2) * random);
}
