// A small internet in network namespaces: the test process and the server are
// on it, and each house is a network of its own, with a firewall if it likes.
//
//   sara's house 11.0.0.N  --+
//                            +-- bridge 11.0.0.1, 2a0a:1::1: the server
//   omid's house 11.0.0.M  --+
//
// The addresses are ordinary public ones, so the relay's policy about peers
// holds as it is shipped. Everything ends with this process.

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch } from "../world.js";
import { until } from "../until.js";

export const SERVER = "11.0.0.1";
export const SERVER_6 = "2a0a:1::1";
/** The server's name in every house. */
export const TURN_NAME = "turn.test";

const run = (words, input = "") => execFileSync(words[0], words.slice(1), { input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
const ip = (lines) => run(["ip", "-batch", "-"], lines);

let count = 10;

/** Each keeps the namespaces of one house. */
const holders = new Set();
process.once("exit", () => holders.forEach((holder) => holder.kill("SIGKILL")));

/** Lays the bridge. Only in a namespace of our own: what it does is seen by nobody else. */
export function lay() {
  const links = run(["ip", "-oneline", "link"]).trim().split("\n");
  if (links.length > 1) throw new Error("these tests change the network: start them with `unshare --net`, as scripts/test does");
  ip(`link set lo up
link add wan type bridge
addr add ${SERVER}/24 dev wan
addr add ${SERVER_6}/64 dev wan nodad
link set wan up
`);
}

/** A network of somebody's own, on one or two lines to the internet. */
export class House {
  #holder;
  #folder;
  #browsers = [];

  /** @param {{v4?: boolean, v6?: boolean}} [has] */
  static async build({ v4 = true, v6 = false } = {}) {
    const house = new House();
    house.#folder = await mkdtemp(join(tmpdir(), "payambar-house-"));
    // The browser's own rules for names do not hold for TURN servers.
    const hosts = join(house.#folder, "hosts");
    await writeFile(hosts, `127.0.0.1 localhost\n${v4 ? `${SERVER} ${TURN_NAME}\n` : ""}${v6 ? `${SERVER_6} ${TURN_NAME}\n` : ""}`);
    const ready = join(house.#folder, "ready");
    const inside = `mount --bind ${hosts} /etc/hosts && touch ${ready} && exec sleep infinity`;
    house.#holder = spawn("unshare", ["--net", "--mount", "sh", "-c", inside], { stdio: "ignore" });
    holders.add(house.#holder);
    await until("a namespace", () => existsSync(ready));
    house.in(["ip", "link", "set", "lo", "up"]);
    house.line({ v4, v6 });
    return house;
  }

  #there() {
    return ["net", "mnt"].map((kind) => `--${kind === "mnt" ? "mount" : kind}=/proc/${this.#holder.pid}/ns/${kind}`);
  }

  /** Runs a command in the house. */
  in(words, input = "") {
    return run(["nsenter", ...this.#there(), ...words], input);
  }

  /** One more line to the internet, which is used from now on. @returns {string} its name */
  line({ v4 = true, v6 = false } = {}) {
    count += 1;
    const [name, there] = [`lan${count}`, `house${count}`];
    ip(`link add ${there} type veth peer name ${name} netns ${this.#holder.pid}\nlink set ${there} master wan up\n`);
    const addresses = [
      ...(v4 ? [`addr add 11.0.0.${count}/24 dev ${name}`] : []),
      ...(v6 ? [`addr add 2a0a:1::${count}/64 dev ${name} nodad`] : []),
    ];
    // An address that comes a second later would be a change of network.
    const conf = `/proc/sys/net/ipv6/conf/${name}`;
    this.in(["sh", "-c", v6 ? `echo 0 > ${conf}/accept_dad && echo 1 > ${conf}/addr_gen_mode` : `echo 1 > ${conf}/disable_ipv6`]);
    this.in(["ip", "-batch", "-"], `${addresses.join("\n")}\nlink set ${name} up\n`);
    this.name = name;
    return name;
  }

  /** Moves to another network: the line of now is dead, a new one has another address. */
  move() {
    const old = this.name;
    this.in(["ip", "link", "del", old]);
    this.line();
  }

  /** What the firewall does with packets on their way out and in, as rules of nft; nothing else passes or all else does. */
  firewall(out, into = []) {
    const chain = (name, hook, rules) => `chain ${name} {\n type filter hook ${hook} priority filter; policy accept;\n oifname "lo" accept\n iifname "lo" accept\n ${rules.join("\n ")}\n}\n`;
    const table = `table inet house\ndelete table inet house\ntable inet house {\n${chain("out", "output", out).replace(' iifname "lo" accept\n', "")}${chain("into", "input", into).replace(' oifname "lo" accept\n', "")}}\n`;
    this.in(["nft", "-f", "-"], table);
  }

  /** A browser in the house. @param {string[]} [more] arguments */
  async browser(more = []) {
    const wrapper = join(this.#folder, "chromium");
    const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
    await writeFile(wrapper, `#!/bin/sh\nexec nsenter ${this.#there().join(" ")} ${chromium} "$@"\n`);
    await chmod(wrapper, 0o755);
    const browser = await launch({ executablePath: wrapper, args: more });
    this.#browsers.push(browser);
    return browser;
  }

  async leave() {
    await Promise.all(this.#browsers.map((browser) => browser.close()));
    this.#holder.kill("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }
}
