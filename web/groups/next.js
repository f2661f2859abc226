// What changes about groups. Pure: no document, no timers, no sockets.

import { item, latest, newChat, readTo, topSeq } from "../chat/history.js";
import { newGroup } from "./state.js";

/**
 * @typedef {import("./state.js").Chat} Chat
 * @typedef {import("./state.js").Chats} Chats
 * @typedef {import("./state.js").Group} Group
 * @typedef {import("./state.js").GroupEvent} GroupEvent
 */

/** The server lists so many groups. */
const LISTED = 500;

/** @param {number} conversation @param {string} name */
const peerOf = (conversation, name) => ({ id: -conversation, username: "", display_name: name });

/** The group as it is known, or a new one. @param {Chats} s @param {number} conversation @param {string} name @returns {Chat & {group: Group}} */
function known(s, conversation, name) {
  const peer = peerOf(conversation, name);
  const old = s.chats[-conversation] ?? newChat(peer);
  return { ...revived(old), peer, conversation, group: old.group ?? newGroup };
}

/** Back in a group one was put out of: what was written meanwhile is not here. @param {Chat} chat @returns {Chat} */
const revived = (chat) => (chat.group?.over && chat.loaded ? { ...chat, syncFrom: chat.syncFrom ?? topSeq(chat) } : chat);

/** @param {Chats} s @param {Chat} chat @returns {Chats} */
const put = (s, chat) => ({ ...s, chats: { ...s.chats, [chat.peer.id]: chat } });

/** @param {Chats} s @param {number} conversation @param {(group: Group) => Partial<Group>} change @returns {Chats} */
function edit(s, conversation, change) {
  const chat = s.chats[-conversation];
  return chat?.group ? put(s, { ...chat, group: { ...chat.group, ...change(chat.group) } }) : s;
}

/** An own message says how far the member is who is furthest behind. @param {Chat} chat @param {import("./state.js").Message | null} m @param {number} me */
function reached(chat, m, me) {
  const seq = m?.sender_id === me && m.status !== "sent" ? m.seq : 0;
  return { peerRecv: Math.max(chat.peerRecv, seq), peerRead: Math.max(chat.peerRead, m?.status === "read" ? seq : 0) };
}

/** @param {Chats} s @param {Extract<GroupEvent, {t: "list"}>} e @returns {Chats} */
function list(s, e) {
  const chats = { ...s.chats };
  for (const p of e.list) {
    const old = known(s, p.id, p.name);
    chats[-p.id] = {
      ...old,
      group: { ...old.group, role: p.role, count: old.group.known ? old.group.members.length : p.count, at: p.at, over: "" },
      ...reached(old, p.last_message, s.me),
      last: latest(p.last_message ? item(p.last_message, s.me) : null, old.items),
      lastSeq: Math.max(old.lastSeq, p.last_seq),
      myRead: Math.max(old.myRead, p.my_read_seq),
      unread: old.myRead > p.my_read_seq ? old.unread : p.unread_count,
    };
  }
  const there = new Set(e.list.map((p) => -p.id));
  for (const chat of Object.values(e.since ?? {})) {
    const { peer: { id }, group } = chat;
    // Put out, or deleted, while nobody heard of it; a longer list is cut.
    if (group && !group.over && !there.has(id) && s.chats[id] === chat && e.list.length < LISTED) {
      chats[id] = { ...chat, unread: 0, group: { ...group, role: "", over: "gone" } };
    }
  }
  return { ...s, chats };
}

/** @param {Chats} s @param {Extract<GroupEvent, {t: "member"}>} e @returns {Chats} */
function member(s, e) {
  const chat = s.chats[-e.conversation];
  if (!chat?.group) return s;
  const { group } = chat;
  const mine = e.id === s.me;
  if (mine && e.change === "left") {
    const { [chat.peer.id]: _, ...chats } = s.chats;
    return { ...s, chats };
  }
  const old = group.members.find((m) => m.id === e.id);
  const others = group.members.filter((m) => m.id !== e.id);
  const { id, username, display_name, role } = e;
  // Nobody waits for whoever comes in to read what was before. The time is the server's, as that of the messages.
  const fresh = { id, username, display_name, joined: (chat.last?.at ?? -1) + 1, recv: 0, read: 0 };
  const members = role ? [...others, { ...fresh, ...old, username, display_name, role }] : others;
  const came = e.change === "joined" || e.change === "added" ? 1 : e.change === "left" || e.change === "kicked" ? -1 : 0;
  const count = group.known ? members.length : Math.max(0, group.count + came);
  const out = mine && !role;
  return put(s, {
    ...(role ? revived(chat) : chat), unread: out ? 0 : chat.unread,
    group: { ...group, members: group.known ? members : group.members, count, role: mine ? role : group.role, over: out ? "kicked" : mine ? "" : group.over },
  });
}

/** @param {Chats} s @param {GroupEvent} e @returns {Chats} */
export function nextGroup(s, e) {
  switch (e.t) {
    case "list":
      return list(s, e);
    case "whole": {
      const { id, name, role, at, members } = e.group;
      const old = known(s, id, name);
      const before = new Map(old.group.members.map((m) => [m.id, m]));
      return put(s, {
        ...old,
        lastSeq: Math.max(old.lastSeq, e.group.last_seq),
        myRead: Math.max(old.myRead, e.group.my_read_seq),
        group: {
          role, known: true, count: members.length, over: "", at: Math.max(old.group.at, at),
          // A receipt may have come while the answer was on its way.
          members: members.map((m) => ({ ...m, recv: Math.max(m.recv, before.get(m.id)?.recv ?? 0), read: Math.max(m.read, before.get(m.id)?.read ?? 0) })),
        },
      });
    }
    case "changed": {
      const chat = known(s, e.conversation, e.name);
      return put(s, { ...chat, group: { ...chat.group, role: e.role, over: "", at: chat.group.at || e.at } });
    }
    case "member":
      return member(s, e);
    case "receipt": {
      const chat = s.chats[-e.conversation];
      // Another window of mine has read.
      if (chat && e.user === s.me) return e.read > 0 ? put(s, readTo(chat, e.read)) : s;
      return edit(s, e.conversation, ({ members }) => ({
        members: members.map((m) => (m.id === e.user ? { ...m, recv: Math.max(m.recv, e.recv, e.read), read: Math.max(m.read, e.read) } : m)),
      }));
    }
    case "stale":
      return { ...s, chats: Object.fromEntries(Object.entries(s.chats).map(([id, c]) => [id, c.group ? { ...c, group: { ...c.group, known: false } } : c])) };
    case "over": {
      const ended = edit(s, e.conversation, () => ({ over: "deleted", role: "" }));
      const chat = ended.chats[-e.conversation];
      return chat ? put(ended, { ...chat, unread: 0 }) : ended;
    }
  }
}
