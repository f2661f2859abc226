// The messages of one chat: scrolling, reading, older pages.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { badge, day } from "../core/format.js";
import { errorText, lang, t } from "../core/i18n.js";
import { Button } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { Bubble, CallLine, EventLine } from "./bubble.js";
import { now } from "./clock.js";
import { Drawing } from "./drawing.js";
import { lines } from "./lines.js";
import { useReading } from "./reading.js";
import { atEnd, placeOf, places, restore, toEnd } from "./scroll.js";
import { chatErrors, loadOlder, sync } from "./store.js";
import { dayWords } from "./words.js";

/** @typedef {import("./state.js").Chat} Chat */
/** @typedef {import("./scroll.js").Place} Place */

const OLDER_WITHIN = 600;

/** @param {{chat: Chat}} props one per chat: give it the person as key */
export function Log({ chat }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const place = useRef(/** @type {Place} */ (places.get(chat.peer.id) ?? "end"));
  const placed = useRef(false);
  const divider = useRef(/** @type {number | null} */ (null));
  const lastOwn = useRef("");
  const [end, setEnd] = useState(true);
  const id = chat.peer.id;
  const error = chatErrors.value[id];

  // Stays where it was when the chat was opened, until it is left.
  if (divider.current === null && chat.loaded) divider.current = chat.unread > 0 ? chat.myRead : -1;

  const remember = () => {
    if (!box.current || !placed.current) return;
    place.current = placeOf(box.current);
    places.set(id, place.current);
    setEnd(place.current === "end");
  };

  const scrolled = () => {
    remember();
    if (box.current && placed.current && box.current.scrollTop < OLDER_WITHIN && chat.loaded && !chat.complete && !error) void loadOlder(id);
  };

  useLayoutEffect(() => {
    const el = box.current;
    if (!el || !chat.loaded) return;
    const newest = chat.items.at(-1);
    if (!placed.current) {
      placed.current = true;
      const line = el.querySelector(".newline");
      if (line) {
        el.scrollTop += line.getBoundingClientRect().top - el.getBoundingClientRect().top - el.clientHeight / 3;
        place.current = placeOf(el);
      } else restore(el, place.current);
    } else if (newest?.local === "waiting" && newest.key !== lastOwn.current) toEnd(el);
    else restore(el, place.current);
    if (newest?.local === "waiting") lastOwn.current = newest.key;
    scrolled();
  });

  // The window or the composer changed its height.
  useEffect(() => {
    const el = box.current;
    if (!el) return undefined;
    const watch = new ResizeObserver(() => placed.current && restore(el, place.current));
    watch.observe(el);
    return () => watch.disconnect();
  }, []);

  useReading(box, chat);

  const jump = () => {
    if (!box.current) return;
    box.current.scrollTo({ top: box.current.scrollHeight, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  };

  return html`<div class="log-box">
    <div class="log" role="log" aria-live="off" tabindex="0" aria-label=${t("messages")} ref=${box} onScroll=${scrolled}>
      ${chat.loaded && !chat.complete && html`<p class="older" aria-hidden="true"><span class="spin"></span></p>`}
      ${error && html`<p class="older"><span class="quiet">${chat.loaded ? t("older") : errorText(error)}</span>
        <${Button} kind="plain" onClick=${() => void (chat.loaded && chat.syncFrom === null ? loadOlder(id) : sync(id))}>${t("again")}<//></p>`}
      ${chat.loaded && chat.items.length === 0 && html`<div class="empty"><${Drawing} name="write" /><p>${t("eChat")}</p></div>`}
      <ol class="col">
        ${lines(chat.items, divider.current ?? -1).map((line) => {
          switch (line.t) {
            case "day": return html`<li key=${line.key} class="day">${day(line.at, now.value, lang.value, dayWords())}</li>`;
            case "new": return html`<li key="new" class="newline">${t("newMsgs")}</li>`;
            case "call": return html`<${CallLine} key=${line.key} item=${line.item} />`;
            case "event": return html`<${EventLine} key=${line.key} chat=${chat} item=${line.item} />`;
            case "msg": return html`<${Bubble} key=${line.key} chat=${chat} item=${line.item} first=${line.first} last=${line.last} />`;
          }
        })}
      </ol>
    </div>
    ${!end && html`<button type="button" class="jump" aria-label=${t("toEnd")} title=${t("toEnd")} data-testid="jump" onClick=${jump}>
      <${Icon} name="down" />${chat.unread > 0 && html`<span class="badge">${badge(chat.unread, lang.value)}</span>`}</button>`}
  </div>`;
}
