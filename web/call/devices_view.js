// Choosing the microphone and the loudspeaker, and trying them.

import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { t } from "../core/i18n.js";
import { Button } from "../core/ui/button.js";
import { Icon } from "../core/ui/icon.js";
import { canRoute, chooseMic, chooseSpeaker, devices, lookForDevices, mic, speaker, watchDevices } from "./devices.js";
import { startEcho } from "./echo.js";
import { lamps } from "./level.js";
import { keyOf } from "./link.js";
import { cannot } from "./media.js";

/** @typedef {import("./devices.js").Device} Device */

const LAMPS = 12;
const TEST_MS = 15_000;
const DRAW_MS = 80;

/** @param {{id: string, label: string, list: readonly Device[], value: string, onChange: (id: string) => void}} props */
function Picker({ id, label, list, value, onChange }) {
  const known = list.some((d) => d.id === value);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <div class="box select"><select id=${id} data-testid=${id} onChange=${(/** @type {Event} */ e) => onChange(/** @type {HTMLSelectElement} */ (e.currentTarget).value)}>
      <option value="" selected=${!known}>${t("systemDevice")}</option>
      ${list.map((d, i) => html`<option key=${d.id} value=${d.id} selected=${d.id === value}>${d.label || t("deviceN", { n: i + 1 })}</option>`)}
    </select><${Icon} name="down" /></div>
  </div>`;
}

export function DevicePickers() {
  useEffect(watchDevices, []);
  const { mics, speakers } = devices.value;
  return html`<${Picker} id="mic-picker" label=${t("microphone")} list=${mics} value=${mic.value} onChange=${chooseMic} />
    ${canRoute() && html`<${Picker} id="speaker-picker" label=${t("output")} list=${speakers} value=${speaker.value} onChange=${chooseSpeaker} />`}`;
}

/** Twelve lamps. @param {{read: () => number}} props */
function Meter({ read }) {
  const [lit, light] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => light(lamps(read(), LAMPS)), DRAW_MS);
    return () => clearInterval(timer);
  }, [read]);
  return html`<div class="meter" role="img" aria-label=${t(lit > 0 ? "meterOn" : "meterOff")} data-testid="meter" data-lit=${lit}>
    ${Array.from({ length: LAMPS }, (_, i) => html`<i key=${i} class=${i < lit ? "on" : ""}></i>`)}</div>`;
}

export function SoundTest() {
  const [echo, setEcho] = useState(/** @type {Awaited<ReturnType<typeof startEcho>> | null} */ (null));
  const [problem, setProblem] = useState("");
  const [asks, setAsks] = useState(false);
  const here = useRef(true);
  useEffect(() => () => {
    here.current = false;
  }, []);
  // It would go on with the old one.
  useEffect(() => setEcho(null), [mic.value]);
  useEffect(() => {
    if (!echo) return undefined;
    const timer = setTimeout(() => setEcho(null), TEST_MS);
    return () => {
      clearTimeout(timer);
      echo.stop();
    };
  }, [echo]);
  const press = async () => {
    if (echo) {
      setEcho(null);
      return;
    }
    const against = cannot();
    setProblem(against ?? "");
    if (against) return;
    setAsks(true);
    try {
      const made = await startEcho();
      if (here.current) setEcho(made);
      else made.stop();
      // Now they have names.
      void lookForDevices();
    } catch (error) {
      if (here.current) setProblem(keyOf(error));
    }
    if (here.current) setAsks(false);
  };
  return html`<div class="echo" data-testid="echo" data-on=${String(Boolean(echo))}>
    <${Button} icon=${echo ? "close" : "mic"} busy=${asks} testid="echo-button" onClick=${press}>${t(echo ? "echoStop" : "echo")}<//>
    ${echo ? html`<${Meter} read=${echo.level} /><p class="quiet" role="status">${t("echoHelp")}</p>` : asks ? html`<p class="quiet" role="status">${t("micAsk")}</p>` : null}
    ${problem && html`<p class="error" role="alert"><${Icon} name="warn" />${t(problem)}</p>`}
  </div>`;
}
