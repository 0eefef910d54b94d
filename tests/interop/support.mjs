/**
 * What every test file needs: the server under test, deadlines, official clients, HTTP requests, and TCP connections
 * under byte-level control. Nothing here waits for a fixed time: each wait is for a condition and has a deadline.
 *
 * Environment: SIO_BUILD_DIR (where the servers were built), SIO_REFERENCE=1 (test the tests: use the official
 * JavaScript server), SIO_SERVER_ARGS (flags added to every start), SIO_TIME_SCALE (factor on deadlines and on the
 * intervals that tests ask for, for slow lanes such as valgrind), SIO_DEADLINE (ms, how long a test waits before it
 * fails: shorter is kinder while a server is being written), SIO_STARVE (SEED:N, the servers run out of memory) and
 * SIO_STARVE_REPORT (a file that is told how they take it, see out-of-memory.test.mjs).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { io } from "socket.io-client";

const here = dirname(fileURLToPath(import.meta.url));
const timeScale = Number(process.env.SIO_TIME_SCALE ?? 1);

/** True when the official server is under test. */
export const reference = process.env.SIO_REFERENCE === "1";

/** A duration handed to the server under test: stretched in slow lanes. */
export const ms = (duration) => Math.round(duration * timeScale);

const DEADLINE = ms(Number(process.env.SIO_DEADLINE ?? 5000));

/** The same for the end of a server, and for what leads to it, whatever SIO_DEADLINE is. */
const RECOVERY = ms(5000);

// ---------------------------------------------------------------------------------------------------------- deadlines

/** `promise`, or a rejection that names what was waited for. */
export async function within(promise, what, deadline = DEADLINE) {
  let timer;
  const expired = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${deadline} ms`)), deadline);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Repeats `check` until it returns a true value; its last error or answer is what the failure shows. */
export async function eventually(check, what = "condition", deadline = DEADLINE) {
  const end = Date.now() + deadline;
  for (;;) {
    const { answer, error } = await attempt(check);
    if (answer) {
      return answer;
    }
    if (Date.now() > end) {
      throw error ?? new Error(`${what}: still ${JSON.stringify(answer)} after ${deadline} ms`);
    }
    await new Promise((done) => setTimeout(done, 5));
  }
}

async function attempt(check) {
  try {
    return { answer: await check() };
  } catch (error) {
    return { error };
  }
}

/** The arguments of the next `event` of an official client's socket or manager. */
export function next(emitter, event, deadline) {
  const arrived = new Promise((resolve) => emitter.once(event, (...args) => resolve(args)));
  return within(arrived, `event ${event}`, deadline);
}

/** Collects `event`; `.until(n)` resolves with the argument lists once there are n of them. */
export function collect(emitter, event) {
  const calls = [];
  emitter.on(event, (...args) => calls.push(args));
  calls.until = async (count) => {
    await eventually(() => calls.length >= count, `${count} times event ${event}`);
    return [...calls];
  };
  return calls;
}

// ------------------------------------------------------------------------------------------------------------- server

const programs = {
  interop_server: "reference_server.mjs",
  protocol_server: "reference_protocol_server.mjs",
};

function commandOf(program, official) {
  return official
    ? [process.execPath, resolve(here, programs[program])]
    : [resolve(here, process.env.SIO_BUILD_DIR ?? "../../build/release", "tests", program)];
}

/** A running server process: see SERVER.md for what it prints. */
export class Server {
  lines = [];
  errors = "";
  #wake = new Set();

  constructor(program, args, official) {
    const [file, ...rest] = [...commandOf(program, official), ...args.map(String)];
    this.process = spawn(file, rest, { stdio: ["ignore", "pipe", "pipe"] });
    this.exited = new Promise((done) => {
      this.process.once("error", (error) => done({ error }));
      this.process.once("close", (code, signal) => done({ code, signal }));
    });
    running.add(this);
    this.exited.then(() => running.delete(this));
    this.program = program;
    this.args = args.map(String);
    this.report({ started: true });
    this.process.stderr.on("data", (data) => (this.errors += data));
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.lines.push(line);
      this.#wake.forEach((check) => check());
    });
  }

  /** Resolves with the first match of `pattern` among the printed lines, past ones included. */
  async line(pattern, deadline) {
    let check;
    const found = new Promise((resolve) => {
      check = () => {
        const match = this.lines.map((line) => pattern.exec(line)).find(Boolean);
        if (match) {
          resolve(match);
        }
      };
    });
    this.#wake.add(check);
    check();
    try {
      return await within(
        Promise.race([found, this.exited.then((how) => this.#fail(how))]),
        `line ${pattern}`,
        deadline
      );
    } finally {
      this.#wake.delete(check);
    }
  }

  #fail(how) {
    const { error, code, signal } = how;
    throw new Error(`${this.process.spawnfile} ended: ${error ?? signal ?? `status ${code}`}\n${this.errors}`);
  }

  /** The reason that the server gave for the end of the socket `id`. */
  async disconnectReason(id) {
    const [, reason] = await this.line(new RegExp(`^disconnect \\S+ ${id} (.*)$`));
    return reason;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many file descriptors the process holds. */
  openFiles() {
    return readdirSync(`/proc/${this.process.pid}/fd`).length;
  }

  /** The resident memory of the process in bytes; 0 under a sanitizer, which keeps what was freed. */
  residentBytes() {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    const bytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)[1]) * 1024;
    const sanitized = bytes("VmSize") > 2 ** 40;
    return sanitized ? 0 : bytes("VmRSS");
  }

  /** Adds a line about this process to SIO_STARVE_REPORT, if there is to be one. */
  report(what) {
    if (process.env.SIO_STARVE_REPORT) {
      const name = [this.process.pid, this.program, ...this.args].join(" ");
      const line = JSON.stringify({ name, ...what });
      appendFileSync(process.env.SIO_STARVE_REPORT, `${line}\n`);
    }
  }

  /** A server that was short of memory gets enough of it, and has to serve the next client. */
  async recover() {
    this.process.kill("SIGUSR1");
    const [, refused] = await this.line(/^sated (\d+)$/, RECOVERY);
    if (this.args.includes("--initial-packet")) {
      await PollingSession.open(this); // what no official client of Socket.IO understands
      return Number(refused);
    }
    const flag = (name, value) => (this.args.includes(name) ? this.args[this.args.indexOf(name) + 1] : value);
    const socket = io(this.origin, {
      path: flag("--path", "/socket.io"),
      addTrailingSlash: !this.args.includes("--no-trailing-slash"),
      transports: flag("--transports", "polling,websocket").split(","),
      forceNew: true,
      reconnectionDelay: 10, // on a busy machine a client may be too late for a server with short time limits
    });
    const [event, back] = this.program === "protocol_server" ? ["message", "message-back"] : ["echo", "echo"];
    try {
      const echoed = next(socket, back, RECOVERY);
      socket.on("connect", () => socket.emit(event, "sated", Buffer.from("bytes")));
      assert.deepEqual(await echoed, ["sated", Buffer.from("bytes")]);
    } finally {
      socket.io._close();
    }
    return Number(refused);
  }

  /** Ends the process by `signal` and waits for it. */
  async kill(signal = "SIGKILL") {
    this.killed = true;
    this.report({ killed: signal });
    this.process.kill(signal);
    return within(this.exited, `end of ${this.process.spawnfile} on ${signal}`);
  }

  /** The ordinary end: a server that crashed meanwhile, or that cannot end cleanly, fails the test. */
  async stop() {
    if (this.killed || this.stopped) {
      return;
    }
    this.stopped = true;
    const closes = this.lines.some((line) => line.endsWith(" server shutting down"));
    const starved = process.env.SIO_STARVE && running.has(this) && !closes;
    const { answer: refused, error } = starved ? await attempt(() => this.recover()) : {};
    if (running.has(this)) {
      this.process.kill("SIGTERM");
    }
    const how = await within(this.exited, "end of the server", RECOVERY).catch(() => this.kill());
    this.report({ ended: how, refused, error: error?.message, errors: this.errors });
    assert.deepEqual(how, { code: 0, signal: null }, this.errors);
    assert.doesNotMatch(this.errors, /Sanitizer|runtime error/);
    assert.ifError(error);
  }
}

/** No server outlives the tests, however these end. */
const running = new Set();
process.on("exit", () => running.forEach((server) => server.process.kill("SIGKILL")));
if (process.env.SIO_STARVE) {
  after(() => Promise.allSettled([...running].map((server) => server.stop()))); // where a hook has failed
}
process.on("SIGINT", () => process.exit(1)).on("SIGTERM", () => process.exit(1));

async function start(program, args, official = reference) {
  const server = new Server(program, args, official);
  try {
    const [, port] = await server.line(/^listening (\d+)$/, ms(10000));
    server.port = Number(port);
    return server;
  } catch (error) {
    server.process.kill("SIGKILL");
    throw error;
  }
}

/** Starts `interop_server` with `flags` (and `--port`, 0 unless given); the caller stops it. */
export function startServer(...flags) {
  return startServerOf(reference, ...flags);
}

/** As startServer, but says whether it is the official one. */
export function startServerOf(official, ...flags) {
  const extra = official ? [] : (process.env.SIO_SERVER_ARGS?.split(" ").filter(Boolean) ?? []);
  const port = flags.includes("--port") ? [] : ["--port", "0"];
  return start("interop_server", [...port, ...flags, ...extra], official);
}

/** As startServer, for the tests of a group: `server` of the result is there while they run. */
export function sharedServer(...flags) {
  const shared = {};
  before(async () => Object.assign(shared, { server: await startServer(...flags) }));
  after(() => shared.server?.stop());
  return shared;
}

/** As startServer, for one test: the server is stopped when the test `t` is over. */
export async function serverFor(t, ...flags) {
  const server = await startServer(...flags);
  t.after(() => server.stop());
  return server;
}

/** Starts `protocol_server` on a free port; the caller stops it. */
export function startProtocolServer() {
  return start("protocol_server", ["0"]);
}

// --------------------------------------------------------------------------------------------------- official clients

/** The ways in which an official client may reach a server. */
export const modes = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrading: { transports: ["polling", "websocket"] },
};

/** An official client's socket for namespace `nsp`, not awaited; closed after the test `t` (null: by the caller). */
export function client(t, server, nsp = "/", options = {}) {
  const socket = io(server.origin + nsp, { forceNew: true, reconnection: false, ...modes.websocket, ...options });
  t?.after(() => socket.io._close());
  return socket;
}

/** As client, and connected. */
export async function connect(t, server, nsp, options) {
  const socket = client(t, server, nsp, options);
  await connected(socket);
  return socket;
}

/** Waits for a client's socket to be connected; a refusal is thrown. */
export async function connected(socket, deadline) {
  if (!socket.connected) {
    const refused = new Promise((resolve, reject) => socket.once("connect_error", reject));
    await Promise.race([next(socket, "connect", deadline), refused]);
  }
  return socket;
}

/** Waits until a client's connection has moved to WebSocket, for the server as well. */
export async function upgraded(socket) {
  const { engine } = socket.io;
  await eventually(() => engine.transport.name === "websocket" && !engine.upgrading, "upgrade");
  await call(socket, "ack");
}

/**
 * Breaks a TCP connection, by a RST at once. What Node.js has for it, resetAndDestroy(), first sends what is queued and
 * shuts the connection down; a socket that is reset while that goes on is never closed, and keeps the process running.
 */
export function reset(socket) {
  socket.resetAndClosing = !socket.writableEnded;
  socket.destroy();
}

/**
 * A relay on the way to `server`, for the time of the test `t`. With `holdUpgrades` WebSocket connections wait in it
 * until `release()`; `cut()` breaks all connections.
 */
export async function relayTo(t, server, { holdUpgrades = false } = {}) {
  const held = new Set();
  const sockets = new Set();
  const cut = () => sockets.forEach(reset);
  const listener = net.createServer((inside) => {
    const outside = net.connect(server.port, "127.0.0.1");
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(socket);
          inside.destroy();
          outside.destroy();
        });
    }
    outside.pipe(inside);
    inside.once("data", (first) => {
      inside.pause();
      const pass = () => {
        outside.write(first);
        inside.pipe(outside);
      };
      if (holdUpgrades && /\r\nUpgrade: websocket\r\n/i.test(first)) {
        held.add(pass);
      } else {
        pass();
      }
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(() => {
    listener.close();
    cut();
  });
  return {
    origin: `http://127.0.0.1:${listener.address().port}`,
    cut,
    async release() {
      await eventually(() => held.size > 0, "an upgrade request");
      held.forEach((pass) => pass());
    },
  };
}

/** Emits and resolves with all arguments of the acknowledgement. */
export function call(socket, event, ...args) {
  const answer = new Promise((resolve) => socket.emit(event, ...args, (...answers) => resolve(answers)));
  return within(answer, `acknowledgement of ${event}`);
}

// --------------------------------------------------------------------------------------------------------------- HTTP

/**
 * One HTTP request on a connection of its own; resolves with {status, headers, body, bytes}.
 * `target` is sent as it is; `path` of the options chooses the Socket.IO path with a query instead.
 */
export async function request(server, method, target, { headers = {}, body, host = "127.0.0.1" } = {}) {
  const sent = http.request({ host, port: server.port, method, path: target, headers, agent: false });
  sent.on("error", () => {}).end(body);
  const answered = (async () => {
    const [response] = await once(sent, "response");
    const chunks = await response.toArray();
    const bytes = Buffer.concat(chunks);
    return { status: response.statusCode, headers: response.headers, bytes, body: bytes.toString() };
  })();
  try {
    return await within(answered, `answer to ${method} ${target.slice(0, 200)}`);
  } finally {
    sent.destroy();
  }
}

/** `/socket.io/` with the query parameters of a new session and `more`. */
export function target(more = {}, path = "/socket.io/") {
  return `${path}?${new URLSearchParams({ EIO: "4", transport: "polling", ...more })}`;
}

export const SEPARATOR = "\x1e";

/** An Engine.IO session over HTTP long-polling, every request made by hand. */
export class PollingSession {
  static async open(server, { headers, query = {}, path } = {}) {
    const response = await request(server, "GET", target(query, path), { headers });
    assert.equal(response.status, 200, response.body);
    const session = new PollingSession();
    const [open, ...packets] = response.body.split(SEPARATOR);
    assert.equal(open[0], "0");
    Object.assign(session, { server, path, response, packets, handshake: JSON.parse(open.slice(1)) });
    session.sid = session.handshake.sid;
    return session;
  }

  get target() {
    return target({ sid: this.sid }, this.path);
  }

  get(options) {
    return request(this.server, "GET", this.target, options);
  }

  /** Posts a body, or an array of packets. */
  post(body, options) {
    return request(this.server, "POST", this.target, {
      body: Array.isArray(body) ? body.join(SEPARATOR) : body,
      ...options,
    });
  }

  /** Polls once and returns the packets. */
  async poll() {
    const { status, body } = await this.get();
    assert.equal(status, 200, body);
    return body.split(SEPARATOR);
  }

  /** Joins a namespace; returns the id of the socket. */
  async join(nsp = "", auth = "") {
    assert.equal((await this.post(`40${nsp && `${nsp},`}${auth}`)).body, "ok");
    const [packet] = await this.poll();
    return JSON.parse(packet.slice(packet.indexOf("{"))).sid;
  }

  /** Waits until the server no longer knows the session; it is asked for in a way that does nothing to it. */
  gone() {
    const askedWrongly = target({ sid: this.sid, transport: "websocket" }, this.path);
    return eventually(
      async () => (await request(this.server, "GET", askedWrongly)).body === unknownSession,
      "end of the session"
    );
  }
}

export const unknownSession = '{"code":1,"message":"Session ID unknown"}';

// ----------------------------------------------------------------------------------------------------- raw connections

class EndOfStream extends Error {}

/** A TCP connection under byte-level control. */
export class Connection {
  #received = Buffer.alloc(0);
  #over = false;
  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    const end = () => {
      this.#over = true;
      this.#wake();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  static async connect(server, host = "127.0.0.1") {
    const socket = net.connect({ port: server.port, host, noDelay: true, allowHalfOpen: false });
    await within(once(socket, "connect"), "TCP connection");
    return new this(socket);
  }

  write(data) {
    this.socket.write(data);
    return this;
  }

  /** Sends a RST. */
  reset() {
    reset(this.socket);
  }

  close() {
    this.socket.destroy();
  }

  /** Waits until `take(received)` gives a value; undefined asks for more bytes. */
  async #until(take, what) {
    const taken = (async () => {
      for (;;) {
        const value = take(this.#received);
        if (value !== undefined) {
          return value;
        }
        if (this.#over) {
          throw new EndOfStream(`${what}: connection ended after ${JSON.stringify(this.#received.toString("latin1"))}`);
        }
        await new Promise((wake) => (this.#wake = wake));
      }
    })();
    return within(taken, what);
  }

  /** The next `count` bytes. */
  read(count) {
    return this.#until((received) => {
      if (received.length < count) {
        return undefined;
      }
      this.#received = received.subarray(count);
      return received.subarray(0, count);
    }, `${count} bytes`);
  }

  /** The next bytes up to and including `mark`, as text. */
  async readThrough(mark) {
    const length = await this.#until((received) => {
      const at = received.indexOf(mark);
      return at < 0 ? undefined : at + mark.length;
    }, JSON.stringify(mark));
    return (await this.read(length)).toString("latin1");
  }

  /** The head of the next HTTP response: {status, reason, headers}. */
  async readHead() {
    const [first, ...fields] = (await this.readThrough("\r\n\r\n")).trimEnd().split("\r\n");
    const [, status, reason] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first) ?? assert.fail(`status line ${first}`);
    const headers = {};
    for (const field of fields) {
      const colon = field.indexOf(":");
      headers[field.slice(0, colon).toLowerCase()] = field.slice(colon + 1).trim();
    }
    return { status: Number(status), reason, headers };
  }

  /** The next HTTP response with a Content-Length, or without a body. */
  async readResponse() {
    const head = await this.readHead();
    const body = (await this.read(Number(head.headers["content-length"] ?? 0))).toString();
    return { ...head, body };
  }

  /** Waits for the peer's FIN or RST; resolves with the bytes that were not read. */
  async ended() {
    await this.#until(() => (this.#over ? true : undefined), "end of the connection");
    return this.#received;
  }
}

// ---------------------------------------------------------------------------------------------------------- WebSocket

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One frame as a client sends it; `length` lies about the payload's length, `lengthForm` about its encoding. */
export function frame(code, payload = "", { fin = true, rsv = 0, mask = true, length, lengthForm } = {}) {
  const body = Buffer.from(payload);
  const size = length ?? body.length;
  const form = lengthForm ?? (size < 126 ? 0 : size < 65536 ? 126 : 127);
  const head = Buffer.alloc(form === 0 ? 2 : form === 126 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | code;
  head[1] = (mask ? 0x80 : 0) | (form === 0 ? size : form);
  if (form === 126) {
    head.writeUInt16BE(size, 2);
  } else if (form === 127) {
    head.writeBigUInt64BE(BigInt(size), 2);
  }
  if (!mask) {
    return Buffer.concat([head, body]);
  }
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  for (let i = 0; i < body.length; i++) {
    body[i] ^= key[i & 3];
  }
  return Buffer.concat([head, key, body]);
}

/** The payload of a Close frame. */
export function closePayload(code, reason = "") {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

export const WS_KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const WS_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The text of a WebSocket upgrade request; a header given as undefined is left out. */
export function upgradeRequest(path, headers = {}, { method = "GET", version = "1.1" } = {}) {
  const fields = {
    Host: "127.0.0.1",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": WS_KEY,
    ...headers,
  };
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/${version}\r\n${lines.join("")}\r\n`;
}

/** For `catch`: an ended connection gives an empty result, any other error stays one. */
export function endOfStream(error) {
  if (error instanceof EndOfStream) {
    return {};
  }
  throw error;
}

/** A WebSocket connection, every frame made by hand. */
export class RawWebSocket extends Connection {
  /** Connects and upgrades; `query` is merged into that of a new websocket session. */
  static async open(server, { query = {}, headers, path } = {}) {
    const connection = await this.connect(server);
    connection.write(upgradeRequest(target({ transport: "websocket", ...query }, path), headers));
    connection.response = await connection.readHead();
    assert.equal(connection.response.status, 101);
    return connection;
  }

  /** As open, with the open packet read into `handshake`; a default server sends no ping meanwhile. */
  static async session(server, options) {
    const connection = await this.open(server, options);
    const packet = await connection.readText();
    assert.equal(packet[0], "0");
    connection.handshake = JSON.parse(packet.slice(1));
    connection.sid = connection.handshake.sid;
    return connection;
  }

  /** As session, joined to the namespace `nsp`; `id` is the id of the socket. */
  static async joined(server, nsp = "", options) {
    const connection = await this.session(server, options);
    connection.text(`40${nsp && `${nsp},`}`);
    const packet = await connection.readText();
    connection.id = JSON.parse(packet.slice(packet.indexOf("{"))).sid;
    return connection;
  }

  send(code, payload, options) {
    return this.write(frame(code, payload, options));
  }

  text(payload) {
    return this.send(opcode.text, payload);
  }

  binary(payload) {
    return this.send(opcode.binary, payload);
  }

  /** The next frame: {fin, rsv, code, payload}. A server never masks. */
  async readFrame() {
    const [first, second] = await this.read(2);
    assert.equal(second & 0x80, 0, "a server frame is not masked");
    let length = second & 0x7f;
    if (length === 126) {
      length = (await this.read(2)).readUInt16BE();
    } else if (length === 127) {
      length = Number((await this.read(8)).readBigUInt64BE());
    }
    return { fin: first >= 0x80, rsv: (first >> 4) & 7, code: first & 15, payload: await this.read(length) };
  }

  /** The next message, which has to be one text frame. */
  async readText() {
    const { fin, rsv, code, payload } = await this.readFrame();
    assert.deepEqual({ fin, rsv, code }, { fin: true, rsv: 0, code: opcode.text }, payload.toString());
    return payload.toString();
  }

  /** The next message, which has to be one binary frame. */
  async readBinary() {
    const { fin, rsv, code, payload } = await this.readFrame();
    assert.deepEqual({ fin, rsv, code }, { fin: true, rsv: 0, code: opcode.binary }, payload.toString());
    return payload;
  }

  /**
   * Waits for the server to close, skipping what else arrives (unless told that nothing may). Resolves with the status
   * code and reason of the Close frame, which is answered: code 1005 when it had none, 1006 when no frame came at all.
   */
  async closed({ skip = true } = {}) {
    for (;;) {
      const { code, payload } = await this.readFrame().catch(endOfStream);
      if (code === opcode.close) {
        this.send(opcode.close, payload.subarray(0, 2));
        return payload.length < 2
          ? { code: 1005, reason: "" }
          : { code: payload.readUInt16BE(), reason: payload.subarray(2).toString() };
      }
      if (code === undefined) {
        return { code: 1006, reason: "" };
      }
      assert.ok(skip, `unexpected frame ${code}: ${payload}`);
    }
  }

  /** Proves that the session is alive and in step: an echo comes back as the very next message. */
  async echoes(word = "alive") {
    this.text(`42["echo","${word}"]`);
    assert.equal(await this.readText(), `42["echo","${word}"]`);
  }
}
