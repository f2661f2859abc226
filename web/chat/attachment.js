// A file in the log, and files on their way above the composer.

import { html } from "../vendor/preact.js";
import { number } from "../core/format.js";
import { errorText, lang, t } from "../core/i18n.js";
import { Button, IconButton } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { amount, kindOf, percent } from "./files.js";
import { again, stop, uploads } from "./uploads.js";

/** @param {number} bytes */
function size(bytes) {
  const { n, unit } = amount(bytes);
  // In Persian the short names are Latin letters.
  return number(n, lang.value, { style: "unit", unit, unitDisplay: lang.value === "fa" ? "long" : "short" });
}

/** @param {{file: import("./state.js").File}} props */
export function Attachment({ file }) {
  const kind = kindOf(file);
  switch (kind) {
    case "picture":
      return html`<a class="pic" href=${file.url} target="_blank" rel="noopener noreferrer" data-testid="picture" title=${file.name}>
        <img src=${file.thumb || file.url} alt=${file.name} width=${file.width || undefined} height=${file.height || undefined} loading="lazy" decoding="async" /></a>`;
    case "voice":
    case "sound":
      return html`${kind === "sound" && html`<${Row} file=${file} />`}<audio class="play" controls preload="metadata" src=${file.url} data-testid="sound" aria-label=${kind === "voice" ? t("voice") : file.name}></audio>`;
    case "film":
      return html`<video class="play" controls preload="metadata" src=${file.url} data-testid="film" aria-label=${file.name}></video>`;
    case "other":
      return html`<${Row} file=${file} />`;
  }
}

/** Name, size and the way to the disk. @param {{file: import("./state.js").File}} props */
function Row({ file }) {
  return html`<a class="doc" href=${file.url} download=${file.name} data-testid="file">
    <${Icon} name="file" /><span><bdi class="clip" dir="auto">${file.name}</bdi><span class="quiet">${size(file.size)}</span></span>
    <span class="sr">${t("download")}</span></a>`;
}

/** @param {{peerId: number}} props */
export function Uploads({ peerId }) {
  const mine = uploads.value.filter((u) => u.peerId === peerId);
  if (mine.length === 0) return null;
  return html`<ul class="ups">${mine.map((u) => html`<li key=${u.cid} data-testid="upload" data-code=${u.code || undefined}>
    <${Icon} name=${u.code ? "warn" : "file"} cls=${u.code ? "dr" : ""} />
    <span class="two"><bdi class="clip" dir="auto">${u.name}</bdi>
      ${u.code ? html`<span class="error" role="alert">${errorText(u.code)}${u.limit > 0 && ` (${size(u.limit)})`}</span>`
        : html`<progress max="100" value=${percent(u)} aria-label=${t("sending", { name: u.name })}></progress>`}</span>
    ${u.code && !u.limit && html`<${Button} kind="plain" testid="upload-again" onClick=${() => again(u.cid)}>${t("retry")}<//>`}
    <${IconButton} icon="close" label=${t("cancel")} testid="upload-stop" onClick=${() => stop(u.cid)} />
  </li>`)}</ul>`;
}
