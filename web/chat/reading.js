// What has been read: half of the message was visible for 300 ms while the page had the focus.

import { useEffect, useRef } from "../vendor/preact.js";
import { markRead } from "./store.js";

/** @typedef {import("./state.js").Chat} Chat */

const DWELL_MS = 300;

/**
 * @param {import("../vendor/preact.js").Ref<HTMLElement | null>} box the scrolling element
 * @param {Chat} chat
 */
export function useReading(box, chat) {
  const latest = useRef(chat);
  latest.current = chat;
  const watch = useRef(/** @type {IntersectionObserver | null} */ (null));
  const watched = useRef(/** @type {WeakSet<Element>} */ (new WeakSet()));

  useEffect(() => {
    /** @type {Set<number>} */
    const visible = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const look = () => {
      timer = undefined;
      if (document.visibilityState !== "visible" || !document.hasFocus()) return;
      const { items, myRead, peer } = latest.current;
      const read = items.findLast((i) => visible.has(i.seq) && i.seq > myRead && !i.mine);
      if (read) markRead(peer.id, read);
    };
    const soon = () => {
      timer ??= setTimeout(look, DWELL_MS);
    };
    watch.current = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const seq = Number(entry.target.getAttribute("data-seq"));
          // A message taller than the window is read when it fills half of it.
          const room = entry.rootBounds?.height ?? Infinity;
          const seen = entry.isIntersecting && (entry.intersectionRatio >= 0.5 || entry.intersectionRect.height >= room / 2);
          if (seen) visible.add(seq);
          else visible.delete(seq);
        }
        clearTimeout(timer);
        timer = undefined;
        soon();
      },
      { root: box.current, threshold: [0, 0.1, 0.25, 0.5, 0.75, 1] },
    );
    addEventListener("focus", soon);
    document.addEventListener("visibilitychange", soon);
    return () => {
      clearTimeout(timer);
      watch.current?.disconnect();
      removeEventListener("focus", soon);
      document.removeEventListener("visibilitychange", soon);
    };
  }, []);

  useEffect(() => {
    for (const line of box.current?.querySelectorAll('[data-seq][data-mine="false"]') ?? []) {
      if (watched.current.has(line) || Number(line.getAttribute("data-seq")) <= chat.myRead) continue;
      watched.current.add(line);
      watch.current?.observe(line);
    }
  });
}
