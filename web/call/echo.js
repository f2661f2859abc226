// The sound test: one hears oneself a moment later.

import { routeSound } from "./devices.js";
import { levelOf } from "./level.js";
import { stop } from "./line.js";
import { microphone } from "./media.js";

const DELAY_S = 1;

/** @returns {Promise<{level: () => number, stop: () => void}>} fails with a CallProblem */
export async function startEcho() {
  const stream = await microphone();
  const context = new AudioContext();
  const source = context.createMediaStreamSource(stream);
  const ear = context.createAnalyser();
  const delay = context.createDelay(DELAY_S);
  delay.delayTime.value = DELAY_S;
  const out = context.createMediaStreamDestination();
  source.connect(ear);
  source.connect(delay).connect(out);
  const el = new Audio();
  routeSound(el);
  el.srcObject = out.stream;
  el.play().catch(() => {});
  const samples = new Float32Array(ear.fftSize);
  return {
    level() {
      ear.getFloatTimeDomainData(samples);
      return levelOf(samples);
    },
    stop() {
      el.srcObject = null;
      stop(stream);
      void context.close();
    },
  };
}
