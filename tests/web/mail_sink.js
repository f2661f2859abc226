// A mail server that keeps what it is given: enough of SMTP for our own server, in the clear.

import net from "node:net";
import { until } from "./until.js";

/** Text of a body, whichever of the two ways it was wrapped. @param {string} raw */
function textOf(raw) {
  const [head, body] = [raw.slice(0, raw.indexOf("\r\n\r\n")), raw.slice(raw.indexOf("\r\n\r\n") + 4)];
  if (/^content-transfer-encoding: base64/im.test(head)) return Buffer.from(body, "base64").toString();
  if (!/^content-transfer-encoding: quoted-printable/im.test(head)) return body;
  const bytes = body.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

export class MailSink {
  /** @type {{to: string, text: string}[]} */
  mails = [];
  #server = net.createServer((socket) => this.#serve(socket));
  port = 0;

  async listen() {
    await new Promise((done) => this.#server.listen(0, "127.0.0.1", () => done(null)));
    this.port = /** @type {net.AddressInfo} */ (this.#server.address()).port;
    return this;
  }

  /** Settings of a server that hands its mails to this sink. */
  get env() {
    return { SMTP_HOST: "127.0.0.1", SMTP_PORT: String(this.port), SMTP_TLS: "none", SMTP_FROM: "Payambar <noreply@chat.test>" };
  }

  close() {
    this.#server.close();
  }

  /** The next mail to that address. @param {string} to */
  async next(to) {
    return until(`a mail comes to ${to}`, async () => {
      const at = this.mails.findIndex((mail) => mail.to === to);
      return at >= 0 && this.mails.splice(at, 1)[0];
    });
  }

  /** The code in it. @param {string} to */
  async code(to) {
    const { text } = await this.next(to);
    const code = /^[a-z0-9]{4}(-[a-z0-9]{4}){3}\s*$/m.exec(text)?.[0].trim();
    if (!code) throw new Error(`no code in: ${text}`);
    return code;
  }

  /** @param {net.Socket} socket */
  #serve(socket) {
    let [rest, to, data] = ["", "", false];
    const say = (line) => socket.write(`${line}\r\n`);
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      rest += chunk;
      for (;;) {
        const end = data ? rest.indexOf("\r\n.\r\n") : rest.indexOf("\r\n");
        if (end < 0) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + (data ? 5 : 2));
        if (data) {
          this.mails.push({ to, text: textOf(`${line}\r\n`) });
          data = false;
          say("250 taken");
        } else if (/^RCPT TO:<(.*)>/i.test(line)) {
          to = /<(.*)>/.exec(line)[1];
          say("250 ok");
        } else if (line === "DATA") {
          data = true;
          say("354 go on");
        } else if (line === "QUIT") {
          say("221 bye");
          socket.end();
        } else say("250 ok");
      }
    });
    say("220 sink");
  }
}
