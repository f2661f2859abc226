// Words for what stands in a row or a line of the log.

import { duration } from "../core/format.js";
import { lang, t } from "../core/i18n.js";
import { entryKey, isMissed } from "../call/state.js";
import { kindOf } from "./files.js";

/** @typedef {import("./state.js").Item} Item */

/** @param {Item} item @returns {string} */
export function callWords(item) {
  if (!item.call) return "";
  return t(entryKey(item.call, item.mine), { d: duration(item.call.duration_s ?? 0, lang.value) });
}

/** What stands for a file in a line. @param {import("./state.js").File} file @returns {string} */
function fileWords(file) {
  switch (kindOf(file)) {
    case "picture": return t("picture");
    case "voice": return t("voice");
    case "film": return t("film");
    default: return file.name;
  }
}

/** What stands for a message that is no text, or whose words this app cannot read. @param {Item} item @returns {string} */
export const textOf = (item) => (item.sealed ? t("sealed") : item.file ? fileWords(item.file) : item.text);

/** @param {Item} item */
export const missed = (item) => item.call !== null && isMissed(item.call, item.mine);

/** Today and yesterday. */
export const dayWords = () => ({ today: t("today"), yesterday: t("yesterday") });
