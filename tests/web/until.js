// Waiting for a fact instead of for a time.

const pause = (ms) => new Promise((go) => setTimeout(go, ms));

/**
 * Asks until the answer is true, and gives it back. Fails with the last answer.
 * @template T
 * @param {string} what @param {() => T | Promise<T>} ask @param {number} [withinMs]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, ask, withinMs = 30_000) {
  const end = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${withinMs / 1000} s in vain until ${what}; last answer: ${JSON.stringify(answer)}`);
    await pause(100);
  }
}
