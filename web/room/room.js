// The life of a voice room as one who sits in it sees it. Pure: no document, no timers, no WebRTC.

/**
 * @typedef {import("../core/wire_rooms.js").Seat} Seat
 * @typedef {import("../core/wire_rooms.js").Here} Here
 * @typedef {"idle" | "joining" | "connecting" | "connected" | "left"} Phase
 * @typedef {{
 *   phase: Phase, id: number, me: number, here: Here, tiles: readonly number[], slots: readonly number[],
 *   muted: boolean, deaf: boolean, listening: string, weak: boolean, minimised: boolean, again: boolean, moving: string,
 *   path: import("../call/state.js").Path | null, reason: string,
 * }} Room  `id`: the conversation; `me`: the own seat; `tiles`: who is drawn large, in the order they came there;
 *   `listening`: key of why there is no microphone, "" with one; `again`: this seat replaces one that was lost; `moving`: the call that comes along, until the seat is there; `reason`: why it is left
 * @typedef {{t: "join", id: number, muted?: boolean, moving?: string, minimised?: boolean}
 *   | {t: "joined", me: number, here: Here, fresh: boolean}
 *   | {t: "here", id: number, here: Here}
 *   | {t: "speaking", id: number, seat: number, on: boolean}
 *   | {t: "slots", slots: readonly number[]}
 *   | {t: "heard"}
 *   | {t: "weak", on: boolean}
 *   | {t: "path", path: Room["path"]}
 *   | {t: "mute", on: boolean}
 *   | {t: "deafen", on: boolean}
 *   | {t: "listening", key: string}
 *   | {t: "minimise", on: boolean}
 *   | {t: "lost"}
 *   | {t: "left", reason: string}
 *   | {t: "gone"}} RoomEvent
 */

export const SLOTS = 8;
/** `moving` of a call that the other side has moved already. */
export const MOVED = "moved";
/** Up to so many people everybody is drawn large. */
const ALL_LARGE = 9;

/** @type {Here} */
export const nobody = { seats: [], locked: false, max: 0, since: 0 };
const noSlots = Array.from({ length: SLOTS }, () => 0);

/** @type {Room} */
export const idle = {
  phase: "idle", id: 0, me: 0, here: nobody, tiles: [], slots: noSlots, muted: false, deaf: false, listening: "",
  weak: false, minimised: false, again: false, moving: "", path: null, reason: "",
};

/** In a room, or about to be. @param {Room} r */
export const inRoom = (r) => r.phase === "joining" || r.phase === "connecting" || r.phase === "connected";

/**
 * Who is drawn large: oneself first, then those who may speak, in the order
 * they came to it. Nobody moves because somebody speaks, mutes or unmutes.
 * @param {readonly number[]} tiles as it was @param {readonly Seat[]} seats @param {number} me @returns {number[]}
 */
export function arrange(tiles, seats, me) {
  const there = new Set(seats.map((s) => s.id));
  const kept = tiles.filter((id) => id !== me && there.has(id));
  const few = seats.length <= ALL_LARGE;
  const news = seats.filter((s) => s.id !== me && !kept.includes(s.id) && (few || !s.muted || s.hand > 0));
  return [...(there.has(me) ? [me] : []), ...kept, ...news.sort((a, b) => a.id - b.id).map((s) => s.id)];
}

/** @param {Room} r @param {Here} here @param {number} [me] @returns {Room} */
const within = (r, here, me = r.me) => ({ ...r, here, me, tiles: arrange(r.tiles, here.seats, me) });

/** @param {Room} r @param {RoomEvent} e @returns {Room} */
export function next(r, e) {
  switch (e.t) {
    case "join":
      return inRoom(r) ? r : { ...idle, phase: "joining", id: e.id, muted: e.muted ?? false, moving: e.moving ?? "", minimised: e.minimised ?? false };
    case "joined":
      if (!inRoom(r)) return r;
      return { ...within(e.fresh ? { ...r, slots: noSlots, tiles: [], moving: "" } : r, e.here, e.me), phase: e.fresh ? "connecting" : r.phase };
    case "here":
      return inRoom(r) && r.id === e.id ? within(r, e.here) : r;
    case "speaking":
      if (r.id !== e.id) return r;
      return { ...r, here: { ...r.here, seats: r.here.seats.map((s) => (s.id === e.seat ? { ...s, speaking: e.on } : s)) } };
    case "slots":
      return inRoom(r) ? { ...r, slots: noSlots.map((_, i) => e.slots[i] ?? 0) } : r;
    case "heard":
      return r.phase === "connecting" || r.phase === "connected" ? { ...r, phase: "connected", weak: false, again: false } : r;
    case "weak":
      return r.phase === "connected" ? { ...r, weak: e.on } : r;
    case "path":
      return inRoom(r) ? { ...r, path: e.path } : r;
    case "mute":
      return inRoom(r) ? { ...r, muted: e.on } : r;
    case "deafen":
      return inRoom(r) ? { ...r, deaf: e.on } : r;
    case "listening":
      return inRoom(r) ? { ...r, listening: e.key, muted: e.key ? true : r.muted } : r;
    case "minimise":
      return inRoom(r) ? { ...r, minimised: e.on } : r;
    case "lost":
      // The seat is gone, the wish to sit is not.
      return inRoom(r) ? { ...r, phase: "joining", me: 0, slots: noSlots, weak: false, again: true, path: null } : r;
    case "left":
      return inRoom(r) ? { ...idle, phase: "left", id: r.id, muted: r.muted, reason: e.reason } : r;
    case "gone":
      return r.phase === "left" ? idle : r;
  }
}

/** @param {Room} r @param {number} id @returns {Seat | undefined} */
export const seatOf = (r, id) => r.here.seats.find((s) => s.id === id);

/** @param {Room} r */
export const mine = (r) => (r.me ? seatOf(r, r.me) : undefined);

/** Those who only listen, in a room too large to draw everybody. @param {Room} r @returns {Seat[]} */
export const listeners = (r) => r.here.seats.filter((s) => !r.tiles.includes(s.id));

/** Raised hands, the first one first. @param {Room} r @returns {Seat[]} */
export const hands = (r) => r.here.seats.filter((s) => s.hand > 0).sort((a, b) => a.hand - b.hand);

/** In which slot somebody is heard here; -1 in none. @param {Room} r @param {number} seat */
export const slotOf = (r, seat) => (seat ? r.slots.indexOf(seat) : -1);

/**
 * How loud a slot plays: by whom it carries now.
 * @param {Room} r @param {number} slot @param {Readonly<Record<number, number>>} volumes by user @returns {number} 0-1
 */
export function volumeOf(r, slot, volumes) {
  if (r.deaf) return 0;
  const seat = seatOf(r, r.slots[slot] ?? 0);
  return seat ? (volumes[seat.user_id] ?? 1) : 1;
}

/** Whether the microphone is open. @param {Room} r @param {{on: boolean, held: boolean}} talk push to talk */
export const speaks = (r, talk) => inRoom(r) && !r.muted && !r.deaf && !r.listening && (!talk.on || talk.held);

/** Who may moderate here. @param {string} role of the group; "" in a pair */
export const moderates = (role) => role === "owner" || role === "admin";

/**
 * What became of the seat, by the reason on the wire.
 * @param {string} reason @returns {string} key of the catalogue; "" needs no words
 */
export function leftKey(reason) {
  switch (reason) {
    case "kicked": return "roomKicked";
    case "elsewhere": return "roomElsewhere";
    case "closed": return "roomClosed";
    case "session_ended": return "sessionEnded";
    case "connection_lost": return "roomLost";
    case "failed": return "roomFailed";
    default: return "";
  }
}

/** How an invitation ended, in words for who sent it. @param {string} reason @returns {string} */
export const inviteKey = (reason) => ({ declined: "inviteDeclined", no_answer: "inviteNoAnswer" })[reason] ?? "";
