// The sound of the present call: microphone, connection, trouble and repair.

import * as socket from "../core/socket.js";
import { t } from "../core/i18n.js";
import { toast } from "../core/ui/toast.js";
import { encode } from "../core/wire.js";
import { relayOnly } from "../settings/store.js";
import { apply, asking, call, cancel, end, later, line, post, runs, stop, to } from "./line.js";
import { CallProblem, hasRelay, microphone, servers } from "./media.js";
import { createPeer } from "./peer.js";
import { busy } from "./state.js";
import { sign } from "./tones.js";

const CONNECT_MS = 30_000;
const RESTART_EVERY_MS = 8_000;
const WEAK_TONE_MS = 5_000;
const SILENT_MS = 5_000;
const PROBE_MS = 700;
const MENDING_MS = 2_000;
const CROSSING_MS = 500;

/** @param {unknown} error @returns {string} */
export const keyOf = (error) => (error instanceof CallProblem ? error.key : "callFailed");

/** The microphone and the servers, asked for together; says so while the browser asks. */
export async function prepare() {
  const now = line.run;
  const mic = async () => {
    if (line.stream) return line.stream;
    const got = await microphone();
    // Not the call it was asked for: hand it back.
    if (now !== line.run) stop(got);
    else line.stream = got;
    return got;
  };
  later("asking", 400, () => (asking.value = true));
  try {
    const [list, stream] = await Promise.all([servers(), mic()]);
    return { list, stream };
  } finally {
    if (now === line.run) {
      cancel("asking");
      asking.value = false;
    }
  }
}

/** @param {RTCIceServer[]} list @param {MediaStream} stream */
export function makePeer(list, stream) {
  listenTo(stream);
  line.relayGiven = hasRelay(list);
  line.peer?.close();
  const mine = createPeer(list, relayOnly.peek(), stream, {
    candidate: (c) => mine === line.peer && post(encode.ice_candidate(to(), c)),
    trouble: () => mine === line.peer && trouble(),
    stalled: () => mine === line.peer && stalled(),
    fine: () => mine === line.peer && fine(),
    reading: (r) => mine === line.peer && reading(r),
  });
  line.peer = mine;
  return mine;
}

/** @param {MediaStream} stream */
function listenTo(stream) {
  line.stream = stream;
  for (const track of stream.getAudioTracks()) {
    track.enabled = !call.peek().muted;
    track.onended = () => void changeMicrophone();
  }
}

/** The microphone went away, or another was chosen. */
export async function changeMicrophone() {
  const now = line.run;
  if (!line.peer) return;
  try {
    const fresh = await microphone();
    const track = fresh.getAudioTracks()[0];
    if (now !== line.run || !track || !line.peer) {
      stop(fresh);
      return;
    }
    const old = line.stream;
    listenTo(fresh);
    await line.peer.speakWith(track);
    if (old) stop(old);
  } catch (error) {
    if (now === line.run) toast(t(keyOf(error)));
  }
}

/** @param {import("./stats.js").Reading} r */
function reading(r) {
  if (r.received > 0 && call.peek().phase === "connecting") {
    cancel("deadline");
    apply({ t: "heard", at: Date.now() });
  }
  if (r.received > line.packets) line.quietSince = Date.now();
  line.packets = r.received;
  const { phase, silent, path } = call.peek();
  const quiet = phase === "active" && Date.now() - line.quietSince > SILENT_MS;
  if (quiet !== silent) apply({ t: "silent", on: quiet });
  if (JSON.stringify(r.path) !== JSON.stringify(path)) apply({ t: "path", path: r.path });
}

function fine() {
  for (const name of ["restart", "weak-tone", "probe"]) cancel(name);
  if (call.peek().phase === "active") cancel("deadline");
  apply({ t: "weak", on: false });
}

/** The connection broke: try new paths, and give up after 30 s. */
function trouble() {
  apply({ t: "weak", on: true });
  if (!runs("deadline")) expectConnection();
  if (!runs("weak-tone")) later("weak-tone", WEAK_TONE_MS, () => sign("weak"));
  void restart();
}

/**
 * Nothing is heard any more. If the network changed, the way to the server
 * changed with it: it is asked, and what does not answer is not waited for.
 */
function stalled() {
  const { phase, callId } = call.peek();
  if (phase !== "active" || !callId) return;
  apply({ t: "weak", on: true });
  if (socket.send(encode.call_resume(callId))) later("probe", PROBE_MS, socket.renew);
  else socket.renew();
}

/** The browser says that the network changed; the socket may be on its way back. */
export function moved() {
  if (call.peek().phase !== "active") return;
  line.peer?.doubt();
  apply({ t: "weak", on: true });
  void restart();
}

/** The call ends with its cause when nothing is heard in time. */
export function expectConnection() {
  later("deadline", CONNECT_MS, () => hangUpFor(causeOfLoss(), "connection_lost"));
}

/** Why nothing is heard, as far as this side knows. @returns {string} key of the catalogue */
export function causeOfLoss() {
  if (!socket.online.peek()) return "noServer";
  if (call.peek().since !== null) return "lost";
  return line.relayGiven && !line.peer?.relayed() ? "relayDown" : "peerNetwork";
}

/**
 * Offers new paths; again while nothing helps. Only the caller does so before
 * anything was heard; later both may, since each can have come to another
 * network: see {@link renegotiate}.
 */
export async function restart() {
  const mine = line.peer;
  const { role, phase } = call.peek();
  if (!mine || (phase !== "active" && (phase !== "connecting" || role !== "caller"))) return;
  later("restart", RESTART_EVERY_MS, () => void (mine.connected() || restart()));
  if (!socket.online.peek()) return;
  try {
    const list = await servers();
    if (mine !== line.peer) return;
    mine.renew(list);
    const sdp = await mine.offer(true);
    if (mine !== line.peer) return;
    line.offeredAt = Date.now();
    post(encode.call_offer(to(), sdp));
  } catch {
    // The next round tries again.
  }
}

/**
 * The other side offers new paths. Where both do at once, the caller's offer
 * counts: the callee takes its own back by answering. An offer that has waited
 * for longer went to where the callee is not any more.
 * @param {string} sdp
 */
export async function renegotiate(sdp) {
  const mine = line.peer;
  const crossed = mine?.offering() && Date.now() - line.offeredAt < CROSSING_MS;
  if (!mine || (crossed && call.peek().role === "caller")) return;
  line.mendedAt = Date.now();
  post(encode.call_answer(to(), await mine.answer(sdp)));
}

/** The server has us in the call again, or still. */
export async function resumed() {
  cancel("probe");
  const { weak, phase } = call.peek();
  const broken = weak || (phase === "connecting" && !line.peer?.connected());
  // An offer of the other side may have come with what waited for us.
  if (broken && Date.now() - line.mendedAt > MENDING_MS) await restart();
}

/** Answers an offer and lets our candidates go. @param {RTCIceServer[]} list @param {MediaStream} stream @param {string} sdp */
export async function answer(list, stream, sdp) {
  const mine = makePeer(list, stream);
  const text = await mine.answer(sdp);
  if (mine !== line.peer) return;
  line.queue.unshift(encode.call_answer(to(), text));
  line.mayPost = true;
  for (const frame of line.queue.splice(0)) post(frame);
  expectConnection();
}

/** @param {string} reason key of the catalogue @param {string} wire */
export function hangUpFor(reason, wire) {
  if (!busy(call.peek())) return;
  const frame = encode.call_hangup(to(), wire);
  // Without the call's id it could end the next one.
  if (!socket.send(frame) && call.peek().callId) parting = frame;
  end(reason);
}

/** The hang-up of a call that ended while the socket was down. @type {import("../core/wire.js").ClientFrame | null} */
let parting = null;

/** The socket is back: the other side shall not wait for a call that is over. */
export function part() {
  if (parting && socket.send(parting)) parting = null;
}
