// Lets the browser tests look inside, in a browser that was told to allow it.

/** @type {Record<string, unknown>} */
const inside = {};
try {
  if (localStorage.getItem("payambar:debug") === "1") Object.defineProperty(window, "__payambar", { value: inside });
} catch {
  // No storage, no debugging.
}

/** @param {string} name @param {() => unknown} look */
export const expose = (name, look) => Object.defineProperty(inside, name, { get: look });
