// The way to another password: by a mailed code, or out of a temporary one. Pure.

/**
 * @typedef {"who" | "code" | "password"} Place
 * @typedef {{place: Place | "form", key: string, values?: Record<string, string | number>} | null} Problem  `key` is of the catalogue
 * @typedef {{
 *   step: "ask" | "code", who: string, code: string, password: string, sent: boolean, busy: boolean, problem: Problem,
 * }} Recovery  `sent`: a code was asked for just now
 * @typedef {{t: Place, value: string} | {t: "have"} | {t: "submit"} | {t: "sent"} | {t: "refused", code: string, waitSeconds: number}} RecoveryEvent
 */

const MIN_PASSWORD = 8;

/** @param {string} code that of a mailed link, or "" @returns {Recovery} */
export const begin = (code) => ({
  step: code ? "code" : "ask", who: "", code, password: "", sent: false, busy: false, problem: null,
});

/** A new password as our own client wants it. @param {string} password @returns {string} what is wrong with it, as a key */
export function passwordProblem(password) {
  if (password === "") return "fillIn";
  return [...password].length < MIN_PASSWORD ? "pwShort" : "";
}

/** What is missing before the server is asked. @param {Recovery} f @returns {Problem} */
function check(f) {
  if (f.step === "ask") return f.who.trim() === "" ? { place: "who", key: "fillIn" } : null;
  if (f.code.trim() === "") return { place: "code", key: "fillIn" };
  const key = passwordProblem(f.password);
  return key ? { place: "password", key } : null;
}

/** @param {string} code @returns {Place | "form"} */
function placeOf(code) {
  if (code === "email_invalid") return "who";
  if (code === "code_invalid") return "code";
  return code.startsWith("password_") ? "password" : "form";
}

/** How a refusal is said. @param {string} code @param {number} waitSeconds @returns {{key: string, values?: Record<string, number>}} */
export const said = (code, waitSeconds) =>
  code === "too_many_attempts" && waitSeconds > 0 ? { key: "slow", values: { s: waitSeconds } } : { key: `error.${code}` };

/** Sent when it is `busy`. @param {Recovery} f @param {RecoveryEvent} e @returns {Recovery} */
export function next(f, e) {
  switch (e.t) {
    case "who":
      return { ...f, who: e.value, problem: null };
    case "code":
      return { ...f, code: e.value, problem: null };
    case "password":
      return { ...f, password: e.value, problem: null };
    case "have":
      return f.busy ? f : { ...f, step: "code", sent: false, problem: null };
    case "submit": {
      if (f.busy) return f;
      const problem = check(f);
      return { ...f, problem, busy: problem === null };
    }
    case "sent":
      return { ...f, step: "code", sent: true, busy: false, problem: null };
    case "refused":
      return { ...f, busy: false, problem: { place: placeOf(e.code), ...said(e.code, e.waitSeconds) } };
  }
}
