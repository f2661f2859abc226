// UUIDv7 (RFC 9562 §5.7): sorts by time, made without the server.

/** @param {number} nowMs @param {Uint8Array} random 16 random bytes @returns {string} */
export function uuidv7(nowMs, random) {
  const b = Uint8Array.from(random);
  const t = BigInt(Math.floor(nowMs));
  for (let i = 0; i < 6; i++) b[i] = Number((t >> BigInt(8 * (5 - i))) & 0xffn);
  b[6] = 0x70 | ((b[6] ?? 0) & 0x0f);
  b[8] = 0x80 | ((b[8] ?? 0) & 0x3f);
  const hex = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** @returns {string} */
export const newId = () => uuidv7(Date.now(), crypto.getRandomValues(new Uint8Array(16)));
