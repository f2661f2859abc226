import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, parse } from "./wire.js";

const seat = { participant_id: 7, user_id: 3, username: "sara", muted: true, hand: 2 };
const state = { conversation_id: 5, participants: [seat], locked: true, max: 50, since: "2026-11-21T20:00:00.000Z" };

test("who is in a room is read whole, and what is not said is not so", () => {
  const got = parse(JSON.stringify({ type: "room_state", ...state }));
  assert.deepEqual(got, {
    type: "room_state", conversation_id: 5,
    here: {
      locked: true, max: 50, since: Date.parse(state.since),
      seats: [{ id: 7, user_id: 3, username: "sara", display_name: "", avatar_url: "", muted: true, mod_muted: false, hand: 2, speaking: false, reconnecting: false, guest: false }],
    },
  });
});

test("a seat comes with an offer, or without one where the connection goes on", () => {
  const joined = (/** @type {object} */ more) => parse(JSON.stringify({ type: "room_joined", participant_id: 7, ...state, ...more }));
  const fresh = joined({ payload: { offer: { type: "offer", sdp: "v=0" } } });
  assert.deepEqual(fresh?.type === "room_joined" && [fresh.participant_id, fresh.sdp, fresh.here.seats.length], [7, "v=0", 1]);
  const again = joined({});
  assert.equal(again?.type === "room_joined" && again.sdp, "");
});

test("broken rooms are empty rooms", () => {
  const got = parse('{"type":"room_state","conversation_id":5,"participants":"x","since":7}');
  assert.deepEqual(got?.type === "room_state" && got.here, { seats: [], locked: false, max: 0, since: 0 });
  const slots = parse('{"type":"room_slots","conversation_id":5,"slots":[7,"8",null,0]}');
  assert.deepEqual(slots?.type === "room_slots" && slots.slots, [7, 0, 0, 0]);
});

test("only a call that moves is named in a join", () => {
  assert.deepEqual(encode.room_join(5), { type: "room_join", conversation_id: 5 });
  assert.deepEqual(encode.room_join(5, "aa"), { type: "room_join", conversation_id: 5, call_id: "aa" });
});
