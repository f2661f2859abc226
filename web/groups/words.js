// Words for what happens in a group.

import { session } from "../account/session.js";
import { t } from "../core/i18n.js";
import { writers } from "../chat/writers.js";
import { nameIn } from "./store.js";

/**
 * @typedef {import("../chat/state.js").Chat} Chat
 * @typedef {import("../chat/state.js").Item} Item
 */

/** @param {Chat} chat @param {number} id */
const nameOr = (chat, id) => nameIn(chat, id) || t("someone");

/** Who did what to whom. @param {Chat} chat @param {Item} item @returns {string} */
export function eventWords(chat, item) {
  const { event, mine, sender } = item;
  if (!event) return "";
  const { change, user_id: whom, role, name } = event;
  const key = change === "role" ? `ev.role.${role || "member"}` : `ev.${change}`;
  const own = whom !== sender && whom === session.peek()?.user_id;
  const values = {
    ...(mine ? {} : { by: nameOr(chat, sender) }),
    ...(whom === sender || own ? {} : { who: nameOr(chat, whom) }),
    ...(name ? { name } : {}),
  };
  return t(`${key}${mine ? ".me" : own ? ".you" : ""}`, values);
}

/** Who writes there now, "" for nobody. @param {Chat} chat @returns {string} */
export function typingWords(chat) {
  const here = [...(writers.value.get(chat.peer.id)?.keys() ?? [])];
  const [one] = here;
  if (one === undefined) return "";
  if (!chat.group) return t("typing");
  const name = here.length === 1 ? nameIn(chat, one) : "";
  return name ? t("typingN", { name }) : t("typingMany", { n: here.length });
}

/** The start of a line in the list: who wrote it. @param {Chat} chat @param {Item} item @returns {string} */
export function byLine(chat, item) {
  if (!chat.group || item.event) return "";
  return item.mine ? t("you") : nameIn(chat, item.sender);
}

/** Why nothing can be written any more. @param {import("./state.js").Over} over */
export const overWords = (over) => (over ? t(`group.${over}`) : "");

/** @param {import("./state.js").Role} role */
export const roleWords = (role) => (role === "member" ? "" : t(`role.${role}`));
