// The form to log in or make an account. Pure.

/**
 * @typedef {"login" | "register"} Mode
 * @typedef {"open" | "approval" | "invite" | "closed"} Registration
 * @typedef {"username" | "email" | "password" | "invite" | "consent" | "form"} Place
 * @typedef {{place: Place, key: string, values?: Record<string, string | number>} | null} Problem  `key` is of the catalogue
 * @typedef {{
 *   mode: Mode, username: string, email: string, password: string, invite: string, consent: boolean, busy: boolean, problem: Problem,
 *   registration: Registration, pending: boolean, mail: boolean,
 * }} Form  `pending`: the account was made, and waits to be let in; `mail`: the server sends e-mail
 * @typedef {{t: "username", value: string} | {t: "password", value: string} | {t: "email", value: string} | {t: "consent", on: boolean}
 *   | {t: "invite", value: string} | {t: "options", registration: Registration, mail?: boolean} | {t: "switch"} | {t: "submit"} | {t: "refused", code: string, waitSeconds: number}} FormEvent
 */

const MIN_PASSWORD = 8;

/** @type {Form} */
export const blank = {
  mode: "login", username: "", email: "", password: "", invite: "", consent: false, busy: false, problem: null,
  registration: "open", pending: false, mail: false,
};

/**
 * The form for whoever opens this address: an invitation leads to a new account.
 * @param {string} path @param {string} query @returns {Form}
 */
export function begin(path, query) {
  const inPath = /^\/i\/([\w-]{1,64})\/?$/u.exec(path)?.[1];
  const invite = inPath ?? new URLSearchParams(query).get("invite") ?? "";
  return invite ? { ...blank, mode: "register", invite, registration: "invite" } : blank;
}

/** What is missing before the server is asked. @param {Form} f @returns {Problem} */
function check(f) {
  if (f.username.trim() === "") return { place: "username", key: "fillIn" };
  if (f.mode === "login") return f.password === "" ? { place: "password", key: "fillIn" } : null;
  const name = f.username.trim();
  if (!/^\w+$/.test(name)) return { place: "username", key: "error.username_chars" };
  if (name.length < 3 || name.length > 32) return { place: "username", key: "error.username_length" };
  if ([...f.password].length < MIN_PASSWORD) return { place: "password", key: "pwShort" };
  if (f.registration === "invite" && f.invite.trim() === "") return { place: "invite", key: "fillIn" };
  return f.consent ? null : { place: "consent", key: "consentNeeded" };
}

/** @param {string} code @returns {Place} */
function placeOf(code) {
  if (code.startsWith("username_")) return "username";
  if (code.startsWith("invite_")) return "invite";
  if (code === "email_invalid") return "email";
  return code.startsWith("password_") ? "password" : "form";
}

/** Sent when the form is `busy`. @param {Form} f @param {FormEvent} e @returns {Form} */
export function next(f, e) {
  switch (e.t) {
    case "username":
      return { ...f, username: e.value, problem: null };
    case "password":
      return { ...f, password: e.value, problem: null };
    case "email":
      return { ...f, email: e.value, problem: null };
    case "consent":
      return { ...f, consent: e.on, problem: null };
    case "invite":
      return { ...f, invite: e.value, problem: null };
    case "options":
      return { ...f, registration: e.registration, mail: e.mail === true, mode: e.registration === "closed" ? "login" : f.mode };
    case "switch":
      return f.busy ? f : { ...f, mode: f.mode === "login" ? "register" : "login", problem: null, pending: false };
    case "submit": {
      if (f.busy) return f;
      const problem = check(f);
      return { ...f, problem, pending: false, busy: problem === null };
    }
    case "refused": {
      // The account is there: what is left to do is to log in, later.
      if (e.code === "pending_approval") return { ...f, mode: "login", busy: false, problem: null, pending: true };
      /** @type {Problem} */
      const problem = e.code === "too_many_attempts" && e.waitSeconds > 0
        ? { place: "form", key: "slow", values: { s: e.waitSeconds } }
        : { place: placeOf(e.code), key: `error.${e.code}` };
      return { ...f, busy: false, problem };
    }
  }
}
