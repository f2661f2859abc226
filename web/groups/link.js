// The link into a group: shown, copied, renewed, ended.

import { html, useEffect, useState } from "../vendor/preact.js";
import { ApiError } from "../core/api.js";
import { errorText, t } from "../core/i18n.js";
import { Button } from "../core/ui/button.js";
import { Dialog } from "../core/ui/dialog.js";
import { toast } from "../core/ui/toast.js";
import { endLink, link, newLink } from "./api.js";
import { Qr } from "./qr_view.js";

/** @param {{id: number}} props of the group */
export function LinkPart({ id }) {
  // Not known yet, then "" for none.
  const [url, setUrl] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [asks, ask] = useState(/** @type {"" | "renew" | "end"} */ (""));
  /** @param {Promise<string>} to */
  const run = async (to) => {
    setBusy(true);
    setError("");
    try {
      setUrl(await to);
    } catch (problem) {
      const why = problem instanceof ApiError ? problem.code : "internal";
      if (why === "group_link_invalid") setUrl("");
      else setError(why);
    }
    setBusy(false);
    ask("");
  };
  useEffect(() => void run(link(id)), [id]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url ?? "");
      toast(t("copied"));
    } catch {
      // No clipboard on this page: the address can be marked.
      toast(t("copyByHand"));
    }
  };
  return html`<section class="group-part" data-testid="group-link">
    <h3>${t("inviteLink")}</h3>
    ${error && html`<p class="error" role="alert">${errorText(error)}</p>`}
    ${url && html`<p class="address ltr" data-testid="link-address">${url}</p>
      <${Qr} text=${url} label=${t("qrOfLink")} />
      <div class="line"><${Button} kind="soft" testid="link-copy" onClick=${copy}>${t("copy")}<//>
        <${Button} kind="plain" testid="link-renew" onClick=${() => ask("renew")}>${t("renewLink")}<//>
        <${Button} kind="plain" testid="link-end" onClick=${() => ask("end")}>${t("endLink")}<//></div>`}
    ${url === "" && html`<p class="quiet">${t("noLink")}</p><${Button} kind="soft" busy=${busy} testid="link-make" onClick=${() => run(newLink(id))}>${t("makeLink")}<//>`}
    ${url === null && error && html`<${Button} kind="soft" busy=${busy} onClick=${() => run(link(id))}>${t("again")}<//>`}
    ${asks && html`<${Dialog} title=${t(asks === "renew" ? "renewLink" : "endLink")} text=${t(asks === "renew" ? "renewLinkAsk" : "endLinkAsk")}
      verb=${t(asks === "renew" ? "renewLink" : "endLink")} busy=${busy} testid="link-confirm"
      onYes=${() => run(asks === "renew" ? newLink(id) : endLink(id).then(() => ""))} onClose=${() => ask("")} />`}
  </section>`;
}
