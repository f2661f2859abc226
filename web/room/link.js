// The sound of the present seat: microphone, connection, trouble and repair.

import { stop } from "../call/line.js";
import { keyOf } from "../call/link.js";
import { hasRelay, microphone, servers } from "../call/media.js";
import { sign } from "../call/tones.js";
import * as socket from "../core/socket.js";
import { encode } from "../core/wire.js";
import { relayOnly } from "../settings/store.js";
import { createRoomPeer } from "./peer.js";
import { inRoom, MOVED } from "./room.js";
import { apply, asking, at, cancel, dropCall, end, later, room, runs, seat, settle } from "./seat.js";

/** @typedef {import("../call/stats.js").Reading} Reading */

const CONNECT_MS = 30_000;
/** The server keeps a silent seat for so long. */
const LOST_MS = 60_000;
const RESTART_EVERY_MS = 8_000;
const WEAK_TONE_MS = 5_000;
const PROBE_MS = 700;
const HANDOVER_MS = 10_000;

/** The microphone, if there is one and it is allowed; else one listens. */
export async function takeVoice() {
  const now = seat.run;
  later("asking", 400, () => (asking.value = true));
  try {
    const got = await microphone();
    if (now === seat.run) await speakWith(got);
    else stop(got);
  } catch (error) {
    if (now === seat.run && !seat.stream) apply({ t: "listening", key: keyOf(error) });
  }
  if (now !== seat.run) return;
  cancel("asking");
  asking.value = false;
}

/** @param {MediaStream} stream */
async function speakWith(stream) {
  const old = seat.stream;
  seat.stream = stream;
  for (const track of stream.getAudioTracks()) track.onended = () => void changeVoice();
  if (old && old !== stream) stop(old);
  apply({ t: "listening", key: "" });
  await seat.peer?.speakWith(stream.getAudioTracks()[0] ?? null);
}

/** The microphone went away, or another was chosen. */
export async function changeVoice() {
  if (inRoom(room.peek()) && seat.stream) await takeVoice();
}

/** Goes on with the microphone of a call. @param {MediaStream} stream */
export const bringVoice = (stream) => speakWith(stream);

/** Asks for the seat; the answer is `room_joined` or an error. */
export function askForSeat() {
  const { id, moving } = room.peek();
  later("deadline", CONNECT_MS, () => end(causeOfLoss()));
  return socket.send(encode.room_join(id, moving === MOVED ? "" : moving));
}

/** The server has a seat for us and says how to connect. @param {string} offer */
export async function connect(offer) {
  const now = seat.run;
  const list = await servers().catch((error) => {
    if (now === seat.run) end(keyOf(error));
    return null;
  });
  if (!list || now !== seat.run) return;
  seat.relayGiven = hasRelay(list);
  seat.peer?.close();
  const mine = createRoomPeer(list, relayOnly.peek(), seat.stream?.getAudioTracks()[0] ?? null, {
    trouble: () => mine === seat.peer && trouble(),
    stalled: () => mine === seat.peer && stalled(),
    fine: () => mine === seat.peer && fine(),
    reading: (r) => mine === seat.peer && reading(r),
  });
  seat.peer = mine;
  settle();
  await answer(offer);
}

/** @param {string} offer */
async function answer(offer) {
  const mine = seat.peer;
  const text = await mine?.answer(offer);
  if (mine && text && mine === seat.peer) socket.send(encode.room_answer(at(), text));
}

/** New paths, as the server sees them. @param {string} offer */
export async function renewPaths(offer) {
  const mine = seat.peer;
  const list = await servers().catch(() => null);
  if (!mine || mine !== seat.peer) return;
  if (list) mine.renew(list);
  await answer(offer);
}

function fine() {
  for (const name of ["restart", "weak-tone", "probe", "deadline"]) cancel(name);
  seat.doubt = false;
  apply({ t: "heard" });
  if (seat.call && !runs("handover")) later("handover", HANDOVER_MS, dropCall);
}

/** @param {Reading} r */
function reading(r) {
  if (r.received > 0) dropCall();
  const { path, weak } = room.peek();
  if (JSON.stringify(r.path) !== JSON.stringify(path)) apply({ t: "path", path: r.path });
  // In a quiet room no packet says that all is well again; an answered check does.
  if (weak && seat.sign && r.sign !== seat.sign && seat.peer?.connected()) fine();
  seat.sign = weak ? r.sign : "";
}

/** The connection broke: try new paths, and take another seat when that does not help. */
function trouble() {
  apply({ t: "weak", on: true });
  if (!runs("deadline")) later("deadline", LOST_MS, sitAgain);
  if (!runs("weak-tone")) later("weak-tone", WEAK_TONE_MS, () => sign("weak"));
  restart();
}

/** Nothing is heard any more. If the way to the server is broken too, it is not waited for. */
function stalled() {
  const { phase, here, me } = room.peek();
  if (phase !== "connected" || !here.seats.some((s) => s.id !== me && !s.muted && !s.mod_muted && !s.reconnecting)) return;
  const broken = () => {
    seat.doubt = true;
    apply({ t: "weak", on: true });
    socket.renew();
  };
  if (socket.send(encode.room_resume(at()))) later("probe", PROBE_MS, broken);
  else broken();
}

/** The browser says that the network changed; the socket may be on its way back. */
export function moved() {
  if (room.peek().phase !== "connected") return;
  seat.peer?.doubt();
  trouble();
}

/** Asks for new paths; again while nothing helps. */
export function restart() {
  const mine = seat.peer;
  if (!mine || !room.peek().me) return;
  seat.sign = "";
  // Without a socket it is asked again when the server has given the seat back.
  if (socket.send(encode.room_restart(at()))) later("restart", RESTART_EVERY_MS, () => (room.peek().weak || !mine.connected()) && restart());
}

/** The server still has our seat. */
export function resumed() {
  cancel("probe");
  if ((seat.doubt || room.peek().weak || !seat.peer?.connected()) && !runs("restart")) restart();
}

/** The seat is gone, by no wish of ours: take another. */
export function sitAgain() {
  if (!inRoom(room.peek())) return;
  for (const name of ["restart", "weak-tone", "probe"]) cancel(name);
  seat.peer?.close();
  Object.assign(seat, { peer: null, doubt: false, sign: "" });
  apply({ t: "lost" });
  askForSeat();
}

/** Why there is no sound, as far as this side knows. @returns {string} key of the catalogue */
function causeOfLoss() {
  if (!socket.online.peek()) return "noServer";
  return seat.relayGiven && !seat.peer?.relayed() && seat.peer ? "relayDown" : "roomFailed";
}
