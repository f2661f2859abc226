// Choices kept on this device. Pure.

/** @typedef {"light" | "dark" | "auto"} Theme */

/** @param {string | null} kept @returns {Theme} */
export const themeOf = (kept) => (kept === "light" || kept === "dark" ? kept : "auto");

/** What `auto` means here. @param {Theme} theme @param {boolean} prefersDark @returns {"light" | "dark"} */
export const resolve = (theme, prefersDark) => (theme === "auto" ? (prefersDark ? "dark" : "light") : theme);

/** @param {string | null} kept @returns {boolean} */
export const switchOf = (kept) => kept === "1";

/** A display name as it will be sent: without the spaces around it. @param {string} typed @param {string} current @returns {string | null} null when there is nothing to save */
export function nameToSave(typed, current) {
  const name = typed.trim();
  return name === "" || name === current ? null : name;
}
