import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("./", import.meta.url);
const read = (/** @type {string} */ name) => readFileSync(new URL(name, folder), "utf8");
const bare = (/** @type {string} */ css) => css.replace(/\/\*[\s\S]*?\*\//g, "");
const files = readdirSync(folder).filter((name) => name.endsWith(".css"));

for (const name of files) {
  test(`${name} knows no left and no right`, () => {
    assert.doesNotMatch(bare(read(name)), /\b(left|right)\b/);
    assert.doesNotMatch(bare(read(name)), /[;{\s](?:margin|padding|border)-(?:top|bottom)\b|[;{\s](?:top|bottom|width|height|min-width|max-width|min-height|max-height)\s*:(?![^;{}]*\))/);
  });
  test(`${name} asks nobody outside`, () => {
    assert.doesNotMatch(bare(read(name)), /@import|https?:|url\(["']?data:/);
  });
  if (name !== "tokens.css") {
    test(`${name} takes its colours from the tokens`, () => {
      assert.doesNotMatch(bare(read(name)), /#[0-9a-f]{3,8}\b|\b(?:rgb|rgba|hsl|hsla|oklch|lab)\(|:\s*(?:white|black|red|green|gr[ae]y)\b/i);
    });
  }
}

/** Tokens of a block, by name. @param {string} css */
const tokens = (css) => Object.fromEntries([...css.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1], m[2]]));
const all = bare(read("tokens.css"));
const dark = /:root\[data-theme=dark\]\{[\s\S]*?\}/.exec(all)?.[0] ?? "";
const light = tokens(all.replace(dark, ""));
const themes = { light, dark: { ...light, ...tokens(dark) } };

/** WCAG 2 relative luminance. @param {string} hex */
function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
/** @param {string} a @param {string} b */
function contrast(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

const text = [
  ["ink", "canvas"], ["ink", "surface"], ["ink", "surface-2"], ["ink", "surface-3"], ["ink-2", "surface"], ["ink-2", "surface-2"],
  ["ink-2", "surface-3"], ["ink-2", "canvas"], ["ink-3", "surface"], ["ink-3", "surface-2"], ["ink-3", "surface-3"], ["accent-ink", "surface"],
  ["accent-ink", "surface-2"], ["accent-ink", "surface-3"], ["accent-ink", "accent-soft"], ["accent-ink", "out"], ["on-accent", "accent"],
  ["on-accent", "live"], ["on-accent", "badge-muted"], ["ink", "in"], ["in-meta", "in"], ["out-ink", "out"], ["out-meta", "out"], ["info", "in"],
  ["danger", "surface"], ["danger", "surface-2"], ["danger", "surface-3"], ["danger", "danger-soft"], ["danger", "canvas"], ["warn", "warn-soft"],
  ["stage-ink", "stage"], ["stage-ink", "stage-3"], ["stage-ink-2", "stage"], ["stage-ink-2", "stage-3"], ["stage-ink", "stage-ok"],
  ["stage-ink", "stage-danger"], ["stage-warn", "stage-2"], ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => ["on-av", `av-${n}`]),
];
const shapes = [["line-strong", "canvas"], ["line-strong", "surface"], ["focus", "surface"], ["focus", "canvas"], ["accent", "surface"], ["stage-live", "stage"], ["live", "surface"]];

for (const [theme, values] of Object.entries(themes)) {
  test(`${theme}: text stands out from what is under it`, () => {
    for (const [a, b] of text) assert.ok(contrast(values[a], values[b]) >= 4.5, `${a} on ${b}: ${contrast(values[a], values[b]).toFixed(2)}`);
  });
  test(`${theme}: shapes stand out from what is around them`, () => {
    for (const [a, b] of shapes) assert.ok(contrast(values[a], values[b]) >= 3, `${a} on ${b}: ${contrast(values[a], values[b]).toFixed(2)}`);
  });
}
