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

/** The microphone went away: take the one that is left. */
async function changeMicrophone() {
  const now = line.run;
  try {
    const fresh = await microphone();
    const track = fresh.getAudioTracks()[0];
    if (now !== line.run || !track || !line.peer) {
      stop(fresh);
      return;
    }
    listenTo(fresh);
    await line.peer.speakWith(track);
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
  for (const name of ["restart", "weak-tone"]) cancel(name);
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

/** The call ends with its cause when nothing is heard in time. */
export function expectConnection() {
  later("deadline", CONNECT_MS, () => hangUpFor(causeOfLoss(), "connection_lost"));
}

/** @returns {string} key of the catalogue */
function causeOfLoss() {
  if (!socket.online.peek()) return "noServer";
  if (call.peek().since !== null) return "lost";
  return line.relayGiven && !line.peer?.relayed() ? "relayDown" : "peerNetwork";
}

/** The side that called offers new paths; again while nothing helps. */
export async function restart() {
  const mine = line.peer;
  const { role, phase } = call.peek();
  if (!mine || role !== "caller" || (phase !== "active" && phase !== "connecting")) return;
  later("restart", RESTART_EVERY_MS, () => void (mine.connected() || restart()));
  if (!socket.online.peek()) return;
  try {
    const list = await servers();
    if (mine !== line.peer) return;
    mine.renew(list);
    const sdp = await mine.offer(true);
    if (mine === line.peer) post(encode.call_offer(to(), sdp));
  } catch {
    // The next round tries again.
  }
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
