// Words for what stands in a row or a line of the log.

import { duration } from "../core/format.js";
import { lang, t } from "../core/i18n.js";
import { entryKey, isMissed } from "../call/state.js";

/** @typedef {import("./state.js").Item} Item */

/** @param {Item} item @returns {string} */
export function callWords(item) {
  if (!item.call) return "";
  return t(entryKey(item.call, item.mine), { d: duration(item.call.duration_s ?? 0, lang.value) });
}

/** What stands for a message whose words this app cannot read. @param {Item} item @returns {string} */
export const textOf = (item) => (item.sealed ? t("sealed") : item.text);

/** @param {Item} item */
export const missed = (item) => item.call !== null && isMissed(item.call, item.mine);

/** Today and yesterday. */
export const dayWords = () => ({ today: t("today"), yesterday: t("yesterday") });
