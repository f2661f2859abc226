// How loud it is. Pure.

/** Below this many decibels nothing is drawn. */
const FLOOR_DB = -60;

/**
 * Loudness of a piece of sound, 0 (silence) to 1 (as loud as it can be), even to the ear.
 * @param {ArrayLike<number>} samples -1…1 @returns {number}
 */
export function levelOf(samples) {
  let sum = 0;
  for (let i = 0; i < samples.length; i += 1) sum += (samples[i] ?? 0) ** 2;
  return evenLevel(Math.sqrt(sum / Math.max(1, samples.length)));
}

/** The same for a level that was measured elsewhere. @param {number} amplitude 0…1 @returns {number} */
export function evenLevel(amplitude) {
  if (amplitude <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(amplitude)) / FLOOR_DB));
}

/** How many of `count` lamps are lit. @param {number} level @param {number} count */
export const lamps = (level, count) => Math.min(count, Math.ceil(level * count));
