// Values of a frame, each of the kind it has to be. Pure.

/** @typedef {Record<string, unknown>} Fields */

/** @param {unknown} v @returns {Fields} */
export const fields = (v) => (typeof v === "object" && v !== null && !Array.isArray(v) ? /** @type {Fields} */ (v) : {});
/** @param {Fields} f @param {string} k */
export const num = (f, k) => (typeof f[k] === "number" ? /** @type {number} */ (f[k]) : 0);
/** @param {Fields} f @param {string} k */
export const str = (f, k) => (typeof f[k] === "string" ? /** @type {string} */ (f[k]) : "");
