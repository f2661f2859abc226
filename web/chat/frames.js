// What the server says of chats, put into the state.

import { t } from "../core/i18n.js";
import { go, pathOf } from "../core/nav.js";
import * as socket from "../core/socket.js";
import { announce } from "../core/ui/toast.js";
import { chatOf } from "./history.js";
import { acknowledge, answered, expectNothing, flushReads, tellRead } from "./outgoing.js";
import { forgetPresence, heardPresence } from "./presence.js";
import { apply, chats, flush, inFront, lookAgain, refresh, sync } from "./store.js";
import { forgetWriters, heardTyping } from "./writers.js";

/** @typedef {import("../core/wire.js").ServerFrame} ServerFrame */

let heard = 0;

/** @param {import("../core/wire.js").Message} m */
function arrived(m) {
  const { me } = chats.peek();
  const peerId = chatOf(m, me);
  const before = chats.peek().chats[peerId];
  const isNew = m.seq > (before?.lastSeq ?? 0);
  const theirs = before?.items.findLast((i) => !i.mine && i.seq > before.myRead && i.seq < m.seq);
  apply({ t: "message", message: m });
  // Who writes has read what was there before, however shortly; the server is told.
  if (theirs && theirs.seq <= (chats.peek().chats[peerId]?.myRead ?? 0)) tellRead(peerId, theirs);
  if (m.sender_id !== me) heardTyping(peerId, m.sender_id, false);
  if (m.sender_id === me) answered(m.client_message_id);
  else acknowledge(peerId, m);
  if (!before?.peer.username && !before?.group) void refresh();
  if (isNew && m.sender_id !== me && m.kind !== "call" && !m.event && peerId === inFront()) {
    heard += 1;
    if (heard === 1) setTimeout(() => { announce(t("nNew", { n: heard })); heard = 0; }, 1_000);
  }
}

/** @param {import("../core/wire.js").MessageDeletedFrame} frame */
function deleted(frame) {
  const { sender_id: sender, receiver_id: receiver } = frame;
  if (frame.client_message_id) answered(frame.client_message_id);
  apply({ t: "deleted", id: frame.message_id, cid: frame.client_message_id, seq: frame.seq, sender, receiver, conversation: frame.conversation_id });
  const { me, chats: all } = chats.peek();
  // The message before it may never have been loaded.
  if (!all[chatOf(frame, me)]?.last) void refresh();
}

/** @param {import("../core/wire.js").AccountDeletedFrame} frame */
function accountDeleted({ user_id: peerId, username }) {
  const chat = chats.peek().chats[peerId];
  apply({ t: "account_deleted", peerId, username });
  if (!chat) return;
  // The name in the address is free for somebody else.
  if (peerId === inFront()) go(pathOf({ name: "chat", username }));
  if (!chats.peek().chats[peerId]?.last) void refresh();
}

/** @param {ServerFrame} frame */
export function onFrame(frame) {
  switch (frame.type) {
    case "hello":
      lookAgain();
      void refresh();
      if (inFront()) void sync(inFront());
      flushReads();
      flush();
      return;
    case "message":
    case "group_message":
      arrived(frame.message);
      return;
    case "status_update":
      apply({ t: "status", status: frame.status, seq: frame.seq, sender: frame.sender_id, receiver: frame.receiver_id });
      return;
    case "message_deleted":
      deleted(frame);
      return;
    case "conversation_deleted":
      apply({ t: "conversation_deleted", peerId: frame.user_id, conversation: frame.conversation_id, upTo: frame.for_me ? frame.seq : 0 });
      return;
    case "account_deleted":
      accountDeleted(frame);
      return;
    case "presence":
      heardPresence(frame);
      return;
    case "typing":
      heardTyping(frame.conversation_id ? -frame.conversation_id : frame.sender_id, frame.sender_id, frame.active);
      return;
    case "error": {
      const cid = frame.ref.client_message_id;
      if (!["message", "group_message"].includes(frame.ref.type) || !cid) return;
      answered(cid);
      if (frame.code === "slow_down") setTimeout(() => socket.online.peek() && flush(), 2_000);
      else apply({ t: "failed", cid });
      return;
    }
    default:
  }
}

/** The connection is gone: what was known about others no longer is. */
export function onDown() {
  forgetPresence();
  forgetWriters();
  expectNothing();
  apply({ t: "down" });
}
