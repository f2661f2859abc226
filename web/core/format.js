// Numbers, times and durations in the reader's language. Pure.

/** @typedef {"fa" | "en"} Lang */

/** @type {Map<string, Intl.DateTimeFormat>} */
const dates = new Map();
/** @type {Map<string, Intl.NumberFormat>} */
const numbers = new Map();

/** @type {Map<string, Intl.RelativeTimeFormat>} */
const relatives = new Map();

/** @param {Lang} lang */
const locale = (lang) => (lang === "fa" ? "fa-IR-u-ca-persian" : "en-GB-u-ca-gregory");

/** @param {Lang} lang @param {Intl.DateTimeFormatOptions} options */
function dateFormat(lang, options) {
  const key = lang + JSON.stringify(options);
  let format = dates.get(key);
  if (!format) dates.set(key, (format = new Intl.DateTimeFormat(locale(lang), options)));
  return format;
}

/** @param {Lang} lang */
function relative(lang) {
  let format = relatives.get(lang);
  if (!format) relatives.set(lang, (format = new Intl.RelativeTimeFormat(lang === "fa" ? "fa-IR" : "en-GB", { numeric: "auto" })));
  return format;
}

/** @param {number} n @param {Lang} lang @param {Intl.NumberFormatOptions} [options] @returns {string} */
export function number(n, lang, options = {}) {
  const key = lang + JSON.stringify(options);
  let format = numbers.get(key);
  if (!format) numbers.set(key, (format = new Intl.NumberFormat(lang === "fa" ? "fa-IR" : "en-GB", options)));
  return format.format(n);
}

/** A badge shows at most 999+. @param {number} n @param {Lang} lang @returns {string} */
export function badge(n, lang) {
  return n > 999 ? `${number(999, lang)}+` : number(n, lang);
}

/** @param {number} ms @param {Lang} lang @returns {string} */
export function time(ms, lang) {
  return dateFormat(lang, { hour: "2-digit", minute: "2-digit", hour12: false }).format(ms);
}

/** Number of local midnights between two times. @param {number} ms @param {number} now @returns {number} */
export function daysAgo(ms, now) {
  const midnight = (/** @type {number} */ t) => {
    const d = new Date(t);
    return Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());
  };
  return Math.round((midnight(now) - midnight(ms)) / 86_400_000);
}

/**
 * @typedef {{today: string, yesterday: string}} DayWords
 * @param {number} ms @param {number} now @param {Lang} lang @param {DayWords} words
 * @returns {string}
 */
export function day(ms, now, lang, words) {
  const ago = daysAgo(ms, now);
  if (ago === 0) return words.today;
  if (ago === 1) return words.yesterday;
  if (ago > 1 && ago < 7) return dateFormat(lang, { weekday: "long" }).format(ms);
  return date(ms, now, lang);
}

/** Time today, else the day in few letters. @param {number} ms @param {number} now @param {Lang} lang @param {DayWords} words @returns {string} */
export function listTime(ms, now, lang, words) {
  const ago = daysAgo(ms, now);
  if (ago <= 0) return time(ms, lang);
  if (ago === 1) return words.yesterday;
  if (ago < 7) return dateFormat(lang, { weekday: lang === "fa" ? "long" : "short" }).format(ms);
  return date(ms, now, lang);
}

/** How long ago something was: minutes, hours, days, then the date. @param {number} ms @param {number} now @param {Lang} lang @returns {string} */
export function ago(ms, now, lang) {
  const minutes = Math.max(0, Math.floor((now - ms) / 60_000));
  if (minutes < 60) return relative(lang).format(-minutes, "minute");
  if (minutes < 24 * 60) return relative(lang).format(-Math.floor(minutes / 60), "hour");
  const days = daysAgo(ms, now);
  return days < 7 ? relative(lang).format(-days, "day") : date(ms, now, lang);
}

/** @param {number} ms @param {number} now @param {Lang} lang */
function date(ms, now, lang) {
  const year = dateFormat(lang, { year: "numeric" });
  return year.format(ms) === year.format(now)
    ? dateFormat(lang, { day: "numeric", month: "long" }).format(ms)
    : dateFormat(lang, { day: "numeric", month: "long", year: "numeric" }).format(ms);
}

/** 04:17, or 1:04:17 from one hour on. @param {number} seconds @param {Lang} lang @returns {string} */
export function duration(seconds, lang) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => number(n, lang, { minimumIntegerDigits: 2, useGrouping: false });
  const tail = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return s < 3600 ? tail : `${number(Math.floor(s / 3600), lang)}:${tail}`;
}

/** Which avatar colour a person has: 0-7, the same on every device. @param {number} id @returns {number} */
export function colour(id) {
  let hash = (id ^ 0x9e3779b9) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b) >>> 0;
  return (hash ^ (hash >>> 16)) & 7;
}

/** First grapheme of a name. @param {string} name @returns {string} */
export function initial(name) {
  const first = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(name.trim())[Symbol.iterator]().next();
  return first.done ? "?" : first.value.segment.toLocaleUpperCase();
}
