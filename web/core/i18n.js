// Words and language. The catalogue says its own direction.

import { signal } from "../vendor/preact.js";
import { number } from "./format.js";
import { isolate } from "./textdir.js";

/** @typedef {import("./format.js").Lang} Lang */
/** @typedef {Record<string, string>} Catalogue */

const KEY = "payambar:lang";
/** @type {Partial<Record<Lang, Catalogue>>} */
const loaded = {};

/** @type {import("../vendor/preact.js").Signal<Lang>} */
export const lang = signal(/** @type {Lang} */ ("fa"));

/** Shows the app in a language and keeps the choice. @param {Lang} next @returns {Promise<void>} */
export async function setLang(next) {
  if (!loaded[next]) {
    const response = await fetch(new URL(`../lang/${next}.json`, import.meta.url));
    if (!response.ok) throw new Error(`no catalogue for ${next}`);
    loaded[next] = await response.json();
  }
  const root = document.documentElement;
  root.lang = next;
  root.dir = dirOf(next);
  lang.value = next;
  document.title = t("app");
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage the choice holds for this page only.
  }
}

/** @param {Lang} of @returns {import("./textdir.js").Dir} */
const dirOf = (of) => (loaded[of]?.["dir"] === "ltr" ? "ltr" : "rtl");

/** Direction of the interface. @returns {import("./textdir.js").Dir} */
export const uiDir = () => dirOf(lang.value);

/**
 * The words of a key. Text put into them arrives isolated, numbers in the
 * digits of the language; `key.one` / `key.other` are chosen by `n`.
 * @param {string} key @param {Record<string, string | number>} [values] @returns {string}
 */
export function t(key, values) {
  const words = loaded[lang.value] ?? {};
  let found = words[key];
  if (found === undefined && typeof values?.["n"] === "number") {
    found = words[`${key}.${new Intl.PluralRules(lang.value).select(values["n"])}`] ?? words[`${key}.other`];
  }
  if (found === undefined) return key;
  if (!values) return found;
  return found.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value, lang.value) : isolate(value);
  });
}

/** What an error code means, in words. @param {string} code @returns {string} */
export function errorText(code) {
  const words = loaded[lang.value] ?? {};
  return words[`error.${code}`] ?? t("oops", { code });
}
