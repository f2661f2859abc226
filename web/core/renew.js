// A token that lives for a day is renewed in time, by one window of the browser for all. Pure.

/**
 * @typedef {import("./api.js").Session & {key: string, renew_at: number}} Kept  `key` names the log-in: it stays while
 *   tokens change; `renew_at` is by this device's clock
 * @typedef {{
 *   load: () => Kept | null, save: (kept: Kept) => void, renew: (refresh_token: string) => Promise<import("./api.js").Session>,
 *   lock: <T>(work: () => Promise<T>) => Promise<T>, now: () => number,
 * }} World  `lock` lets one window in at a time; without it, the server answers both alike
 */

/** A wrong clock must not make every look a renewal. */
const SOONEST_MS = 5 * 60_000;

/** @param {import("./api.js").Session} session @param {string} key @param {number} now @returns {Kept} */
export function kept(session, key, now) {
  const life = session.access_expires_at - now;
  const renew_at = session.refresh_token ? now + Math.max(SOONEST_MS, life * 0.8) : 0;
  return { ...session, key, renew_at };
}

/** Whether it is time. @param {Kept | null} session @param {number} now */
export const isDue = (session, now) => !!session && session.refresh_token !== "" && now >= session.renew_at;

/**
 * @param {World} world
 * @returns {(used: string) => Promise<Kept | null>} the session with a token in place of `used`; null when the log-in is
 *   over or cannot be renewed; fails when the server was not reached
 */
export function renewer(world) {
  /** @type {{used: string, going: Promise<Kept | null>} | null} */
  let one = null;
  /** @param {string} used @returns {Promise<Kept | null>} */
  const run = (used) =>
    world.lock(async () => {
      const found = world.load();
      // Another window was faster, or nobody is signed in any more.
      if (!found || found.token !== used) return found;
      if (!found.refresh_token) return null;
      try {
        const next = kept(await world.renew(found.refresh_token), found.key, world.now());
        // Signed out while the answer was on its way: it stays so.
        if (world.load()?.key !== found.key) return null;
        world.save(next);
        return next;
      } catch (error) {
        if (/** @type {{status?: number}} */ (error).status === 401) return null;
        throw error;
      }
    });
  return (used) => {
    if (one?.used !== used) {
      const going = run(used).finally(() => (one = one?.going === going ? null : one));
      one = { used, going };
    }
    return one.going;
  };
}
