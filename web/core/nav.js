// Where the person is: address, layers above it, and the width of the window.

import { signal } from "../vendor/preact.js";

/**
 * @typedef {{name: "list"} | {name: "chat", username: string} | {name: "profile", username: string} | {name: "settings"} | {name: "reset"}
 *   | {name: "group", id: number} | {name: "join", code: string}} Route  `join`: where the link into a group leads
 */

/** Panels of one person, by the first part of their path. @type {Record<string, "chat" | "profile">} */
const PERSONAL = { c: "chat", u: "profile" };

/** @param {string} path @returns {Route} */
export function parsePath(path) {
  const [, first = "", username = ""] = /^\/([cu])\/([^/]+)\/?$/u.exec(path) ?? [];
  const name = PERSONAL[first];
  if (name) {
    try {
      return { name, username: decodeURIComponent(username) };
    } catch {
      return { name: "list" };
    }
  }
  const [, group = ""] = /^\/g\/(\d{1,15})\/?$/u.exec(path) ?? [];
  if (Number(group) > 0) return { name: "group", id: Number(group) };
  const [, code = ""] = /^\/join\/([\w-]{1,64})\/?$/u.exec(path) ?? [];
  if (code) return { name: "join", code };
  const plain = path.replace(/\/$/u, "");
  // The mail about an address leads to where it is confirmed.
  if (plain === "/settings" || plain === "/email") return { name: "settings" };
  return { name: plain === "/reset" ? "reset" : "list" };
}

/** What a mailed link brought along behind its #; no server was sent it. It is in the address no longer. */
export function takeCode() {
  const code = codeIn(location.hash);
  if (code) history.replaceState(history.state, "", pathOf(route.peek()));
  return code;
}

/** @param {string} hash @returns {string} */
export const codeIn = (hash) => /^#([a-z0-9-]{16,24})$/iu.exec(hash)?.[1] ?? "";

/** @param {Route} to @returns {string} */
export function pathOf(to) {
  if (to.name === "chat") return `/c/${encodeURIComponent(to.username)}`;
  if (to.name === "profile") return `/u/${encodeURIComponent(to.username)}`;
  if (to.name === "group") return `/g/${to.id}`;
  if (to.name === "join") return `/join/${to.code}`;
  return to.name === "list" ? "/" : `/${to.name}`;
}

/** @type {import("../vendor/preact.js").Signal<Route>} */
export const route = signal(/** @type {Route} */ ({ name: "list" }));
/** One panel at a time. */
export const phone = signal(false);

/** Room for a third panel. */
export const wide = signal(false);

/** @type {{close: () => void}[]} */
const layers = [];
let skip = 0;
/** @type {(() => void)[]} */
let afterPop = [];

/** Starts following the address; call once. */
export function watchAddress() {
  const narrow = matchMedia("(max-width: 759px)");
  phone.value = narrow.matches;
  narrow.addEventListener("change", () => (phone.value = narrow.matches));
  const large = matchMedia("(min-width: 1180px)");
  wide.value = large.matches;
  large.addEventListener("change", () => (wide.value = large.matches));
  route.value = parsePath(location.pathname);
  addEventListener("popstate", () => {
    if (skip > 0) {
      skip -= 1;
      if (skip > 0) return;
      // The panel may have changed while its layer was closing.
      const path = pathOf(route.peek());
      if (path !== location.pathname) history.replaceState(history.state, "", path);
      for (const run of afterPop.splice(0)) run();
      return;
    }
    const top = layers.pop();
    if (top) top.close();
    else route.value = parsePath(location.pathname);
  });
}

/**
 * Goes to a path. From the list a new entry is made, between panels the entry
 * is replaced: "back" always leads to the list.
 * @param {string} path
 */
export function go(path) {
  if (skip > 0) {
    afterPop.push(() => go(path));
    return;
  }
  if (path === location.pathname) return;
  const inner = history.state?.inner === true;
  if (inner && path === "/") {
    history.back();
    return;
  }
  if (location.pathname === "/" && !inner) history.pushState({ inner: true }, "", path);
  else history.replaceState({ inner }, "", path);
  route.value = parsePath(path);
}

/** Leaves the panel for the list. */
export const back = () => go("/");

/**
 * Puts a layer on top that "back" closes first.
 * @param {() => void} close called when the person went back
 * @returns {() => void} call it when the layer was closed in another way
 */
export function layer(close) {
  const own = { close };
  layers.push(own);
  const push = () => history.pushState({ inner: history.state?.inner === true, layer: true }, "");
  if (skip > 0) afterPop.push(push);
  else push();
  return () => {
    const at = layers.indexOf(own);
    if (at < 0) return;
    layers.splice(at, 1);
    skip += 1;
    history.back();
  };
}

/** Forgets where the person was: after signing out. */
export function home() {
  route.value = { name: "list" };
  if (skip === 0) history.replaceState(null, "", "/");
}
