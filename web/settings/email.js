// What the card of the own e-mail address shows. Pure.

/**
 * @typedef {{proved: string, waiting: string}} Known  addresses; "" for none
 * @typedef {"name" | "code" | "shown"} Step
 */

/**
 * What is to be done next: name an address, type the code that went there, or nothing.
 * @param {Known} known @param {boolean} renames the person wants another address @returns {Step}
 */
export function stepOf(known, renames) {
  if (renames || (!known.proved && !known.waiting)) return "name";
  return known.waiting ? "code" : "shown";
}

/** What is missing before the server is asked. @param {string} address @param {string} password @returns {{place: "address" | "password", key: string} | null} */
export function missing(address, password) {
  if (!/^[^\s@]+@[^\s@]+$/u.test(address.trim())) return { place: "address", key: address.trim() ? "error.email_invalid" : "fillIn" };
  return password ? null : { place: "password", key: "passwordMissing" };
}

/** @param {string} code of a refusal @returns {{place: "address" | "password" | "code" | "form", key: string}} */
export function refused(code) {
  if (code === "bad_credentials") return { place: "password", key: "passwordWrong" };
  if (code === "email_invalid") return { place: "address", key: "error.email_invalid" };
  if (code === "code_invalid" || code === "email_taken") return { place: "code", key: `error.${code}` };
  return { place: "form", key: `error.${code}` };
}
