import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { encode, message, parse } from "./wire.js";

const folder = new URL("../../tests/wire/", import.meta.url);
/** @returns {string[]} */
function golden() {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}
const files = golden();
const read = (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8"));

/** Builds the frame again with our writer from the values in it. */
function rebuild(frame) {
  switch (frame.type) {
    case "message": return frame.encrypted ? encode.sealed(frame) : encode.message(frame);
    case "mark_delivered": return encode.mark_delivered(frame.message_id);
    case "mark_read": return encode.mark_read(frame.message_id);
    case "sleep": return encode.sleep(frame.asleep);
    case "group_message": return encode.group_message(frame);
    case "typing": return frame.conversation_id ? encode.group_typing(frame.conversation_id, frame.active) : encode.typing(frame.receiver_id, frame.active);
    case "presence_subscribe": return encode.presence_subscribe(frame.user_ids);
    case "call_offer": return encode.call_offer(frame, frame.payload.offer.sdp);
    case "call_ringing": return encode.call_ringing(frame);
    case "call_answer": return encode.call_answer(frame, frame.payload.answer.sdp);
    case "ice_candidate": return encode.ice_candidate(frame, frame.payload.candidate);
    case "call_reject": return encode.call_reject(frame, frame.payload?.reason);
    case "call_hangup": return encode.call_hangup(frame, frame.payload?.reason);
    case "call_resume": return encode.call_resume(frame.call_id);
    case "room_join": return encode.room_join(frame.conversation_id, frame.call_id);
    case "room_answer": return encode.room_answer(frame, frame.payload.answer.sdp);
    case "room_restart": return encode.room_restart(frame);
    case "room_resume": return encode.room_resume(frame);
    case "room_leave": return encode.room_leave(frame);
    case "room_mute": return encode.room_mute(frame, frame.muted);
    case "room_hand": return encode.room_hand(frame, frame.raised);
    case "room_moderate": return encode.room_moderate(frame, frame.action);
    case "room_lock": return encode.room_lock(frame.conversation_id, frame.locked);
    case "room_invite": return encode.room_invite(frame.conversation_id, frame.user_id);
    case "room_decline": return encode.room_decline(frame.conversation_id);
    default: return null;
  }
}

/** Frames of clients that do less than this one: a bad frame, or fields left out. */
const written = (frame) => JSON.parse(JSON.stringify(frame));

test("the golden frames are here", { skip: files.length === 0 && "no golden frames" }, () => {
  assert.ok(files.length > 0);
});

for (const name of files) {
  const { direction, frame } = read(name);
  if (direction === "server") {
    test(`reads ${name}`, () => {
      const got = parse(JSON.stringify(frame));
      assert.equal(got?.type, frame.type);
      const flat = "message" in got ? got.message : got;
      for (const key of ["call_id", "sender_id", "message_id", "seq", "user_id", "username", "online", "active", "code", "status", "content", "for_me", "receiver_id",
        "conversation_id", "name", "role", "change", "by", "display_name", "recv_seq", "read_seq", "participant_id", "reason", "speaking"]) {
        if (frame[key] !== undefined) assert.equal(flat[key], frame[key], key);
      }
      if (frame.event) assert.deepEqual(flat.event, { role: "", name: "", ...frame.event });
      if (got.type === "message") assert.equal(got.message.sealed, frame.encrypted === true);
      if (frame.payload?.reason) assert.equal(got.reason, frame.payload.reason);
    });
  } else {
    test(`writes ${name}`, () => assert.deepEqual(written(rebuild(frame)), frame));
  }
}

test("unknown types and broken text are ignored", () => {
  for (const text of ['{"type":"weather"}', "{", "[]", "null", '{"type":"toString"}', "{}"]) {
    assert.equal(parse(text), null);
  }
});

test("left-out fields become empty ones", () => {
  const got = parse('{"type":"message","message_id":5,"seq":1,"sender_id":1,"receiver_id":2,"content":"a","status":"sent"}');
  assert.deepEqual(got?.type === "message" && [got.message.kind, got.message.call, got.message.client_message_id], ["", null, ""]);
  assert.deepEqual(parse('{"type":"presence","user_id":3,"online":false}'), { type: "presence", user_id: 3, online: false, last_seen: "" });
});

test("who is away was last there at a time", () => {
  const got = parse(JSON.stringify(read("server_presence_last_seen.json").frame));
  assert.equal(got?.type === "presence" && got.last_seen, "2026-11-21T01:02:03.456Z");
});

test("a room is read whole", () => {
  const got = parse(JSON.stringify(read("server_room_state.json").frame));
  const here = got?.type === "room_state" ? got.here : null;
  assert.deepEqual([here?.locked, here?.max, here?.since], [true, 50, Date.parse("2026-11-21T01:02:03.456Z")]);
  const [me, you] = here?.seats ?? [];
  assert.deepEqual([me?.id, me?.user_id, me?.hand, me?.muted, me?.guest], [3, 1, 0, false, false]);
  assert.deepEqual(you, {
    id: 4, user_id: 2, username: "reza", display_name: "رضا",
    avatar_url: "/api/files/00112233445566778899aabbccddeeff",
    muted: true, mod_muted: true, hand: 1, speaking: true, reconnecting: true, guest: true,
  });
  const joined = parse(JSON.stringify(read("server_room_joined.json").frame));
  assert.ok(joined?.type === "room_joined" && joined.sdp.startsWith("v=0") && joined.here.seats.length === 1);
  const slots = parse(JSON.stringify(read("server_room_slots.json").frame));
  assert.deepEqual(slots?.type === "room_slots" && slots.slots, [4, 0, 0, 0, 0, 0, 0, 9]);
});

test("a message with a file says where it is had", () => {
  const read = (/** @type {string} */ name) => parse(JSON.stringify(JSON.parse(readFileSync(new URL(name, folder), "utf8")).frame));
  const got = read("server_message_file_picture.json");
  const file = got?.type === "message" ? got.message.file : null;
  assert.deepEqual([file?.name, file?.type, file?.size, file?.width, file?.height], ["گربه.png", "image/png", 70_000, 640, 480]);
  assert.ok(file?.url.startsWith("/api/files/") && file.thumb.includes("size=thumb"));
  assert.equal(message({ id: 1, content: "x" }).file, null);
});

test("what happened in a group is read with whom it happened to", () => {
  const got = parse(JSON.stringify(read("server_group_message_event_role.json").frame));
  assert.deepEqual(got?.type === "group_message" && got.message.event, { change: "role", user_id: 2, role: "admin", name: "" });
  assert.equal(message({ id: 1, content: "x" }).event, null);
});

test("a message of REST and one of the socket read the same", () => {
  const rest = { id: 9, seq: 2, sender_id: 1, receiver_id: 2, content: "x", status: "read", kind: "call", call: { outcome: "answered", duration_s: 7 } };
  const { id, ...others } = rest;
  assert.deepEqual(message(rest), message({ message_id: id, ...others }));
});

test("a call frame says its call id only when it is known", () => {
  assert.deepEqual(encode.call_hangup({ receiver_id: 2, call_id: null }, "ended"), {
    type: "call_hangup", receiver_id: 2, payload: { reason: "ended" },
  });
  assert.deepEqual(encode.call_ringing({ receiver_id: 2, call_id: "ab" }), { type: "call_ringing", receiver_id: 2, call_id: "ab" });
});
