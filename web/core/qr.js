// QR codes of short texts: bytes, error correction M, versions 1 to 10 (ISO/IEC 18004). Pure.

/** Of each version: check bytes of a block, then blocks and data bytes of each, then more blocks with one byte more. @type {readonly [number, number, number, number][]} */
const BLOCKS = [[10, 1, 16, 0], [16, 1, 28, 0], [26, 1, 44, 0], [18, 2, 32, 0], [24, 2, 43, 0], [16, 4, 27, 0], [18, 4, 31, 0], [22, 2, 38, 2], [22, 3, 36, 2], [26, 4, 43, 1]];
/** Centres of the small squares. @type {readonly (readonly number[])[]} */
const CENTRES = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

/** Powers of 2 in the field of 256 elements with 0x11d. */
const EXP = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) {
  EXP[i] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x & 0x80 ? 0x11d : 0);
}
/** @param {Uint8Array} of @param {number} i */
const at = (of, i) => of[i] ?? 0;
/** @param {number} a @param {number} b */
const times = (a, b) => (a && b ? at(EXP, (at(LOG, a) + at(LOG, b)) % 255) : 0);

/** The check bytes of a block. @param {readonly number[]} data @param {number} n @returns {number[]} */
function check(data, n) {
  let generator = [1];
  for (let i = 0; i < n; i += 1) {
    const next = [...generator, 0];
    generator.forEach((g, k) => (next[k + 1] = (next[k + 1] ?? 0) ^ times(g, at(EXP, i))));
    generator = next;
  }
  const rest = [...data, .../** @type {number[]} */ (Array(n).fill(0))];
  for (let i = 0; i < data.length; i += 1) {
    const lead = rest[i] ?? 0;
    generator.forEach((g, k) => (rest[i + k] = (rest[i + k] ?? 0) ^ times(g, lead)));
  }
  return rest.slice(data.length);
}

/** All bytes in the order they are drawn, or null when the text is too long. @param {string} text */
function codewords(text) {
  const bytes = [...new TextEncoder().encode(text)];
  const head = (/** @type {number} */ v) => (v < 10 ? 1.5 : 2.5);
  const room = (/** @type {readonly [number, number, number, number]} */ [, blocks, size, more]) => blocks * size + more * (size + 1);
  const version = BLOCKS.findIndex((b, i) => bytes.length + Math.ceil(head(i + 1)) <= room(b)) + 1;
  const plan = BLOCKS[version - 1];
  if (!plan) return null;
  const [checks, blocks, size, more] = plan;
  // Half a byte says "bytes", then how many.
  const count = version < 10 ? [bytes.length] : [bytes.length >> 8, bytes.length & 255];
  const all = [...count, ...bytes];
  const data = [0x40 | ((all[0] ?? 0) >> 4), ...all.map((b, i) => ((b & 15) << 4) | ((all[i + 1] ?? 0) >> 4))];
  for (let pad = 0xec; data.length < room(plan); pad ^= 0xfd) data.push(pad);
  const parts = Array.from({ length: blocks + more }, (_, i) => {
    const start = i * size + Math.max(0, i - blocks);
    return data.slice(start, start + size + (i >= blocks ? 1 : 0));
  });
  const sums = parts.map((part) => check(part, checks));
  const woven = (/** @type {number[][]} */ lists) =>
    Array.from({ length: Math.max(...lists.map((l) => l.length)) }, (_, i) => lists.flatMap((l) => (i < l.length ? [l[i] ?? 0] : []))).flat();
  return { version, all: [...woven(parts), ...woven(sums)] };
}

/** A number followed by its remainder. @param {number} value @param {number} generator @param {number} bits of the remainder */
function withRest(value, generator, bits) {
  let rest = value << bits;
  for (let i = 31; i >= bits; i -= 1) if ((rest >>> i) & 1) rest ^= generator << (i - bits);
  return (value << bits) | rest;
}

/** Whether a mask turns a module over. @type {readonly ((y: number, x: number) => boolean)[]} */
const MASKS = [
  (y, x) => (y + x) % 2 === 0, (y) => y % 2 === 0, (_, x) => x % 3 === 0, (y, x) => (y + x) % 3 === 0,
  (y, x) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0, (y, x) => ((y * x) % 2) + ((y * x) % 3) === 0,
  (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2 === 0, (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2 === 0,
];

/** What is the same in every code of a version; null where data goes. @param {number} version @returns {(boolean | null)[][]} */
function frame(version) {
  const side = 17 + 4 * version;
  const grid = Array.from({ length: side }, () => /** @type {(boolean | null)[]} */ (Array(side).fill(null)));
  const set = (/** @type {number} */ y, /** @type {number} */ x, /** @type {boolean} */ dark) => {
    const row = grid[y];
    if (row && x >= 0 && x < side) row[x] = dark;
  };
  for (let i = 0; i < side; i += 1) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [cy, cx] of /** @type {[number, number][]} */ ([[3, 3], [3, side - 4], [side - 4, 3]])) {
    for (let dy = -4; dy <= 4; dy += 1) for (let dx = -4; dx <= 4; dx += 1) set(cy + dy, cx + dx, ![2, 4].includes(Math.max(Math.abs(dy), Math.abs(dx))));
  }
  const centres = CENTRES[version - 1] ?? [];
  const last = centres.at(-1) ?? 0;
  for (const cy of centres) {
    for (const cx of centres) {
      // Three of them would lie under the large squares.
      if ((cy === 6 && (cx === 6 || cx === last)) || (cy === last && cx === 6)) continue;
      for (let dy = -2; dy <= 2; dy += 1) for (let dx = -2; dx <= 2; dx += 1) set(cy + dy, cx + dx, Math.max(Math.abs(dy), Math.abs(dx)) !== 1);
    }
  }
  // Kept free for the word of the format.
  for (let i = 0; i < 9; i += 1) {
    if (i !== 6) { set(8, i, false); set(i, 8, false); }
    if (i < 8) { set(8, side - 1 - i, false); set(side - 1 - i, 8, i === 7); }
  }
  if (version >= 7) {
    const word = withRest(version, 0x1f25, 12);
    for (let i = 0; i < 18; i += 1) {
      const [a, b] = [Math.floor(i / 3), side - 11 + (i % 3)];
      set(a, b, ((word >> i) & 1) === 1);
      set(b, a, ((word >> i) & 1) === 1);
    }
  }
  return grid;
}

/** @param {(boolean | null)[][]} grid @param {readonly number[]} all @param {number} mask @returns {boolean[][]} */
function draw(grid, all, mask) {
  const side = grid.length;
  const turned = MASKS[mask] ?? (() => false);
  const done = grid.map((row) => row.map((m) => m === true));
  let bit = 0;
  for (let step = 0, right = side - 1; right > 0; right -= 2, step += 1) {
    if (right === 6) right = 5;
    for (let i = 0; i < side; i += 1) {
      const y = step % 2 === 0 ? side - 1 - i : i;
      for (const x of [right, right - 1]) {
        const row = done[y];
        if (!row || grid[y]?.[x] !== null) continue;
        row[x] = ((((all[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1) !== turned(y, x);
        bit += 1;
      }
    }
  }
  const word = withRest(mask, 0x537, 10) ^ 0x5412;
  for (let i = 0; i < 15; i += 1) {
    const dark = ((word >> i) & 1) === 1;
    const [down, across] = [i < 6 ? i : i < 8 ? i + 1 : side - 15 + i, i < 8 ? side - 1 - i : i < 9 ? 7 : 14 - i];
    const [column, row] = [done[down], done[8]];
    if (column) column[8] = dark;
    if (row) row[across] = dark;
  }
  return done;
}

/** How hard a code is to read: long runs, blocks, false corners, too much of one colour. @param {boolean[][]} code @returns {number} */
function penalty(code) {
  const side = code.length;
  const turned = code.map((_, x) => code.map((row) => row[x] === true));
  let sum = 0;
  for (const lines of [code, turned]) {
    for (const row of lines) {
      const line = row.map((m) => (m ? "1" : "0")).join("");
      for (const run of line.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
      for (let x = 0; x + 11 <= side; x += 1) if (["10111010000", "00001011101"].includes(line.slice(x, x + 11))) sum += 40;
    }
  }
  let dark = 0;
  code.forEach((row, y) => row.forEach((m, x) => {
    dark += m ? 1 : 0;
    if (y > 0 && x > 0 && [code[y - 1]?.[x], code[y - 1]?.[x - 1], row[x - 1]].every((n) => n === m)) sum += 3;
  }));
  return sum + 10 * Math.floor(Math.abs((dark * 20) / (side * side) - 10));
}

/** The modules of a code, row by row, without the white border; null when the text is too long. @param {string} text @returns {boolean[][] | null} */
export function qr(text) {
  const words = codewords(text);
  if (!words) return null;
  const grid = frame(words.version);
  const all = MASKS.map((_, mask) => draw(grid, words.all, mask));
  const marks = all.map(penalty);
  return all[marks.indexOf(Math.min(...marks))] ?? null;
}
