// Direction of people's text, and the parts of it that are always left-to-right.

/** @typedef {"rtl" | "ltr"} Dir */
/** @typedef {{t: "text" | "link" | "ltr" | "code", s: string}} Part */

const LINK = /(?:https?:\/\/|www\.)[^\s<>«»"]+/giu;
const NAME = /(?<![\p{L}\p{N}_])@\w+/gu;
const MAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/gu;
const CODE = /`[^`\n]+`/gu;
const WORD = /\p{L}[\p{L}\p{M}\u200c]*/gu;
const RTL_LETTER = /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;

/**
 * The direction a text is read in. Links, @names and code do not count; the
 * first word decides, but a Latin start gives way when right-to-left words are
 * at least as many. Without any word the direction of the interface holds.
 * @param {string} text @param {Dir} uiDir @returns {Dir}
 */
export function textDir(text, uiDir) {
  const bare = text.replace(CODE, " ").replace(LINK, " ").replace(MAIL, " ").replace(NAME, " ");
  const words = bare.match(WORD) ?? [];
  if (words.length === 0) return /[A-Za-z]/u.test(text) ? "ltr" : uiDir;
  const rtl = words.filter((word) => RTL_LETTER.test(word)).length;
  return RTL_LETTER.test(words[0] ?? "") || rtl >= words.length - rtl ? "rtl" : "ltr";
}

// Links and mail first, then names, code, and runs of digits with + - ( ) and
// spaces between them: a space would break a telephone number apart.
const PARTS = new RegExp(
  [
    `(?<link>${LINK.source})`,
    `(?<mail>${MAIL.source})`,
    `(?<name>${NAME.source})`,
    `(?<code>${CODE.source})`,
    "(?<number>[+(]?[0-9۰-۹٠-٩][0-9۰-۹٠-٩() \\-]{4,}[0-9۰-۹٠-٩])",
  ].join("|"),
  "giu",
);

/**
 * Splits a line into plain text, links, and pieces to isolate left-to-right.
 * @param {string} line @returns {Part[]}
 */
export function parts(line) {
  /** @type {Part[]} */
  const out = [];
  let from = 0;
  for (const match of line.matchAll(PARTS)) {
    let piece = match[0];
    const groups = match.groups ?? {};
    // A full stop or bracket after a link belongs to the sentence.
    if (groups["link"]) piece = piece.replace(/[.,;:!?)\]،؛؟]+$/u, "");
    if (match.index > from) out.push({ t: "text", s: line.slice(from, match.index) });
    out.push({ t: groups["link"] ? "link" : groups["code"] ? "code" : "ltr", s: piece });
    from = match.index + piece.length;
  }
  if (from < line.length) out.push({ t: "text", s: line.slice(from) });
  return out;
}

/**
 * The address a link opens, or null when it is not a valid http(s) address.
 * @param {string} text @returns {string | null}
 */
export function href(text) {
  try {
    const url = new URL(/^https?:/iu.test(text) ? text : `https://${text}`);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Isolates a name inside a plain string. @param {string} text @returns {string} */
export function isolate(text) {
  return `\u2068${text}\u2069`;
}

/**
 * Folds spelling differences away for searching: Arabic and Persian letters,
 * digits, half-spaces, vowel marks, case.
 * @param {string} text @returns {string}
 */
export function fold(text) {
  return text
    .normalize("NFKD")
    .replace(/[\p{M}\u0640]/gu, "")
    .replace(/[يىئ]/gu, "ی")
    .replace(/ك/gu, "ک")
    .replace(/[ۀةە]/gu, "ه")
    .replace(/[آأإٱ]/gu, "ا")
    .replace(/ؤ/gu, "و")
    .replace(/[۰-۹]/gu, (d) => String(d.charCodeAt(0) - 0x6f0))
    .replace(/[٠-٩]/gu, (d) => String(d.charCodeAt(0) - 0x660))
    .replace(/[\u200c\s]+/gu, " ")
    .trim()
    .toLowerCase();
}
