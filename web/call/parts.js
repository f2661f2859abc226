// What calls and rooms show alike: controls, timer, path, the card that rings.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { duration, number } from "../core/format.js";
import { lang, t } from "../core/i18n.js";
import { phone } from "../core/nav.js";
import { Avatar } from "../core/ui/avatar.js";
import { Icon } from "../core/ui/icon.js";
import { Sheet } from "../core/ui/sheet.js";
import { bars, wayKey } from "./state.js";

/** @typedef {import("./state.js").Path} Path */
/** @typedef {import("../core/ui/icon.js").IconName} IconName */

/** @param {{icon: IconName, words: string, onClick: () => void, cls?: string, pressed?: boolean, testid?: string}} props */
export function Control({ icon, words, onClick, cls = "", pressed, testid }) {
  return html`<button type="button" class=${cls} aria-pressed=${pressed === undefined ? undefined : String(pressed)} data-testid=${testid} onClick=${onClick}>
    <i><${Icon} name=${icon} /></i><span>${words}</span></button>`;
}

/** @param {{since: number}} props */
export function Timer({ since }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return html`<span class="num" role="timer" aria-live="off" data-testid="call-timer">${duration((now - since) / 1000, lang.value)}</span>`;
}

/** The quality in words. @param {Path} path */
const wordOf = (path) => t(["bad", "bad", "weak", "fair", "good"][bars(path)] ?? "bad");

/** Which way the sound takes, and how well; a press tells more. @param {{path: Path | null, onClick: () => void}} props */
export function PathChip({ path, onClick }) {
  if (!path) return html`<span class="path none" aria-hidden="true"></span>`;
  const level = bars(path);
  const word = wordOf(path);
  return html`<button type="button" class="path" data-testid="call-path" data-way=${path.way} title=${t("quality", { word })} onClick=${onClick}>
    <span class="bars" aria-hidden="true">${[1, 2, 3, 4].map((i) => html`<i class=${i > level ? "o" : ""} key=${i}></i>`)}</span>
    <span>${t(wayKey(path.way))}</span>${path.rttMs !== null && html`<span class="dimmed">${t("ms", { n: path.rttMs })}</span>`}
    <span class="sr">${t("quality", { word })}</span></button>`;
}

/** @param {{path: Path | null, onClose: () => void}} props */
export function QualitySheet({ path, onClose }) {
  const rows = path
    ? [
        [t("qPath"), t(wayKey(path.way))],
        [t("qRtt"), path.rttMs === null ? "–" : t("ms", { n: path.rttMs })],
        [t("qLoss"), number(path.loss, lang.value, { style: "percent", maximumFractionDigits: 1 })],
        [t("qJitter"), t("ms", { n: path.jitterMs })],
      ]
    : [];
  return html`<${Sheet} title=${t("qualityTitle")} testid="quality" onClose=${onClose}>
    <p role="status">${path ? wordOf(path) : t("connecting")}</p>
    <dl class="facts">${rows.map(([what, value]) => html`<div key=${what}><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>
  <//>`;
}

/**
 * Somebody wants to talk: the whole screen of a phone, a card beside the work elsewhere.
 * @param {{
 *   id: number, name: string, kind: string, label: string, testid: string, children?: unknown,
 *   yes: {words: string, icon: IconName, testid: string, run: () => void}, no: {words: string, testid: string, run: () => void},
 * }} props
 */
export function RingCard({ id, name, kind, label, testid, yes, no, children = null }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // A full screen takes the focus, without putting it on a button; the card beside the work does not.
    if (phone.peek()) box.current?.focus({ preventScroll: true });
  }, []);
  const keys = (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && no.run();
  return html`<section class="stage card" role="alertdialog" ref=${box} tabindex="-1" aria-label=${label} data-testid=${testid} onKeyDown=${keys}>
    <p class="kind">${kind}</p>
    <div class="who2">
      <${Avatar} id=${id} name=${name} size=${132} cls="ring" />
      <h2 class="clip"><bdi>${name}</bdi></h2>
      ${children}
    </div>
    <div class="ctl big">
      <${Control} icon="end" words=${no.words} cls="end" testid=${no.testid} onClick=${no.run} />
      <${Control} icon=${yes.icon} words=${yes.words} cls="yes" testid=${yes.testid} onClick=${yes.run} />
    </div>
  </section>`;
}
