// The bar that says there is no connection: once on the screen, under the header of the panel in front.

import { html } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { phone, route } from "../nav.js";
import { offline } from "../socket.js";
import { Icon } from "./icon.js";

/** @param {{place: "list" | "main"}} props */
export function OfflineBar({ place }) {
  const here = phone.value && route.value.name !== "list" ? "main" : "list";
  if (!offline.value || here !== place) return null;
  return html`<p class="offline" role="status" data-testid="offline-bar"><${Icon} name="clock" /><span>${t("offline")}</span></p>`;
}
