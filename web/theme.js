// Before the first paint: theme, language and direction. Loaded as a plain, blocking script.
(() => {
  const root = document.documentElement;
  /** @param {string} key */
  const kept = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const theme = kept("payambar:theme");
  const dark = theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset["theme"] = dark ? "dark" : "light";
  const english = kept("payambar:lang") === "en";
  root.lang = english ? "en" : "fa";
  root.dir = english ? "ltr" : "rtl";
})();
