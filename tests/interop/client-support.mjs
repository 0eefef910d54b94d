/**
 * What the tests of the client need beside support.mjs: the client under test (CLIENT.md), both servers, a server that
 * follows a script and writes down what it is told, certificates, TLS in front of a server, and proxies.
 *
 * Environment: as support.mjs. With SIO_REFERENCE=1 the official client is driven, against the official server, which
 * checks the tests.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { decode, encode } from "./client-values.mjs";
import { eventually, ms, reference, startServerOf, within } from "./support.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const SEPARATOR = "\x1e";

/** The transports of a client, as the options of CLIENT.md. */
export const transports = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrading: { transports: ["polling", "websocket"] },
};

/** The servers that tests run against: [name, true for the official one]. */
export const servers = reference
  ? [["the official server", true]]
  : [
      ["the official server", true],
      ["sio's server", false],
    ];

/** A server for the tests of a group: `server` of the result is there while they run. */
export function groupServer(official, ...flags) {
  const shared = {};
  before(async () => (shared.server = await startServerOf(official, ...flags)));
  after(() => shared.server?.stop());
  return shared;
}

/** A server for one test. */
export async function testServer(t, official, ...flags) {
  const server = await startServerOf(official, ...flags);
  t.after(() => server.stop());
  return server;
}

/** Something with a port of its own, for the time of a test. */
export async function listening(t, listener, host = "127.0.0.1", port = 0) {
  const sockets = new Set();
  listener.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  listener.listen(port, host);
  await once(listener, "listening");
  listener.cut = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    listener.close();
    listener.cut();
  });
  return listener.address().port;
}

// ------------------------------------------------------------------------------------------------------------- client

const clients = new Set();
process.on("exit", () => clients.forEach((client) => client.process.kill("SIGKILL")));

function commandOf(official) {
  return official
    ? [process.execPath, resolve(here, "reference_client.mjs")]
    : [resolve(here, process.env.SIO_BUILD_DIR ?? "../../build/release", "tests/interop_client")];
}

const begins = (report, parts) => parts.every((part, i) => part === undefined || report[i] === part);

/** The client's program: commands go in, reports come out, see CLIENT.md. */
export class Client {
  /** All reports so far. */
  reports = [];
  errors = "";
  #taken = new Set();
  #waits = new Set();
  #results = [];
  #ended = false;

  /** @param official  the official client, not that in C */
  constructor(t, { official = reference, env = {} } = {}) {
    const [file, ...args] = commandOf(official);
    this.official = official;
    this.process = spawn(file, args, { stdio: "pipe", env: { ...process.env, ...env } });
    this.exited = once(this.process, "close");
    clients.add(this);
    this.exited.then(() => clients.delete(this));
    this.process.stdin.on("error", () => {});
    this.process.stderr.on("data", (data) => (this.errors += data));
    createInterface({ input: this.process.stdout }).on("line", (line) => this.#take(JSON.parse(line)));
    t.after(() => this.end());
  }

  #take(report) {
    if (report[0] === "result") {
      this.#results.shift()(report[1]);
    } else {
      this.reports.push(decode(report));
      this.#waits.forEach((check) => check());
    }
  }

  /** Gives a command; resolves with the name of its error, "" for none. */
  do(...command) {
    const done = new Promise((give) => this.#results.push(give));
    this.process.stdin.write(`${JSON.stringify(encode(command))}\n`);
    return this.#orExit(done, command.slice(0, 3).join(" "));
  }

  #orExit(promise, what) {
    const gone = this.exited.then(([code, signal]) => {
      throw new Error(`the client has ended: ${signal ?? `status ${code}`}\n${this.errors}`);
    });
    gone.catch(() => {});
    return within(Promise.race([promise, gone]), what);
  }

  /** The next report that begins with these parts and was not taken yet; resolves with what follows them. */
  async next(...parts) {
    const report = await this.#first([parts]);
    return report.slice(parts.length);
  }

  /** The next report that begins with one of several lists of parts, all of it. */
  async #first(choices) {
    const isIt = (report) => choices.some((parts) => begins(report, parts)) && !this.#taken.has(report);
    let wait;
    const found = new Promise((give) => {
      wait = () => {
        const report = this.reports.find(isIt);
        if (report) {
          give(report);
        }
      };
    });
    this.#waits.add(wait);
    wait();
    const what = choices.map((parts) => parts.join(" ")).join(" or ");
    try {
      const report = await this.#orExit(found, `report ${what}`);
      this.#taken.add(report);
      return report;
    } catch (error) {
      error.message += `; reports: ${JSON.stringify(this.reports).slice(-3000)}`;
      throw error;
    } finally {
      this.#waits.delete(wait);
    }
  }

  /** All reports that begin with these parts: what follows them. */
  all(...parts) {
    return this.reports.filter((report) => begins(report, parts)).map((report) => report.slice(parts.length));
  }

  /** Makes the socket of a namespace and waits until it is connected; resolves with [id, recovered]. */
  async connect(nsp = "/", options = undefined) {
    const command = options === undefined ? ["socket", nsp] : ["socket", nsp, options];
    assert.equal(await this.do(...command), "");
    const [kind, , ...rest] = await this.#first([
      ["connect", nsp],
      ["connect_error", nsp],
    ]);
    assert.equal(kind, "connect", rest[0]);
    return rest;
  }

  /** Emits with an acknowledgement; resolves with its arguments. */
  async call(nsp, event, ...args) {
    const tag = ++this.tags;
    const result = await this.do("emit_ack", nsp, event, args, tag, 0);
    assert.ok(result === "" || result === "SIO_SLOW", result);
    const [status, answer] = await this.next("ack", nsp, tag);
    assert.equal(status, "");
    return answer;
  }

  tags = 1000;

  /** What the client says about itself and the socket of a namespace. */
  async state(nsp = "/") {
    await this.do("state", nsp);
    const states = this.all("state", nsp);
    return states.at(-1)[0];
  }

  /** Waits until a report about the connection comes: its members. */
  async notice(kind) {
    const [notice] = await this.next("notice", kind);
    return notice;
  }

  /** Frees the client and waits for the end of the process, which has to be in good order. */
  async end() {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.process.stdin.end();
    const [code, signal] = await within(this.exited, "end of the client").catch((error) => {
      this.process.kill("SIGKILL");
      throw error;
    });
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, this.errors);
    assert.doesNotMatch(this.errors, /Sanitizer|runtime error/);
  }
}

/** A client for `url` (or a server), which connects as soon as it has a socket. */
export async function newClient(t, to, options = {}, how = {}) {
  const client = new Client(t, how);
  assert.equal(await client.do("client", typeof to === "string" ? to : to.origin, options), "");
  return client;
}

/** The same, with the socket of `nsp` connected. */
export async function connectedClient(t, to, options, nsp = "/", how = {}) {
  const client = await newClient(t, to, options, how);
  await client.connect(nsp);
  return client;
}

/** Waits until the connection has moved to WebSocket. */
export async function upgraded(client) {
  assert.equal((await client.notice("upgrade")).text, "websocket");
}

// ---------------------------------------------------------------------------------------------------- scripted server

const PACKET = /^4(\d)(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?(.*)$/s;

/** A Socket.IO packet in a message of Engine.IO: {type, nsp, id, data}. */
export function parsePacket(message) {
  const [, type, , nsp = "/", id, json] = PACKET.exec(message);
  return {
    type: Number(type),
    nsp,
    id: id === undefined ? undefined : Number(id),
    data: json ? JSON.parse(json) : undefined,
  };
}

/** One Engine.IO session of a scripted server. */
class Session {
  constructor(server, number) {
    this.server = server;
    this.number = number;
    this.sid = `session${number}`;
    this.queue = [];
  }

  /** Sends packets, texts or buffers. */
  send(...packets) {
    this.queue.push(...packets);
    this.flush();
  }

  flush() {
    if (this.queue.length === 0) {
      return;
    }
    if (this.upgraded) {
      this.queue.splice(0).forEach((packet) => this.ws.send(packet));
    } else if (this.poll) {
      const text = (packet) => (typeof packet === "string" ? packet : `b${packet.toString("base64")}`);
      const { poll } = this;
      this.poll = undefined;
      poll.end(this.queue.splice(0).map(text).join(SEPARATOR));
    }
  }

  /** While a transport is tried out, polls are answered at once. */
  interrupt() {
    if (this.probing && !this.upgraded) {
      this.poll?.end("6");
      this.poll = undefined;
    }
  }

  /** Breaks the connection, whatever it is. */
  drop() {
    this.server.sessions.delete(this.sid);
    this.ws?.terminate();
    this.poll?.destroy();
  }
}

/**
 * A server that does what a script says, and writes down every request, packet and message of the client, in the
 * client's bytes: `log`. The script's functions get the session, the packet and the number of the session from 1:
 * `connect` (default: accepts), `event`, `other`; `handshake` changes the open packet; `request` may answer a request
 * itself, which it says by returning true.
 */
export class ScriptedServer {
  log = [];
  sent = []; // every packet but pongs behind the number of its session, attachments in base64
  requests = [];
  sessions = new Map();
  count = 0;

  static async start(t, script = {}, { port = 0, host = "127.0.0.1" } = {}) {
    const server = new ScriptedServer();
    server.script = script;
    server.http = http.createServer((request, response) => server.#onRequest(request, response));
    server.ws = new WebSocketServer({ noServer: true, handleProtocols: (protocols) => [...protocols][0] });
    server.http.on("upgrade", (request, socket, head) => server.#onUpgrade(request, socket, head));
    server.port = await listening(t, server.http, host, port);
    return server;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The last session. */
  get session() {
    return [...this.sessions.values()].at(-1);
  }

  #note(request, body) {
    const url = request.url.replace(/([?&]t=)[^&]+/, "$1T");
    const { method, headers, rawHeaders } = request;
    this.requests.push({ method, url: request.url, headers, rawHeaders, body });
    this.log.push([request.method, url, body].filter((part) => part !== undefined).join(" "));
  }

  #newSession() {
    const session = new Session(this, ++this.count);
    this.sessions.set(session.sid, session);
    return session;
  }

  #openPacket(session, upgrades) {
    const handshake = { sid: session.sid, upgrades, pingInterval: 25000, pingTimeout: 20000, maxPayload: 1e6 };
    return `0${JSON.stringify({ ...handshake, ...this.script.handshake })}`;
  }

  async #onRequest(request, response) {
    request.on("error", () => {});
    const chunks = await request.toArray().catch(() => []);
    const body = request.method === "POST" ? Buffer.concat(chunks).toString() : undefined;
    this.#note(request, body);
    if (this.script.request?.(request, response, this)) {
      return;
    }
    const sid = new URL(request.url, "http://x").searchParams.get("sid");
    const session = sid ? this.sessions.get(sid) : this.#newSession();
    if (!session) {
      response.writeHead(400).end('{"code":1,"message":"Session ID unknown"}');
    } else if (!sid) {
      response.end(this.#openPacket(session, this.script.upgrades ?? []));
    } else if (request.method === "GET") {
      session.poll = response;
      session.flush();
      session.interrupt();
    } else {
      response.end("ok");
      body.split(SEPARATOR).forEach((packet) => this.#onPacket(session, packet));
    }
  }

  #onUpgrade(request, socket, head) {
    this.#note(request);
    if (this.script.request?.(request, socket, this)) {
      return;
    }
    this.ws.handleUpgrade(request, socket, head, (ws) => {
      const sid = new URL(request.url, "http://x").searchParams.get("sid");
      const session = sid ? this.sessions.get(sid) : this.#newSession();
      session.ws = ws;
      ws.on("error", () => {});
      ws.on("close", () => this.log.push("closed"));
      ws.on("message", (data, binary) => {
        this.log.push(binary ? `ws binary ${data.toString("hex")}` : `ws ${data}`);
        this.#onPacket(session, binary ? data : data.toString());
      });
      if (!sid) {
        session.upgraded = true;
        session.send(this.#openPacket(session, []));
      }
    });
  }

  #onPacket(session, packet) {
    if (packet !== "3") {
      this.sent.push(`${session.number} ${typeof packet === "string" ? packet : `b${packet.toString("base64")}`}`);
    }
    if (packet === "2probe") {
      session.probing = true;
      session.ws.send("3probe");
      session.interrupt();
    } else if (packet === "5") {
      session.upgraded = true;
      session.flush();
    } else if (packet[0] === "4") {
      this.#onMessage(session, parsePacket(packet));
    }
  }

  #onMessage(session, packet) {
    const { connect = accept, event, other } = this.script;
    const fn = { 0: connect, 2: event, 5: event }[packet.type] ?? other;
    fn?.(session, packet, session.number);
  }

  /** The log without heartbeats. */
  get packets() {
    return this.log.filter((line) => line !== "ws 3");
  }

  /** Waits until the log has lines that match. */
  saw(pattern, count = 1) {
    return this.#until(this.log, pattern, count);
  }

  /** Waits until the client has sent packets that match. */
  got(pattern, count = 1) {
    return this.#until(this.sent, pattern, count);
  }

  #until(lines, pattern, count) {
    const enough = () => lines.filter((line) => pattern.test(line)).length >= count;
    return eventually(enough, `${count} times ${pattern}`).catch((error) => {
      throw new Error(`${error.message}; lines: ${JSON.stringify(lines, null, 1)}`);
    });
  }
}

const prefix = (nsp) => (nsp === "/" ? "" : `${nsp},`);

/** Answers CONNECT. */
export function accept(session, { nsp }, more = {}) {
  const extra = typeof more === "object" ? more : {};
  session.send(`40${prefix(nsp)}${JSON.stringify({ sid: `socket${session.number}`, ...extra })}`);
}

/** Answers an event that asks for it. */
export function acknowledge(session, { nsp, id }, ...args) {
  session.send(`43${prefix(nsp)}${id}${JSON.stringify(args)}`);
}

// ---------------------------------------------------------------------------------------------------------------- TLS

/** Certificates made for the tests of a group: paths by name, see `makeCertificates`. */
export function certificates() {
  const made = {};
  before(() => Object.assign(made, makeCertificates()));
  after(() => rmSync(made.folder, { recursive: true }));
  return made;
}

function openssl(...args) {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** An authority (ca), a server of it (server, for localhost, 127.0.0.1, ::1), others, and a client's certificate. */
function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), "sio-certs-"));
  const file = (name) => join(folder, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const self = (name, subject, names) =>
    openssl("req", "-x509", ...key, "-days", "2", "-subj", subject, "-addext", `subjectAltName=${names}`,
      "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`));
  const signed = (name, subject, names, days = "2") => {
    openssl("req", ...key, "-subj", subject, "-keyout", file(`${name}.key`), "-out", file(`${name}.csr`));
    writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`);
    openssl("x509", "-req", "-in", file(`${name}.csr`), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
      "-CAcreateserial", "-days", days, "-extfile", file(`${name}.ext`), "-out", file(`${name}.pem`));
  };
  const local = "DNS:localhost,IP:127.0.0.1,IP:::1";
  openssl("req", "-x509", ...key, "-days", "2", "-subj", "/CN=test authority",
    "-keyout", file("ca.key"), "-out", file("ca.pem"));
  self("self", "/CN=localhost", local);
  signed("server", "/CN=localhost", local);
  signed("named", "/CN=chat.example", "DNS:chat.example");
  signed("client", "/CN=a client", "DNS:client.example");
  signed("expired", "/CN=localhost", local, "-1");
  return { folder, file };
}

/** TLS in front of a server; `options` as for tls.createServer; resolves with {origin, connections}. */
export async function tlsBefore(t, server, options, host = "127.0.0.1") {
  const connections = [];
  const listener = tls.createServer(options, (inside) => {
    connections.push({ serverName: inside.servername, peer: inside.getPeerCertificate().subject?.CN });
    join2(inside, net.connect(server.port, "127.0.0.1"));
  });
  listener.on("tlsClientError", () => {});
  const port = await listening(t, listener, host);
  return { port, origin: `https://127.0.0.1:${port}`, connections };
}

/** A way to `server` whose connections can be `cut()`, and which can be `shut()` and `opened()` again. */
export async function wayTo(t, server) {
  const listener = net.createServer((inside) => join2(inside, net.connect(server.port, "127.0.0.1")));
  const port = await listening(t, listener);
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    cut: () => listener.cut(),
    shut() {
      listener.close();
      listener.cut();
    },
    opened() {
      listener.listen(port, "127.0.0.1");
      return once(listener, "listening");
    },
  };
}

function join2(a, b) {
  a.on("error", () => {}).on("close", () => b.destroy());
  b.on("error", () => {}).on("close", () => a.destroy());
  a.pipe(b).pipe(a);
}

// ------------------------------------------------------------------------------------------------------------ proxies

/** An HTTP proxy, `seen` is what it was asked for; with `credentials` it wants "user:password". */
export async function httpProxy(t, { credentials, refuse } = {}) {
  const seen = [];
  const listener = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url.replace(/\?.*/, "")}`);
    response.writeHead(501).end();
  });
  listener.on("connect", (request, socket, head) => {
    seen.push(`CONNECT ${request.url}`);
    const wanted = credentials && `Basic ${Buffer.from(credentials).toString("base64")}`;
    if (wanted && request.headers["proxy-authorization"] !== wanted) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    } else if (refuse) {
      socket.end(`HTTP/1.1 ${refuse}\r\nContent-Length: 0\r\n\r\n`);
    } else {
      const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(request.url);
      const outside = net.connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        outside.write(head);
        join2(socket, outside);
      });
      outside.on("error", () => socket.destroy());
    }
  });
  const port = await listening(t, listener);
  return { port, url: `http://127.0.0.1:${port}`, seen };
}

/** A SOCKS5 proxy (RFC 1928, 1929), `seen` is what it was asked for: "name:port". */
export async function socksProxy(t, { credentials, refuse } = {}) {
  const seen = [];
  const listener = net.createServer((socket) => {
    socket.on("error", () => {});
    serveSocks(socket, { credentials, refuse, seen }).catch(() => socket.destroy());
  });
  const port = await listening(t, listener);
  return { port, url: (scheme = "socks5", login = "") => `${scheme}://${login}127.0.0.1:${port}`, seen };
}

async function serveSocks(socket, { credentials, refuse, seen }) {
  const read = reader(socket);
  const [, methods] = await read(2);
  const offered = [...(await read(methods))];
  const method = credentials ? 2 : 0;
  if (!offered.includes(method)) {
    socket.end(Buffer.from([5, 0xff]));
    return;
  }
  socket.write(Buffer.from([5, method]));
  if (credentials) {
    const user = (await read((await read(2))[1])).toString();
    const password = (await read((await read(1))[0])).toString();
    const right = `${user}:${password}` === credentials;
    socket.write(Buffer.from([1, right ? 0 : 1]));
    if (!right) {
      socket.end();
      return;
    }
  }
  const [, , , kind] = await read(4);
  const host =
    kind === 1
      ? [...(await read(4))].join(".")
      : kind === 3
        ? (await read((await read(1))[0])).toString()
        : (await read(16)).toString("hex").match(/.{4}/g).join(":");
  const port = (await read(2)).readUInt16BE();
  seen.push(`${kind === 3 ? "name " : ""}${host}:${port}`);
  if (refuse) {
    socket.end(Buffer.from([5, refuse, 0, 1, 0, 0, 0, 0, 0, 0]));
    return;
  }
  const outside = net.connect(port, host);
  await once(outside, "connect");
  socket.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
  join2(socket, outside);
}

/** Reads exactly as many bytes as asked for. */
function reader(socket) {
  return async (count) => {
    for (;;) {
      const chunk = count === 0 ? Buffer.alloc(0) : socket.read(count);
      if (chunk) {
        return chunk;
      }
      await once(socket, "readable");
    }
  };
}

export { decode, encode, eventually, ms, reference, within };
