// The log as lines: day separators, the unread divider, groups of bubbles. Pure.

/**
 * @typedef {import("./state.js").Item} Item
 * @typedef {{t: "day", key: string, at: number} | {t: "new", key: string} | {t: "call" | "event", key: string, item: Item}
 *   | {t: "msg", key: string, item: Item, first: boolean, last: boolean}} Line
 */

const GROUP_MS = 5 * 60_000;

/** @param {number} ms */
const dayOf = (ms) => new Date(ms).toDateString();

/** A line of its own. @param {Item} i */
const single = (i) => i.call !== null || i.event !== null;

/** Whether b stands directly under a in one group. @param {Item | undefined} a @param {Item | undefined} b */
const together = (a, b) =>
  a !== undefined && b !== undefined && !single(a) && !single(b) && a.sender === b.sender && b.at - a.at < GROUP_MS && dayOf(a.at) === dayOf(b.at);

/**
 * @param {readonly Item[]} items in order
 * @param {number} divider seq after which messages were unread, or -1 for no divider
 * @returns {Line[]}
 */
export function lines(items, divider) {
  /** @type {Line[]} */
  const out = [];
  let divided = divider < 0;
  items.forEach((item, i) => {
    const before = items[i - 1];
    if (!before || dayOf(before.at) !== dayOf(item.at)) out.push({ t: "day", key: `d${dayOf(item.at)}`, at: item.at });
    let cut = false;
    if (!divided && !item.mine && !item.event && item.seq > divider) {
      out.push({ t: "new", key: "new" });
      divided = true;
      cut = true;
    }
    if (single(item)) {
      out.push({ t: item.call ? "call" : "event", key: item.key, item });
      return;
    }
    const after = items[i + 1];
    const parts = !divided && after !== undefined && !after.mine && after.seq > divider;
    out.push({ t: "msg", key: item.key, item, first: cut || !together(before, item), last: parts || !together(item, after) });
  });
  return out;
}
