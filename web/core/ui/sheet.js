// A sheet: from the bottom on a phone, a card on a larger screen. Back, Esc and a press beside it close it.

import { html, useLayoutEffect, useRef } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { layer } from "../nav.js";
import { IconButton } from "./button.js";

/** @param {{title: string, testid: string, onClose: () => void, children?: unknown}} props */
export function Sheet({ title, testid, onClose, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const opener = document.activeElement;
    ref.current?.showModal();
    const done = layer(() => close.current());
    return () => {
      done();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const outside = (/** @type {MouseEvent} */ e) => e.target === ref.current && onClose();
  return html`<dialog ref=${ref} class="sheet" aria-labelledby="sheet-title" data-testid=${testid} onClick=${outside}
    onCancel=${(/** @type {Event} */ e) => { e.preventDefault(); onClose(); }}>
    <div class="in">
      <header><h2 id="sheet-title" dir="auto">${title}</h2><${IconButton} icon="close" label=${t("close")} testid="sheet-close" onClick=${onClose} /></header>
      ${children}
    </div>
  </dialog>`;
}
