// The form to log in or make an account. Pure.

/**
 * @typedef {"login" | "register"} Mode
 * @typedef {"username" | "password" | "consent" | "form"} Place
 * @typedef {{place: Place, key: string, values?: Record<string, string | number>} | null} Problem  `key` is of the catalogue
 * @typedef {{mode: Mode, username: string, password: string, consent: boolean, busy: boolean, problem: Problem}} Form
 * @typedef {{t: "username", value: string} | {t: "password", value: string} | {t: "consent", on: boolean}
 *   | {t: "switch"} | {t: "submit"} | {t: "refused", code: string, waitSeconds: number}} FormEvent
 */

const MIN_PASSWORD = 8;

/** @type {Form} */
export const blank = { mode: "login", username: "", password: "", consent: false, busy: false, problem: null };

/** What is missing before the server is asked. @param {Form} f @returns {Problem} */
function check(f) {
  if (f.username.trim() === "") return { place: "username", key: "fillIn" };
  if (f.mode === "login") return f.password === "" ? { place: "password", key: "fillIn" } : null;
  const name = f.username.trim();
  if (!/^\w+$/.test(name)) return { place: "username", key: "error.username_chars" };
  if (name.length < 3 || name.length > 32) return { place: "username", key: "error.username_length" };
  if ([...f.password].length < MIN_PASSWORD) return { place: "password", key: "pwShort" };
  return f.consent ? null : { place: "consent", key: "consentNeeded" };
}

/** @param {string} code @returns {Place} */
function placeOf(code) {
  if (code.startsWith("username_")) return "username";
  return code.startsWith("password_") ? "password" : "form";
}

/** Sent when the form is `busy`. @param {Form} f @param {FormEvent} e @returns {Form} */
export function next(f, e) {
  switch (e.t) {
    case "username":
      return { ...f, username: e.value, problem: null };
    case "password":
      return { ...f, password: e.value, problem: null };
    case "consent":
      return { ...f, consent: e.on, problem: null };
    case "switch":
      return f.busy ? f : { ...f, mode: f.mode === "login" ? "register" : "login", problem: null };
    case "submit": {
      if (f.busy) return f;
      const problem = check(f);
      return { ...f, problem, busy: problem === null };
    }
    case "refused": {
      /** @type {Problem} */
      const problem = e.code === "too_many_attempts" && e.waitSeconds > 0
        ? { place: "form", key: "slow", values: { s: e.waitSeconds } }
        : { place: placeOf(e.code), key: `error.${e.code}` };
      return { ...f, busy: false, problem };
    }
  }
}
