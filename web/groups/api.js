// REST of groups.

import { call } from "../core/api.js";
import { remember } from "../core/pictures.js";
import { message } from "../core/wire.js";
import { role } from "../core/wire_groups.js";

/**
 * @typedef {import("./state.js").GroupPreview} GroupPreview
 * @typedef {import("./state.js").WholeGroup} WholeGroup
 * @typedef {import("./state.js").Member} Member
 * @typedef {import("./state.js").Role} Role
 */

/** @param {unknown} at */
const ms = (at) => Date.parse(String(at)) || 0;

/** @param {any} m @returns {Member} */
function member(m) {
  remember(Number(m.user_id), m.avatar_url);
  return {
    id: Number(m.user_id), username: String(m.username), display_name: String(m.display_name ?? ""), role: role(String(m.role)),
    joined: ms(m.joined_at), recv: Number(m.recv_seq ?? 0), read: Number(m.read_seq ?? 0),
  };
}

/** @param {any} g @returns {GroupPreview} */
const preview = (g) => ({
  id: Number(g.id), name: String(g.name), role: role(String(g.role)), count: Number(g.members ?? 0), at: ms(g.last_message_at),
  last_message: g.last_message ? message(g.last_message) : null,
  last_seq: Number(g.last_seq ?? 0), my_read_seq: Number(g.my_read_seq ?? 0), unread_count: Number(g.unread_count ?? 0),
});

/** @param {any} g @returns {WholeGroup} */
const whole = (g) => ({
  id: Number(g.id), name: String(g.name), role: role(String(g.role)), at: ms(g.created_at),
  last_seq: Number(g.last_seq ?? 0), my_read_seq: Number(g.my_read_seq ?? 0), members: (g.members ?? []).map(member),
});

/** @returns {Promise<GroupPreview[]>} */
export const listGroups = async () => (await call("GET", "/groups")).groups.map(preview);

/** @param {number} id @returns {Promise<WholeGroup>} */
export const group = async (id) => whole(await call("GET", `/groups/${id}`));

/** @param {string} name @returns {Promise<WholeGroup>} */
export const create = async (name) => whole(await call("POST", "/groups", { name }));

/** @param {number} id @param {string} name @returns {Promise<void>} */
export const rename = (id, name) => call("PATCH", `/groups/${id}`, { name });

/** @param {number} id @returns {Promise<void>} */
export const destroy = (id) => call("DELETE", `/groups/${id}`);

/** @param {number} id @param {number} user_id @returns {Promise<void>} */
export const add = (id, user_id) => call("POST", `/groups/${id}/members`, { user_id });

/** Puts a member out; oneself: leaves. @param {number} id @param {number} user @returns {Promise<void>} */
export const remove = (id, user) => call("DELETE", `/groups/${id}/members/${user}`);

/** `owner` hands the group over. @param {number} id @param {number} user @param {Role} as @returns {Promise<void>} */
export const setRole = (id, user, as) => call("PUT", `/groups/${id}/members/${user}`, { role: as });

/** The address of the link. @param {number} id @returns {Promise<string>} */
export const link = async (id) => String((await call("GET", `/groups/${id}/link`)).url);

/** A new link; it ends the old one. @param {number} id @returns {Promise<string>} */
export const newLink = async (id) => String((await call("POST", `/groups/${id}/link`)).url);

/** @param {number} id @returns {Promise<void>} */
export const endLink = (id) => call("DELETE", `/groups/${id}/link`);

/** What a link leads to. @param {string} code @returns {Promise<{name: string, count: number}>} */
export async function behind(code) {
  const { name, members } = await call("GET", `/groups/join/${encodeURIComponent(code)}`);
  return { name: String(name), count: Number(members ?? 0) };
}

/** @param {string} code @returns {Promise<WholeGroup>} */
export const join = async (code) => whole(await call("POST", `/groups/join/${encodeURIComponent(code)}`));
