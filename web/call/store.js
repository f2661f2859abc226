// What a person does with a call, and what the server says about it.

import { signal } from "../vendor/preact.js";
import { chats } from "../chat/store.js";
import * as api from "../core/api.js";
import { t } from "../core/i18n.js";
import { followNetwork } from "../core/network.js";
import * as socket from "../core/socket.js";
import { announce } from "../core/ui/toast.js";
import { encode } from "../core/wire.js";
import { inRoom } from "../room/room.js";
import { room } from "../room/seat.js";
import { apply, call, cancel, dismiss, end, flush, later, line, nameOfCall, post, release, to } from "./line.js";
import { answer, causeOfLoss, changeMicrophone, expectConnection, hangUpFor, keyOf, makePeer, moved, part, prepare, renegotiate, resumed } from "./link.js";
import { followMicrophone } from "./devices.js";
import { CallProblem, cannot, forgetServers } from "./media.js";
import { busy, concerns, idle, reasonKey } from "./state.js";
import { ring, ringback, silence } from "./tones.js";

/**
 * @typedef {import("./state.js").Peer} Peer
 * @typedef {import("../core/wire.js").CallFrame} CallFrame
 * @typedef {import("../core/wire.js").ServerFrame} ServerFrame
 */

const GLARE_MS = 6_000;
const RING_CHECK_MS = 3_000;

/** Why no call was begun, in the chat with that person. @type {import("../vendor/preact.js").Signal<{peerId: number, key: string} | null>} */
export const notice = signal(/** @type {{peerId: number, key: string} | null} */ (null));

/** @param {Peer} who */
export async function startCall(who) {
  if (busy(call.peek())) return;
  const against = cannot() ?? (socket.online.peek() ? null : "noServer") ?? (inRoom(room.peek()) ? "error.already_in_call" : null);
  notice.value = against ? { peerId: who.id, key: against } : null;
  if (against) return;
  dismiss();
  release();
  const now = line.run;
  apply({ t: "start", peer: who });
  try {
    const { list, stream } = await prepare();
    if (now !== line.run) return;
    const sdp = await makePeer(list, stream).offer();
    if (now !== line.run) return;
    if (!socket.send(encode.call_offer({ receiver_id: who.id }, sdp))) end("noServer");
  } catch (error) {
    if (now === line.run) end(keyOf(error));
  }
}

export async function accept() {
  if (call.peek().phase !== "incoming") return;
  const now = line.run;
  silence();
  apply({ t: "taken" });
  try {
    const against = cannot();
    if (against) throw new CallProblem(against);
    const { list, stream } = await prepare();
    if (now === line.run) await answer(list, stream, line.offered);
  } catch (error) {
    if (now !== line.run) return;
    socket.send(encode.call_reject(to()));
    end(keyOf(error));
  }
}

export function decline() {
  if (call.peek().phase !== "incoming") return;
  socket.send(encode.call_reject(to()));
  end("declined");
}

export function hangUp() {
  const { phase, since } = call.peek();
  const waiting = phase === "calling" || phase === "ringing";
  hangUpFor(waiting ? "cancelled" : since === null ? "endedPlain" : "ended", waiting ? "cancelled" : "ended");
}

export function toggleMute() {
  apply({ t: "mute", on: !call.peek().muted });
  for (const track of line.stream?.getAudioTracks() ?? []) track.enabled = !call.peek().muted;
}

/** @param {boolean} on */
export const minimise = (on) => apply({ t: "minimise", on });

/** The page closes: the other side shall know. A call that only rings here goes on ringing elsewhere. */
export function leave() {
  if (busy(call.peek()) && call.peek().phase !== "incoming") hangUp();
}

/** Another person signs in, or nobody: nothing of the old calls stays. */
export function reset() {
  release();
  call.value = idle;
  notice.value = null;
  forgetServers();
}

/** Both called: answer the offer that lives. */
async function takeCrossing() {
  const { crossing } = line;
  if (!crossing) return;
  Object.assign(line, { crossing: null, glared: false, queue: [], mayPost: false });
  cancel("glare");
  silence();
  apply({ t: "glare", callId: crossing.callId });
  const now = line.run;
  try {
    const { list, stream } = await prepare();
    if (now === line.run) await answer(list, stream, crossing.sdp);
  } catch (error) {
    if (now === line.run) hangUpFor(keyOf(error), "ended");
  }
}

/** @param {Extract<CallFrame, {type: "call_offer"}>} f */
async function onOffer(f) {
  const c = call.peek();
  if (busy(c) && c.callId === f.call_id) {
    if (c.phase === "incoming") {
      line.offered = f.sdp;
      cancel("ring-check");
    } else if (line.peer) {
      await renegotiate(f.sdp);
    }
    return;
  }
  if ((c.phase === "calling" || c.phase === "ringing") && c.peer?.id === f.sender_id) {
    line.crossing = { callId: f.call_id, sdp: f.sdp };
    if (line.glared) await takeCrossing();
    return;
  }
  if (busy(c)) {
    socket.send(encode.call_reject({ receiver_id: f.sender_id, call_id: f.call_id }, "busy"));
    return;
  }
  dismiss();
  release();
  line.offered = f.sdp;
  const known = chats.peek().chats[f.sender_id]?.peer ?? { id: f.sender_id, username: "", display_name: "" };
  apply({ t: "offered", peer: known, callId: f.call_id });
  socket.send(encode.call_ringing(to()));
  ring();
  if (!known.username) await learnName(f.sender_id, f.call_id);
  if (call.peek().callId === f.call_id) announce(t("callsYou", { name: nameOfCall(call.peek()) }), true);
}

/** Somebody without a conversation calls. @param {number} id @param {string} callId */
async function learnName(id, callId) {
  const peer = await api.personOf(id).catch(() => undefined);
  if (peer && call.peek().callId === callId) apply({ t: "named", peer });
}

/** @param {CallFrame} f */
async function onCallFrame(f) {
  if (f.type === "call_offer") {
    await onOffer(f);
    return;
  }
  const c = call.peek();
  const waiting = c.phase === "calling" || c.phase === "ringing";
  if (f.type === "call_reject" && f.reason === "glare" && waiting && (f.sender_id === c.peer?.id || f.call_id === c.callId)) {
    line.glared = true;
    // The offer that lives may still be on its way.
    if (line.crossing) await takeCrossing();
    else later("glare", GLARE_MS, () => end("callFailed"));
    return;
  }
  if (!concerns(c, f)) return;
  switch (f.type) {
    case "call_started":
      apply({ t: "started", callId: f.call_id });
      flush();
      return;
    case "call_ringing":
      if (c.phase === "calling") ringback();
      apply({ t: "rings" });
      return;
    case "call_answer":
      silence();
      if (waiting) expectConnection();
      apply({ t: "answered" });
      await line.peer?.answered(f.sdp);
      return;
    case "ice_candidate":
      await line.peer?.add(f.candidate);
      return;
    case "call_reject":
      end(reasonKey(c, "reject", f.reason));
      return;
    case "call_hangup":
      // Both sides waited in vain, and the other was first to say so.
      end(f.reason === "connection_lost" && c.phase === "connecting" ? causeOfLoss() : reasonKey(c, "hangup", f.reason));
      return;
    case "call_resumed":
      flush();
      await resumed();
  }
}

/** @param {Extract<ServerFrame, {type: "error"}>} f */
function onError(f) {
  const c = call.peek();
  const about = f.ref.type.startsWith("call_");
  if (!busy(c) || !about || (f.ref.call_id !== "" && c.callId !== null && f.ref.call_id !== c.callId)) return;
  if (f.code === "call_not_ringing") end("elsewhere");
  else if (f.code === "call_unknown") end(c.since === null ? "callFailed" : "lost");
  else if (f.ref.type === "call_offer" && (c.phase === "calling" || c.phase === "ringing")) end(`error.${f.code}`);
}

function onHello() {
  part();
  const c = call.peek();
  if (!busy(c)) return;
  if (c.phase === "incoming") {
    // The server offers it again if it still rings.
    later("ring-check", RING_CHECK_MS, () => end("missed"));
  } else if (c.callId) {
    socket.send(encode.call_resume(c.callId));
  } else if (line.peer) {
    // Nobody knows whether the offer arrived.
    hangUpFor("callFailed", "cancelled");
  }
}

/** @param {ServerFrame} frame */
export function onFrame(frame) {
  if (frame.type === "hello") onHello();
  else if (frame.type === "error") onError(frame);
  else if (frame.type === "ice_candidate" || frame.type.startsWith("call_")) {
    onCallFrame(/** @type {CallFrame} */ (frame)).catch(() => {
      // A description or candidate the browser does not take; the deadline ends the call if it mattered.
    });
  }
}

/** Follows the network and the end of the page; call once. */
export function watch() {
  addEventListener("beforeunload", leave);
  addEventListener("pagehide", leave);
  followNetwork(moved);
  followMicrophone(changeMicrophone);
}
