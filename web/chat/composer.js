// Where a text is written.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact.js";
import { number } from "../core/format.js";
import { lang, t, uiDir } from "../core/i18n.js";
import { textDir } from "../core/textdir.js";
import { Icon } from "../core/ui/icon.js";
import { drafts, keepDraft } from "./drafts.js";
import { MAX_TEXT, write } from "./store.js";
import { attach } from "./uploads.js";
import { composing } from "./writers.js";

const touch = matchMedia("(pointer: coarse)");
const DRAFT_MS = 300;

/** @param {{peerId: number}} props one per chat: give it the person as key */
export function Composer({ peerId }) {
  const [text, setText] = useState(drafts.peek()[peerId] ?? "");
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const current = useRef(text);
  current.current = text;

  useEffect(() => {
    if (!touch.matches) field.current?.focus();
    const save = () => keepDraft(peerId, current.current);
    addEventListener("pagehide", save);
    return () => {
      removeEventListener("pagehide", save);
      save();
      composing(peerId, "");
    };
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => keepDraft(peerId, text), DRAFT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useLayoutEffect(() => {
    const el = field.current;
    if (!el) return;
    el.style.setProperty("--h", "auto");
    el.style.setProperty("--h", `${el.scrollHeight}px`);
  }, [text]);

  const tooLong = [...text.trim()].length > MAX_TEXT;
  const send = () => {
    const ready = text.trim();
    if (!ready || tooLong) return;
    setText("");
    current.current = "";
    keepDraft(peerId, "");
    composing(peerId, "");
    write(peerId, ready);
    field.current?.focus();
  };
  /** @param {InputEvent} e */
  const typed = (e) => {
    const now = /** @type {HTMLTextAreaElement} */ (e.currentTarget).value;
    setText(now);
    composing(peerId, now);
  };
  const picked = () => {
    const input = picker.current;
    if (!input?.files) return;
    attach(peerId, [...input.files]);
    // The same file may be picked again.
    input.value = "";
  };
  /** @param {KeyboardEvent} e */
  const keys = (e) => {
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || touch.matches) return;
    e.preventDefault();
    send();
  };
  return html`<form class="comp" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); send(); }}>
    <button class="ib" type="button" aria-label=${t("attach")} title=${t("attach")} data-testid="attach" onClick=${() => picker.current?.click()}><${Icon} name="clip" /></button>
    <input ref=${picker} type="file" multiple hidden data-testid="picker" onChange=${picked} />
    <div class="fld">
      <textarea ref=${field} id="composer" rows="1" dir=${text ? textDir(text, uiDir()) : undefined} value=${text} data-testid="composer"
        aria-label=${t("message")} placeholder=${t("message")} enterkeyhint=${touch.matches ? "enter" : "send"}
        aria-describedby=${tooLong ? "too-long" : undefined} aria-invalid=${tooLong ? "true" : undefined}
        onInput=${typed} onKeyDown=${keys}></textarea>
    </div>
    <button class="ib pri" type="submit" aria-label=${t("send")} title=${t("send")} disabled=${!text.trim() || tooLong} data-testid="send"
      onPointerDown=${(/** @type {Event} */ e) => e.preventDefault()}><${Icon} name="send" /></button>
    ${tooLong && html`<p class="error" id="too-long" role="alert"><${Icon} name="warn" />${t("tooLong", { max: number(MAX_TEXT, lang.value) })}</p>`}
  </form>`;
}
