// The real server on free ports with an empty data folder of its own.

import { spawn } from "node:child_process";
import dgram from "node:dgram";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./until.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELAY_PORTS = 200;

function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
  const places = [process.env.PAYAMBAR_BIN ?? "", join(target, "release/payambar"), join(target, "debug/payambar")];
  const found = places.find((place) => place && existsSync(place));
  if (!found) throw new Error("no binary: run `cargo build --release`, or set PAYAMBAR_BIN");
  // It runs in another folder.
  return resolve(found);
}

const between = (low, high) => low + Math.floor(Math.random() * (high - low));

/** Outside the ephemeral range, so that the port is still free after a restart. */
export async function freePort(bind = bothAreFree) {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = between(10_000, 20_000);
    if (await bind(port)) return port;
  }
  throw new Error("no free port");
}

const tcpIsFree = (port) =>
  new Promise((tell) => {
    const probe = net.createServer();
    probe.once("error", () => tell(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => tell(true)));
  });

const udpIsFree = (port) =>
  new Promise((tell) => {
    const probe = dgram.createSocket("udp4");
    probe.once("error", () => tell(false));
    probe.bind(port, "127.0.0.1", () => probe.close(() => tell(true)));
  });

const bothAreFree = async (port) => (await udpIsFree(port)) && (await tcpIsFree(port));

class Server {
  #env;
  #child = null;
  #gone = Promise.resolve();
  #log = [];
  /** Calls of {@link ask} so far, each from another address where the server believes that. */
  #asked = 0;

  constructor(dir, port, env) {
    this.dir = dir;
    this.port = port;
    this.origin = `http://127.0.0.1:${port}`;
    this.#env = env;
  }

  /** Starts it, again on the same ports and data. */
  async start() {
    const child = spawn(binary(), ["serve"], { env: this.#env, cwd: this.dir, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const out of [child.stdout, child.stderr]) out.setEncoding("utf8").on("data", (text) => this.#log.push(text));
    const dead = () => child.kill("SIGKILL");
    process.once("exit", dead);
    this.#gone = new Promise((tell) => child.once("close", (code, signal) => {
      process.removeListener("exit", dead);
      if (this.#child === child) this.#child = null;
      tell(code ?? signal);
    }));
    child.once("error", (error) => this.#log.push(String(error)));
    await until("the server answers /health", async () => {
      if (this.#child !== child) throw new Error(`the server ended at its start:\n${this.log()}`);
      return (await fetch(`${this.origin}/health`).catch(() => null))?.ok;
    });
  }

  /** Ends it without a word. */
  async kill() {
    this.#child?.kill("SIGKILL");
    await this.#gone;
  }

  /** Ends it as an operator does and removes its data. @returns {Promise<number | string>} its exit code */
  async stop() {
    const child = this.#child;
    child?.kill("SIGTERM");
    const late = setTimeout(() => child?.kill("SIGKILL"), 15_000);
    const code = await this.#gone;
    clearTimeout(late);
    await rm(this.dir, { recursive: true, force: true });
    return code;
  }

  /** What commands beside it are started with. */
  get binary() {
    return binary();
  }

  get env() {
    return this.#env;
  }

  /** What it wrote lately. */
  log() {
    return this.#log.join("").split("\n").slice(-60).join("\n");
  }

  /** @returns {Promise<any>} */
  async ask(method, path, { token, body } = {}) {
    this.#asked += 1;
    const answer = await fetch(`${this.origin}/api${path}`, {
      method,
      headers: {
        "Content-Type": "application/json",
        ...(this.#env["TRUSTED_PROXIES"] ? { "X-Forwarded-For": `11.1.0.${this.#asked}` } : {}),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : {};
  }
}

/** @param {Record<string, string>} [more] environment */
export async function startServer(more = {}) {
  const dir = await mkdtemp(join(tmpdir(), "payambar-web-"));
  const port = await freePort(tcpIsFree);
  const relay = between(20_000, 30_000);
  const server = new Server(dir, port, {
    PATH: process.env.PATH ?? "",
    DATA_DIR: join(dir, "data"),
    LISTEN: "127.0.0.1",
    PORT: String(port),
    TURN_PORT: String(await freePort()),
    TURN_LISTEN: "127.0.0.1",
    TURN_TLS_PORT: "off",
    TURN_EXTERNAL_IP: "127.0.0.1",
    TURN_MIN_PORT: String(relay),
    TURN_MAX_PORT: String(relay + RELAY_PORTS),
    RATE_LIMIT: "off",
    ENVIRONMENT: "development",
    LOG_LEVEL: "info",
    ...more,
  });
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}
