// A question that cannot be undone. The safe choice has the focus.

import { html, useLayoutEffect, useRef } from "../../vendor/preact.js";
import { layer } from "../nav.js";
import { t } from "../i18n.js";
import { Button } from "./button.js";

/**
 * @param {{title: string, text: string, verb: string, busy?: boolean, testid: string, onYes: () => void, onClose: () => void,
 *   children?: unknown}} props
 */
export function Dialog({ title, text, verb, busy = false, testid, onYes, onClose, children = null }) {
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
  /** @param {MouseEvent} e */
  const outside = (e) => e.target === ref.current && onClose();
  return html`<dialog ref=${ref} class="dialog" aria-labelledby="dialog-title" onClick=${outside}
    onCancel=${(/** @type {Event} */ e) => { e.preventDefault(); onClose(); }}>
    <div>
      <h2 id="dialog-title">${title}</h2>
      <p>${text}</p>
      ${children}
      <div class="acts">
        <${Button} kind="plain" autofocus onClick=${onClose}>${t("cancel")}<//>
        <${Button} kind="danger" busy=${busy} testid=${testid} onClick=${onYes}>${verb}<//>
      </div>
    </div>
  </dialog>`;
}
