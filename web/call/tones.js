// Tones made here, not played from files. A browser that allows no sound yet stays silent.

/** @type {AudioContext | null} */
let context = null;
/** @type {ReturnType<typeof setInterval> | undefined} */
let repeat;
/** @type {GainNode | null} */
let bus = null;

function audio() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume().catch(() => {});
  return context;
}

/** @param {AudioNode} to @param {number} hz @param {number} at seconds from now @param {number} length @param {number} volume */
function note(to, hz, at, length, volume) {
  const ctx = /** @type {AudioContext} */ (to.context);
  const start = ctx.currentTime + at;
  const source = ctx.createOscillator();
  const gain = ctx.createGain();
  source.frequency.value = hz;
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(volume, start + 0.02);
  gain.gain.setValueAtTime(volume, start + length - 0.04);
  gain.gain.linearRampToValueAtTime(0, start + length);
  source.connect(gain).connect(to);
  source.start(start);
  source.stop(start + length);
}

/** @param {number} everyMs @param {(bus: AudioNode) => void} play */
function loop(everyMs, play) {
  silence();
  try {
    const ctx = audio();
    const out = ctx.createGain();
    out.connect(ctx.destination);
    bus = out;
    play(out);
    repeat = setInterval(() => play(out), everyMs);
  } catch {
    // No sound here; the signal is seen and felt as well.
  }
}

/** What the caller hears while it rings there: 425 Hz, 1 s of 5. */
export const ringback = () => loop(5_000, (out) => note(out, 425, 0, 1, 0.08));

/** What the callee hears: two rising pairs, with vibration where there is any. */
export function ring() {
  loop(3_000, (out) => {
    for (const [i, hz] of [587, 784, 587, 784].entries()) note(out, hz, i * 0.22 + (i > 1 ? 0.2 : 0), 0.2, 0.14);
  });
  // A page nobody has touched yet may not vibrate, and the browser says so loudly.
  const shake = () => navigator.userActivation?.hasBeenActive && navigator.vibrate?.([400, 200, 400]);
  shake();
  shaking = setInterval(shake, 3_000);
}
/** @type {ReturnType<typeof setInterval> | undefined} */
let shaking;

/** A short sign: the call is over, or hangs on a thread. @param {"over" | "weak"} kind */
export function sign(kind) {
  silence();
  try {
    const out = audio().destination;
    if (kind === "over") [440, 330].forEach((hz, i) => note(out, hz, i * 0.16, 0.14, 0.08));
    else note(out, 520, 0, 0.12, 0.06);
  } catch {
    // No sound here.
  }
}

/** Stops what repeats, at once. */
export function silence() {
  clearInterval(repeat);
  clearInterval(shaking);
  if (shaking !== undefined) navigator.vibrate?.(0);
  shaking = undefined;
  bus?.disconnect();
  bus = null;
}
