// Timers by name: a new one takes the place of the old one of that name.

export function namedTimers() {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const running = new Map();
  /** @param {string} name */
  const cancel = (name) => {
    clearTimeout(running.get(name));
    running.delete(name);
  };
  return {
    cancel,
    /** @param {string} name @param {number} ms @param {() => void} then */
    later(name, ms, then) {
      cancel(name);
      running.set(name, setTimeout(() => { running.delete(name); then(); }, ms));
    },
    /** @param {string} name */
    runs: (name) => running.has(name),
    clear() {
      for (const timer of running.values()) clearTimeout(timer);
      running.clear();
    },
  };
}
