// REST of signaling/PROTOCOL.md. Every refusal is an ApiError with a stable code.

import { lang } from "./i18n.js";
import { remember } from "./pictures.js";
import { message } from "./wire.js";

/** @typedef {import("./wire.js").Message} Message */
/** @typedef {{id: number, username: string, display_name: string, bio: string, is_online: boolean}} Person */
/** @typedef {{
 *   token: string, user_id: number, username: string, refresh_token: string, access_expires_at: number, must_change: boolean,
 * }} Session  `access_expires_at` in ms; "" and 0 where the token lives as long as the session; `must_change`: the password
 *   is temporary, and nothing else can be done until it is changed */
/**
 * @typedef {{
 *   id: number, user_id: number, username: string, display_name: string, is_online: boolean, deleted?: boolean,
 *   unread_count: number, last_message: Message | null, last_seq: number, my_read_seq: number,
 *   peer_recv_seq: number, peer_read_seq: number,
 * }} Preview
 */

/** `code` is of PROTOCOL.md, or `network` when the server was not reached. */
export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {number} [waitSeconds] */
  constructor(status, code, waitSeconds = 0) {
    super(code);
    this.status = status;
    this.code = code;
    this.waitSeconds = waitSeconds;
    /** How much would have been allowed, in bytes; 0 where that is not the reason. */
    this.limit = 0;
  }
}

let token = "";
/** @type {() => void} */
let unauthorized = () => {};
/** @type {(used: string) => Promise<string>} */
let renewed = async () => "";

/**
 * @param {string} value
 * @param {() => void} onUnauthorized called when the server no longer takes the token
 * @param {(used: string) => Promise<string>} [renew] gives a token in place of `used`, or "" when there is none;
 *   fails when the server was not reached
 */
export function authorize(value, onUnauthorized, renew = async () => "") {
  token = value;
  unauthorized = onUnauthorized;
  renewed = renew;
}

/** One request, with the token. @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
export async function call(method, path, body) {
  const used = token;
  try {
    return await attempt(used, method, path, body);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401 || error.code === "bad_credentials" || !used) throw error;
    // Once: a token that was renewed and is refused again is not worth a third.
    const next = used === token ? await renewed(used) : token;
    if (next && next !== used) return await attempt(next, method, path, body);
    if (used === token) unauthorized();
    throw error;
  }
}

/** @param {string} used @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
async function attempt(used, method, path, body) {
  /** @type {Record<string, string>} */
  const headers = { "Accept-Language": lang.peek() };
  if (used) headers["Authorization"] = `Bearer ${used}`;
  const form = body instanceof FormData;
  if (body !== undefined && !form) headers["Content-Type"] = "application/json";
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      cache: "no-store",
      signal: AbortSignal.timeout(20_000),
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "network");
  }
  if (response.status === 204) return {};
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const code = typeof answer.code === "string" ? answer.code : response.status >= 500 ? "internal" : "bad_request";
  const reset = Number(response.headers.get("X-RateLimit-Reset") ?? 0);
  throw new ApiError(response.status, code, reset ? Math.max(1, Math.ceil(reset - Date.now() / 1000)) : 0);
}

/** @param {any} p @returns {Person} */
function person(p) {
  remember(Number(p.id), p.avatar_url);
  return {
    id: Number(p.id),
    username: String(p.username),
    display_name: String(p.display_name ?? ""),
    bio: String(p.bio ?? ""),
    is_online: p.is_online === true,
  };
}

/** @param {any} p @returns {Preview} */
function preview(p) {
  remember(Number(p.user_id), p.avatar_url);
  return {
    id: Number(p.id),
    user_id: Number(p.user_id),
    username: String(p.username),
    display_name: String(p.display_name ?? ""),
    is_online: p.is_online === true,
    deleted: p.deleted === true,
    unread_count: Number(p.unread_count ?? 0),
    last_message: p.last_message ? message(p.last_message) : null,
    last_seq: Number(p.last_seq ?? 0),
    my_read_seq: Number(p.my_read_seq ?? 0),
    peer_recv_seq: Number(p.peer_recv_seq ?? 0),
    peer_read_seq: Number(p.peer_read_seq ?? 0),
  };
}

/** @typedef {"open" | "approval" | "invite" | "closed"} Registration */

/** @returns {Promise<{registration: Registration, mail: boolean}>} who may make an account; whether the server sends e-mail */
export async function options() {
  const { registration: mode, mail } = await call("GET", "/auth/options");
  return { registration: ["approval", "invite", "closed"].includes(mode) ? mode : "open", mail: mail === true };
}

/**
 * @param {"login" | "register"} mode @param {string} username @param {string} password
 * @param {{invite_code?: string, email?: string}} [more] to register: a code that lets one, an address; "" is not sent
 * @returns {Promise<Session>}
 */
export async function enter(mode, username, password, more = {}) {
  const given = Object.fromEntries(Object.entries(more).filter(([, value]) => value));
  return entered(await call("POST", `/auth/${mode}`, { username, password, refresh: true, ...given }));
}

/** @param {string} refresh_token @returns {Promise<Session>} with the next one */
export async function renew(refresh_token) {
  return entered(await attempt("", "POST", "/auth/refresh", { refresh_token }));
}

/** @param {any} a @returns {Session} */
const entered = (a) => ({
  token: String(a.token),
  user_id: Number(a.user_id),
  username: String(a.username),
  refresh_token: String(a.refresh_token ?? ""),
  access_expires_at: Date.parse(a.access_expires_at) || 0,
  must_change: a.must_change_password === true,
});

/** @param {string} old_password @param {string} new_password @returns {Promise<void>} */
export async function changePassword(old_password, new_password) {
  await call("PUT", "/auth/password", { old_password, new_password });
}

/** Has a code mailed, if there is such an account; that is not said. @param {string} who name or address @returns {Promise<void>} */
export async function forgotPassword(who) {
  await attempt("", "POST", "/auth/password/forgot", who.includes("@") ? { email: who } : { username: who });
}

/** @param {string} code @param {string} new_password @returns {Promise<string>} whose password it was */
export async function resetPassword(code, new_password) {
  return String((await attempt("", "POST", "/auth/password/reset", { code, new_password })).username);
}

/** Has a code mailed to an address. @param {string} email @param {string} password @returns {Promise<void>} */
export async function setEmail(email, password) {
  await call("PUT", "/profile/email", { email, password });
}

/** @param {string} code @returns {Promise<void>} */
export async function proveEmail(code) {
  await call("POST", "/profile/email/verify", { code });
}

/** @param {string} password @returns {Promise<void>} */
export async function removeEmail(password) {
  await call("DELETE", "/profile/email", { password });
}

/** Deletes the own account with all it has written. @param {string} password @returns {Promise<void>} */
export async function deleteAccount(password) {
  await call("DELETE", "/profile", { password });
}

/** @returns {Promise<void>} */
export async function logout() {
  await call("POST", "/auth/logout");
}

/** @returns {Promise<string>} */
export async function version() {
  return String((await call("GET", "/version")).version ?? "");
}

/** @returns {Promise<Preview[]>} */
export async function conversations() {
  return (await call("GET", "/conversations")).conversations.map(preview);
}

/** @param {number} chat a person, or a group below zero @param {"user_id" | "receiver_id"} person @returns {Record<string, string>} */
const place = (chat, person) => (chat < 0 ? { conversation_id: String(-chat) } : { [person]: String(chat) });

/**
 * @param {number} chat a person, or a group below zero @param {{before_seq?: number, after_seq?: number, limit?: number}} query
 * @returns {Promise<Message[]>} oldest first
 */
export async function messages(chat, query) {
  const params = new URLSearchParams(place(chat, "user_id"));
  for (const [key, value] of Object.entries(query)) params.set(key, String(value));
  return (await call("GET", `/messages?${params}`)).messages.map(message);
}

/** @param {string} username @returns {Promise<Person>} */
export async function user(username) {
  return person(await call("GET", `/users/${encodeURIComponent(username)}`));
}

/** @param {string} q @returns {Promise<Person[]>} */
export async function people(q) {
  return (await call("GET", `/users?q=${encodeURIComponent(q)}`)).map(person);
}

/** @param {number} id @returns {Promise<Person | undefined>} */
export async function personOf(id) {
  return (await call("GET", `/users?id=${id}`)).map(person)[0];
}

/** @returns {Promise<Person & {show_last_seen: boolean, email: string, email_waiting: string}>} */
export async function profile() {
  const mine = await call("GET", "/profile");
  const { email = "", email_waiting = "", show_last_seen } = mine;
  return { ...person(mine), show_last_seen: show_last_seen !== false, email: String(email), email_waiting: String(email_waiting) };
}

/** @param {boolean} show_last_seen @returns {Promise<void>} */
export async function setShowLastSeen(show_last_seen) {
  await call("PUT", "/profile", { show_last_seen });
}

/** @param {string} display_name @returns {Promise<string>} */
export async function rename(display_name) {
  return String((await call("PUT", "/profile", { display_name })).display_name ?? display_name);
}

/** Gives the person a picture, or none. @param {number} me @param {File | null} file @returns {Promise<void>} */
export async function setPicture(me, file) {
  const form = new FormData();
  if (file) form.append("avatar", file);
  const answer = file ? await call("POST", "/profile/avatar", form) : await call("DELETE", "/profile/avatar");
  remember(me, answer.avatar_url);
}

/**
 * Sends a file. A request of the old kind: it alone says how far it is.
 * @param {number} chat a person, or a group below zero @param {File} file @param {string} cid @param {(sent: number) => void} progress
 * @returns {{done: Promise<void>, cancel: () => void}}
 */
export function upload(chat, file, cid, progress) {
  const request = new XMLHttpRequest();
  /** @type {Promise<void>} */
  const done = new Promise((resolve, reject) => {
    request.open("POST", "/api/upload");
    request.responseType = "json";
    request.setRequestHeader("Accept-Language", lang.peek());
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (e) => progress(e.loaded);
    request.onload = () => {
      if (request.status === 200) return resolve();
      const code = request.response?.code;
      if (request.status === 401) unauthorized();
      const refusal = new ApiError(request.status, typeof code === "string" ? code : "internal");
      refusal.limit = Number(request.response?.limit ?? 0);
      return reject(refusal);
    };
    request.onerror = request.onabort = () => reject(new ApiError(0, "network"));
    const form = new FormData();
    // First what the server can judge before the file comes.
    for (const [name, value] of Object.entries(place(chat, "receiver_id"))) form.append(name, value);
    form.append("client_message_id", cid);
    form.append("file", file);
    request.send(form);
  });
  return { done, cancel: () => request.abort() };
}

/** @returns {Promise<{iceServers: RTCIceServer[], ttl: number}>} */
export async function callServers() {
  const answer = await call("GET", "/webrtc/config");
  return { iceServers: answer.iceServers ?? [], ttl: Number(answer.ttl ?? 0) };
}
